// The keys, bounds and defaults here are the table in docs/formats.md.
#include "model/plan/read_plan.h"

#include <set>
#include <tuple>

#include "model/plan/names.h"

namespace veilsum::model {
namespace {

constexpr std::size_t kMaxTables = 16;
constexpr std::size_t kMaxFeatures = 1024;
constexpr std::size_t kMaxClasses = 1024;
constexpr std::uint32_t kMaxSegments = 256;
constexpr std::size_t kMaxAttributes = 16;  // of an item
constexpr std::size_t kMaxInputs = std::size_t{1} << 24;
constexpr std::uint64_t kMaxSteps = 1'000'000;

const Fields::Range kClipNorm{Exactly(0), Exactly(1'000'000), true, false};
const Fields::Range kLearningRate{Exactly(0), Exactly(100), true, false};

bool IsName(std::string_view text) {
  for (const char c : text)
    if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') && c != '_' &&
        c != '-' && c != '.')
      return false;
  return text != "." && text != "..";
}

std::string Name(Fields& fields, const char* key) {
  const std::string text = fields.Text(key, 64);
  if (text != "?" && !IsName(text))
    fields.Refuse(key, absl::StrFormat("is \"%s\", may hold only A-Z a-z 0-9 . _ -", text));
  return text;
}

Unit ReadUnit(Fields fields) {
  const Unit unit{fields.Text("column"),
                  static_cast<std::uint32_t>(fields.Int("max_rows", 1, 64, 1))};
  fields.Done();
  return unit;
}

Holdout ReadHoldout(Fields fields) {
  Holdout holdout;
  const bool hashed = fields.Has("hash");
  if (hashed == fields.Has("column"))
    fields.Refuse("", "must have either hash, mod and equals, or column and value");
  if (hashed) {
    fields.Choice("hash", kHashNames);
    holdout.mod = fields.Int("mod", 2, 1'000'000);
    holdout.equals = fields.Int("equals", 0, holdout.mod - 1);
  } else {
    holdout.column = fields.Text("column");
    holdout.value = fields.Text("value");
  }
  fields.Done();
  return holdout;
}

std::string OptionalText(Fields& fields, const char* key, std::size_t longest) {
  return fields.Has(key) ? fields.Text(key, longest) : std::string();
}

std::vector<Table> ReadTables(Fields& plan, const Unit& unit) {
  std::vector<Table> tables;
  for (Fields& fields : plan.List("table", 1, kMaxTables)) {
    Table table{Name(fields, "name"), Name(fields, "file"), fields.Text("join", 128, unit.column),
                OptionalText(fields, "time", 128), OptionalText(fields, "query", 4096)};
    if (table.name.find('.') != std::string::npos)
      fields.Refuse("name", "must not have a dot in it");
    for (const Table& other : tables)
      if (other.name == table.name)
        fields.Refuse("name", absl::StrFormat("\"%s\" is given twice", table.name));
    tables.push_back(std::move(table));
    fields.Done();
  }
  return tables;
}

// "table.column", where the table is one of the plan's.
std::pair<std::string, std::string> ReadColumn(Fields& fields, const std::vector<Table>& tables,
                                               const char* key = "column") {
  const std::string text = fields.Text(key, 256);
  const std::size_t dot = text.find('.');
  if (dot == std::string::npos || dot == 0 || dot + 1 == text.size()) {
    fields.Refuse(
        key, absl::StrFormat("is \"%s\", must be a table and a column, such as \"browsing.pages\"",
                             text));
    return {"?", "?"};
  }
  const std::string table = text.substr(0, dot);
  for (const Table& known : tables)
    if (known.name == table) return {table, text.substr(dot + 1)};
  fields.Refuse(key,
                absl::StrFormat("is \"%s\", but there is no [[table]] named \"%s\"", text, table));
  return {"?", "?"};
}

std::pair<Decimal, Decimal> ReadBounds(Fields& fields) {
  const Decimal lo = fields.Signed("lo"), hi = fields.Signed("hi");
  if (!(lo.ToDouble() < hi.ToDouble())) fields.Refuse("lo", "must be below hi");
  return {lo, hi};
}

// Of a table of events a numeric feature says how they become one number.
void ReadNumeric(Fields& fields, bool events, Feature& feature) {
  std::tie(feature.lo, feature.hi) = ReadBounds(fields);
  feature.log = fields.Flag("log", false);
  if (!events) return;
  feature.aggregate = static_cast<Aggregate>(1 + fields.Choice("aggregate", kAggregateNames));
  feature.window_days = static_cast<std::uint32_t>(fields.Int("window_days", 1, 36'500, 0));
}

// How a list of ids enters the model.
void ReadBag(Fields& fields, Feature& feature) {
  feature.buckets = static_cast<std::uint32_t>(fields.Int("buckets", 2, 1u << 20));
  feature.width = static_cast<std::uint32_t>(fields.Int("width", 0, 1024, 0));
  feature.direct = fields.Flag("direct", false);
  if (feature.width == 0 && !feature.direct)
    fields.Refuse("width", "must be at least 1 where direct is not true");
}

// What is made of the order of the events.
void ReadEncoder(Fields& fields, Feature& feature) {
  feature.encoder = static_cast<Encoder>(fields.Choice("encoder", kEncoderNames));
  feature.channels = static_cast<std::uint32_t>(fields.Int("channels", 1, 256));
  if (feature.encoder == Encoder::kConvolution)
    feature.kernel = static_cast<std::uint32_t>(fields.Int("kernel", 1, 16));
  if (feature.kernel > feature.last)
    fields.Refuse("kernel", absl::StrFormat("must be at most last = %d", feature.last));
  if (feature.width == 0 || feature.width > 64)
    fields.Refuse("width", "must be from 1 to 64 with an encoder");
  const std::uint32_t most = feature.encoder == Encoder::kConvolution ? 64 : 32;
  if (feature.last > most)
    fields.Refuse("last", absl::StrFormat("must be at most %d with this encoder", most));
}

void ReadText(Fields& fields, Feature& feature) {
  ReadBag(fields, feature);
  feature.ngrams = static_cast<std::uint32_t>(fields.Int("ngrams", 1, 3));
  feature.max_terms = static_cast<std::uint32_t>(fields.Int("max_terms", 1, 4096, 256));
  if (fields.Has("more_columns")) feature.more_columns = fields.Texts("more_columns", 0, 16);
}

Feature ReadFeature(Fields& fields, const std::vector<Table>& tables) {
  Feature feature;
  std::tie(feature.table, feature.column) = ReadColumn(fields, tables);
  bool events = false;
  for (const Table& table : tables) events |= table.name == feature.table && table.is_events();
  feature.kind = static_cast<FeatureKind>(fields.Choice("kind", kFeatureKindNames));
  const bool of_events = feature.kind == FeatureKind::kEvents;
  if (feature.table != "?" &&
      (of_events ? !events : events && feature.kind != FeatureKind::kNumeric))
    fields.Refuse("kind", events ? "must be numeric or events in a table with a time"
                                 : "is events, but the table has no time");
  if (feature.kind == FeatureKind::kNumeric) ReadNumeric(fields, events, feature);
  if (feature.kind == FeatureKind::kText) ReadText(fields, feature);
  if (of_events) {
    ReadBag(fields, feature);
    feature.last = static_cast<std::uint32_t>(fields.Int("last", 1, 1024));
    if (fields.Has("encoder")) ReadEncoder(fields, feature);
  }
  if (feature.kind == FeatureKind::kCategorical)
    feature.buckets = static_cast<std::uint32_t>(fields.Int("buckets", 2, 1u << 20));
  fields.Done();
  return feature;
}

std::vector<Feature> ReadFeatures(Fields& plan, const std::vector<Table>& tables) {
  std::vector<Feature> features;
  std::size_t inputs = 0;
  for (Fields& fields : plan.List("feature", 1, kMaxFeatures)) {
    features.push_back(ReadFeature(fields, tables));
    inputs += std::max<std::size_t>(1, features.back().buckets) *
              std::max<std::size_t>(1, features.back().width);
    for (std::size_t i = 0; i + 1 < features.size(); ++i)
      if (features[i].table == features.back().table &&
          features[i].column == features.back().column &&
          features[i].aggregate == features.back().aggregate &&
          features[i].window_days == features.back().window_days)
        fields.Refuse("column", absl::StrFormat("\"%s.%s\" is given twice", features[i].table,
                                                features[i].column));
  }
  if (inputs > kMaxInputs)
    plan.Refuse("feature",
                absl::StrFormat("makes %d inputs, at most %d are allowed", inputs, kMaxInputs));
  return features;
}

std::vector<std::string> ReadClasses(Fields& fields) {
  std::vector<std::string> values = fields.Texts("values", 2, kMaxClasses);
  std::set<std::string_view> seen;
  for (const std::string& value : values)
    if (!seen.insert(value).second)
      fields.Refuse("values", absl::StrFormat("names \"%s\" twice", value));
  return values;
}

// What a label's column holds, in whichever section it is.
Label ReadTarget(Fields& fields, const std::vector<Table>& tables) {
  Label label;
  std::tie(label.table, label.column) = ReadColumn(fields, tables);
  label.kind = static_cast<LabelKind>(fields.Choice("kind", kLabelKindNames));
  if (label.kind == LabelKind::kClass) label.values = ReadClasses(fields);
  if (label.kind != LabelKind::kValue) return label;
  std::tie(label.lo, label.hi) = ReadBounds(fields);
  label.log = fields.Flag("log", false);
  if (fields.Has("huber"))
    label.huber = fields.Real("huber", {Exactly(0), Exactly(2), true, false});
  return label;
}

// Each value once, in any order.
std::vector<std::vector<std::string>> ReadItems(Fields& label,
                                                const std::vector<std::string>& values) {
  std::vector<Fields> items = label.List("items", 0, values.size());
  if (items.empty()) return {};
  std::vector<std::vector<std::string>> attributes(values.size());
  for (Fields& item : items) {
    const std::string value = item.Text("value", 256);
    std::vector<std::string> names = item.Texts("attributes", 1, kMaxAttributes);
    item.Done();
    if (std::set<std::string>(names.begin(), names.end()).size() != names.size())
      item.Refuse("attributes", "names one of them twice");
    const auto found = std::ranges::find(values, value);
    const auto place = static_cast<std::size_t>(found - values.begin());
    if (found == values.end() || !attributes[place].empty())
      item.Refuse("value", absl::StrFormat("is \"%s\", must be one of label.values, once", value));
    else
      attributes[place] = std::move(names);
  }
  for (std::size_t i = 0; i < values.size(); ++i)
    if (attributes[i].empty())
      label.Refuse("items", absl::StrFormat("has nothing of the value \"%s\"", values[i]));
  return attributes;
}

Label ReadLabel(Fields fields, const std::vector<Table>& tables, Task task) {
  Label label = ReadTarget(fields, tables);
  const bool of_classes =
      task == Task::kMultiClass || task == Task::kRecommend || task == Task::kQLearning;
  if (of_classes != (label.kind == LabelKind::kClass) ||
      (task == Task::kRegression) != (label.kind == LabelKind::kValue))
    fields.Refuse(
        "kind",
        "does not fit the task: binary needs binary, regression needs value, multi_class, "
        "recommend and q_learning need class");
  if (task == Task::kRecommend && label.values.size() > 1)
    label.negatives =
        static_cast<std::uint32_t>(fields.Int("negatives", 1, label.values.size() - 1, 0));
  if (task == Task::kRecommend) label.attributes = ReadItems(fields, label.values);
  label.time = OptionalText(fields, "time", 128);
  fields.Done();
  return label;
}

// Instead of a label: whose rows are customers, and how many segments they are to have.
Label ReadSegments(Fields& plan, const std::vector<Table>& tables) {
  for (const char* section : {"label", "model", "head"})
    if (plan.Has(section))
      plan.Refuse(section, "is given, but task \"segments\" has none: [segments] is all of it");
  Fields fields = plan.Section("segments");
  Label label;
  label.table = fields.Text("table");
  label.kind = LabelKind::kSegment;
  label.segments = static_cast<std::uint32_t>(fields.Int("count", 2, kMaxSegments));
  label.time = OptionalText(fields, "time", 128);
  if (std::ranges::none_of(tables, [&](const Table& t) { return t.name == label.table; }))
    fields.Refuse(
        "table", absl::StrFormat("is \"%s\", but there is no [[table]] of that name", label.table));
  fields.Done();
  return label;
}

std::vector<SideHead> ReadHeads(Fields& plan, const std::vector<Table>& tables,
                                const std::vector<Feature>& features, const Label& label) {
  std::vector<SideHead> heads;
  std::set<std::pair<std::string, std::string>> taken = {{label.table, label.column}};
  for (const Feature& feature : features) taken.emplace(feature.table, feature.column);
  for (Fields& fields : plan.List("head", 0, kMaxSideHeads)) {
    SideHead head{ReadTarget(fields, tables)};
    head.weight = fields.Real("weight", {Exactly(0), Exactly(1000), true, false}, head.weight);
    for (const Table& table : tables)
      if (table.name == head.label.table && table.is_events())
        fields.Refuse("column",
                      absl::StrFormat("is in %s, which is a table of events", table.name));
    if (!taken.emplace(head.label.table, head.label.column).second)
      fields.Refuse("column", absl::StrFormat("\"%s.%s\" is a feature or another label too",
                                              head.label.table, head.label.column));
    fields.Done();
    heads.push_back(std::move(head));
  }
  return heads;
}

// A direct list has a weight for each bucket and output.
void CheckDirectLists(const Plan& plan, Fields& fields) {
  std::size_t weights = 0;
  for (const Feature& feature : plan.features)
    if (feature.direct) weights += feature.buckets * plan.model_outputs();
  if (weights > kMaxInputs)
    fields.Refuse("feature", absl::StrFormat("makes %d direct weights, at most %d are allowed",
                                             weights, kMaxInputs));
}

std::optional<QLearning> ReadQLearning(Fields& plan, Task task, const Label& label) {
  if (task != Task::kQLearning) return std::nullopt;
  Fields fields = plan.Section("q_learning");
  QLearning q;
  q.reward = fields.Text("reward");
  if (q.reward == label.column) fields.Refuse("reward", "is the label");
  q.propensity = fields.Has("propensity") ? fields.Text("propensity") : "";
  if (q.propensity == label.column || q.propensity == q.reward)
    fields.Refuse("propensity", "is the label or the reward");
  std::tie(q.lo, q.hi) = ReadBounds(fields);
  q.discount = fields.Real("discount", {Exactly(0), Exactly(1), false, true}, q.discount);
  q.huber = fields.Real("huber", {Exactly(0), Exactly(1000), true, false}, q.huber);
  q.target_every =
      static_cast<std::uint32_t>(fields.Int("target_every", 1, kMaxSteps, q.target_every));
  if (q.discount != Exactly(0) && label.time.empty())
    plan.Refuse("label", "must have a time: with a discount, decisions have an order");
  fields.Done();
  return q;
}

Network ReadNetwork(Fields fields) {
  Network network;
  for (const std::uint64_t width : fields.Ints("hidden", 8, 1, 4096))
    network.hidden.push_back(width);
  fields.Choice("activation", kActivationNames, 0);
  network.layer_norm = fields.Choice("normalisation", kNormalisationNames, 0) == 1;
  network.dropout = fields.Real("dropout", {Exactly(0), Exactly(1), false, true}, Exactly(0));
  fields.Done();
  return network;
}

void ReadBands(Fields& fields, Training& training) {
  training.bands = static_cast<std::uint32_t>(fields.Int("bands", 1, kMaxPlanBands, 1));
  const Rational& rate = training.sampling_rate;
  if (training.bands > rate.denominator() / std::max<std::uint64_t>(1, rate.numerator()))
    fields.Refuse("bands", absl::StrFormat("is %d: times sampling_rate %s it must be at most 1",
                                           training.bands, rate.ToString()));
  if (training.bands > training.steps)
    fields.Refuse("bands", absl::StrFormat("is %d, must be at most steps, %d", training.bands,
                                           training.steps));
}

MerchantClip ReadMerchantClip(Fields& fields) {
  MerchantClip clip;
  clip.initial = fields.Real("initial_clip", kClipNorm);
  clip.quantile = fields.Real("clip_quantile", {Exactly(0), Exactly(1), true, true}, clip.quantile);
  clip.rate = fields.Real("clip_rate", {Exactly(0), Exactly(2), true, false}, clip.rate);
  clip.expected_merchants = fields.Int("expected_merchants", 3, kMaxPlanCohorts * 255);
  clip.bit_noise =
      fields.Real("bit_noise", {Exactly(0), Exactly(1'000'000), true, false}, clip.bit_noise);
  return clip;
}

Training ReadTraining(Fields fields) {
  Training training;
  training.mode = static_cast<Mode>(fields.Choice("mode", kModeNames));
  training.steps = fields.Int("steps", 1, kMaxSteps);
  training.attempts_max = fields.Int("attempts_max", training.steps, 2 * kMaxSteps);
  training.sampling_rate = fields.Probability("sampling_rate");
  training.expected_batch = fields.Int("expected_batch", 1, 1'000'000'000);
  training.clip_norm = fields.Real("clip_norm", kClipNorm);
  fields.Choice("optimizer", kOptimizerNames, 0);
  training.learning_rate = fields.Real("learning_rate", kLearningRate);
  if (fields.Has("averaging"))
    training.averaging = fields.Real("averaging", {Exactly(0), Exactly(1), true, true});
  if (training.mode == Mode::kDistributed) ReadBands(fields, training);
  if (training.mode == Mode::kLocal) {
    training.local_steps = static_cast<std::uint32_t>(fields.Int("local_steps", 1, 10'000));
    training.update_clamp = fields.Real("update_clamp", {Exactly(0), Exactly(1000), true, false});
  }
  if (training.mode == Mode::kMerchant) {
    training.local_steps = static_cast<std::uint32_t>(fields.Int("local_steps", 1, 10'000));
    training.merchant = ReadMerchantClip(fields);
  }
  fields.Done();
  return training;
}

std::optional<NonPrivate> ReadNonPrivate(Fields& plan) {
  if (!plan.Has("nonprivate")) return std::nullopt;
  Fields fields = plan.Section("nonprivate");
  NonPrivate section;
  section.clip_norm = fields.Real("clip_norm", kClipNorm);
  section.steps = fields.Int("steps", 1, kMaxSteps);
  section.learning_rate = fields.Real("learning_rate", kLearningRate);
  fields.Done();
  return section;
}

Privacy ReadPrivacy(Fields fields) {
  Privacy privacy;
  privacy.mechanism = static_cast<Mechanism>(fields.Choice("mechanism", kMechanismNames, 0));
  privacy.epsilon = fields.Real("epsilon", {Exactly(0), Exactly(1000), true, false});
  privacy.delta = fields.Real("delta", {Exactly(0), Exactly(1, 100), true, false});
  privacy.accountant = static_cast<AccountantKind>(fields.Choice("accountant", kAccountantNames));
  privacy.statistics_share =
      fields.Real("statistics_share", {Exactly(0), Exactly(1), false, true}, Exactly(0));
  fields.Done();
  return privacy;
}

Statistics ReadStatistics(Fields& plan, const Privacy& privacy) {
  Statistics statistics;
  if (!plan.Has("statistics")) return statistics;
  Fields fields = plan.Section("statistics");
  statistics.kind = static_cast<StatisticsKind>(fields.Choice("kind", kStatisticsKindNames));
  if (statistics.kind == StatisticsKind::kQuantiles)
    statistics.bins = static_cast<std::uint32_t>(fields.Int("bins", 4, 4096));
  if (privacy.statistics_share == Exactly(0))
    fields.Refuse("kind", "is given, but privacy.statistics_share is 0");
  fields.Done();
  return statistics;
}

// Statistics and histograms of scores bound what one customer adds, not what a merchant does.
void CheckMerchantMode(const Plan& plan, Fields& fields) {
  if (plan.training.mode != Mode::kMerchant) return;
  if (plan.has_statistics())
    fields.Refuse("privacy", "must have statistics_share 0 in merchant mode (DP-20)");
  if (plan.evaluation) fields.Refuse("evaluation", "must be left out in merchant mode (DP-20)");
}

void ReadGroups(Fields& fields, const std::vector<Table>& tables, Evaluation& evaluation) {
  if (!fields.Has("group") && !fields.Has("groups")) return;
  std::tie(evaluation.group_table, evaluation.group_column) = ReadColumn(fields, tables, "group");
  for (const Table& table : tables)
    if (table.name == evaluation.group_table && table.is_events())
      fields.Refuse("group", absl::StrFormat("is in %s, which is a table of events", table.name));
  evaluation.groups = fields.Texts("groups", 2, 16);
  std::set<std::string> seen;
  for (const std::string& group : evaluation.groups)
    if (!seen.insert(group).second)
      fields.Refuse("groups", absl::StrFormat("names \"%s\" twice", group));
  if (seen.contains(kOtherGroup))
    fields.Refuse("groups", "names \"other\", which is what all other values are called");
}

std::optional<Evaluation> ReadEvaluation(Fields& plan, const std::vector<Table>& tables) {
  if (!plan.Has("evaluation")) return std::nullopt;
  Fields fields = plan.Section("evaluation");
  Evaluation evaluation;
  evaluation.share = fields.Real("share", {Exactly(0), Exactly(1), true, false}, evaluation.share);
  evaluation.bins = static_cast<std::uint32_t>(fields.Int("bins", 2, 4096, evaluation.bins));
  evaluation.attempts_max =
      static_cast<std::uint32_t>(fields.Int("attempts_max", 1, 16, evaluation.attempts_max));
  ReadGroups(fields, tables, evaluation);
  fields.Done();
  return evaluation;
}

bool IsSha256(std::string_view text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

std::optional<Cohorts> ReadCohorts(Fields& plan) {
  if (!plan.Has("cohorts")) return std::nullopt;
  Fields fields = plan.Section("cohorts");
  Cohorts cohorts;
  cohorts.count = static_cast<std::uint32_t>(fields.Int("count", 2, kMaxPlanCohorts));
  if (fields.Has("beacon")) cohorts.beacon = fields.Text("beacon", 256);
  if (fields.Has("members_sha256")) cohorts.members_sha256 = fields.Text("members_sha256", 64);
  if (cohorts.beacon.empty() != cohorts.members_sha256.empty())
    fields.Refuse("beacon", "and members_sha256 must be given together");
  if (!cohorts.members_sha256.empty() && !IsSha256(cohorts.members_sha256))
    fields.Refuse("members_sha256", "must be 64 lower-case hex digits");
  fields.Done();
  return cohorts;
}

// C of a plan with cohorts counts corrupt members of the whole federation.
Aggregation ReadAggregation(Fields fields, bool cohorts) {
  Aggregation aggregation;
  const auto small = [&](const char* key, std::uint32_t low, std::uint32_t high,
                         std::uint32_t otherwise) {
    return static_cast<std::uint32_t>(fields.Int(key, low, high, otherwise));
  };
  aggregation.min_survivors = small("min_survivors", 0, 255, 0);
  aggregation.colluders = small("colluders", 0, cohorts ? kMaxPlanCohorts * 255 : 253, 0);
  aggregation.key_batch = small("key_batch", 1, 1024, 16);
  aggregation.ring_bits = small("ring_bits", 32, 32, 32);
  aggregation.scale_log2 = small("scale_log2", 10, 30, 20);
  fields.Done();
  return aggregation;
}

Rounds ReadRounds(Fields fields) {
  Rounds rounds;
  rounds.tick_ms = static_cast<std::uint32_t>(fields.Int("tick_ms", 1, 60'000, 20));
  rounds.deadline_ms = static_cast<std::uint32_t>(fields.Int("deadline_ms", 50, 3'600'000, 5000));
  if (rounds.deadline_ms < 2 * rounds.tick_ms)
    fields.Refuse("deadline_ms", "must be at least twice tick_ms");
  fields.Done();
  return rounds;
}

std::vector<Pool> ReadPools(Fields& plan) {
  std::vector<Pool> pools;
  std::set<std::string> names, members;
  for (Fields& fields : plan.List("pool", 0, 255)) {
    Pool pool{Name(fields, "name"), fields.Texts("members", 2, 255)};
    if (!names.insert(pool.name).second)
      fields.Refuse("name", absl::StrFormat("\"%s\" is given twice", pool.name));
    for (const std::string& member : pool.members)
      if (!members.insert(member).second)
        fields.Refuse("members", absl::StrFormat("has \"%s\" twice", member));
    fields.Done();
    pools.push_back(std::move(pool));
  }
  return pools;
}

// The section that names the customers' table.
const char* LabelSection(const Plan& plan) {
  return plan.task == Task::kSegments ? "segments" : "label";
}

// Point in time: with events there must be a moment that they are earlier than.
void CheckTimes(const Plan& plan, Fields& fields) {
  for (const Table& table : plan.tables) {
    if (!table.is_events()) continue;
    if (table.name == plan.label.table)
      fields.Refuse(LabelSection(plan),
                    absl::StrFormat("is in %s, which is a table of events", table.name));
    if (plan.label.time.empty())
      fields.Refuse(LabelSection(plan),
                    absl::StrFormat("must have a time: %s is a table of events, and only "
                                    "earlier ones may be seen",
                                    table.name));
  }
}

// The label's table says who is a customer, so its id is the unit's.
void CheckUnitOfLabel(const Plan& plan, Fields& fields) {
  for (const Table& table : plan.tables)
    if (table.name == plan.label.table && table.join != plan.unit.column)
      fields.Refuse(LabelSection(plan),
                    absl::StrFormat(
                        "is in the table %s, whose join is \"%s\" and must be unit.column, \"%s\"",
                        table.name, table.join, plan.unit.column));
}

std::uint64_t ReadOne(Fields& plan, const char* section, const char* key, std::uint64_t high,
                      std::uint64_t otherwise) {
  if (!plan.Has(section)) return otherwise;
  Fields fields = plan.Section(section);
  const std::uint64_t value = fields.Int(key, 0, high, otherwise);
  fields.Done();
  return value;
}

}  // namespace

Plan ReadPlan(const Json& document, FieldErrors& errors) {
  Fields fields(document, "", errors);
  Plan plan;
  plan.name = Name(fields, "name");
  plan.task = static_cast<Task>(fields.Choice("task", kTaskNames));
  plan.unit = ReadUnit(fields.Section("unit"));
  plan.holdout = ReadHoldout(fields.Section("holdout"));
  plan.tables = ReadTables(fields, plan.unit);
  plan.features = ReadFeatures(fields, plan.tables);
  const bool segments = plan.task == Task::kSegments;
  plan.label = segments ? ReadSegments(fields, plan.tables)
                        : ReadLabel(fields.Section("label"), plan.tables, plan.task);
  plan.heads = ReadHeads(fields, plan.tables, plan.features, plan.label);
  plan.q_learning = ReadQLearning(fields, plan.task, plan.label);
  CheckDirectLists(plan, fields);
  CheckUnitOfLabel(plan, fields);
  CheckTimes(plan, fields);
  if (!segments) plan.network = ReadNetwork(fields.Section("model"));
  plan.training = ReadTraining(fields.Section("training"));
  plan.nonprivate = ReadNonPrivate(fields);
  plan.privacy = ReadPrivacy(fields.Section("privacy"));
  plan.statistics = ReadStatistics(fields, plan.privacy);
  plan.evaluation = ReadEvaluation(fields, plan.tables);
  CheckMerchantMode(plan, fields);
  plan.cohorts = ReadCohorts(fields);
  if (fields.Has("aggregation"))
    plan.aggregation = ReadAggregation(fields.Section("aggregation"), plan.cohorts.has_value());
  if (fields.Has("rounds")) plan.rounds = ReadRounds(fields.Section("rounds"));
  plan.pools = ReadPools(fields);
  plan.minimum_customers =
      ReadOne(fields, "population", "minimum_customers", 1'000'000'000, plan.minimum_customers);
  plan.max_bad_rows = ReadOne(fields, "data", "max_bad_rows", 1'000'000'000, plan.max_bad_rows);
  fields.Done();
  return plan;
}

}  // namespace veilsum::model
