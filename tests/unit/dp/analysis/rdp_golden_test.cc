// Every row of the golden values that RDP can answer, within the tolerances stated beside them.
#include <cmath>
#include <fstream>
#include <map>
#include <sstream>

#include "dp/analysis/calibrate.h"
#include "dp/analysis/rdp.h"
#include "tests/support/shared_files.h"
#include "tests/support/status_matchers.h"

namespace veilsum::dp {
namespace {

struct Row {
  std::string mechanism, text;
  std::map<std::string, double> params;
  std::vector<std::string> fields;
  double number(int column) const { return std::stod(fields[column]); }
  std::uint64_t steps() const { return std::stoull(fields[2]); }
  double delta() const { return number(3); }
  double exact() const { return number(6); }
  double pld() const { return number(7); }
};

// The columns in front of `source`, the only quoted one.
Row ParseRow(const std::string& line) {
  Row row;
  row.text = line;
  std::istringstream columns(line);
  for (std::string field; row.fields.size() < 9 && std::getline(columns, field, ',');)
    row.fields.push_back(field);
  row.mechanism = row.fields[0];
  std::istringstream params(row.fields[1]);
  for (std::string pair; std::getline(params, pair, ';');)
    if (const auto equals = pair.find('=');
        equals != std::string::npos && pair.find('(') == std::string::npos)
      row.params[pair.substr(0, equals)] = std::stod(pair.substr(equals + 1));
  return row;
}

std::vector<Row> RowsOf(std::initializer_list<std::string> mechanisms) {
  std::ifstream file(SharedFile("golden/dp.csv"));
  std::vector<Row> rows;
  std::string line;
  std::getline(file, line);  // header
  while (std::getline(file, line)) {
    Row row = ParseRow(line);
    for (const std::string& mechanism : mechanisms)
      if (row.mechanism == mechanism && row.fields[4] == "add_remove") rows.push_back(row);
  }
  return rows;
}

TEST(RdpGolden, GaussianRowsOverTheDefaultOrders) {
  SKIP_WITHOUT_SHARED("golden/dp.csv");
  const std::vector<Row> rows = RowsOf({"poisson_gaussian", "gaussian"});
  ASSERT_GT(rows.size(), 150u);
  for (const Row& row : rows) {
    const PrivacySchedule schedule = {{row.params.at("q"), row.params.at("sigma"), row.steps()}};
    const double listed =
        EpsilonOfSchedule(schedule, row.delta(), DefaultOrders(), Refine::kNo).epsilon;
    EXPECT_NEAR(listed, row.exact(), 1e-6 * row.exact()) << row.text;
    const double refined =
        EpsilonOfSchedule(schedule, row.delta(), DefaultOrders(), Refine::kBetweenNeighbours)
            .epsilon;
    EXPECT_LE(refined, row.exact() + 1e-6) << row.text;
    EXPECT_GE(refined, row.pld() * (1 - 0.003)) << row.text;
  }
}

TEST(RdpGolden, SingleOrders) {
  SKIP_WITHOUT_SHARED("golden/dp.csv");
  const std::vector<Row> rows = RowsOf({"rdp_poisson_gaussian"});
  ASSERT_GE(rows.size(), 9u);
  for (const Row& row : rows)
    EXPECT_NEAR(RdpAtOrder(row.params.at("q"), row.params.at("sigma"), row.params.at("alpha")),
                row.exact(), 1e-9 * row.exact())
        << row.text;
}

TEST(RdpGolden, IntegerNoiseOverIntegerOrders) {
  SKIP_WITHOUT_SHARED("golden/dp.csv");
  const std::vector<Row> rows = RowsOf({"discrete_gaussian", "poisson_discrete_gaussian"});
  ASSERT_GE(rows.size(), 19u);
  for (const Row& row : rows) {
    const PrivacySchedule schedule = {{row.params.at("q"),
                                       std::sqrt(row.params.at("sigma2")) / row.params.at("delta2"),
                                       row.steps()}};
    const EpsilonAndOrder loss =
        EpsilonOfSchedule(schedule, row.delta(), IntegerOrders(), Refine::kNo);
    EXPECT_NEAR(loss.epsilon, row.exact(), 1e-6 * row.exact()) << row.text;
    EXPECT_EQ(loss.order, row.params.at("rdp_order")) << row.text;
  }
}

TEST(RdpGolden, CalibratedNoise) {
  SKIP_WITHOUT_SHARED("golden/dp.csv");
  const std::vector<Row> rows = RowsOf({"calibrate_sigma"});
  ASSERT_GE(rows.size(), 8u);
  for (const Row& row : rows) {
    const double q = row.params.at("q"), target = row.params.at("target_epsilon");
    const auto loss = [&](Refine refine) {
      return [&, refine](double z) {
        return EpsilonOfSchedule({{q, z, row.steps()}}, row.delta(), DefaultOrders(), refine)
            .epsilon;
      };
    };
    // sigma_rdp is of a library whose fractional orders are too high: on the same list ours may be
    // lower, by a little.
    ASSERT_OK_AND_ASSIGN(const Calibration listed, LeastNoise(target, loss(Refine::kNo)));
    EXPECT_LE(loss(Refine::kNo)(listed.noise_multiplier), target) << row.text;
    EXPECT_LE(listed.noise_multiplier, row.params.at("sigma_rdp") * (1 + 1e-5)) << row.text;
    EXPECT_GE(listed.noise_multiplier, row.params.at("sigma_rdp") * (1 - 0.002)) << row.text;
    // Orders between the listed ones save up to a hundredth more, and never as much as PLD.
    ASSERT_OK_AND_ASSIGN(const Calibration refined,
                         LeastNoise(target, loss(Refine::kBetweenNeighbours)));
    EXPECT_LE(refined.noise_multiplier, listed.noise_multiplier * (1 + 1e-6)) << row.text;
    EXPECT_GE(refined.noise_multiplier, listed.noise_multiplier * 0.98) << row.text;
    EXPECT_GE(refined.noise_multiplier, row.params.at("sigma_pld")) << row.text;
  }
}

}  // namespace
}  // namespace veilsum::dp
