// `veilsum dp curve`, `explain` and `events`: what an epsilon is made of.
#include <algorithm>
#include <cmath>

#include "base/file.h"
#include "cli/dp/event_list.h"
#include "cli/dp/privacy_query.h"
#include "dp/mechanism/choose_bands.h"

namespace veilsum::cli {
namespace {

constexpr int kPoints = 12;
constexpr int kPlotWidth = 60;
constexpr std::size_t kMostEventBytes = std::size_t{1} << 24;

std::vector<std::uint64_t> StepsOfCurve(std::uint64_t last) {
  std::vector<std::uint64_t> steps;
  for (std::uint64_t i = 1; i <= kPoints; ++i) {
    const std::uint64_t at =
        std::max<std::uint64_t>(1, last / kPoints * i + last % kPoints * i / kPoints);
    if (steps.empty() || steps.back() < at) steps.push_back(at);
  }
  return steps;
}

std::string Bar(double value, double largest) {
  return std::string(
      static_cast<std::size_t>(largest > 0 ? std::lround(kPlotWidth * value / largest) : 0), '#');
}

// How sure somebody can become who held both for equally likely, in percent, rounded so that it is
// neither below the bound nor certainty: two digits of the doubt that is left.
std::string SureAtMost(double epsilon) {
  if (epsilon > 20) return absl::StrFormat("as good as certain (odds of e^%.3g to 1)", epsilon);
  const double doubt = 100 / (1 + std::exp(epsilon));
  const int decimals = std::max(1, 1 - static_cast<int>(std::floor(std::log10(doubt))));
  const double unit = std::pow(10.0, -decimals);
  return absl::StrFormat("%.*f %% sure", decimals, 100 - std::floor(doubt / unit) * unit);
}

// To four digits, never below the bound.
double RoundedUp(double epsilon) {
  if (!(epsilon > 0)) return 0;
  const double unit = std::pow(10.0, std::floor(std::log10(epsilon)) - 3);
  return std::ceil(epsilon / unit * (1 - 1e-12)) * unit;
}

std::string_view Verdict(double epsilon) {
  if (epsilon <= 1) return "That is strong protection. ";
  if (epsilon <= 4) return "That is moderate protection, in the range of careful deployments. ";
  if (epsilon <= 10)
    return "That is weak by itself: it rules out certainty and little more. Known attacks find "
           "less than such a bound allows, but that is experience and no guarantee. ";
  return "That rules out next to nothing: it should not be called private without other measures. ";
}

std::string Paragraph(const PrivacyQuery& query, const PrivacySetting& setting,
                      const dp::PrivacyLoss& loss, double epsilon_rdp) {
  const bool sampled = setting.event.sampling_rate < 1;
  if (!std::isfinite(loss.epsilon))
    return "There is no finite privacy loss at this delta: whoever sees what is released may "
           "become certain of a customer.";
  std::string text = absl::StrFormat(
      "Over %d step%s, each %s with %s noise of %.4g times the most that one %s can change the "
      "result, the privacy loss is at most epsilon = %.4g at delta = %g. ",
      query.steps, query.steps == 1 ? "" : "s",
      query.bands > 1
          ? absl::StrFormat("on a secret random sample of %.4g of one of %d fixed groups of "
                            "customers and sent together with its part in the %d steps before,",
                            setting.event.sampling_rate, query.bands, query.bands - 1)
      : sampled ? "on a secret random sample of " + query.sampling_rate + " of the customers"
                : "on all customers",
      query.mechanism, query.noise_multiplier,
      query.merchants > 1
          ? absl::StrFormat("merchant's record of a person who shops at %d merchants",
                            query.merchants)
          : "customer",
      RoundedUp(loss.epsilon), query.delta);
  text += absl::StrFormat(
      "It means: whoever sees everything that is released, and knows every other customer, and "
      "held it for equally likely that %s, can after that be at most %s of the truth, save with "
      "probability %g. ",
      setting.neighbouring == dp::Neighbouring::kReplaceOne
          ? "one customer's rows are these or those"
          : "one customer took part or not",
      SureAtMost(loss.epsilon), query.delta);
  text += Verdict(loss.epsilon);
  if (sampled)
    text +=
        "The number relies on samples that are drawn anew each step and stay secret: batch sizes, "
        "losses of a batch or computing times must not leave a merchant. ";
  text += absl::StrFormat(
      "It holds for the worst possible customer and data, is an upper bound computed by %s%s, and "
      "adds up with every further use of the same customers' data.",
      setting.accountant == dp::AccountantKind::kPld ? "the privacy-loss distribution"
                                                     : "Renyi accounting",
      setting.accountant == dp::AccountantKind::kPld && std::isfinite(epsilon_rdp)
          ? absl::StrFormat(" (Renyi accounting alone would say %.4g)", RoundedUp(epsilon_rdp))
          : "");
  return text;
}

}  // namespace

absl::StatusOr<std::string> AnswerCurve(const PrivacyQuery& query) {
  VEILSUM_ASSIGN_OR_RETURN(PrivacySetting setting, SettingOf(query));
  std::vector<std::pair<std::uint64_t, double>> points;
  dp::PrivacyLoss last{};
  for (const std::uint64_t steps : StepsOfCurve(query.steps)) {
    PrivacyQuery part = query;
    part.steps = steps;
    part.bands = std::min(query.bands, steps);
    VEILSUM_ASSIGN_OR_RETURN(const dp::PrivacyEvent event, EventOf(part));
    setting.event.count = event.count;
    VEILSUM_ASSIGN_OR_RETURN(last, LossOf(setting, {setting.event}));
    points.emplace_back(steps, last.epsilon);
  }
  if (query.json) {
    Json answer =
        AnswerObject(query, query.noise_multiplier, last, RenyiEpsilonOf(setting, {setting.event}));
    answer["points"] = Json::array();
    for (const auto& [steps, epsilon] : points)
      answer["points"].push_back({{"epsilon", NumberOrNull(epsilon)}, {"steps", steps}});
    return answer.dump() + "\n";
  }
  std::string text = absl::StrFormat(
      "epsilon at delta %g over steps: noise multiplier %.9g, sampling rate %s (%s, %s)\n",
      query.delta, query.noise_multiplier, query.sampling_rate, query.accountant,
      query.neighbouring);
  for (const auto& [steps, epsilon] : points)
    text += absl::StrFormat("%10d  %9.5f  %s\n", steps, epsilon, Bar(epsilon, last.epsilon));
  return text;
}

absl::StatusOr<std::string> AnswerExplain(const PrivacyQuery& query) {
  VEILSUM_ASSIGN_OR_RETURN(const PrivacySetting setting, SettingOf(query));
  VEILSUM_ASSIGN_OR_RETURN(const dp::PrivacyLoss loss, LossOf(setting, {setting.event}));
  const double renyi = RenyiEpsilonOf(setting, {setting.event});
  const std::string text = Paragraph(query, setting, loss, renyi);
  if (!query.json) return text + "\n";
  Json answer = AnswerObject(query, query.noise_multiplier, loss, renyi);
  answer["text"] = text;
  return answer.dump() + "\n";
}

absl::StatusOr<std::string> AnswerBands(const PrivacyQuery& query) {
  VEILSUM_ASSIGN_OR_RETURN(const dp::AccountantKind accountant, AccountantOf(query.accountant));
  VEILSUM_ASSIGN_OR_RETURN(const dp::SamplingRate rate,
                           dp::SamplingRate::Parse(query.sampling_rate));
  VEILSUM_ASSIGN_OR_RETURN(const std::vector<dp::BandChoice> choices,
                           dp::RankBands({query.steps, rate.rational(), query.epsilon, query.delta,
                                          accountant, query.most_bands}));
  if (query.json) {
    Json list = Json::array();
    for (const dp::BandChoice& choice : choices)
      list.push_back({{"bands", choice.bands},
                      {"error", choice.error},
                      {"noise_multiplier", choice.noise_multiplier},
                      {"norm", choice.norm},
                      {"releases", choice.releases},
                      {"sampling_rate", choice.sampling_rate.ToString()}});
    return Json{{"accountant", query.accountant},
                {"choices", std::move(list)},
                {"delta", query.delta},
                {"epsilon", query.epsilon}}
               .dump() +
           "\n";
  }
  std::string text =
      "noise in the sum of the steps so far, root mean square over the run, the least first\n"
      "bands  noise multiplier  rate in a group  releases    error\n";
  for (const dp::BandChoice& choice : choices)
    text +=
        absl::StrFormat("%5d  %16.6g  %15s  %8d  %7.4g\n", choice.bands, choice.noise_multiplier,
                        choice.sampling_rate.ToString(), choice.releases, choice.error);
  return text;
}

absl::StatusOr<std::string> AnswerEvents(const PrivacyQuery& query) {
  VEILSUM_ASSIGN_OR_RETURN(const dp::AccountantKind accountant, AccountantOf(query.accountant));
  VEILSUM_ASSIGN_OR_RETURN(const dp::Neighbouring neighbouring, NeighbouringOf(query.neighbouring));
  VEILSUM_ASSIGN_OR_RETURN(const dp::Delta delta, dp::Delta::Create(query.delta));
  VEILSUM_ASSIGN_OR_RETURN(const std::string text, ReadFile(query.file, kMostEventBytes));
  const absl::StatusOr<EventList> events = ParseEvents(text);
  // The file's content is data, not use (SE-24).
  if (absl::IsInvalidArgument(events.status()))
    return DataLoss("%s", std::string(events.status().message()));
  VEILSUM_RETURN_IF_ERROR(events.status());
  const PrivacySetting setting{accountant, neighbouring, delta, {}};
  VEILSUM_ASSIGN_OR_RETURN(const dp::PrivacyLoss loss,
                           LossOf(setting, events->schedule, events->selections));
  const double renyi = RenyiEpsilonOf(setting, events->schedule, events->selections);
  if (query.json)
    return Json{{"accountant", query.accountant},
                {"delta", query.delta},
                {"delta_slack", loss.delta_slack},
                {"epsilon", NumberOrNull(loss.epsilon)},
                {"epsilon_rdp", NumberOrNull(renyi)},
                {"events", events->size()},
                {"neighbouring", query.neighbouring},
                {"order", loss.order ? Json(*loss.order) : Json(nullptr)},
                {"releases", events->releases()}}
               .dump() +
           "\n";
  return absl::StrFormat(
      "%d events, %d releases: epsilon %.9g at delta %g (%s, %s; rdp gives %.6g)\n", events->size(),
      events->releases(), loss.epsilon, query.delta, query.accountant, query.neighbouring, renyi);
}

}  // namespace veilsum::cli
