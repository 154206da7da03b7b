#include "model/contract/privacy_terms.h"
#include "model/plan/plan_format.h"
#include "model/plan/variant.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/model/example_plan.h"
#include "tests/unit/model/small_plan.h"

namespace veilsum::model {
namespace {

std::string Replace(std::string text, std::string_view from, std::string_view to) {
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

TEST(PlanToml, ReadsEveryKeyOfTheExample) {
  ASSERT_OK_AND_ASSIGN(const Plan plan, ParsePlanToml(kExamplePlan, "plan.toml"));
  EXPECT_EQ(plan.name, "purchase-intent");
  EXPECT_EQ(plan.holdout.mod, 5u);
  ASSERT_EQ(plan.tables.size(), 3u);
  EXPECT_EQ(plan.tables[1].join, "user_id");  // the unit's column, when nothing else is said
  ASSERT_EQ(plan.features.size(), 3u);
  EXPECT_EQ(plan.features[0].table, "browsing");
  EXPECT_EQ(plan.features[0].column, "ProductRelated_Duration");
  EXPECT_EQ(plan.features[0].hi.ToDouble(), 64800);
  EXPECT_TRUE(plan.features[0].log);
  EXPECT_EQ(plan.features[2].ngrams, 2u);
  EXPECT_EQ(plan.features[2].width, 16u);
  EXPECT_EQ(plan.network.hidden, (std::vector<std::size_t>{128, 64, 32}));
  EXPECT_EQ(plan.training.sampling_rate, Exactly(1, 10));
  EXPECT_EQ(plan.training.learning_rate, Exactly(1, 200));
  EXPECT_EQ(plan.nonprivate->steps, 200u);
  EXPECT_EQ(plan.privacy.delta, Exactly(1, 100000));
  EXPECT_EQ(plan.privacy.accountant, AccountantKind::kPld);
  EXPECT_EQ(plan.aggregation.min_survivors, 8u);
  EXPECT_EQ(plan.rounds.tick_ms, 20u);
  EXPECT_EQ(plan.minimum_customers, 100u);
  EXPECT_EQ(plan.max_bad_rows, 0u);
  EXPECT_EQ(plan.numeric_inputs(), 1u);
  EXPECT_EQ(plan.one_hot_inputs(), 16u);
}

TEST(PlanToml, ReadsOurOwnSections) {
  const std::string text =
      Replace(kExamplePlan, "clip_norm = \"1\"\n", "clip_norm = \"1\"\naveraging = \"0.99\"\n") +
      "[population]\nminimum_customers = 50\n[data]\nmax_bad_rows = 3\n"
      "[[pool]]\nname = \"small\"\nmembers = [\"a\", \"b\"]\n";
  ASSERT_OK_AND_ASSIGN(const Plan plan, ParsePlanToml(text, "plan.toml"));
  EXPECT_EQ(plan.training.averaging, Exactly(99, 100));
  EXPECT_EQ(plan.minimum_customers, 50u);
  EXPECT_EQ(plan.max_bad_rows, 3u);
  ASSERT_EQ(plan.pools.size(), 1u);
  EXPECT_EQ(plan.pools[0].members, (std::vector<std::string>{"a", "b"}));
}

TEST(PlanToml, ReadsAHoldoutColumn) {
  const std::string text = Replace(kExamplePlan, "hash = \"fnv1a64\"\nmod = 5\nequals = 0\n",
                                   "column = \"split\"\nvalue = \"test\"\n");
  ASSERT_OK_AND_ASSIGN(const Plan plan, ParsePlanToml(text, "plan.toml"));
  EXPECT_EQ(plan.holdout.mod, 0u);
  EXPECT_EQ(plan.holdout.column, "split");
  EXPECT_EQ(plan.holdout.value, "test");
}

// Text to change, what it becomes, and what the error must say (file, line, field, bound).
struct Corruption {
  const char* name;
  const char* from;
  const char* to;
  const char* complaint;
};
class PlanTomlRefuses : public testing::TestWithParam<Corruption> {};

TEST_P(PlanTomlRefuses, NamingLineFieldAndBound) {
  const Corruption& c = GetParam();
  EXPECT_THAT(ParsePlanToml(Replace(kExamplePlan, c.from, c.to), "plan.toml"),
              StatusIs(absl::StatusCode::kInvalidArgument, c.complaint));
}

INSTANTIATE_TEST_SUITE_P(
    Plans, PlanTomlRefuses,
    testing::Values(
        Corruption{"NotToml", "name = \"purchase-intent\"", "name = ", "plan.toml:1: "},
        Corruption{"KeyTwice", "task = \"binary\"", "task = \"binary\"\ntask = \"binary\"",
                   "plan.toml:3: "},
        Corruption{"UnknownKey", "max_rows = 1", "max_row = 1",
                   "plan.toml:6: unit.max_row is not a key"},
        Corruption{"UnknownSection", "[rounds]", "[round]", "plan.toml:83: round is not a key"},
        Corruption{"MissingKey", "delta = \"1e-5\"\n", "", "privacy.delta is missing"},
        Corruption{"MissingSection", "[label]\ncolumn = \"labels.label\"\nkind = \"binary\"\n", "",
                   "plan.toml:1: label is missing"},
        Corruption{"NameWithSlash", "\"purchase-intent\"", "\"a/b\"",
                   "name is \"a/b\", may hold only"},
        Corruption{"Task", "task = \"binary\"", "task = \"ternary\"",
                   "plan.toml:2: task must be one of: binary, regression"},
        Corruption{"NoRows", "max_rows = 1", "max_rows = 0",
                   "plan.toml:6: unit.max_rows is 0, must be 1 to 64"},
        Corruption{"NegativeRows", "max_rows = 1", "max_rows = -1",
                   "unit.max_rows must be a whole number from 1 to 64"},
        Corruption{"HoldoutBoth", "mod = 5", "mod = 5\ncolumn = \"split\"",
                   "plan.toml:8: holdout must have either"},
        Corruption{"HoldoutHash", "\"fnv1a64\"", "\"md5\"", "holdout.hash must be one of: fnv1a64"},
        Corruption{"HoldoutMod", "mod = 5", "mod = 1", "holdout.mod is 1, must be 2 to 1000000"},
        Corruption{"HoldoutEquals", "equals = 0", "equals = 5",
                   "holdout.equals is 5, must be 0 to 4"},
        Corruption{"TableTwice", "name = \"labels\"", "name = \"browsing\"",
                   "table[3].name \"browsing\" is given twice"},
        Corruption{"FileOutside", "file = \"labels.csv\"", "file = \"../labels.csv\"",
                   "table[3].file is \"../labels.csv\""},
        Corruption{"LabelJoin", "file = \"labels.csv\"\njoin = \"user_id\"",
                   "file = \"labels.csv\"\njoin = \"id\"", "must be unit.column"},
        Corruption{"ColumnWithoutTable", "\"browsing.Month\"", "\"Month\"",
                   "plan.toml:35: feature[2].column is \"Month\""},
        Corruption{"ColumnOfNoTable", "\"browsing.Month\"", "\"searches.Month\"",
                   "there is no [[table]] named \"searches\""},
        Corruption{"FeatureTwice", "browsing.Month", "browsing.ProductRelated_Duration",
                   "feature[2].column \"browsing.ProductRelated_Duration\" is given twice"},
        Corruption{"FeatureKind", "kind = \"numeric\"", "kind = \"number\"",
                   "feature[1].kind must be one of: numeric"},
        Corruption{"BoundsCrossed", "lo = 0", "lo = 64800",
                   "plan.toml:30: feature[1].lo must be below hi"},
        Corruption{"BoundIsAFloat", "lo = 0", "lo = 0.5",
                   "feature[1].lo must be exact: write it in quotes"},
        Corruption{"BoundIsNan", "lo = 0", "lo = nan", "feature[1].lo must be exact"},
        Corruption{"BoundsOfACategory", "buckets = 16\n", "buckets = 16\nlo = 1\n",
                   "feature[2].lo is not a key"},
        Corruption{"OneBucket", "buckets = 16\n", "buckets = 1\n",
                   "feature[2].buckets is 1, must be 2 to 1048576"},
        Corruption{"Ngrams", "ngrams = 2", "ngrams = 9", "feature[3].ngrams is 9, must be 1 to 3"},
        Corruption{"LabelKind", "column = \"labels.label\"\nkind = \"binary\"",
                   "column = \"labels.label\"\nkind = \"number\"",
                   "label.kind must be one of: binary"},
        Corruption{"HiddenTooWide", "[128, 64, 32]", "[128, 64, 5000]",
                   "model.hidden must be a list of at most 8 whole numbers from 1 to 4096"},
        Corruption{"Activation", "\"relu\"", "\"tanh\"", "model.activation must be one of: relu"},
        Corruption{"Dropout", "dropout = \"0\"", "dropout = \"1\"",
                   "model.dropout is \"1\", must be a decimal at least 0 and below 1"},
        Corruption{"NoSteps", "steps = 600", "steps = 0",
                   "training.steps is 0, must be 1 to 1000000"},
        Corruption{"AttemptsBelowSteps", "attempts_max = 640", "attempts_max = 599",
                   "training.attempts_max is 599, must be 600 to 2000000"},
        Corruption{"RateAboveOne", "\"1/10\"", "\"11/10\"",
                   "training.sampling_rate is \"11/10\", must be a rational above 0 and at most 1"},
        Corruption{"RateZero", "\"1/10\"", "\"0\"", "training.sampling_rate is \"0\""},
        Corruption{"RateIsAFloat", "\"1/10\"", "0.1",
                   "training.sampling_rate must be exact: write it in quotes"},
        Corruption{"ClipIsAFloat", "clip_norm = \"1\"", "clip_norm = 1.0",
                   "training.clip_norm must be exact"},
        Corruption{"ClipZero", "clip_norm = \"1\"", "clip_norm = \"0\"",
                   "training.clip_norm is \"0\", must be a decimal above 0"},
        Corruption{"ClipNegative", "clip_norm = \"1\"", "clip_norm = -1",
                   "training.clip_norm is \"-1\""},
        Corruption{"ClipNan", "clip_norm = \"1\"", "clip_norm = \"nan\"",
                   "training.clip_norm is \"nan\""},
        Corruption{"Optimizer", "\"adam\"", "\"lion\"", "training.optimizer must be one of: adam"},
        Corruption{"Epsilon", "epsilon = \"3\"", "epsilon = \"0\"",
                   "privacy.epsilon is \"0\", must be a decimal above 0 and at most 1000"},
        Corruption{"EpsilonIsText", "epsilon = \"3\"", "epsilon = \"inf\"",
                   "privacy.epsilon is \"inf\""},
        Corruption{"Delta", "delta = \"1e-5\"", "delta = \"0.5\"",
                   "privacy.delta is \"0.5\", must be a decimal above 0 and at most 0.01"},
        Corruption{"Accountant", "\"pld\"", "\"zcdp\"",
                   "privacy.accountant must be one of: pld, rdp"},
        Corruption{"Share", "\"0.2\"", "\"1\"",
                   "privacy.statistics_share is \"1\", must be a decimal at least 0 and below 1"},
        Corruption{"Colluders", "colluders = 1", "colluders = 254",
                   "aggregation.colluders is 254, must be 0 to 253"},
        Corruption{"KeyBatch", "key_batch = 16", "key_batch = 0",
                   "aggregation.key_batch is 0, must be 1 to 1024"},
        Corruption{"RingBits", "ring_bits = 32", "ring_bits = 31",
                   "aggregation.ring_bits is 31, must be 32 to 32"},
        Corruption{"Scale", "scale_log2 = 20", "scale_log2 = 31",
                   "aggregation.scale_log2 is 31, must be 10 to 30"},
        Corruption{"Tick", "tick_ms = 20", "tick_ms = 0",
                   "rounds.tick_ms is 0, must be 1 to 60000"},
        Corruption{"Deadline", "deadline_ms = 5000", "deadline_ms = 10",
                   "rounds.deadline_ms is 10, must be 50"},
        Corruption{"Date", "max_rows = 1", "max_rows = 2024-01-01",
                   "unit.max_rows must be a whole number"},
        Corruption{"SectionIsAText", "[rounds]\ntick_ms = 20\ndeadline_ms = 5000\n",
                   "[population]\nminimum_customers = \"x\"\n",
                   "population.minimum_customers must be a whole number"}),
    [](const auto& test) { return std::string(test.param.name); });

TEST(PlanToml, EvaluationIsASectionOfItsOwn) {
  ASSERT_OK_AND_ASSIGN(const Plan without, ParsePlanToml(kExamplePlan, "plan.toml"));
  EXPECT_FALSE(without.evaluation.has_value());
  EXPECT_EQ(PlanToJson(without).find("evaluation"), std::string::npos)
      << "plans without it keep their bytes and their hash";
  const auto with = [](const std::string& keys) {
    return ParsePlanToml(kExamplePlan + ("\n[evaluation]\n" + keys), "plan.toml");
  };
  ASSERT_OK_AND_ASSIGN(const Plan plain, with(""));
  ASSERT_TRUE(plain.evaluation.has_value());
  EXPECT_EQ(plain.evaluation->share, Exactly(1));
  EXPECT_EQ(plain.evaluation->bins, 32u);
  EXPECT_EQ(plain.evaluation->attempts_max, 1u);
  ASSERT_OK_AND_ASSIGN(const Plan given, with("share = \"0.5\"\nbins = 64\nattempts_max = 3\n"));
  const std::string json = PlanToJson(given);
  EXPECT_NE(json.find(R"("evaluation":{"attempts_max":3,"bins":64,"share":"0.5"})"),
            std::string::npos);
  ASSERT_OK_AND_ASSIGN(const Plan again, PlanFromJson(json));
  EXPECT_EQ(PlanToJson(again), json);
  const auto refused = [&](const char* keys, const char* named) {
    EXPECT_THAT(with(keys), StatusIs(absl::StatusCode::kInvalidArgument, named));
  };
  refused("share = \"0\"", "evaluation.share is \"0\"");
  refused("share = \"1.5\"", "evaluation.share is \"1.5\"");
  refused("bins = 1", "evaluation.bins is 1, must be 2 to 4096");
  refused("attempts_max = 0", "evaluation.attempts_max is 0, must be 1 to 16");
  refused("every = 3", "evaluation.every is not a key");
}

TEST(PlanToml, EvaluationMayHaveGroups) {
  const auto with = [](const std::string& keys) {
    return ParsePlanToml(kExamplePlan + ("\n[evaluation]\n" + keys), "plan.toml");
  };
  const std::string table = ParsePlanToml(kExamplePlan, "p")->label.table;
  const std::string column = "group = \"" + table + ".sex\"\n";
  ASSERT_OK_AND_ASSIGN(const Plan plan, with(column + "groups = [\"f\", \"m\"]\n"));
  EXPECT_EQ(plan.evaluation->group_table, table);
  EXPECT_EQ(plan.evaluation->group_column, "sex");
  EXPECT_EQ(plan.evaluation->groups, (std::vector<std::string>{"f", "m"}));
  EXPECT_EQ(plan.evaluation->group_count(), 3u);
  const std::string json = PlanToJson(plan);
  ASSERT_OK_AND_ASSIGN(const Plan again, PlanFromJson(json));
  EXPECT_EQ(again.evaluation->groups, plan.evaluation->groups);
  EXPECT_EQ(PlanToJson(again), json);
  ASSERT_OK_AND_ASSIGN(const Plan plain, with(""));
  EXPECT_EQ(plain.evaluation->group_count(), 1u);
  EXPECT_EQ(PlanToJson(plain).find("group"), std::string::npos) << "plans without keep their hash";
  const auto refused = [&](const std::string& keys, const char* named) {
    EXPECT_THAT(with(keys), StatusIs(absl::StatusCode::kInvalidArgument, named));
  };
  refused("group = \"sex\"\ngroups = [\"f\", \"m\"]", "evaluation.group is \"sex\"");
  refused("group = \"no.sex\"\ngroups = [\"f\", \"m\"]", "no [[table]] named \"no\"");
  refused("groups = [\"f\", \"m\"]", "evaluation.group");
  refused(column, "evaluation.groups");
  refused(column + "groups = [\"f\"]", "evaluation.groups must be a list of 2 to 16");
  std::string many = "groups = [\"g0\"";
  for (int i = 1; i < 17; ++i) many += ", \"g" + std::to_string(i) + "\"";
  refused(column + many + "]", "evaluation.groups must be a list of 2 to 16");
  refused(column + "groups = [\"f\", \"f\"]", "evaluation.groups names \"f\" twice");
  refused(column + "groups = [\"f\", \"other\"]", "names \"other\"");
}

TEST(PlanToml, RefusesPoolsThatShareAMember) {
  const std::string pools =
      "[[pool]]\nname = \"p\"\nmembers = [\"a\", \"b\"]\n[[pool]]\nname = \"q\"\nmembers = [\"b\", "
      "\"c\"]\n";
  EXPECT_THAT(ParsePlanToml(kExamplePlan + pools, "plan.toml"),
              StatusIs(absl::StatusCode::kInvalidArgument, "pool[2].members has \"b\" twice"));
}

TEST(PlanToml, RefusesAPlanThatIsTooLarge) {
  EXPECT_THAT(ParsePlanToml(std::string(kMaxPlanBytes + 1, '#'), "plan.toml"),
              StatusIs(absl::StatusCode::kInvalidArgument, "a plan has at most"));
}

TEST(PlanToml, SurvivesDeepNesting) {
  std::string key = "a";
  for (int i = 0; i < 200; ++i) key += ".a";
  EXPECT_THAT(ParsePlanToml(kExamplePlan + "[" + key + "]\nb = 1\n", "plan.toml"),
              StatusIs(absl::StatusCode::kInvalidArgument, "a is not a key"));
}

// Whatever is done to a byte of the file, the answer is a plan or an error.
TEST(PlanToml, SurvivesEveryChangedByte) {
  for (std::size_t i = 0; i < kExamplePlan.size(); ++i)
    for (const char c : {'\0', '"', '[', '=', '\n', '\xff', '9'}) {
      std::string text = kExamplePlan;
      text[i] = c;
      const absl::StatusOr<Plan> plan = ParsePlanToml(text, "plan.toml");
      if (!plan.ok()) continue;
      EXPECT_OK(PlanFromJson(PlanToJson(*plan))) << i;
    }
}

TEST(PlanJson, RoundTripsToTheSameBytes) {
  ASSERT_OK_AND_ASSIGN(const Plan plan, ParsePlanToml(kExamplePlan, "plan.toml"));
  const std::string json = PlanToJson(plan);
  ASSERT_OK_AND_ASSIGN(const Plan again, PlanFromJson(json));
  EXPECT_EQ(PlanToJson(again), json);
  EXPECT_EQ(PlanSha256(again), PlanSha256(plan));
  EXPECT_THAT(json, testing::HasSubstr("\"learning_rate\":\"0.005\""));
  EXPECT_THAT(json, testing::HasSubstr("\"sampling_rate\":{\"den\":10,\"num\":1}"));
  EXPECT_THAT(json, testing::HasSubstr("\"population\":{\"minimum_customers\":100}"));
}

TEST(PlanJson, NamesEqualPlansAlikeHoweverTheyAreWritten) {
  ASSERT_OK_AND_ASSIGN(const Plan plan, ParsePlanToml(kExamplePlan, "plan.toml"));
  std::string text = Replace(kExamplePlan, "clip_norm = \"1\"", "clip_norm = 1");
  text = Replace(text, "\"1/10\"", "\"0.10\"");
  text = Replace(text, "[rounds]\ntick_ms = 20\ndeadline_ms = 5000\n", "# the defaults\n");
  ASSERT_OK_AND_ASSIGN(const Plan same, ParsePlanToml(text, "other.toml"));
  EXPECT_EQ(PlanSha256(same), PlanSha256(plan));
  ASSERT_OK_AND_ASSIGN(const Plan other,
                       ParsePlanToml(Replace(kExamplePlan, "steps = 600", "steps = 601"), "p"));
  EXPECT_NE(PlanSha256(other), PlanSha256(plan));
}

TEST(PlanJson, RefusesOtherFormsAndValues) {
  ASSERT_OK_AND_ASSIGN(const Plan plan, ParsePlanToml(kExamplePlan, "plan.toml"));
  const std::string json = PlanToJson(plan);
  const auto refuses = [](const std::string& text, const char* why) {
    EXPECT_THAT(PlanFromJson(text), StatusIs(absl::StatusCode::kInvalidArgument, why)) << why;
  };
  refuses("", "plan: not JSON");
  refuses(json + " ", "plan: ");
  refuses(json.substr(0, json.size() - 1), "plan: not JSON");
  refuses("[]", "must be a section");
  refuses(Replace(json, "\"clip_norm\":\"1\"", "\"clip_norm\":\"1.0\""), "not in canonical form");
  refuses(Replace(json, "\"clip_norm\":\"1\"", "\"clip_norm\":1"), "not in canonical form");
  refuses(Replace(json, "\"steps\":600", "\"steps\":0"), "training.steps is 0");
  refuses(Replace(json, "\"feature\":[", "\"extra\":1,\"feature\":["), "extra is not a key");
  refuses(Replace(json, "{\"den\":10,\"num\":1}", "{\"den\":20,\"num\":2}"),
          "not in canonical form");
  refuses(Replace(json, "{\"den\":10,\"num\":1}", "{\"den\":0,\"num\":1}"),
          "training.sampling_rate.den is 0");
}

TEST(Plan, TextHasABagOrADirectPathAndPublicLimits) {
  ASSERT_OK_AND_ASSIGN(const Plan plan, ParsePlanToml(kExamplePlan, "plan.toml"));
  EXPECT_OK(CheckRunnable(plan));
  EXPECT_FALSE(plan.features[2].direct);
  EXPECT_EQ(plan.features[2].max_terms, 256u);
  EXPECT_EQ(plan.bag_inputs(), 16u);
  const std::string both = Replace(kExamplePlan, "width = 16\n",
                                   "direct = true\nmax_terms = 40\nmore_columns = [\"title\"]\n");
  ASSERT_OK_AND_ASSIGN(const Plan linear, ParsePlanToml(both, "plan.toml"));
  EXPECT_EQ(linear.features[2].width, 0u);
  EXPECT_TRUE(linear.features[2].direct);
  EXPECT_EQ(linear.features[2].slots(), 40u);
  EXPECT_THAT(linear.features[2].more_columns, testing::ElementsAre("title"));
  ASSERT_OK_AND_ASSIGN(const Plan again, PlanFromJson(PlanToJson(linear)));
  EXPECT_EQ(PlanSha256(again), PlanSha256(linear));
  EXPECT_THAT(ParsePlanToml(Replace(kExamplePlan, "width = 16\n", ""), "plan.toml"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "width must be at least 1 where direct is not true"));
}

// A shop's purchases as events: what the plan may ask of them.
const char kEvents[] = R"([[table]]
name = "purchases"
file = "purchases.csv"
time = "at"

[[feature]]
column = "purchases.amount"
kind = "numeric"
aggregate = "sum"
window_days = 30
lo = 0
hi = 1000
log = true

[[feature]]
column = "purchases.amount"
kind = "numeric"
aggregate = "recency"
lo = 0
hi = 365

[[feature]]
column = "purchases.product"
kind = "events"
last = 8
buckets = 64
width = 4

[label]
time = "asked_at"
)";

std::string PlanWithEvents() { return Replace(kExamplePlan, "[label]\n", kEvents); }

TEST(Plan, EventsMayBeASequence) {
  const auto with = [](const std::string& lines) {
    return Replace(PlanWithEvents(), "width = 4\n\n[label]", "width = 4\n" + lines + "\n[label]");
  };
  ASSERT_OK_AND_ASSIGN(
      const Plan plan,
      ParsePlanToml(with("encoder = \"convolution\"\nkernel = 3\nchannels = 12\n"), "plan.toml"));
  EXPECT_EQ(plan.features[5].encoder, Encoder::kConvolution);
  EXPECT_EQ(plan.features[5].kernel, 3u);
  EXPECT_EQ(plan.bag_inputs(), 28u) << "channels in place of width";
  ASSERT_OK_AND_ASSIGN(const Plan again, PlanFromJson(PlanToJson(plan)));
  EXPECT_EQ(PlanToJson(again), PlanToJson(plan));
  ASSERT_OK_AND_ASSIGN(const Plan gru,
                       ParsePlanToml(with("encoder = \"gru\"\nchannels = 12\n"), "plan.toml"));
  EXPECT_EQ(gru.features[5].encoder, Encoder::kRecurrent);
  EXPECT_EQ(PlanToJson(PlanFromJson(PlanToJson(gru)).value()), PlanToJson(gru));
  const auto refuses = [&](const std::string& lines, const char* why) {
    EXPECT_THAT(ParsePlanToml(with(lines), "plan.toml"),
                StatusIs(absl::StatusCode::kInvalidArgument, why));
  };
  refuses("encoder = \"lstm\"\nchannels = 1\n", "encoder");
  refuses("encoder = \"gru\"\n", "channels is missing");
  refuses("encoder = \"gru\"\nchannels = 1\nkernel = 2\n", "kernel is not a key");
  refuses("encoder = \"convolution\"\nchannels = 1\nkernel = 9\n",
          "kernel must be at most last = 8");
  refuses("kernel = 3\n", "kernel is not a key");
  EXPECT_THAT(
      ParsePlanToml(Replace(with("encoder = \"gru\"\nchannels = 1\n"), "last = 8", "last = 33"),
                    "plan.toml"),
      StatusIs(absl::StatusCode::kInvalidArgument, "last must be at most 32"));
}

TEST(Plan, EventsAreAggregatedBeforeTheLabelsTime) {
  ASSERT_OK_AND_ASSIGN(const Plan plan, ParsePlanToml(PlanWithEvents(), "plan.toml"));
  EXPECT_TRUE(plan.tables.back().is_events());
  EXPECT_EQ(plan.label.time, "asked_at");
  EXPECT_EQ(plan.features[3].aggregate, Aggregate::kSum);
  EXPECT_EQ(plan.features[3].window_days, 30u);
  EXPECT_EQ(plan.features[4].aggregate, Aggregate::kRecency);
  EXPECT_EQ(plan.features[5].slots(), 8u);
  EXPECT_EQ(plan.bag_inputs(), 20u);
  ASSERT_OK_AND_ASSIGN(const Plan again, PlanFromJson(PlanToJson(plan)));
  EXPECT_EQ(PlanToJson(again), PlanToJson(plan));
  const auto refuses = [](const std::string& text, const char* why) {
    EXPECT_THAT(ParsePlanToml(text, "plan.toml"),
                StatusIs(absl::StatusCode::kInvalidArgument, why));
  };
  refuses(Replace(PlanWithEvents(), "time = \"asked_at\"\n", ""),
          "label must have a time: purchases is a table of events");
  refuses(Replace(PlanWithEvents(), "aggregate = \"sum\"\n", ""), "aggregate is missing");
  refuses(Replace(PlanWithEvents(), "time = \"at\"\n", ""), "aggregate is not a key");
  refuses(Replace(PlanWithEvents(), "kind = \"events\"\nlast = 8", "kind = \"categorical\""),
          "kind must be numeric or events in a table with a time");
  refuses(
      Replace(PlanWithEvents(), "aggregate = \"recency\"", "aggregate = \"sum\"\nwindow_days = 30"),
      "\"purchases.amount\" is given twice");
}

TEST(PlanToml, BandsAreInThePlanWhereTheyAreGiven) {
  ASSERT_OK_AND_ASSIGN(const Plan one, ParsePlanToml(kExamplePlan, "plan.toml"));
  EXPECT_EQ(PlanToJson(one).find("bands"), std::string::npos) << "plans without keep their hash";
  const auto with = [](const char* more) {
    return ParsePlanToml(
        Replace(kExamplePlan, "steps = 600\n", std::string("steps = 600\n") + more), "plan.toml");
  };
  ASSERT_OK_AND_ASSIGN(const Plan plan, with("bands = 8\n"));
  EXPECT_EQ(plan.training.bands, 8u);
  EXPECT_NE(PlanToJson(plan).find("\"bands\":8"), std::string::npos);
  ASSERT_OK_AND_ASSIGN(const Plan back, PlanFromJson(PlanToJson(plan)));
  EXPECT_EQ(back.training.bands, 8u);
  EXPECT_EQ(WithoutPrivacy(plan).training.bands, 1u);
  EXPECT_THAT(with("bands = 0\n"),
              StatusIs(absl::StatusCode::kInvalidArgument, "training.bands is 0, must be 1 to 64"));
  EXPECT_THAT(with("bands = 11\n"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "bands is 11: times sampling_rate 1/10 it must be at most 1"));
  EXPECT_THAT(with("bands = 65\n"), StatusIs(absl::StatusCode::kInvalidArgument, "bands is 65"));
}

TEST(PlanToml, LocalModeHasItsOwnKeys) {
  const std::string local = Replace(kExamplePlan, "mode = \"distributed\"",
                                    "mode = \"local\"\nlocal_steps = 10\nupdate_clamp = \"0.5\"");
  ASSERT_OK_AND_ASSIGN(const Plan plan, ParsePlanToml(local, "plan.toml"));
  EXPECT_OK(CheckRunnable(plan));
  EXPECT_EQ(plan.training.local_steps, 10u);
  EXPECT_EQ(plan.training.update_clamp, Exactly(1, 2));
  ASSERT_OK_AND_ASSIGN(const Plan back, PlanFromJson(PlanToJson(plan)));
  EXPECT_EQ(PlanToJson(back), PlanToJson(plan));
  EXPECT_EQ(WithoutPrivacy(plan).training.steps, plan.training.steps)
      << "[nonprivate] is for steps of all together";
  const auto refuses = [&](const std::string& text, const char* why) {
    EXPECT_THAT(ParsePlanToml(text, "plan.toml"),
                StatusIs(absl::StatusCode::kInvalidArgument, why));
  };
  refuses(Replace(local, "local_steps = 10\n", ""), "training.local_steps is missing");
  refuses(Replace(local, "update_clamp = \"0.5\"", "update_clamp = \"0\""), "update_clamp");
  refuses(Replace(local, "local_steps = 10\n", "local_steps = 10\nbands = 2\n"),
          "training.bands is not a key");
  refuses(Replace(kExamplePlan, "steps = 600\n", "steps = 600\nlocal_steps = 2\n"),
          "training.local_steps is not a key");
}

std::string PlanOf(std::string_view task, std::string_view label) {
  return Replace(Replace(kExamplePlan, "task = \"binary\"", absl::StrFormat("task = \"%s\"", task)),
                 "column = \"labels.label\"\nkind = \"binary\"\n",
                 absl::StrFormat("column = \"labels.label\"\n%s", label));
}

TEST(Plan, ClassesAreNamedAndBecomeOutputs) {
  const std::string text =
      PlanOf("multi_class", "kind = \"class\"\nvalues = [\"a\", \"b c\", \"d\"]\n");
  const absl::StatusOr<Plan> plan = ParsePlanToml(text, "p");
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_EQ(plan->outputs(), 3u);
  EXPECT_EQ(LayoutOf(*plan).layers().back().out, 3u);
  EXPECT_EQ(HeadsOf(*plan).front().loss, Loss::kSoftmax);
  EXPECT_TRUE(CheckRunnable(*plan).ok());
  EXPECT_TRUE(PlanFromJson(PlanToJson(*plan)).ok());
  const auto refuses = [&](std::string_view from, std::string_view to, const char* why) {
    EXPECT_THAT(ParsePlanToml(Replace(text, from, to), "p"),
                StatusIs(absl::StatusCode::kInvalidArgument, why));
  };
  refuses("\"d\"", "\"a\"", "label.values names \"a\" twice");
  refuses("[\"a\", \"b c\", \"d\"]", "[\"a\"]", "values");
  refuses("multi_class", "regression", "label.kind does not fit the task");
  refuses("[model]", "[evaluation]\nshare = \"1\"\nnothing = 1\n[model]", "nothing");
  EXPECT_THAT(CheckRunnable(*ParsePlanToml(
                  Replace(text, "[model]", "[evaluation]\nshare = \"1\"\n[model]"), "p")),
              StatusIs(absl::StatusCode::kFailedPrecondition, "evaluation"));
}

TEST(Plan, ValuesHavePublicBounds) {
  const std::string text =
      PlanOf("regression", "kind = \"value\"\nlo = 0\nhi = 1000\nlog = true\nhuber = \"0.5\"\n");
  const absl::StatusOr<Plan> plan = ParsePlanToml(text, "p");
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_EQ(HeadsOf(*plan).front().loss, Loss::kHuber);
  EXPECT_EQ(HeadsOf(*plan).front().huber, 0.5);
  EXPECT_TRUE(CheckRunnable(*plan).ok());
  EXPECT_TRUE(PlanFromJson(PlanToJson(*plan)).ok());
  const auto refuses = [&](std::string_view from, std::string_view to, const char* why) {
    EXPECT_THAT(ParsePlanToml(Replace(text, from, to), "p"),
                StatusIs(absl::StatusCode::kInvalidArgument, why));
  };
  refuses("hi = 1000", "hi = 0", "label.lo must be below hi");
  refuses("hi = 1000\n", "", "label.hi is missing");
  refuses("huber = \"0.5\"", "huber = \"0\"", "label.huber");
}

SmallPlan Merchants() {
  SmallPlan small;
  small.merchant_steps = 3;
  small.statistics = false;
  return small;
}

TEST(MerchantPlan, RoundTripsAndSaysWhatItLacks) {
  ASSERT_OK_AND_ASSIGN(const Plan plan, ParsePlanToml(SmallPlanToml(Merchants()), "small.toml"));
  EXPECT_EQ(plan.training.merchant.expected_merchants, 5u);
  EXPECT_EQ(plan.training.merchant.quantile, Exactly(1, 2));
  EXPECT_OK(CheckRunnable(plan));
  ASSERT_OK_AND_ASSIGN(const Plan again, PlanFromJson(PlanToJson(plan)));
  EXPECT_EQ(PlanSha256(again), PlanSha256(plan));
  const auto refuses = [](SmallPlan small, const std::string& from, const std::string& to,
                          std::string_view what) {
    std::string text = SmallPlanToml(small);
    const std::size_t at = text.find(from);
    ASSERT_NE(at, std::string::npos);
    EXPECT_THAT(ParsePlanToml(text.replace(at, from.size(), to), "small.toml"),
                StatusIs(absl::StatusCode::kInvalidArgument, std::string(what)));
  };
  refuses(Merchants(), "initial_clip = \"1\"\n", "", "training.initial_clip is missing");
  refuses(Merchants(), "expected_merchants = 5\n", "", "training.expected_merchants is missing");
  refuses(Merchants(), "expected_merchants = 5", "expected_merchants = 2", "expected_merchants");
  refuses(Merchants(), "bit_noise = \"2\"", "clip_quantile = \"1\"", "training.clip_quantile");
  SmallPlan both = Merchants();
  both.statistics = true;
  refuses(both, "name", "name", "statistics_share 0 in merchant mode");
  both = Merchants();
  both.evaluation_attempts = 1;
  refuses(both, "name", "name", "must be left out in merchant mode");
}

TEST(QuantilePlan, RoundTripsAndNeedsAShare) {
  SmallPlan small;
  small.quantile_bins = 16;
  ASSERT_OK_AND_ASSIGN(const Plan plan, ParsePlanToml(SmallPlanToml(small), "small.toml"));
  EXPECT_EQ(plan.statistics.bins, 16u);
  ASSERT_OK_AND_ASSIGN(const Plan again, PlanFromJson(PlanToJson(plan)));
  EXPECT_EQ(PlanSha256(again), PlanSha256(plan));
  EXPECT_NE(PlanSha256(plan), PlanSha256(MakeSmallPlan())) << "without: no section";
  small.statistics = false;
  EXPECT_THAT(ParsePlanToml(SmallPlanToml(small), "small.toml"),
              StatusIs(absl::StatusCode::kInvalidArgument, "statistics_share is 0"));
  small.statistics = true;
  small.quantile_bins = 3;
  EXPECT_THAT(ParsePlanToml(SmallPlanToml(small), "small.toml"),
              StatusIs(absl::StatusCode::kInvalidArgument, "statistics.bins"));
}

TEST(Plan, DropoutAndLayerNormTravelAndReachTheLayout) {
  std::string text = kExamplePlan;
  const std::string plain = "dropout = \"0\"";
  text.replace(text.find(plain), plain.size(), "dropout = \"0.25\"\nnormalisation = \"layer\"");
  ASSERT_OK_AND_ASSIGN(const Plan plan, ParsePlanToml(text, "plan.toml"));
  EXPECT_EQ(plan.network.dropout, Exactly(1, 4));
  EXPECT_TRUE(LayoutOf(plan).layer_norm());
  ASSERT_OK_AND_ASSIGN(const Plan again, PlanFromJson(PlanToJson(plan)));
  EXPECT_EQ(PlanSha256(again), PlanSha256(plan));
  ASSERT_OK_AND_ASSIGN(Plan before, ParsePlanToml(kExamplePlan, "plan.toml"));
  EXPECT_FALSE(LayoutOf(before).layer_norm());
  EXPECT_EQ(PlanToJson(before).find("normalisation"), std::string::npos) << "hashes stay";
  before.network = plan.network;
  EXPECT_EQ(PlanSha256(before), PlanSha256(plan));
  text.replace(text.find("\"layer\""), 7, "\"batch\"");
  EXPECT_THAT(ParsePlanToml(text, "plan.toml"),
              StatusIs(absl::StatusCode::kInvalidArgument, "normalisation"));
}

TEST(Plan, AnItemOfACatalogueIsLearntBySampledSoftmax) {
  const std::string label = "kind = \"class\"\nvalues = [\"a\", \"b\", \"c\"]\n";
  const std::string text = PlanOf("recommend", label + "negatives = 2\n");
  ASSERT_OK_AND_ASSIGN(const Plan plan, ParsePlanToml(text, "p"));
  EXPECT_OK(CheckRunnable(plan));
  EXPECT_EQ(HeadsOf(plan).front().loss, Loss::kSoftmax);
  EXPECT_EQ(HeadsOf(plan).front().negatives, 2u);
  ASSERT_OK_AND_ASSIGN(const Plan again, PlanFromJson(PlanToJson(plan)));
  EXPECT_EQ(PlanSha256(again), PlanSha256(plan));
  ASSERT_OK_AND_ASSIGN(const Plan whole, ParsePlanToml(PlanOf("recommend", label), "p"));
  EXPECT_EQ(HeadsOf(whole).front().negatives, 0u);
  EXPECT_NE(PlanSha256(whole), PlanSha256(plan));
  const auto code = absl::StatusCode::kInvalidArgument;
  EXPECT_THAT(ParsePlanToml(PlanOf("recommend", label + "negatives = 3\n"), "p"),
              StatusIs(code, "negatives"));
  EXPECT_THAT(ParsePlanToml(PlanOf("multi_class", label + "negatives = 2\n"), "p"),
              StatusIs(code, "negatives"));
  EXPECT_THAT(ParsePlanToml(PlanOf("recommend", "kind = \"binary\"\n"), "p"),
              StatusIs(code, "does not fit the task"));
}

TEST(Plan, ItemsMayHaveAttributes) {
  const std::string label = "kind = \"class\"\nvalues = [\"a\", \"b.c\", \"d\"]\n";
  const std::string items =
      "items = [{ value = \"b.c\", attributes = [\"shoe\"] }, { value = \"a\", attributes = "
      "[\"red\", \"shoe\"] }, { value = \"d\", attributes = [\"hat\"] }]\n";
  const std::string text = PlanOf("recommend", label + items);
  ASSERT_OK_AND_ASSIGN(const Plan plan, ParsePlanToml(text, "p"));
  EXPECT_OK(CheckRunnable(plan));
  EXPECT_EQ(plan.label.attributes[1], (std::vector<std::string>{"shoe"}));
  const Layout layout = LayoutOf(plan);
  EXPECT_EQ(layout.outputs(), 3u);
  EXPECT_EQ(layout.layers().back().out, 3u) << "red, shoe, hat";
  ASSERT_OK_AND_ASSIGN(const Plan again, PlanFromJson(PlanToJson(plan)));
  EXPECT_EQ(PlanSha256(again), PlanSha256(plan));
  EXPECT_EQ(again.label.attributes, plan.label.attributes);
  ASSERT_OK_AND_ASSIGN(const Plan without, ParsePlanToml(PlanOf("recommend", label), "p"));
  EXPECT_EQ(PlanToJson(without).find("items"), std::string::npos) << "such plans keep their hash";
  const auto refused = [&](const std::string& from, const std::string& to, const char* message) {
    std::string other = text;
    other.replace(other.find(from), from.size(), to);
    EXPECT_THAT(ParsePlanToml(other, "p"), StatusIs(absl::StatusCode::kInvalidArgument, message))
        << to;
  };
  refused("{ value = \"d\", attributes = [\"hat\"] }", "", "nothing of the value \"d\"");
  refused("value = \"d\"", "value = \"a\"", "once");
  refused("value = \"d\"", "value = \"e\"", "must be one of label.values");
  refused("[\"hat\"]", "[]", "1 to 16 texts");
  refused("[\"hat\"]", "[\"hat\", \"hat\"]", "twice");
  refused("attributes = [\"hat\"]", "attributes = [\"hat\"], more = 1", "not a key");
  EXPECT_THAT(ParsePlanToml(PlanOf("multi_class", label + items), "p"),
              StatusIs(absl::StatusCode::kInvalidArgument, "items"));
  Plan other = plan;
  other.heads.emplace_back();
  EXPECT_THAT(CheckRunnable(other), StatusIs(absl::StatusCode::kFailedPrecondition, "[[head]]"));
}

TEST(Plan, ActionsAreLearntFromRewards) {
  const std::string label = "kind = \"class\"\nvalues = [\"a\", \"b\", \"c\"]\ntime = \"day\"\n";
  const std::string section =
      "[q_learning]\nreward = \"paid\"\nlo = -1\nhi = 20\ndiscount = \"0.9\"\nhuber = "
      "\"0.5\"\ntarget_every = 7\n";
  const std::string text = PlanOf("q_learning", label) + section;
  ASSERT_OK_AND_ASSIGN(const Plan plan, ParsePlanToml(text, "p"));
  EXPECT_OK(CheckRunnable(plan));
  EXPECT_EQ(plan.q_learning->scale(), 20);
  const Head head = HeadsOf(plan).front();
  EXPECT_EQ(head.loss, Loss::kTemporal);
  EXPECT_EQ(head.outputs, 3u);
  EXPECT_EQ(head.discount, 0.9);
  EXPECT_EQ(head.huber, 0.5);
  EXPECT_EQ(head.target_every, 7u);
  ASSERT_OK_AND_ASSIGN(const Plan again, PlanFromJson(PlanToJson(plan)));
  EXPECT_EQ(PlanSha256(again), PlanSha256(plan));
  const auto refused = [&](const std::string& from, const std::string& to,
                           const std::string& message) {
    std::string other = text;
    other.replace(other.find(from), from.size(), to);
    EXPECT_THAT(ParsePlanToml(other, "p"), StatusIs(absl::StatusCode::kInvalidArgument, message))
        << to;
  };
  EXPECT_EQ(PlanToJson(plan).find("propensity"), std::string::npos)
      << "plans without it keep their hash";
  ASSERT_OK_AND_ASSIGN(const Plan logged, ParsePlanToml(text + "propensity = \"chance\"\n", "p"));
  EXPECT_EQ(logged.q_learning->propensity, "chance");
  EXPECT_EQ(PlanFromJson(PlanToJson(logged))->q_learning->propensity, "chance");
  refused("reward = \"paid\"", "reward = \"paid\"\npropensity = \"paid\"", "propensity");
  refused("reward = \"paid\"", "reward = \"paid\"\npropensity = \"label\"", "propensity");
  refused(section, "", "q_learning");
  refused("discount = \"0.9\"", "discount = \"1\"", "discount");
  refused("reward = \"paid\"", "reward = \"label\"", "is the label");
  refused("time = \"day\"\n", "", "must have a time");
  refused("hi = 20", "hi = -2", "lo");
  refused("target_every = 7", "target_every = 0", "target_every");
  refused("\"q_learning\"", "\"multi_class\"", "q_learning");
}

// A small plan of segments over t.a, t.b and t.c.
std::string SegmentsPlan(const std::string& section) {
  const std::string text = SmallPlanToml({});
  const std::size_t categorical = text.find("[[feature]]\ncolumn = \"t.d\"");
  std::string out = text.substr(0, categorical) + section + text.substr(text.find("[training]"));
  return Replace(std::move(out), "task = \"binary\"", "task = \"segments\"");
}

TEST(Plan, SegmentsHaveCentresInPlaceOfALabelAndAModel) {
  const std::string section = "[segments]\ntable = \"t\"\ncount = 5\ntime = \"day\"\n";
  const std::string text = SegmentsPlan(section);
  ASSERT_OK_AND_ASSIGN(const Plan plan, ParsePlanToml(text, "p"));
  EXPECT_OK(CheckRunnable(plan));
  EXPECT_EQ(plan.task, Task::kSegments);
  EXPECT_EQ(plan.label.table, "t");
  EXPECT_EQ(plan.label.time, "day");
  EXPECT_EQ(plan.outputs(), 5u);
  const Heads heads = HeadsOf(plan);
  ASSERT_EQ(heads.size(), 1u);
  EXPECT_EQ(heads.front().loss, Loss::kCentres);
  EXPECT_EQ(heads.front().outputs, 5u);
  const Layout layout = LayoutOf(plan);
  ASSERT_EQ(layout.layers().size(), 1u);
  EXPECT_EQ(layout.layers().front().in, plan.numeric_inputs());
  EXPECT_EQ(layout.layers().front().out, 5u);
  ASSERT_OK_AND_ASSIGN(const Plan again, PlanFromJson(PlanToJson(plan)));
  EXPECT_EQ(PlanSha256(again), PlanSha256(plan));
  const std::string json = PlanToJson(plan);
  EXPECT_EQ(json.find("\"label\""), std::string::npos);
  EXPECT_EQ(json.find("\"model\""), std::string::npos);
  EXPECT_NE(json.find("\"segments\":{\"count\":5,\"table\":\"t\",\"time\":\"day\"}"),
            std::string::npos);
}

TEST(Plan, SegmentsRefuseWhatTheyDoNotHave) {
  const std::string section = "[segments]\ntable = \"t\"\ncount = 5\n";
  const auto invalid = absl::StatusCode::kInvalidArgument;
  const auto refused = [&](const std::string& text, const char* message) {
    EXPECT_THAT(ParsePlanToml(text, "p"), StatusIs(invalid, message)) << text;
  };
  refused(SegmentsPlan(""), "segments is missing");
  refused(SegmentsPlan("[segments]\ntable = \"t\"\ncount = 1\n"), "segments.count is 1");
  refused(SegmentsPlan("[segments]\ntable = \"t\"\ncount = 257\n"), "segments.count is 257");
  refused(SegmentsPlan("[segments]\ntable = \"u\"\ncount = 5\n"), "no [[table]] of that name");
  refused(SegmentsPlan(section + "label = \"x\"\n"), "segments.label");
  refused(SegmentsPlan(section + "[label]\ncolumn = \"t.y\"\nkind = \"binary\"\n"),
          "label is given, but task \"segments\" has none");
  refused(SegmentsPlan(section + "[model]\nhidden = [4]\n"),
          "model is given, but task \"segments\" has none");
  refused(SegmentsPlan(section + "[[head]]\ncolumn = \"t.y\"\nkind = \"binary\"\n"),
          "head is given, but task \"segments\" has none");
  refused(SegmentsPlan(section + "[q_learning]\nreward = \"paid\"\n"), "q_learning");
  refused(SmallPlanToml({}) + section, "segments");
}

TEST(Plan, SegmentsOfOtherModesAndFeaturesCannotRun) {
  const auto cannot = absl::StatusCode::kFailedPrecondition;
  ASSERT_OK_AND_ASSIGN(const Plan plan,
                       ParsePlanToml(SegmentsPlan("[segments]\ntable = \"t\"\ncount = 5\n"), "p"));
  Plan other = plan;
  other.training.mode = Mode::kLocal;
  EXPECT_THAT(CheckRunnable(other), StatusIs(cannot, "training.mode \"distributed\""));
  other.training.mode = Mode::kMerchant;
  EXPECT_THAT(CheckRunnable(other), StatusIs(cannot, "training.mode \"distributed\""));
  for (const FeatureKind kind :
       {FeatureKind::kCategorical, FeatureKind::kText, FeatureKind::kEvents}) {
    other = plan;
    other.features.back().kind = kind;
    EXPECT_THAT(CheckRunnable(other), StatusIs(cannot, "is not numeric"));
  }
  other = plan;
  other.evaluation.emplace();
  EXPECT_THAT(CheckRunnable(other), StatusIs(cannot, "evaluation"));
}

TEST(Plan, SideHeadsAddOutputsAndLossesToOneTrunk) {
  const std::string heads =
      "[[head]]\ncolumn = \"t.kind\"\nkind = \"class\"\nvalues = [\"a\", \"b\", \"c\"]\nweight = "
      "\"0.5\"\n"
      "[[head]]\ncolumn = \"t.spent\"\nkind = \"value\"\nlo = 0\nhi = 10\nhuber = \"0.25\"\n";
  const std::string text = SmallPlanToml({}) + heads;
  ASSERT_OK_AND_ASSIGN(const Plan plan, ParsePlanToml(text, "plan.toml"));
  EXPECT_OK(CheckRunnable(plan));
  EXPECT_EQ(plan.outputs(), 1u);
  EXPECT_EQ(plan.model_outputs(), 5u);
  EXPECT_EQ(LayoutOf(plan).layers().back().out, 5u);
  const Heads made = HeadsOf(plan);
  ASSERT_EQ(made.size(), 3u);
  EXPECT_EQ(made[0].loss, Loss::kLogistic);
  EXPECT_EQ(made[1].loss, Loss::kSoftmax);
  EXPECT_EQ(made[1].outputs, 3u);
  EXPECT_EQ(made[1].weight, 0.5);
  EXPECT_EQ(made[2].loss, Loss::kHuber);
  EXPECT_EQ(made[2].huber, 0.25);
  ASSERT_OK_AND_ASSIGN(const Plan again, PlanFromJson(PlanToJson(plan)));
  EXPECT_EQ(PlanSha256(again), PlanSha256(plan));
  EXPECT_EQ(PlanToJson(MakeSmallPlan()).find("\"head\""), std::string::npos) << "hashes stay";
  const auto refused = [&](std::string_view from, std::string_view to, const char* message) {
    std::string other = text;
    other.replace(other.find(from), from.size(), to);
    EXPECT_THAT(ParsePlanToml(other, "plan.toml"),
                StatusIs(absl::StatusCode::kInvalidArgument, message));
  };
  refused("t.kind", "t.y", "another label too");
  refused("t.kind", "t.spent", "another label too");
  refused("t.kind", "t.a", "a feature");
  refused("t.kind", "u.kind", "no [[table]]");
  refused("weight = \"0.5\"", "weight = \"0\"", "weight");
  refused("weight = \"0.5\"", "mass = \"1\"", "mass");
}

TEST(CheckRunnable, RefusesWhatThisVersionCannotTrain) {
  ASSERT_OK_AND_ASSIGN(const Plan plan, ParsePlanToml(kExamplePlan, "plan.toml"));
  Plan other = plan;
  other.task = Task::kMultiTask;
  EXPECT_THAT(CheckRunnable(other),
              StatusIs(absl::StatusCode::kFailedPrecondition, "task \"multi_task\""));
  other = plan;
  other.q_learning.emplace();
  other.training.mode = Mode::kLocal;
  EXPECT_THAT(CheckRunnable(other),
              StatusIs(absl::StatusCode::kFailedPrecondition, "\"distributed\""));
  other = plan;
  other.network.dropout = Exactly(1, 2);
  other.network.layer_norm = true;
  EXPECT_OK(CheckRunnable(other));
  other.network.hidden.clear();
  EXPECT_THAT(CheckRunnable(other),
              StatusIs(absl::StatusCode::kFailedPrecondition, "and there are none"));
}

TEST(ExamplePlans, AllParseRoundTripAndRun) {
  for (const char* name :
       {"online_shoppers", "adult", "womens_clothing", "synthetic_shops", "online_shoppers_visitor",
        "online_shoppers_duration", "online_shoppers_bands", "online_shoppers_local",
        "online_shoppers_regularised", "online_shoppers_heads", "synthetic_shops_next",
        "synthetic_shops_offers", "synthetic_shops_catalogue", "synthetic_shops_segments",
        "adult_groups"}) {
    ASSERT_OK_AND_ASSIGN(const Plan plan,
                         ReadPlanFile(absl::StrFormat("deploy/examples/%s.toml", name)));
    EXPECT_OK(CheckRunnable(plan)) << name;
    EXPECT_OK(PlanFromJson(PlanToJson(plan))) << name;
  }
}

TEST(ExamplePlans, HaveTheInputsOfTheReference) {
  for (const auto& [name, numeric, inputs] : {std::tuple{"online_shoppers", 9u, 181u},
                                              {"adult", 5u, 281u},
                                              {"womens_clothing", 2u, 82u}}) {
    ASSERT_OK_AND_ASSIGN(const Plan plan,
                         ReadPlanFile(absl::StrFormat("deploy/examples/%s.toml", name)));
    EXPECT_EQ(plan.numeric_inputs(), numeric) << name;
    EXPECT_EQ(plan.numeric_inputs() + plan.one_hot_inputs(), inputs) << name;
  }
}

TEST(ReadPlanFile, NamesAFileThatIsNotThere) {
  EXPECT_THAT(ReadPlanFile("no/such/plan.toml"),
              StatusIs(absl::StatusCode::kNotFound, "no/such/plan.toml"));
}

}  // namespace
}  // namespace veilsum::model
