// Chooses a plan's numbers: pools every merchant of a data folder and runs central DP-SGD with the
// product's engine and server strategy. A SIMULATOR for public or generated data: its coins and
// noise are seeded and it prints exact scores, so nothing here is private. By default it scores on
// a validation part of the training customers (hash mod 5 == 1) and trains on the others, with
// noise and batch scaled to their number; --final trains on all and scores on the hold-out. With
// --compare its runs stand against those of a federation with the same plan, engine, sampling and
// total noise (distributed_vs_central.sh).
#include <cmath>
#include <cstdio>
#include <map>
#include <numeric>
#include <sstream>

#include "base/canonical_json.h"
#include "base/file.h"
#include "base/fnv1a.h"
#include "client/data/dataset.h"
#include "client/data/manifest.h"
#include "client/data/select_customers.h"
#include "client/train/cpu/engine.h"
#include "client/train/statistics_sum.h"
#include "dp/padding.h"
#include "model/contract/privacy_terms.h"
#include "model/plan/plan_format.h"
#include "model/quality.h"
#include "tests/bench/central_simulation.h"

namespace veilsum {
namespace {

constexpr const char* kUsage =
    "central_dp --data DIR --plan FILE [--final 1] [--noise Z] [--statistics-noise Z] [--surplus "
    "F] [--steps T]\n"
    "  [--learning-rate R] [--clip-norm C] [--gain G] [--optimizer adam|sgd] [--momentum M] "
    "[--averaging A,B,...]\n"
    "  [--dropout P] [--every N] [--seeds N] [--bands B] [--federation 1] [--compare "
    "REPORT.json,...]\n"
    "  Simulates central DP-SGD with seeded randomness. F multiplies both noises: the surplus of a "
    "federation for\n"
    "  drop-outs and its accountant. Defaults are the plan's; without --noise there is none and "
    "[nonprivate] is used.\n"
    "  With --federation the merchants that the plan admits are pooled, and noise is what all of "
    "them "
    "together add to a\n"
    "  sum in a run of the plan; --compare implies it and --final, and tells how far the means of "
    "ROC-AUC are apart:\n"
    "  exit 2 when by more than 0.005 and two standard errors.\n";

using Flags = std::map<std::string, std::string>;

double Number(const Flags& flags, const std::string& name, double otherwise) {
  const auto found = flags.find(name);
  return found == flags.end() ? otherwise : std::atof(found->second.c_str());
}

struct Data {
  model::Examples training, scored;
  double all_training = 0;                  // customers, the validation part included
  std::vector<std::uint64_t> size_classes;  // of the merchants
};

absl::StatusOr<Data> Load(const model::Plan& plan, const std::filesystem::path& folder, bool final,
                          bool federation) {
  VEILSUM_ASSIGN_OR_RETURN(const client::Manifest manifest, client::ReadManifest(folder));
  model::Examples training, holdout;
  std::vector<std::uint64_t> size_classes;
  for (const std::string& merchant : manifest.merchants) {
    VEILSUM_ASSIGN_OR_RETURN(const client::Dataset part,
                             client::LoadDataset(plan, {folder / "merchants" / merchant}));
    if (federation && part.training.customers() < plan.minimum_customers) continue;
    VEILSUM_ASSIGN_OR_RETURN(const std::uint64_t size, dp::SizeClass(part.training.customers()));
    size_classes.push_back(size);
    AppendCustomers(part.training, training);
    AppendCustomers(part.holdout, holdout);
  }
  Data data;
  data.size_classes = std::move(size_classes);
  data.all_training = static_cast<double>(training.customers());
  if (final) {
    data.training = std::move(training);
    data.scored = std::move(holdout);
    return data;
  }
  std::vector<bool> keep, validation;
  for (const std::string& id : training.customer_ids) {
    validation.push_back(Fnv1a64(id) % 5 == 1);
    keep.push_back(!validation.back());
  }
  data.training = client::SelectCustomers(training, keep);
  data.scored = client::SelectCustomers(training, validation);
  return data;
}

// Of what the plan publishes; 0 is the last iterate.
double AveragingOf(const model::Plan& plan) {
  return plan.training.averaging ? plan.training.averaging->ToDouble() : 0;
}

CentralSetting SettingOf(const model::Plan& plan, const Flags& flags, const Data& data) {
  const bool noisy =
      flags.contains("noise") || flags.contains("federation") || flags.contains("compare");
  const double part = static_cast<double>(data.training.customers()) / data.all_training;
  const double surplus = Number(flags, "surplus", 1);
  const model::NonPrivate nonprivate = plan.nonprivate.value_or(model::NonPrivate{});
  CentralSetting s;
  s.steps = static_cast<std::uint32_t>(
      Number(flags, "steps", static_cast<double>(noisy ? plan.training.steps : nonprivate.steps)));
  s.sampling_rate = plan.training.sampling_rate.ToDouble();
  s.expected_batch = part * static_cast<double>(plan.training.expected_batch);
  s.bands = plan.training.bands;
  s.clip_norm = Number(flags, "clip-norm",
                       (noisy ? plan.training.clip_norm : nonprivate.clip_norm).ToDouble());
  s.noise_multiplier = part * surplus * Number(flags, "noise", 0);
  s.statistics_noise = part * surplus * Number(flags, "statistics-noise", 0);
  s.learning_rate =
      Number(flags, "learning-rate",
             (noisy ? plan.training.learning_rate : nonprivate.learning_rate).ToDouble());
  s.heads = model::HeadsOf(plan);
  s.dropout = Number(flags, "dropout", plan.network.dropout.ToDouble());
  s.momentum = Number(flags, "momentum", 0.9);
  s.first_layer_gain = Number(flags, "gain", 1);
  if (flags.contains("optimizer")) s.optimizer = flags.at("optimizer");
  s.report_every = static_cast<std::uint32_t>(Number(flags, "every", 0));
  if (flags.contains("compare")) {
    if (AveragingOf(plan) > 0) s.averaging = {AveragingOf(plan)};
    return s;
  }
  std::istringstream list(flags.contains("averaging") ? flags.at("averaging") : "0.97,0.99,0.995");
  for (std::string decay; std::getline(list, decay, ',');)
    s.averaging.push_back(std::atof(decay.c_str()));
  return s;
}

// The noise that a federation of these merchants adds when all of them are there: one share each,
// over the clip norm and over the norm of a customer's statistics.
absl::Status AddFederationNoise(const model::Plan& plan, const Data& data,
                                CentralSetting& setting) {
  const auto members = static_cast<std::uint32_t>(data.size_classes.size());
  VEILSUM_ASSIGN_OR_RETURN(const auto aggregation,
                           model::ResolveAggregation(plan.aggregation, members, 1));
  VEILSUM_ASSIGN_OR_RETURN(const dp::RunPrivacyInput input,
                           model::PrivacyInputOf(plan, data.size_classes, aggregation));
  VEILSUM_ASSIGN_OR_RETURN(const dp::RunPrivacy privacy, dp::CalibrateRun(input));
  const double shares = std::sqrt(static_cast<double>(members)),
               scale = std::ldexp(1.0, static_cast<int>(plan.aggregation.scale_log2));
  setting.noise_multiplier =
      privacy.training.share_sigma * shares / (scale * plan.training.clip_norm.ToDouble());
  if (privacy.statistics)
    setting.statistics_noise =
        privacy.statistics->share_sigma * shares /
        (scale * client::StatisticsNorm(static_cast<int>(plan.numeric_inputs())));
  std::printf(
      "{\"simulated\":true,\"epsilon\":%g,\"merchants\":%u,\"noise\":%.6g,"
      "\"statistics_noise\":%.6g}\n",
      input.epsilon, members, setting.noise_multiplier, setting.statistics_noise);
  return absl::OkStatus();
}

struct Scores {
  std::vector<double> auc, pr_auc, accuracy, log_loss;  // one a seed
  std::vector<std::vector<double>> heads;               // of a side head: its leading figure
};

// The leading figure of every side head (model::Quality): RMSE of values, else ROC-AUC.
absl::Status AddHeads(const model::Plan& plan, const std::vector<float>& logits,
                      const model::Examples& scored, Scores& to) {
  to.heads.resize(plan.heads.size());
  for (std::size_t h = 0; h < plan.heads.size(); ++h) {
    std::vector<float> labels;
    for (std::size_t i = h; i < scored.more_labels.size(); i += plan.heads.size())
      labels.push_back(scored.more_labels[i]);
    VEILSUM_ASSIGN_OR_RETURN(const model::Quality quality,
                             model::EvaluateHead(plan, h, logits, labels));
    to.heads[h].push_back(quality.leading().value_or(NAN));
  }
  return absl::OkStatus();
}

double Mean(const std::vector<double>& x) {
  return std::accumulate(x.begin(), x.end(), 0.0) / static_cast<double>(x.size());
}

double Deviation(const std::vector<double>& x) {
  double squares = 0;
  for (const double value : x) squares += (value - Mean(x)) * (value - Mean(x));
  return x.size() < 2 ? 0 : std::sqrt(squares / static_cast<double>(x.size() - 1));
}

// quality.roc_auc of each report, which must be of this plan: same loss, steps and merchants.
absl::StatusOr<std::vector<double>> AucOfReports(const std::string& files, const model::Plan& plan,
                                                 const Data& data) {
  std::vector<double> auc;
  std::istringstream list(files);
  for (std::string file; std::getline(list, file, ',');) {
    VEILSUM_ASSIGN_OR_RETURN(const std::string text, ReadFile(file, std::size_t{1} << 26));
    const Json report = Json::parse(text, nullptr, /*allow_exceptions=*/false);
    if (!report.is_object() || report.value("outcome", "") != "finished")
      return InvalidArgument("%s is not the report of a run that finished", file);
    const Json& privacy = report["privacy"];
    if (privacy["epsilon"].get<double>() > plan.privacy.epsilon.ToDouble() * (1 + 1e-9) ||
        privacy["steps"].get<std::uint64_t>() != plan.training.steps ||
        report["federation"]["merchants"].get<std::size_t>() != data.size_classes.size())
      return InvalidArgument("%s is of another plan, or not all of it", file);
    auc.push_back(report["quality"]["roc_auc"].get<double>());
  }
  if (auc.size() < 2) return InvalidArgument("--compare names %d reports, needs 2", auc.size());
  return auc;
}

// Whether the means are within 0.005 and two standard errors of their difference.
absl::Status Compare(const std::string& plan, const std::vector<double>& distributed,
                     const std::vector<double>& central) {
  const auto error = [](const std::vector<double>& x) {
    return Deviation(x) / std::sqrt(static_cast<double>(x.size()));
  };
  const double difference = Mean(distributed) - Mean(central),
               allowed = 0.005 + 2 * std::hypot(error(distributed), error(central));
  std::printf(
      "{\"name\":\"dp/distributed_vs_central/%s\",\"value\":%.5f,\"unit\":\"roc_auc\","
      "\"allowed\":%.5f,\"distributed\":%.5f,\"distributed_deviation\":%.5f,\"central\":%.5f,"
      "\"central_deviation\":%.5f,\"runs\":[%d,%d]}\n",
      plan.c_str(), difference, allowed, Mean(distributed), Deviation(distributed), Mean(central),
      Deviation(central), static_cast<int>(distributed.size()), static_cast<int>(central.size()));
  if (std::abs(difference) > allowed)
    return absl::OutOfRangeError(absl::StrFormat(
        "the means of ROC-AUC are %.5f apart, allowed is %.5f", difference, allowed));
  return absl::OkStatus();
}

absl::Status Main(const Flags& flags) {
  VEILSUM_ASSIGN_OR_RETURN(model::Plan plan, model::ReadPlanFile(flags.at("plan")));
  plan.training.bands = static_cast<std::uint32_t>(Number(flags, "bands", plan.training.bands));
  const bool compares = flags.contains("compare"),
             federation = compares || flags.contains("federation");
  VEILSUM_ASSIGN_OR_RETURN(const Data data, Load(plan, flags.at("data"),
                                                 compares || flags.contains("final"), federation));
  const model::Layout layout = model::LayoutOf(plan);
  CentralSetting setting = SettingOf(plan, flags, data);
  if (federation) VEILSUM_RETURN_IF_ERROR(AddFederationNoise(plan, data, setting));
  std::vector<double> published;  // ROC-AUC of what the plan publishes, one a seed
  VEILSUM_ASSIGN_OR_RETURN(const auto scorer,
                           client::cpu::Engine::Create(layout, data.scored, plan.unit.max_rows,
                                                       client::cpu::BestKernels(), setting.heads));
  std::map<std::pair<std::uint32_t, double>, Scores> all;
  const int seeds = static_cast<int>(Number(flags, "seeds", 3));
  for (setting.seed = 1; static_cast<int>(setting.seed) <= seeds; ++setting.seed) {
    VEILSUM_ASSIGN_OR_RETURN(const auto models, SimulateCentral(layout, data.training, setting));
    for (const CentralModel& m : models) {
      VEILSUM_ASSIGN_OR_RETURN(const auto logits, scorer->Logits(m.model));
      Scores& to = all[{m.step, m.averaging}];
      VEILSUM_ASSIGN_OR_RETURN(const model::Quality metrics,
                               model::Evaluate(plan, logits, data.scored.labels));
      VEILSUM_RETURN_IF_ERROR(AddHeads(plan, logits, data.scored, to));
      to.auc.push_back(metrics.roc_auc.value_or(NAN));
      if (m.step == setting.steps && m.averaging == AveragingOf(plan))
        published.push_back(to.auc.back());
      to.pr_auc.push_back(metrics.pr_auc.value_or(NAN));
      to.accuracy.push_back(metrics.accuracy.value_or(NAN));
      to.log_loss.push_back(metrics.loss);
    }
  }
  for (const auto& [key, scores] : all) {
    std::printf(
        "{\"simulated\":true,\"step\":%u,\"averaging\":%g,\"roc_auc\":%.4f,\"deviation\":%.4f,"
        "\"pr_auc\":%.4f,\"accuracy\":%.4f,\"log_loss\":%.4f,\"heads\":[",
        key.first, key.second, Mean(scores.auc), Deviation(scores.auc), Mean(scores.pr_auc),
        Mean(scores.accuracy), Mean(scores.log_loss));
    for (std::size_t h = 0; h < scores.heads.size(); ++h)
      std::printf("%s%.4f", h == 0 ? "" : ",", Mean(scores.heads[h]));
    std::printf("]}\n");
  }
  if (!compares) return absl::OkStatus();
  VEILSUM_ASSIGN_OR_RETURN(const auto distributed, AucOfReports(flags.at("compare"), plan, data));
  return Compare(plan.name, distributed, published);
}

}  // namespace
}  // namespace veilsum

int main(int argc, char** argv) {
  veilsum::Flags flags;
  for (int i = 1; i + 1 < argc; i += 2)
    if (std::string(argv[i]).starts_with("--")) flags[std::string(argv[i]).substr(2)] = argv[i + 1];
  if (argc % 2 == 0 || !flags.contains("data") || !flags.contains("plan")) {
    std::fputs(veilsum::kUsage, stderr);
    return 64;
  }
  const absl::Status status = veilsum::Main(flags);
  if (!status.ok()) std::fprintf(stderr, "%s\n", status.ToString().c_str());
  return status.ok() ? 0 : absl::IsOutOfRange(status) ? 2 : 1;
}
