// Every row of the accountants' known values within the tolerance stated beside them: our own
// (accountant.csv) always, the shared ones when they are there. A last line of each test tells the
// worst deviation of each family, which docs/accounting.md tabulates. Rows of one-run audits and of
// Toeplitz factors belong to other parts and their tests.
#include <cmath>
#include <fstream>
#include <iostream>
#include <map>
#include <sstream>

#include "dp/accountant/pld_accountant.h"
#include "dp/analysis/calibrate.h"
#include "dp/analysis/rdp_integer.h"
#include "tests/support/shared_files.h"
#include "tests/support/status_matchers.h"

namespace veilsum::dp {
namespace {

struct Row {
  std::string text;
  std::map<std::string, double> params;
  std::vector<std::string> fields;
  const std::string& mechanism() const { return fields[0]; }
  bool has(int column) const { return !fields[column].empty(); }
  double number(int column) const { return std::stod(fields[column]); }
  double at(const std::string& name) const { return params.at(name); }
  double at(const std::string& name, double otherwise) const {
    return params.contains(name) ? params.at(name) : otherwise;
  }
  std::uint64_t steps() const { return std::stoull(fields[2]); }
  double delta() const { return number(3); }
  bool replaces() const { return fields[4] == "replace_one"; }
  double exact() const { return number(6); }
  double pld() const { return number(7); }
  // The grid step of the value's source, where it names one.
  std::optional<double> step() const {
    const auto at = text.find("(h=");
    return at == std::string::npos ? std::nullopt : std::optional(std::stod(text.substr(at + 3)));
  }
};

Row ParseRow(const std::string& line) {
  Row row;
  row.text = line;
  std::istringstream columns(line);
  for (std::string field; row.fields.size() < 9 && std::getline(columns, field, ',');)
    row.fields.push_back(field);
  std::istringstream params(row.fields.at(1));
  for (std::string pair; std::getline(params, pair, ';');)
    if (const auto equals = pair.find('=');
        equals != std::string::npos && pair.find('(') == std::string::npos)
      row.params[pair.substr(0, equals)] = std::stod(pair.substr(equals + 1));
  return row;
}

class Deviations {
 public:
  // `error` is relative; `allowed` is what it may be.
  void Add(const Row& row, const char* what, double value, double wanted, double allowed) {
    const double error = std::abs(value - wanted) / std::abs(wanted);
    EXPECT_LE(error, allowed) << what << " " << value << ", wanted " << wanted << "\n" << row.text;
    auto& [worst, count] =
        worst_[row.mechanism() + (row.replaces() ? " replace_one" : "") + ", " + what];
    worst = std::max(worst, error);
    ++count;
  }
  ~Deviations() {
    for (const auto& [family, worst] : worst_)
      std::cout << family << ": " << worst.second << " rows, worst " << worst.first << "\n";
  }

