// `veilsum dp curve`, `explain` and `events`: what an epsilon is made of.
#include <algorithm>
#include <cmath>

#include "base/file.h"
#include "cli/dp/privacy_query.h"

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

// "19 of 20" and the like: how sure somebody can become who held both for equally likely.
double Posterior(double epsilon) { return 1 / (1 + std::exp(-epsilon)); }

std::string Paragraph(const PrivacyQuery& query, const PrivacySetting& setting,
                      const dp::PrivacyLoss& loss, double epsilon_rdp) {
  const bool sampled = setting.event.sampling_rate < 1;
  std::string text = absl::StrFormat(
      "Over %d step%s, each %s with %s noise of %.4g times the most that one %s can change the "
      "result, the privacy loss is at most epsilon = %.4g at delta = %g. ",
      query.steps, query.steps == 1 ? "" : "s",
      sampled ? "on a secret random sample of " + query.sampling_rate + " of the customers"
              : "on all customers",
      query.mechanism, query.noise_multiplier,
      query.merchants > 1
          ? absl::StrFormat("merchant's record of a person who shops at %d merchants",
                            query.merchants)
          : "customer",
      loss.epsilon, query.delta);
  text += absl::StrFormat(
      "It means: whoever sees everything that is released, and knows every other customer, and "
      "held "
      "it for equally likely that %s, can after that be at most %.3g %% sure of the truth, save "
      "with "
      "probability %g. ",
      setting.neighbouring == dp::Neighbouring::kReplaceOne
          ? "one customer's rows are these or those"
          : "one customer took part or not",
      100 * Posterior(loss.epsilon), query.delta);
  text +=
      loss.epsilon <= 1   ? "That is strong protection. "
      : loss.epsilon <= 4 ? "That is the range of careful deployments. "
      : loss.epsilon <= 10
          ? "That protects against most practical inference, but is no strong guarantee by itself. "
          : "That is a weak guarantee: it should not be called private without other measures. ";
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
          ? absl::StrFormat(" (Renyi accounting alone would say %.4g)", epsilon_rdp)
          : "");
  return text;
}

// ---- events

absl::StatusOr<double> RealOf(const Json& value) {
  if (value.is_number()) return value.get<double>();
  if (value.is_string()) {
    VEILSUM_ASSIGN_OR_RETURN(const Rational real, Rational::Parse(value.get<std::string>()));
    return real.ToDouble();
  }
  return InvalidArgument("must be a number or a decimal string");
}

absl::Status ReadField(const std::string& key, const Json& value, PrivacyQuery& event) {
  if (key == "mechanism") {
    if (!value.is_string()) return InvalidArgument("must be a string");
    event.mechanism = value.get<std::string>();
    std::replace(event.mechanism.begin(), event.mechanism.end(), '_', '-');
    return absl::OkStatus();
  }
  if (key == "purpose") return absl::OkStatus();  // for people
  if (key == "sampling_rate") {
    if (!value.is_string() && !value.is_number())
      return InvalidArgument("must be a number or a string");
    event.sampling_rate = value.is_string() ? value.get<std::string>() : value.dump();
    return absl::OkStatus();
  }
  if (key == "count" || key == "merchants" || key == "dimension") {
    if (!value.is_number_unsigned()) return InvalidArgument("must be an integer of at least 0");
    const auto number = value.get<std::uint64_t>();
    if (key == "count") event.steps = number;
    if (key == "dimension") event.dimension = number;
    if (key == "merchants")
      event.merchants = static_cast<std::uint32_t>(std::min<std::uint64_t>(number, ~0u));
    return absl::OkStatus();
  }
  if (key == "noise_multiplier" || key == "sensitivity" || key == "sensitivity_l1") {
    VEILSUM_ASSIGN_OR_RETURN(const double real, RealOf(value));
    (key == "noise_multiplier" ? event.noise_multiplier
     : key == "sensitivity"    ? event.sensitivity
                               : event.sensitivity_l1) = real;
    return absl::OkStatus();
  }
  return InvalidArgument("there is no such field");
}

absl::StatusOr<dp::PrivacySchedule> ScheduleOf(const std::string& text) {
  const Json list = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!list.is_array()) return InvalidArgument("events: must be a JSON list of objects");
  dp::PrivacySchedule schedule;
  for (std::size_t i = 0; i < list.size(); ++i) {
    const std::string place = absl::StrFormat("events[%d]", i);
    if (!list[i].is_object()) return InvalidArgument("%s: must be an object", place);
    PrivacyQuery event;
    for (const auto& [key, value] : list[i].items())
      if (const absl::Status read = ReadField(key, value, event); !read.ok())
        return Annotate(read, place + "." + key);
    const absl::StatusOr<dp::PrivacyEvent> checked = EventOf(event);
    if (!checked.ok()) return Annotate(checked.status(), place);
    schedule.push_back(*checked);
  }
  return schedule;
}

}  // namespace

absl::StatusOr<std::string> AnswerCurve(const PrivacyQuery& query) {
  VEILSUM_ASSIGN_OR_RETURN(PrivacySetting setting, SettingOf(query));
  std::vector<std::pair<std::uint64_t, double>> points;
  dp::PrivacyLoss last{};
  for (const std::uint64_t steps : StepsOfCurve(query.steps)) {
    setting.event.count = steps;
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

absl::StatusOr<std::string> AnswerEvents(const PrivacyQuery& query) {
  VEILSUM_ASSIGN_OR_RETURN(const dp::AccountantKind accountant, AccountantOf(query.accountant));
  VEILSUM_ASSIGN_OR_RETURN(const dp::Neighbouring neighbouring, NeighbouringOf(query.neighbouring));
  VEILSUM_ASSIGN_OR_RETURN(const dp::Delta delta, dp::Delta::Create(query.delta));
  VEILSUM_ASSIGN_OR_RETURN(const std::string text, ReadFile(query.file, kMostEventBytes));
  VEILSUM_ASSIGN_OR_RETURN(const dp::PrivacySchedule schedule, ScheduleOf(text));
  const PrivacySetting setting{accountant, neighbouring, delta, {}};
  VEILSUM_ASSIGN_OR_RETURN(const dp::PrivacyLoss loss, LossOf(setting, schedule));
  const double renyi = RenyiEpsilonOf(setting, schedule);
  std::uint64_t releases = 0;
  for (const dp::PrivacyEvent& event : schedule) releases += event.count;
  if (query.json)
    return Json{{"accountant", query.accountant},
                {"delta", query.delta},
                {"delta_slack", loss.delta_slack},
                {"epsilon", NumberOrNull(loss.epsilon)},
                {"epsilon_rdp", NumberOrNull(renyi)},
                {"events", schedule.size()},
                {"neighbouring", query.neighbouring},
                {"order", loss.order ? Json(*loss.order) : Json(nullptr)},
                {"releases", releases}}
               .dump() +
           "\n";
  return absl::StrFormat(
      "%d events, %d releases: epsilon %.9g at delta %g (%s, %s; rdp gives %.6g)\n",
      schedule.size(), releases, loss.epsilon, query.delta, query.accountant, query.neighbouring,
      renyi);
}

}  // namespace veilsum::cli
