// Chooses a plan's numbers: pools every merchant of a data folder and runs central DP-SGD with the
// product's engine and server strategy. A SIMULATOR for public or generated data: its coins and
// noise are seeded and it prints exact scores, so nothing here is private. By default it scores on
// a validation part of the training customers (hash mod 5 == 1) and trains on the others, with
// noise and batch scaled to their number; --final trains on all and scores on the hold-out.
#include <cmath>
#include <cstdio>
#include <map>
#include <numeric>
#include <sstream>

#include "base/fnv1a.h"
#include "client/data/dataset.h"
#include "client/data/manifest.h"
#include "client/train/cpu/engine.h"
#include "model/contract/privacy_terms.h"
#include "model/metrics.h"
#include "model/plan/plan_format.h"
#include "tests/bench/central_simulation.h"

namespace veilsum {
namespace {

constexpr const char* kUsage =
    "central_dp --data DIR --plan FILE [--final 1] [--noise Z] [--statistics-noise Z] [--surplus "
    "F] [--steps T]\n"
    "  [--learning-rate R] [--clip-norm C] [--gain G] [--optimizer adam|sgd] [--momentum M] "
    "[--averaging A,B,...]\n"
    "  [--every N] [--seeds N]\n"
    "  Simulates central DP-SGD with seeded randomness. F multiplies both noises: the surplus of a "
    "federation for\n"
    "  drop-outs and its accountant. Defaults are the plan's; without --noise there is none and "
    "[nonprivate] is used.\n";

using Flags = std::map<std::string, std::string>;

double Number(const Flags& flags, const std::string& name, double otherwise) {
  const auto found = flags.find(name);
  return found == flags.end() ? otherwise : std::atof(found->second.c_str());
}

struct Data {
  model::Examples training, scored;
  double all_training = 0;  // customers, the validation part included
};

absl::StatusOr<Data> Load(const model::Plan& plan, const std::filesystem::path& folder,
                          bool final) {
  VEILSUM_ASSIGN_OR_RETURN(const client::Manifest manifest, client::ReadManifest(folder));
  model::Examples training, holdout;
  for (const std::string& merchant : manifest.merchants) {
    VEILSUM_ASSIGN_OR_RETURN(const client::Dataset part,
                             client::LoadDataset(plan, {folder / "merchants" / merchant}));
    AppendCustomers(part.training, training);
    AppendCustomers(part.holdout, holdout);
  }
  Data data;
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
  data.training = SelectCustomers(training, keep);
  data.scored = SelectCustomers(training, validation);
  return data;
}

CentralSetting SettingOf(const model::Plan& plan, const Flags& flags, const Data& data) {
  const bool noisy = flags.contains("noise");
  const double part = static_cast<double>(data.training.customers()) / data.all_training;
  const double surplus = Number(flags, "surplus", 1);
  const model::NonPrivate nonprivate = plan.nonprivate.value_or(model::NonPrivate{});
  CentralSetting s;
  s.steps = static_cast<std::uint32_t>(
      Number(flags, "steps", static_cast<double>(noisy ? plan.training.steps : nonprivate.steps)));
  s.sampling_rate = plan.training.sampling_rate.ToDouble();
  s.expected_batch = part * static_cast<double>(plan.training.expected_batch);
  s.clip_norm = Number(flags, "clip-norm",
                       (noisy ? plan.training.clip_norm : nonprivate.clip_norm).ToDouble());
  s.noise_multiplier = part * surplus * Number(flags, "noise", 0);
  s.statistics_noise = part * surplus * Number(flags, "statistics-noise", 0);
  s.learning_rate =
      Number(flags, "learning-rate",
             (noisy ? plan.training.learning_rate : nonprivate.learning_rate).ToDouble());
  s.momentum = Number(flags, "momentum", 0.9);
  s.first_layer_gain = Number(flags, "gain", 1);
  if (flags.contains("optimizer")) s.optimizer = flags.at("optimizer");
  s.report_every = static_cast<std::uint32_t>(Number(flags, "every", 0));
  const std::string decays =
      flags.contains("averaging") ? flags.at("averaging") : "0.97,0.99,0.995";
  std::istringstream list(decays);
  for (std::string decay; std::getline(list, decay, ',');)
    s.averaging.push_back(std::atof(decay.c_str()));
  return s;
}

struct Scores {
  std::vector<double> auc, pr_auc, accuracy, log_loss;  // one a seed
};

double Mean(const std::vector<double>& x) {
  return std::accumulate(x.begin(), x.end(), 0.0) / static_cast<double>(x.size());
}

double Deviation(const std::vector<double>& x) {
  double squares = 0;
  for (const double value : x) squares += (value - Mean(x)) * (value - Mean(x));
  return x.size() < 2 ? 0 : std::sqrt(squares / static_cast<double>(x.size() - 1));
}

absl::Status Main(const Flags& flags) {
  VEILSUM_ASSIGN_OR_RETURN(const model::Plan plan, model::ReadPlanFile(flags.at("plan")));
  VEILSUM_ASSIGN_OR_RETURN(const Data data, Load(plan, flags.at("data"), flags.contains("final")));
  const model::Layout layout = model::LayoutOf(plan);
  CentralSetting setting = SettingOf(plan, flags, data);
  VEILSUM_ASSIGN_OR_RETURN(const auto scorer,
                           client::cpu::Engine::Create(layout, data.scored, plan.unit.max_rows,
                                                       client::cpu::BestKernels()));
  std::map<std::pair<std::uint32_t, double>, Scores> all;
  const int seeds = static_cast<int>(Number(flags, "seeds", 3));
  for (setting.seed = 1; static_cast<int>(setting.seed) <= seeds; ++setting.seed) {
    VEILSUM_ASSIGN_OR_RETURN(const auto models, SimulateCentral(layout, data.training, setting));
    for (const CentralModel& m : models) {
      VEILSUM_ASSIGN_OR_RETURN(const auto logits, scorer->Logits(m.model));
      Scores& to = all[{m.step, m.averaging}];
      VEILSUM_ASSIGN_OR_RETURN(const model::BinaryMetrics metrics,
                               model::EvaluateBinary(logits, data.scored.labels));
      to.auc.push_back(metrics.roc_auc.value_or(NAN));
      to.pr_auc.push_back(metrics.pr_auc.value_or(NAN));
      to.accuracy.push_back(metrics.accuracy);
      to.log_loss.push_back(metrics.log_loss);
    }
  }
  for (const auto& [key, scores] : all)
    std::printf(
        "{\"simulated\":true,\"step\":%u,\"averaging\":%g,\"roc_auc\":%.4f,\"deviation\":%.4f,"
        "\"pr_auc\":%.4f,\"accuracy\":%.4f,\"log_loss\":%.4f}\n",
        key.first, key.second, Mean(scores.auc), Deviation(scores.auc), Mean(scores.pr_auc),
        Mean(scores.accuracy), Mean(scores.log_loss));
  return absl::OkStatus();
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
  return status.ok() ? 0 : 1;
}
