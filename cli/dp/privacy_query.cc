#include "cli/dp/privacy_query.h"

#include <cmath>
#include <optional>

#include "dp/analysis/calibrate.h"
#include "dp/mechanism/band_matrix.h"

namespace veilsum::cli {
namespace {

absl::StatusOr<dp::NoiseKind> NoiseKindOf(const std::string& name) {
  for (const dp::NoiseKind kind : {dp::NoiseKind::kGaussian, dp::NoiseKind::kDiscreteGaussian,
                                   dp::NoiseKind::kSkellam, dp::NoiseKind::kLaplace})
    if (name == dp::NameOf(kind)) return kind;
  return InvalidArgument("mechanism is %s, must be gaussian, discrete-gaussian, skellam or laplace",
                         name);
}

std::string Line(const PrivacyQuery& query, double noise_multiplier, const dp::PrivacyLoss& loss,
                 double epsilon_rdp) {
  std::string detail = query.accountant + ", " + query.neighbouring;
  if (loss.order) detail += absl::StrFormat(", order %.4g", *loss.order);
  if (query.accountant != "rdp" && std::isfinite(epsilon_rdp))
    detail += absl::StrFormat("; rdp gives %.6g", epsilon_rdp);
  return absl::StrFormat(
      "noise multiplier %.9g, sampling rate %s, %d steps: epsilon %.9g at delta %g (%s)\n",
      noise_multiplier, query.sampling_rate, query.steps, loss.epsilon, query.delta, detail);
}

std::string Describe(const PrivacyQuery& query, double noise_multiplier,
                     const dp::PrivacyLoss& loss, double epsilon_rdp) {
  return query.json ? AnswerObject(query, noise_multiplier, loss, epsilon_rdp).dump() + "\n"
                    : Line(query, noise_multiplier, loss, epsilon_rdp);
}

// Least noise by the setting's accountant.
absl::StatusOr<dp::Calibration> Calibrate(PrivacySetting setting, double target) {
  const auto loss_by = [&](dp::AccountantKind kind) {
    return [&, kind](double noise_multiplier) {
      setting.accountant = kind;
      setting.event.noise_multiplier = noise_multiplier;
      const auto loss = LossOf(setting, {setting.event});
      return loss.ok() ? loss->epsilon : INFINITY;
    };
  };
  const dp::AccountantKind wanted = setting.accountant;
  if (wanted == dp::AccountantKind::kRdp)
    return dp::LeastNoise(target, loss_by(dp::AccountantKind::kRdp));
  // Renyi's answer is quick, and a little too large. It knows no replaced units: about twice the
  // noise.
  const dp::Neighbouring neighbouring = setting.neighbouring;
  setting.neighbouring = dp::Neighbouring::kAddRemove;
  VEILSUM_ASSIGN_OR_RETURN(const dp::Calibration renyi,
                           dp::LeastNoise(target, loss_by(dp::AccountantKind::kRdp)));
  setting.neighbouring = neighbouring;
  return dp::LeastNoiseNear(target, renyi.noise_multiplier * 0.93, loss_by(wanted));
}

}  // namespace

absl::StatusOr<dp::AccountantKind> AccountantOf(const std::string& name) {
  if (name == "pld") return dp::AccountantKind::kPld;
  if (name == "rdp") return dp::AccountantKind::kRdp;
  return InvalidArgument("accountant is %s, must be pld or rdp", name);
}

absl::StatusOr<dp::Neighbouring> NeighbouringOf(const std::string& name) {
  if (name == "add-remove") return dp::Neighbouring::kAddRemove;
  if (name == "replace-one") return dp::Neighbouring::kReplaceOne;
  return InvalidArgument("neighbouring is %s, must be add-remove or replace-one", name);
}

absl::StatusOr<dp::PrivacyEvent> EventOf(const PrivacyQuery& query) {
  VEILSUM_ASSIGN_OR_RETURN(const dp::NoiseKind noise, NoiseKindOf(query.mechanism));
  if (query.steps == 0) return InvalidArgument("steps is 0, must be at least 1");
  VEILSUM_ASSIGN_OR_RETURN(const dp::SamplingRate rate,
                           dp::SamplingRate::Parse(query.sampling_rate));
  if (query.bands < 1 || query.bands > query.steps)
    return InvalidArgument("bands is %d, must be from 1 to steps = %d", query.bands, query.steps);
  if (query.bands > 1 && query.merchants > 1)
    return InvalidArgument(
        "merchants is %d, must be 1 with bands: a person is in other groups at other merchants",
        query.merchants);
  VEILSUM_ASSIGN_OR_RETURN(const Rational in_group, dp::GroupRate(rate.rational(), query.bands));
  const std::uint64_t releases = query.steps / query.bands + (query.steps % query.bands != 0);
  const dp::PrivacyEvent event = {in_group.ToDouble(),
                                  query.noise_multiplier,
                                  releases,
                                  noise,
                                  query.merchants,
                                  {query.sensitivity, query.sensitivity_l1, query.dimension}};
  VEILSUM_RETURN_IF_ERROR(dp::ValidateEvent(event));
  return event;
}

absl::StatusOr<PrivacySetting> SettingOf(const PrivacyQuery& query) {
  VEILSUM_ASSIGN_OR_RETURN(const dp::AccountantKind accountant, AccountantOf(query.accountant));
  VEILSUM_ASSIGN_OR_RETURN(const dp::Neighbouring neighbouring, NeighbouringOf(query.neighbouring));
  VEILSUM_ASSIGN_OR_RETURN(const dp::PrivacyEvent event, EventOf(query));
  VEILSUM_ASSIGN_OR_RETURN(const dp::Delta delta, dp::Delta::Create(query.delta));
  return PrivacySetting{accountant, neighbouring, delta, event};
}

absl::StatusOr<dp::PrivacyLoss> LossOf(const PrivacySetting& setting,
                                       const dp::PrivacySchedule& schedule,
                                       const std::vector<dp::Selection>& selections) {
  VEILSUM_ASSIGN_OR_RETURN(const auto accountant,
                           dp::MakeAccountant(setting.accountant, setting.neighbouring));
  for (const dp::PrivacyEvent& event : schedule)
    VEILSUM_RETURN_IF_ERROR(accountant->Compose(event));
  for (const dp::Selection& selection : selections)
    VEILSUM_RETURN_IF_ERROR(accountant->ComposeSelection(selection));
  return accountant->LossAt(setting.delta);
}

double RenyiEpsilonOf(const PrivacySetting& setting, const dp::PrivacySchedule& schedule,
                      const std::vector<dp::Selection>& selections) {
  PrivacySetting renyi = setting;
  renyi.accountant = dp::AccountantKind::kRdp;
  const absl::StatusOr<dp::PrivacyLoss> loss = LossOf(renyi, schedule, selections);
  return loss.ok() ? loss->epsilon : INFINITY;
}

Json NumberOrNull(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

Json AnswerObject(const PrivacyQuery& query, double noise_multiplier, const dp::PrivacyLoss& loss,
                  double epsilon_rdp) {
  Json answer = {{"accountant", query.accountant},
                 {"delta", query.delta},
                 {"epsilon", NumberOrNull(loss.epsilon)},
                 {"epsilon_rdp", NumberOrNull(epsilon_rdp)},
                 {"mechanism", query.mechanism},
                 {"merchants", query.merchants},
                 {"neighbouring", query.neighbouring},
                 {"noise_multiplier", noise_multiplier},
                 {"order", loss.order ? Json(*loss.order) : Json(nullptr)},
                 {"sampling_rate", query.sampling_rate},
                 {"steps", query.steps}};
  if (query.bands != 1) answer["bands"] = query.bands;
  return answer;
}

absl::StatusOr<std::string> AnswerEpsilon(const PrivacyQuery& query) {
  VEILSUM_ASSIGN_OR_RETURN(const PrivacySetting setting, SettingOf(query));
  VEILSUM_ASSIGN_OR_RETURN(const dp::PrivacyLoss loss, LossOf(setting, {setting.event}));
  return Describe(query, query.noise_multiplier, loss, RenyiEpsilonOf(setting, {setting.event}));
}

absl::StatusOr<std::string> AnswerNoise(const PrivacyQuery& query) {
  PrivacyQuery any = query;
  any.noise_multiplier = 1;
  if (query.sensitivity > 0) any.noise_multiplier = 1 + 1 / query.sensitivity;
  VEILSUM_ASSIGN_OR_RETURN(PrivacySetting setting, SettingOf(any));
  VEILSUM_ASSIGN_OR_RETURN(const dp::Epsilon target, dp::Epsilon::Create(query.epsilon));
  VEILSUM_RETURN_IF_ERROR(  // what this accountant cannot do is said as such
      dp::MakeAccountant(setting.accountant, setting.neighbouring).status());
  VEILSUM_ASSIGN_OR_RETURN(const dp::Calibration least, Calibrate(setting, target.value()));
  setting.event.noise_multiplier = least.noise_multiplier;
  VEILSUM_ASSIGN_OR_RETURN(const dp::PrivacyLoss loss, LossOf(setting, {setting.event}));
  return Describe(query, least.noise_multiplier, loss, RenyiEpsilonOf(setting, {setting.event}));
}

ExitCode ExitCodeOfAnswer(const absl::Status& status) {
  if (absl::IsInvalidArgument(status) || absl::IsUnimplemented(status)) return ExitCode::kUsage;
  return ExitCodeOf(status);
}

}  // namespace veilsum::cli
