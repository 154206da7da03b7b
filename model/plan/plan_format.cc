#include "model/plan/plan_format.h"

#include <toml++/toml.h>

#include <map>

#include "base/crypto/sha256.h"
#include "base/file.h"
#include "model/plan/names.h"
#include "model/plan/read_plan.h"

namespace veilsum::model {
namespace {

using Lines = std::map<std::string, unsigned>;  // of each path
constexpr int kMaxDepth = 8;

// Values of TOML as values of JSON. Dates, and what is nested deeper than any plan, become null,
// which every getter refuses.
Json FromToml(const toml::node& node, const std::string& path, Lines& lines, int depth = 0) {
  lines[path] = node.source().begin.line;
  if (depth > kMaxDepth) return Json();
  if (const auto* table = node.as_table()) {
    Json out = Json::object();
    for (const auto& [key, child] : *table) {
      const std::string name(key.str());
      const std::string where = path.empty() ? name : path + "." + name;
      out[name] = FromToml(child, where, lines, depth + 1);
      lines[where] = key.source().begin.line != 0 ? key.source().begin.line : lines[where];
    }
    return out;
  }
  if (const auto* array = node.as_array()) {
    Json out = Json::array();
    for (std::size_t i = 0; i < array->size(); ++i)
      out.push_back(
          FromToml((*array)[i], absl::StrFormat("%s[%d]", path, i + 1), lines, depth + 1));
    return out;
  }
  if (const auto* text = node.as_string()) return text->get();
  if (const auto* number = node.as_integer())
    return number->get() < 0 ? Json(number->get())
                             : Json(static_cast<std::uint64_t>(number->get()));
  if (const auto* flag = node.as_boolean()) return flag->get();
  if (const auto* real = node.as_floating_point()) return real->get();
  return Json();
}

// Line of `path`, or of the nearest thing around it.
unsigned LineOf(const Lines& lines, std::string path) {
  while (true) {
    if (const auto found = lines.find(path); found != lines.end() && found->second != 0)
      return found->second;
    const std::size_t cut = path.find_last_of(".[");
    if (cut == std::string::npos) return 1;
    path.resize(cut);
  }
}

Json HoldoutJson(const Holdout& holdout) {
  if (holdout.mod != 0)
    return {{"hash", "fnv1a64"}, {"mod", holdout.mod}, {"equals", holdout.equals}};
  return {{"column", holdout.column}, {"value", holdout.value}};
}

Json FeatureJson(const Feature& feature) {
  Json out = {{"column", feature.table + "." + feature.column}, {"kind", NameOf(feature.kind)}};
  if (feature.kind == FeatureKind::kNumeric) {
    out["lo"] = feature.lo.ToString();
    out["hi"] = feature.hi.ToString();
    out["log"] = feature.log;
    if (feature.aggregate != Aggregate::kNone) out["aggregate"] = NameOf(feature.aggregate);
    if (feature.window_days != 0) out["window_days"] = feature.window_days;
    return out;
  }
  out["buckets"] = feature.buckets;
  if (!feature.is_list()) return out;
  out["width"] = feature.width;
  out["direct"] = feature.direct;
  if (feature.kind == FeatureKind::kEvents) {
    out["last"] = feature.last;
    if (!feature.encoder) return out;
    out["encoder"] = kEncoderNames[static_cast<int>(*feature.encoder)];
    out["channels"] = feature.channels;
    if (feature.kernel != 0) out["kernel"] = feature.kernel;
    return out;
  }
  out["ngrams"] = feature.ngrams;
  out["max_terms"] = feature.max_terms;
  out["more_columns"] = feature.more_columns;
  return out;
}

// What a plan may leave out is not there, so that plans without it keep their hash.
Json TableJson(const Table& table) {
  Json out = {{"name", table.name}, {"file", table.file}, {"join", table.join}};
  if (!table.time.empty()) out["time"] = table.time;
  if (!table.unique.empty()) out["unique"] = table.unique;
  if (!table.query.empty()) out["query"] = table.query;
  return out;
}

Json LabelJson(const Label& label) {
  Json out = {{"column", label.table + "." + label.column},
              {"kind", kLabelKindNames[static_cast<int>(label.kind)]}};
  if (label.kind == LabelKind::kClass) out["values"] = label.values;
  if (label.kind == LabelKind::kValue) {
    out["lo"] = label.lo.ToString();
    out["hi"] = label.hi.ToString();
    out["log"] = label.log;
    if (label.huber) out["huber"] = DecimalText(*label.huber);
  }
  if (label.negatives != 0) out["negatives"] = label.negatives;
  for (std::size_t i = 0; i < label.attributes.size(); ++i)
    out["items"].push_back({{"value", label.values[i]}, {"attributes", label.attributes[i]}});
  if (!label.time.empty()) out["time"] = label.time;
  return out;
}

Json SegmentsJson(const Label& label) {
  Json out = {{"table", label.table}, {"count", label.segments}};
  if (!label.time.empty()) out["time"] = label.time;
  return out;
}

Json QLearningJson(const QLearning& q) {
  Json out = {{"reward", q.reward},
              {"lo", q.lo.ToString()},
              {"hi", q.hi.ToString()},
              {"discount", DecimalText(q.discount)},
              {"huber", DecimalText(q.huber)},
              {"target_every", q.target_every}};
  if (!q.propensity.empty()) out["propensity"] = q.propensity;
  return out;
}

Json NetworkJson(const Network& network) {
  Json out = {{"hidden", network.hidden},
              {"activation", "relu"},
              {"dropout", DecimalText(network.dropout)}};
  if (network.layer_norm) out["normalisation"] = "layer";
  if (!network.start.empty()) out["start"] = network.start;
  return out;
}

// Only where it is given: what a plan without it says, and its hash, do not change.
void AddDecimal(Json& out, const char* key, const Rational& value) {
  if (value != Exactly(0)) out[key] = DecimalText(value);
}

Json TrainingJson(const Training& training) {
  Json out = {{"mode", kModeNames[static_cast<int>(training.mode)]},
              {"steps", training.steps},
              {"attempts_max", training.attempts_max},
              {"sampling_rate",
               {{"num", training.sampling_rate.numerator()},
                {"den", training.sampling_rate.denominator()}}},
              {"expected_batch", training.expected_batch},
              {"clip_norm", DecimalText(training.clip_norm)},
              {"optimizer", NameOf(training.optimizer)},
              {"learning_rate", DecimalText(training.learning_rate)}};
  AddDecimal(out, "l1", training.regularisation.l1);
  AddDecimal(out, "l2", training.regularisation.l2);
  AddDecimal(out, "proximal", training.regularisation.proximal);
  AddDecimal(out, "server_learning_rate", training.server_learning_rate);
  if (training.optimizer == Optimizer::kSgd) out["momentum"] = DecimalText(training.momentum);
  if (training.averaging) out["averaging"] = DecimalText(*training.averaging);
  if (training.bands != 1) out["bands"] = training.bands;
  if (training.mode == Mode::kDistributed) return out;
  out["local_steps"] = training.local_steps;
  if (training.mode == Mode::kLocal) {
    out["update_clamp"] = DecimalText(training.update_clamp);
    return out;
  }
  const MerchantClip& clip = training.merchant;
  out["initial_clip"] = DecimalText(clip.initial);
  out["clip_quantile"] = DecimalText(clip.quantile);
  out["clip_rate"] = DecimalText(clip.rate);
  out["expected_merchants"] = clip.expected_merchants;
  if (clip.bit_noise != Exactly(0)) out["bit_noise"] = DecimalText(clip.bit_noise);
  return out;
}

Json PrivacyJson(const Privacy& privacy) {
  return {{"mechanism", kMechanismNames[static_cast<int>(privacy.mechanism)]},
          {"epsilon", DecimalText(privacy.epsilon)},
          {"delta", DecimalText(privacy.delta)},
          {"accountant", kAccountantNames[static_cast<int>(privacy.accountant)]},
          {"statistics_share", DecimalText(privacy.statistics_share)}};
}

Json AggregationJson(const Aggregation& aggregation) {
  return {{"min_survivors", aggregation.min_survivors},
          {"colluders", aggregation.colluders},
          {"key_batch", aggregation.key_batch},
          {"ring_bits", aggregation.ring_bits},
          {"scale_log2", aggregation.scale_log2}};
}

Json CohortsJson(const Cohorts& cohorts) {
  Json out = {{"count", cohorts.count}};
  if (cohorts.beacon.empty()) return out;
  out["beacon"] = cohorts.beacon;
  out["members_sha256"] = cohorts.members_sha256;
  return out;
}

Json PlanTree(const Plan& plan) {
  Json out = {
      {"name", plan.name},
      {"task", kTaskNames[static_cast<int>(plan.task)]},
      {"unit", {{"column", plan.unit.column}, {"max_rows", plan.unit.max_rows}}},
      {"holdout", HoldoutJson(plan.holdout)},
      {"training", TrainingJson(plan.training)},
      {"privacy", PrivacyJson(plan.privacy)},
      {"aggregation", AggregationJson(plan.aggregation)},
      {"rounds", {{"tick_ms", plan.rounds.tick_ms}, {"deadline_ms", plan.rounds.deadline_ms}}},
      {"population", {{"minimum_customers", plan.minimum_customers}}},
      {"data", {{"max_bad_rows", plan.max_bad_rows}}},
      {"table", Json::array()},
      {"feature", Json::array()},
      {"pool", Json::array()}};
  if (plan.task == Task::kSegments) {
    out["segments"] = SegmentsJson(plan.label);
  } else {
    out["label"] = LabelJson(plan.label);
    out["model"] = NetworkJson(plan.network);
  }
  for (const Table& table : plan.tables) out["table"].push_back(TableJson(table));
  for (const Feature& feature : plan.features) out["feature"].push_back(FeatureJson(feature));
  for (const SideHead& head : plan.heads) {
    out["head"].push_back(LabelJson(head.label));
    out["head"].back()["weight"] = DecimalText(head.weight);
  }
  if (plan.q_learning) out["q_learning"] = QLearningJson(*plan.q_learning);
  for (const Pool& pool : plan.pools)
    out["pool"].push_back({{"name", pool.name}, {"members", pool.members}});
  if (plan.cohorts) out["cohorts"] = CohortsJson(*plan.cohorts);
  if (plan.nonprivate)
    out["nonprivate"] = {{"clip_norm", DecimalText(plan.nonprivate->clip_norm)},
                         {"steps", plan.nonprivate->steps},
                         {"learning_rate", DecimalText(plan.nonprivate->learning_rate)}};
  if (plan.statistics.kind == StatisticsKind::kQuantiles)  // the other needs no section
    out["statistics"] = {{"kind", "quantiles"}, {"bins", plan.statistics.bins}};
  if (plan.evaluation)
    out["evaluation"] = {{"share", DecimalText(plan.evaluation->share)},
                         {"bins", plan.evaluation->bins},
                         {"attempts_max", plan.evaluation->attempts_max}};
  if (plan.evaluation && !plan.evaluation->groups.empty()) {
    out["evaluation"]["group"] = plan.evaluation->group_table + "." + plan.evaluation->group_column;
    out["evaluation"]["groups"] = plan.evaluation->groups;
  }
  return out;
}

}  // namespace

absl::StatusOr<Plan> ParsePlanToml(std::string_view text, std::string_view file) {
  if (text.size() > kMaxPlanBytes)
    return InvalidArgument("%s: %d bytes, a plan has at most %d", file, text.size(), kMaxPlanBytes);
  Lines lines;
  Json document;
  try {
    document = FromToml(toml::parse(text, std::string(file)), "", lines);
  } catch (const toml::parse_error& error) {
    return InvalidArgument("%s:%d: %s", file, error.source().begin.line,
                           std::string(error.description()));
  }
  FieldErrors errors;
  errors.where = [&](const std::string& path) {
    return absl::StrFormat("%s:%d: ", file, LineOf(lines, path));
  };
  Plan plan = ReadPlan(document, errors);
  if (!errors.first.ok()) return errors.first;
  return plan;
}

absl::StatusOr<Plan> ReadPlanFile(const std::string& path) {
  VEILSUM_ASSIGN_OR_RETURN(const std::string text, ReadFile(path, kMaxPlanBytes));
  return ParsePlanToml(text, path);
}

std::string PlanToJson(const Plan& plan) {
  absl::StatusOr<std::string> text = EncodeCanonical(PlanTree(plan));
  VEILSUM_CHECK(text.ok());  // a parsed plan holds UTF-8 texts and small integers only
  return *std::move(text);
}

absl::StatusOr<Plan> PlanFromJson(std::string_view json) {
  if (json.size() > kMaxPlanBytes)
    return InvalidArgument("plan: %d bytes, at most %d", json.size(), kMaxPlanBytes);
  absl::StatusOr<Json> document = ParseCanonical(json);
  if (!document.ok()) return Annotate(document.status(), "plan");
  FieldErrors errors;
  errors.where = [](const std::string&) { return std::string("plan: "); };
  Plan plan = ReadPlan(*document, errors);
  if (!errors.first.ok()) return errors.first;
  if (PlanToJson(plan) != json) return InvalidArgument("plan: not in canonical form");
  return plan;
}

Hash32 PlanSha256(const Plan& plan) { return Sha256(PlanToJson(plan)); }

}  // namespace veilsum::model