 private:
  std::map<std::string, std::pair<double, int>> worst_;
};

double PldOf(const Row& row, const PrivacyEvent& event, std::optional<double> step) {
  PldAccountant accountant(row.replaces() ? Neighbouring::kReplaceOne : Neighbouring::kAddRemove,
                           step);
  EXPECT_OK(accountant.Compose(event)) << row.text;
  const auto loss = accountant.LossAt(*Delta::Create(row.delta()));
  EXPECT_OK(loss) << row.text;
  return loss.ok() ? loss->epsilon : NAN;
}

double RdpOf(const PrivacyEvent& event, double delta) {
  const bool integer = NeedsIntegerOrders({event});
  return EpsilonOfSchedule({event}, delta, integer ? IntegerOrders() : DefaultOrders(), Refine::kNo)
      .epsilon;
}

void CheckGaussian(const Row& row, Deviations& deviations) {
  const PrivacyEvent event = {row.at("q"), row.at("sigma"), row.steps(), NoiseKind::kGaussian,
                              static_cast<unsigned>(row.at("merchants", 1))};
  const double ours = PldOf(row, event, std::nullopt);
  EXPECT_LE(ours, row.pld() * 1.003 + 2e-4) << row.text;
  EXPECT_GE(ours, row.pld() * 0.997 - 2e-4) << row.text;
  if (row.has(8) && (row.steps() == 1 || row.at("q") == 1)) {  // a closed form
    EXPECT_GE(ours, row.number(8) - 1e-9 * std::max(1.0, row.number(8))) << row.text;
    EXPECT_LE(ours, row.number(8) * 1.001 + 1e-5) << row.text;
  } else if (row.has(8)) {
    EXPECT_GE(ours, row.number(8) * 0.999 - 1e-4) << row.text;
  }
  if (!row.step() || row.at("q") == 1)
    deviations.Add(row, "PLD", ours, row.pld(), 3e-3);
  else if (*row.step() >= 1e-4 || row.steps() > 1)  // finer grids of one release cost much time
    deviations.Add(row, "PLD at the row's step", PldOf(row, event, row.step()), row.pld(),
                   row.delta() >= 1e-6 ? 3e-6 : 1e-5);
  if (row.has(6)) {
    EXPECT_LE(ours, row.exact()) << row.text;
    deviations.Add(row, "RDP", RdpOf(event, row.delta()), row.exact(), 1e-6);
  }
}

void CheckInteger(const Row& row, Deviations& deviations) {
  const bool skellam = row.mechanism().find("skellam") != std::string::npos;
  const double d2 = row.at("delta2"), variance = skellam ? row.at("mu") : row.at("sigma2");
  PrivacyEvent event = {row.at("q"), std::sqrt(variance) / d2, row.steps(),
                        skellam ? NoiseKind::kSkellam : NoiseKind::kDiscreteGaussian};
  event.grid = {d2, skellam ? row.at("delta1") : 0, 0};
  deviations.Add(row, "RDP", RdpOf(event, row.delta()), row.exact(), 1e-6);
  if (!row.has(7)) return;
  // The value is that of the rounded Gaussian, without the slack that delta pays.
  const PrivacyEvent rounded = {row.at("q"), std::sqrt(variance - 1.0 / 12) / d2, row.steps()};
  const double ours = PldOf(row, rounded, std::nullopt);
  EXPECT_LE(ours, row.exact()) << row.text;
  deviations.Add(row, "PLD", ours, row.pld(), 1e-3);
}

void CheckShares(const Row& row, Deviations& deviations) {
  const double n = row.at("n"), sigma = row.at("local_sigma");
  const double tau = ShareSumTau(static_cast<unsigned>(n), sigma);
  deviations.Add(row, "tau", tau, row.at("tau"), 1e-6);
  double best = INFINITY;
  for (const double order : IntegerOrders()) {
    const double rdp = SubsampledRdp(row.at("q"), static_cast<unsigned>(order), [&](unsigned k) {
      return ShareSumRdp(k, n * sigma * sigma, row.at("delta2"), row.at("delta1"), row.at("dim"),
                         tau);
    });
    best =
        std::min(best, EpsilonAtOrder(order, static_cast<double>(row.steps()) * rdp, row.delta()));
  }
  deviations.Add(row, "RDP", best, row.exact(), 1e-6);
}

// The library's own orders and its looser sampling bound: ours may only be lower.
void CheckEndToEnd(const Row& row) {
  const double d = row.at("dim"), sc = row.at("scale") * row.at("l2_clip");
  const double d2 = std::sqrt(sc * sc + d / 4 + std::sqrt(2 * 0.5) * (sc + std::sqrt(d) / 2));
  const double mu = std::pow(row.at("scale") * row.at("central_stddev"), 2);
  PrivacyEvent event = {row.at("q"), std::sqrt(mu) / d2, row.steps(), NoiseKind::kSkellam};
  event.grid = {d2, 0, static_cast<std::uint64_t>(d)};
  const double ours = RdpOf(event, row.delta());
  EXPECT_LE(ours, row.number(5) * (1 + 1e-6)) << row.text;
  if (row.at("q") == 1) {
    EXPECT_GE(ours, row.number(5) * (1 - 1e-6)) << row.text;
  }
}

void CheckCalibration(const Row& row, Deviations& deviations) {
  const double target = row.at("target_epsilon");
  const auto loss = [&](double z) {
    return PldOf(row, {row.at("q"), z, row.steps()}, std::nullopt);
  };
  ASSERT_OK_AND_ASSIGN(const Calibration least, LeastNoiseNear(target, row.at("sigma_rdp"), loss));
  EXPECT_LE(least.epsilon, target) << row.text;
  EXPECT_GE(least.noise_multiplier, row.at("sigma_pld") * (1 - 2e-6)) << row.text;
  deviations.Add(row, "noise multiplier", least.noise_multiplier, row.at("sigma_pld"), 2e-3);
}

// Every `stride`-th row of each family.
void CheckFile(const std::filesystem::path& path, int stride) {
  std::ifstream file(path);
  std::string line;
  ASSERT_TRUE(std::getline(file, line));
  Deviations deviations;
  std::map<std::string, int> seen;
  while (std::getline(file, line)) {
    const Row row = ParseRow(line);
    const std::string& kind = row.mechanism();
    if (seen[kind]++ % stride != 0 && !row.replaces()) continue;
    if (kind == "poisson_gaussian" || kind == "gaussian")
      CheckGaussian(row, deviations);
    else if (kind == "rdp_poisson_gaussian")
      deviations.Add(row, "RDP at one order",
                     RdpAtOrder(row.at("q"), row.at("sigma"), row.at("alpha")), row.exact(), 1e-9);
    else if (kind == "calibrate_sigma")
      CheckCalibration(row, deviations);
    else if (kind == "ddgauss")
      CheckShares(row, deviations);
    else if (kind == "skellam_e2e")
      CheckEndToEnd(row);
    else if (kind.find("skellam") != std::string::npos ||
             kind.find("discrete") != std::string::npos)
      CheckInteger(row, deviations);
    else
      EXPECT_TRUE(kind == "audit_one_run" || kind == "toeplitz_sqrt") << "unknown: " << kind;
  }
}

TEST(AccountantVectors, OurOwn) { CheckFile("tests/vectors/dp/accountant.csv", 1); }

// VEILSUM_ALL_VECTORS=1 takes every row (a minute); without, every sixteenth.
TEST(AccountantVectors, SharedGoldenRows) {
  SKIP_WITHOUT_SHARED("golden/dp.csv");
  CheckFile(SharedFile("golden/dp.csv"), std::getenv("VEILSUM_ALL_VECTORS") != nullptr ? 1 : 16);
}

}  // namespace
}  // namespace veilsum::dp
