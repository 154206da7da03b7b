#include "model/plan/plan_format.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/model/plan/text.h"

namespace veilsum::model {
namespace {

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
        Corruption{"Optimizer", "\"adam\"", "\"lion\"",
                   "training.optimizer must be one of: adam, yogi, adagrad, sgd"},
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

}  // namespace
}  // namespace veilsum::model
