#include "cli/dp/audit.h"

#include <array>
#include <cmath>
#include <memory>

#include "base/canonical_json.h"
#include "client/train/cpu/cpu_trainer.h"
#include "dp/accountant/pld_accountant.h"
#include "dp/mechanism/noise_share.h"
#include "dp/padding.h"
#include "dp/sampler/poisson_subset.h"
#include "dp/sensitivity.h"

namespace veilsum::cli {
namespace {

constexpr int kInputs = 6;            // active inputs of a canary, its own
constexpr double kClipNorm = 0.0625;  // a twentieth of a canary's gradient
constexpr int kScaleLog2 = 24;        // so that rounding costs little of the sensitivity
constexpr double kLearningRate = 1e-3;
constexpr int kGames = 3;

// Customer u has label 1 and the active inputs 1 + 6 u .. 6 + 6 u; input 0 is numeric and zero.
model::Examples CanariesOf(std::uint32_t count) {
  model::Examples examples;
  examples.numeric = 1;
  examples.categorical = kInputs;
  for (std::uint32_t u = 0; u < count; ++u) {
    examples.numeric_values.push_back(0);
    for (std::uint32_t f = 0; f < kInputs; ++f)
      examples.active_inputs.push_back(1 + u * kInputs + f);
    examples.labels.push_back(1);
    examples.first_row.push_back(u + 1);
  }
  return examples;
}

absl::Status CheckSetup(const AuditSetup& setup) {
  if (setup.canaries < 400 || setup.canaries > 1u << 20)
    return InvalidArgument("canaries is %d, must be from 400 to 2^20", setup.canaries);
  if (setup.steps < 1 || setup.steps > 100'000)
    return InvalidArgument("steps is %d, must be from 1 to 100000", setup.steps);
  return dp::NoiseMultiplier::Create(setup.noise_multiplier).status();
}

absl::StatusOr<double> ClaimOf(const AuditSetup& setup, const dp::SamplingRate& rate) {
  VEILSUM_ASSIGN_OR_RETURN(const dp::Delta delta, dp::Delta::Create(setup.delta));
  VEILSUM_ASSIGN_OR_RETURN(const auto noise, dp::NoiseMultiplier::Create(setup.noise_multiplier));
  dp::PldAccountant accountant;  // the tightest claim is the easiest to refute
  VEILSUM_RETURN_IF_ERROR(accountant.Compose(dp::PoissonGaussianEvent(rate, noise, setup.steps)));
  VEILSUM_ASSIGN_OR_RETURN(const dp::PrivacyLoss loss, accountant.LossAt(delta));
  return loss.epsilon;
}

// Three adversaries. `sum` adds up how far each step moved along a canary's own direction, in
// standard deviations of the claimed noise; `likelihood` weighs steps as one who suspects half the
// noise and knows the sampling rate; `repetition` asks whether what one step and the next have in
// common is the noise.
class Adversary {
 public:
  Adversary(std::uint32_t canaries, double sampling_rate, double signal, double sigma)
      : q_(sampling_rate), signal_(2 * signal / sigma), sigma_(sigma), last_(canaries, 0) {
    for (const char* name : {"sum", "likelihood", "repetition"})
      scores_.push_back({name, std::vector<double>(canaries, 0)});
  }

  void See(std::size_t first_weight, const std::vector<std::int64_t>& released) {
    for (std::size_t u = 0; u < last_.size(); ++u) {
      double along = 0;
      for (std::size_t f = 0; f < kInputs; ++f)
        along -= static_cast<double>(released[first_weight + 1 + u * kInputs + f]);
      along /= sigma_ * std::sqrt(static_cast<double>(kInputs));
      scores_[0].values[u] += along;
      scores_[1].values[u] +=
          std::log1p(q_ * std::expm1(std::min(500.0, 2 * along * signal_ - signal_ * signal_ / 2)));
      if (seen_) scores_[2].values[u] += (along - last_[u]) * (along - last_[u]);
      last_[u] = along;
    }
    seen_ = true;
  }
  const std::vector<dp::CanaryScore>& scores() const { return scores_; }

 private:
  double q_, signal_, sigma_;  // signal: a sampled canary's shift in halves of sigma
  std::vector<double> last_;
  std::vector<dp::CanaryScore> scores_;
  bool seen_ = false;
};

std::vector<std::uint32_t> Take(const std::vector<std::uint32_t>& from,
                                const std::vector<std::uint32_t>& places) {
  std::vector<std::uint32_t> taken;
  for (const std::uint32_t place : places) taken.push_back(from[place]);
  return taken;
}

// Everything that a training run at one merchant is, with the claimed numbers.
struct Run {
  dp::SamplingRate rate;
  model::Layout layout;
  model::Examples examples;
  client::StepShape shape;
  double sigma;  // grid units
};

absl::StatusOr<Run> MakeRun(const AuditSetup& setup) {
  VEILSUM_ASSIGN_OR_RETURN(const auto rate, dp::SamplingRate::Parse(setup.sampling_rate));
  VEILSUM_ASSIGN_OR_RETURN(const std::uint64_t padded,
                           dp::PaddedBatch(setup.canaries, rate, setup.steps));
  Run run{rate,
          model::Layout::Mlp(1, std::size_t{kInputs} * setup.canaries, {}, false),
          CanariesOf(setup.canaries),
          {static_cast<std::uint32_t>(padded), kClipNorm, std::ldexp(1.0, kScaleLog2)},
          0};
  VEILSUM_ASSIGN_OR_RETURN(
      const double sensitivity,
      dp::TrainingSensitivity({run.layout.parameters(), kScaleLog2, kClipNorm, padded, 1}));
  run.sigma = std::sqrt(std::pow(setup.noise_multiplier * sensitivity, 2) + 1.0 / 12);
  return run;
}

absl::Status Play(const Run& run, std::uint64_t steps, const AuditedPath& path,
                  const std::vector<std::uint32_t>& members, SecureRng& coins, SecureRng& noise,
                  Adversary& adversary) {
  client::StepShape shape = run.shape;
  shape.clip_norm *= path.clip_factor;
  if (!path.samples) shape.padded_customers = static_cast<std::uint32_t>(run.examples.customers());
  VEILSUM_ASSIGN_OR_RETURN(const dp::SamplingRate everybody, dp::SamplingRate::Parse("1"));
  VEILSUM_ASSIGN_OR_RETURN(const auto trainer, client::MakeCpuTrainer(run.layout, run.examples, 1));
  VEILSUM_ASSIGN_OR_RETURN(const auto share, dp::NoiseShare::Create(run.sigma * path.noise_factor));
  model::ModelVector model(run.layout.size(), 0);
  for (std::uint64_t step = 0; step < steps; ++step) {
    const auto sampled =
        Take(members, dp::SamplePoissonSubset(static_cast<std::uint32_t>(members.size()),
                                              path.samples ? run.rate : everybody,
                                              shape.padded_customers, coins));
    VEILSUM_ASSIGN_OR_RETURN(dp::ClippedSum sum, trainer->GradientSum(model, sampled, shape));
    const dp::NoisedVector noised = share.AddTo(std::move(sum), noise);
    adversary.See(run.layout.layers().front().weight - run.layout.buffers(), noised.integers());
    for (std::size_t i = 0; i < noised.integers().size(); ++i)
      model[run.layout.buffers() + i] -= static_cast<float>(
          kLearningRate / shape.scale * static_cast<double>(noised.integers()[i]));
  }
  return absl::OkStatus();
}

std::string Describe(const AuditSetup& setup, const std::array<AuditResult, kGames>& games,
                     int refuted, bool json) {
  if (json) {
    Json bounds = Json::array();
    for (const AuditResult& game : games)
      bounds.push_back({{"canaries", game.evidence.guesses.canaries},
                        {"correct", game.evidence.guesses.correct},
                        {"epsilon_lower_bound", game.evidence.epsilon_lower_bound},
                        {"guesses", game.evidence.guesses.guesses},
                        {"score", game.evidence.score}});
    const Json answer = {{"claimed_epsilon", games[0].claimed_epsilon},
                         {"delta", setup.delta},
                         {"games", bounds},
                         {"refuted_games", refuted},
                         {"verdict", refuted >= 2 ? "refuted" : "not refuted"}};
    return answer.dump() + "\n";
  }
  std::string text = absl::StrFormat(
      "claimed: epsilon %.4g at delta %g (noise multiplier %g, sampling rate %s, "
      "%d steps)\n",
      games[0].claimed_epsilon, setup.delta, setup.noise_multiplier, setup.sampling_rate,
      setup.steps);
  for (const AuditResult& game : games)
    text += absl::StrFormat(
        "  %d of %d guesses right over %d canaries (%s): epsilon is at least %.4g\n",
        game.evidence.guesses.correct, game.evidence.guesses.guesses,
        game.evidence.guesses.canaries, game.evidence.score, game.evidence.epsilon_lower_bound);
  return text + (refuted >= 2 ? "REFUTED: the claim is false\n"
                              : "not refuted (a lower bound proves no upper one)\n");
}

struct AuditFlags {
  AuditSetup setup;
  bool json = false;
};

absl::Status RunGames(const AuditFlags& flags, std::ostream& out, ExitCode& exit_code) {
  InitialiseCrypto();
  SystemRng rng;
  std::array<AuditResult, kGames> games;
  int refuted = 0;
  for (AuditResult& game : games) {
    VEILSUM_ASSIGN_OR_RETURN(game, RunAudit(flags.setup, AuditedPath(), rng, rng));
    refuted += game.refuted();
  }
  out << Describe(flags.setup, games, refuted, flags.json) << std::flush;
  exit_code = refuted >= 2 ? ExitCode::kFindings : ExitCode::kDone;
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<AuditResult> RunAudit(const AuditSetup& setup, const AuditedPath& path,
                                     SecureRng& coins, SecureRng& noise) {
  VEILSUM_RETURN_IF_ERROR(CheckSetup(setup));
  VEILSUM_ASSIGN_OR_RETURN(const Run run, MakeRun(setup));
  AuditResult result;
  VEILSUM_ASSIGN_OR_RETURN(result.claimed_epsilon, ClaimOf(setup, run.rate));
  const std::vector<bool> in = dp::DrawCanaryCoins(setup.canaries, coins);
  std::vector<std::uint32_t> members;
  for (std::uint32_t u = 0; u < setup.canaries; ++u)
    if (in[u]) members.push_back(u);
  // Of the clipped gradient, 6 parts of 7 are in the canary's own weights, the rest in the bias.
  const double signal = run.shape.scale * kClipNorm * std::sqrt(kInputs / (kInputs + 1.0));
  Adversary adversary(setup.canaries, run.rate.value(), signal, run.sigma);
  VEILSUM_RETURN_IF_ERROR(Play(run, setup.steps, path, members, coins, noise, adversary));
  const std::array<std::uint64_t, 2> guesses = {setup.canaries / 40, setup.canaries / 20};
  VEILSUM_ASSIGN_OR_RETURN(result.evidence, dp::EvaluateCanaries(in, adversary.scores(), guesses,
                                                                 setup.delta, setup.significance));
  return result;
}

void AddAuditCommand(CLI::App& dp, std::ostream& out, std::ostream& err, ExitCode& exit_code) {
  auto flags = std::make_shared<AuditFlags>();
  CLI::App* command = dp.add_subcommand(
      "audit", "Try to refute a claim: canaries against this build's training step and noise");
  command->add_option("--canaries", flags->setup.canaries)->capture_default_str();
  command->add_option("--steps", flags->setup.steps)->capture_default_str();
  command->add_option("--sampling-rate", flags->setup.sampling_rate)->capture_default_str();
  command->add_option("--noise-multiplier", flags->setup.noise_multiplier)->capture_default_str();
  command->add_option("--delta", flags->setup.delta)->capture_default_str();
  command->add_flag("--json", flags->json, "one JSON object on stdout");
  command->callback([flags, &out, &err, &exit_code] {
    const absl::Status played = RunGames(*flags, out, exit_code);
    if (played.ok()) return;
    exit_code = absl::IsInvalidArgument(played) ? ExitCode::kUsage : ExitCodeOf(played);
    err << "veilsum dp audit: " << std::string(played.message()) << std::endl;
  });
}

}  // namespace veilsum::cli
