#include "cli/dp/privacy_query.h"

#include <cmath>
#include <optional>

#include "base/canonical_json.h"
#include "dp/accountant/rdp_accountant.h"
#include "dp/analysis/calibrate.h"

namespace veilsum::cli {
namespace {

struct Setting {
  dp::SamplingRate sampling_rate;
  dp::Delta delta;
  dp::RdpAccountant::Noise noise;
};

absl::Status CheckSupported(const PrivacyQuery& query) {
  if (query.accountant == "pld")
    return Unimplemented(
        "accountant is pld, this build has rdp only: use --accountant rdp (its epsilon is an upper "
        "bound of the other's)");
  if (query.accountant != "rdp")
    return InvalidArgument("accountant is %s, must be rdp", query.accountant);
  if (query.mechanism == "skellam")
    return Unimplemented("mechanism is skellam, this build has gaussian and discrete-gaussian");
  if (query.mechanism != "gaussian" && query.mechanism != "discrete-gaussian")
    return InvalidArgument("mechanism is %s, must be gaussian or discrete-gaussian",
                           query.mechanism);
  if (query.neighbouring == "replace-one")
    return Unimplemented("neighbouring is replace-one, this build accounts add-remove only");
  if (query.neighbouring != "add-remove")
    return InvalidArgument("neighbouring is %s, must be add-remove", query.neighbouring);
  if (query.steps == 0) return InvalidArgument("steps is 0, must be at least 1");
  return absl::OkStatus();
}

absl::StatusOr<Setting> SettingOf(const PrivacyQuery& query) {
  VEILSUM_RETURN_IF_ERROR(CheckSupported(query));
  VEILSUM_ASSIGN_OR_RETURN(const dp::SamplingRate rate,
                           dp::SamplingRate::Parse(query.sampling_rate));
  VEILSUM_ASSIGN_OR_RETURN(const dp::Delta delta, dp::Delta::Create(query.delta));
  const bool integer = query.mechanism == "discrete-gaussian";
  return Setting{
      rate, delta,
      integer ? dp::RdpAccountant::Noise::kInteger : dp::RdpAccountant::Noise::kContinuous};
}

absl::StatusOr<dp::PrivacyLoss> LossAt(const Setting& setting, double noise_multiplier,
                                       std::uint64_t steps) {
  VEILSUM_ASSIGN_OR_RETURN(const dp::NoiseMultiplier noise,
                           dp::NoiseMultiplier::Create(noise_multiplier));
  dp::RdpAccountant accountant(setting.noise);
  VEILSUM_RETURN_IF_ERROR(
      accountant.Compose(dp::PoissonGaussianEvent(setting.sampling_rate, noise, steps)));
  return accountant.LossAt(setting.delta);
}

Json ToJson(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

std::string Describe(const PrivacyQuery& query, double noise_multiplier,
                     const dp::PrivacyLoss& loss) {
  if (query.json) {
    const Json answer = {{"accountant", query.accountant},
                         {"delta", query.delta},
                         {"epsilon", ToJson(loss.epsilon)},
                         {"mechanism", query.mechanism},
                         {"neighbouring", query.neighbouring},
                         {"noise_multiplier", noise_multiplier},
                         {"order", loss.order ? Json(*loss.order) : Json(nullptr)},
                         {"sampling_rate", query.sampling_rate},
                         {"steps", query.steps}};
    return answer.dump() + "\n";
  }
  return absl::StrFormat(
      "noise multiplier %.9g, sampling rate %s, %d steps: epsilon %.9g at delta %g (%s, %s, order "
      "%.4g)\n",
      noise_multiplier, query.sampling_rate, query.steps, loss.epsilon, query.delta,
      query.accountant, query.neighbouring, loss.order.value_or(0));
}

}  // namespace

absl::StatusOr<std::string> AnswerEpsilon(const PrivacyQuery& query) {
  VEILSUM_ASSIGN_OR_RETURN(const Setting setting, SettingOf(query));
  VEILSUM_ASSIGN_OR_RETURN(const dp::PrivacyLoss loss,
                           LossAt(setting, query.noise_multiplier, query.steps));
  return Describe(query, query.noise_multiplier, loss);
}

absl::StatusOr<std::string> AnswerNoise(const PrivacyQuery& query) {
  VEILSUM_ASSIGN_OR_RETURN(const Setting setting, SettingOf(query));
  VEILSUM_ASSIGN_OR_RETURN(const dp::Epsilon target, dp::Epsilon::Create(query.epsilon));
  VEILSUM_ASSIGN_OR_RETURN(const dp::Calibration least,
                           dp::LeastNoise(target.value(), [&](double noise_multiplier) {
                             const auto loss = LossAt(setting, noise_multiplier, query.steps);
                             return loss.ok() ? loss->epsilon : INFINITY;
                           }));
  VEILSUM_ASSIGN_OR_RETURN(const dp::PrivacyLoss loss,
                           LossAt(setting, least.noise_multiplier, query.steps));
  return Describe(query, least.noise_multiplier, loss);
}

ExitCode ExitCodeOfAnswer(const absl::Status& status) {
  if (absl::IsInvalidArgument(status) || absl::IsUnimplemented(status)) return ExitCode::kUsage;
  return ExitCodeOf(status);
}

}  // namespace veilsum::cli
