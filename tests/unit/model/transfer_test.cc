#include "model/transfer.h"

#include <limits>

#include "model/contract/privacy_terms.h"
#include "model/init.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/model/plan/text.h"
#include "tests/unit/model/small_plan.h"

namespace veilsum::model {
namespace {

using testing::Each;

// With a text that has a bag, and one with a direct path.
std::string TransferToml(const SmallPlan& small = {}) {
  return Replace(SmallPlanToml(small), "[label]",
                 "[[feature]]\ncolumn = \"t.e\"\nkind = \"text\"\nngrams = 1\nbuckets = 16\n"
                 "max_terms = 4\nwidth = 3\n"
                 "[[feature]]\ncolumn = \"t.f\"\nkind = \"text\"\nngrams = 1\nbuckets = 8\n"
                 "max_terms = 5\ndirect = true\n[label]");
}

Plan TransferPlan(std::string_view from = "", std::string_view to = "",
                  const SmallPlan& small = {}) {
  const absl::StatusOr<Plan> plan =
      ParsePlanToml(Replace(TransferToml(small), from, to), "transfer.toml");
  EXPECT_OK(plan);
  return *plan;
}

// No two numbers alike, none of them a seed's.
ModelVector EarlierModel(const Plan& plan) {
  ModelVector model(LayoutOf(plan).size());
  for (std::size_t i = 0; i < model.size(); ++i) model[i] = 100.0f + static_cast<float>(i);
  return model;
}

std::vector<float> Part(const Layout& layout, const ModelVector& model, std::string_view name) {
  const auto tensor = std::ranges::find(layout.tensors(), name, &Tensor::name);
  EXPECT_NE(tensor, layout.tensors().end()) << name;
  const auto first = model.begin() + static_cast<std::ptrdiff_t>(tensor->offset);
  return {first, first + static_cast<std::ptrdiff_t>(tensor->size)};
}

TEST(StartFrom, TheSameQuestionGetsTheEarlierWeightsBitForBit) {
  const Plan earlier = TransferPlan();
  const ModelVector model = EarlierModel(earlier);
  EXPECT_EQ(StartFrom(earlier, model, earlier, 1).value(), model);
  // What training does with them may change: dropout, privacy.
  const Plan dropped = TransferPlan("hidden = [4]", "hidden = [4]\ndropout = \"0.5\""),
             stricter = TransferPlan("epsilon = \"8\"", "epsilon = \"2\"");
  for (const Plan& plan : {dropped, stricter})
    EXPECT_EQ(StartFrom(earlier, model, plan, 1).value(), model);
}

TEST(StartFrom, AnotherLabelGetsTheTrunkAndAFreshLastLayer) {
  const Plan earlier = TransferPlan(), plan = TransferPlan("t.y", "t.z");
  const Layout layout = LayoutOf(plan);
  const ModelVector model = EarlierModel(earlier), fresh = InitialModel(layout, 7, HeadsOf(plan));
  ASSERT_OK_AND_ASSIGN(const ModelVector started, StartFrom(earlier, model, plan, 7));
  for (const char* trunk :
       {"input.mean", "input.scale", "layers.0.weight", "layers.0.bias", "bags.0.weight"})
    EXPECT_EQ(Part(layout, started, trunk), Part(layout, model, trunk)) << trunk;
  for (const char* head : {"layers.1.weight", "layers.1.bias", "bags.1.weight"})
    EXPECT_EQ(Part(layout, started, head), Part(layout, fresh, head)) << head;
  EXPECT_NE(started, StartFrom(earlier, model, plan, 8).value());
}

TEST(StartFrom, HeadsOfOtherWidthsGetTheTrunkToo) {
  const Plan earlier = TransferPlan(),
             plan = TransferPlan("[model]",
                                 "[[head]]\ncolumn = \"t.z\"\nkind = \"class\"\nvalues = [\"u\", "
                                 "\"v\", \"w\"]\n[model]");
  const Layout layout = LayoutOf(plan), from = LayoutOf(earlier);
  ASSERT_NE(layout.size(), from.size());
  const ModelVector model = EarlierModel(earlier);
  ASSERT_OK_AND_ASSIGN(const ModelVector started, StartFrom(earlier, model, plan, 7));
  for (const char* trunk : {"input.scale", "layers.0.weight", "bags.0.weight"})
    EXPECT_EQ(Part(layout, started, trunk), Part(from, model, trunk)) << trunk;
  EXPECT_THAT(Part(layout, started, "layers.1.weight"), Each(testing::Lt(100.0f)));
  // And back: what four outputs have learnt together is a trunk for one.
  EXPECT_OK(StartFrom(plan, EarlierModel(plan), earlier, 7));
}

// Merchant mode's clip norm is published with the model and no weight of it.
TEST(StartFrom, AClipNormIsNotTakenOver) {
  SmallPlan small;
  small.merchant_steps = 2;
  small.statistics = false;
  const Plan earlier = TransferPlan("", "", small);
  const Layout layout = LayoutOf(earlier);
  ASSERT_TRUE(layout.clip_norm());
  ASSERT_OK_AND_ASSIGN(const ModelVector started,
                       StartFrom(earlier, EarlierModel(earlier), earlier, 1));
  EXPECT_EQ(started[*layout.clip_norm()], InitialModel(layout, 1)[*layout.clip_norm()]);
  EXPECT_EQ(started[layout.buffers()], EarlierModel(earlier)[layout.buffers()]);
}

struct Mismatch {
  const char* name;
  const char* from;
  const char* to;
  const char* complaint;
};
class StartFromRefuses : public testing::TestWithParam<Mismatch> {};
TEST_P(StartFromRefuses, NamingWhatDiffers) {
  const Plan earlier = TransferPlan(), plan = TransferPlan(GetParam().from, GetParam().to);
  EXPECT_THAT(StartFrom(earlier, EarlierModel(earlier), plan, 1),
              StatusIs(absl::StatusCode::kInvalidArgument, GetParam().complaint));
}
INSTANTIATE_TEST_SUITE_P(
    Plans, StartFromRefuses,
    testing::Values(
        Mismatch{"Column", "t.b", "t.q", "feature[2] is t.q, the earlier release has t.b"},
        Mismatch{"Bound", "column = \"t.c\"\nkind = \"numeric\"\nlo = -1",
                 "column = \"t.c\"\nkind = \"numeric\"\nlo = -2",
                 "feature[3], t.c, has other keys"},
        Mismatch{"Buckets", "buckets = 4", "buckets = 5", "feature[4], t.d, has other keys"},
        Mismatch{"More", "[label]",
                 "[[feature]]\ncolumn = \"t.g\"\nkind = \"numeric\"\nlo = 0\nhi = 1\n[label]",
                 "feature[7], t.g, is in this plan only"},
        Mismatch{"Fewer",
                 "[[feature]]\ncolumn = \"t.f\"\nkind = \"text\"\nngrams = 1\nbuckets = "
                 "8\nmax_terms = 5\ndirect = true\n",
                 "", "feature[6], t.f, is in the earlier release only"},
        Mismatch{"Hidden", "hidden = [4]", "hidden = [5]",
                 "model.hidden[1] is 5, the earlier release has 4"},
        Mismatch{"Depth", "hidden = [4]", "hidden = [4, 4]",
                 "model.hidden has 2 layers, the earlier release has 1"},
        Mismatch{"Normalisation", "hidden = [4]", "hidden = [4]\nnormalisation = \"layer\"",
                 "model.normalisation is not"},
        Mismatch{"Standardised", "statistics_share = \"0.2\"", "statistics_share = \"0\"",
                 "privacy.statistics_share is 0, and the earlier release's is 0.2"},
        Mismatch{"Unit", "[unit]\ncolumn = \"id\"", "[unit]\ncolumn = \"k\"",
                 "unit.column is \"k\", the earlier release has \"id\""},
        Mismatch{"Holdout", "mod = 5", "mod = 6", "holdout is not the earlier release's"}),
    [](const auto& of) { return of.param.name; });

TEST(StartFrom, ANumberThatIsNotFiniteIsRefused) {
  const Plan plan = TransferPlan();
  for (const float bad :
       {std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::infinity()}) {
    ModelVector model = EarlierModel(plan);
    model.back() = bad;
    EXPECT_THAT(StartFrom(plan, model, plan, 1),
                StatusIs(absl::StatusCode::kInvalidArgument, "not finite"));
  }
  ModelVector shorter = EarlierModel(plan);
  shorter.pop_back();
  EXPECT_THAT(StartFrom(plan, shorter, plan, 1),
              StatusIs(absl::StatusCode::kInvalidArgument, "numbers, must have"));
}

TEST(StartFrom, SE12_AModelWithoutNoiseIsNobodysStart) {
  const Plan open = WithoutPrivacy(TransferPlan());
  EXPECT_THAT(StartFrom(open, EarlierModel(open), TransferPlan(), 1),
              StatusIs(absl::StatusCode::kFailedPrecondition, "SE-12"));
  EXPECT_OK(StartFrom(TransferPlan(), EarlierModel(open), open, 1));  // the other way round is
}

TEST(StartFrom, AnotherLabelOfALinearModelLeavesNothingToTake) {
  const Plan earlier = MakeSmallPlan();
  const auto linear = [](std::string_view label) {
    std::string toml = Replace(SmallPlanToml({}), "hidden = [4]", "hidden = []");
    return ParsePlanToml(Replace(toml, "t.y", label), "linear.toml").value();
  };
  const Plan one = linear("t.y"), other = linear("t.z");
  EXPECT_EQ(StartFrom(one, EarlierModel(one), one, 1).value(), EarlierModel(one));
  EXPECT_THAT(StartFrom(one, EarlierModel(one), other, 1),
              StatusIs(absl::StatusCode::kInvalidArgument, "nothing comes before the last layer"));
}

constexpr const char* kDigest = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

TEST(PlanStart, IsPartOfThePlansNameAndOfNoOtherPlans) {
  const Plan plan = TransferPlan(),
             started = TransferPlan("hidden = [4]",
                                    std::string("hidden = [4]\nstart = \"") + kDigest + "\"");
  EXPECT_EQ(PlanToJson(plan).find("start"), std::string::npos);
  EXPECT_EQ(started.network.start, kDigest);
  EXPECT_NE(PlanSha256(started), PlanSha256(plan));
  EXPECT_EQ(LayoutOf(started).size(), LayoutOf(plan).size());
  ASSERT_OK_AND_ASSIGN(const Plan again, PlanFromJson(PlanToJson(started)));
  EXPECT_EQ(PlanToJson(again), PlanToJson(started));
  Plan without = again;
  without.network.start.clear();
  EXPECT_EQ(PlanToJson(without), PlanToJson(plan));
}

// As it was before the key was known.
TEST(PlanStart, APlanWithoutItKeepsItsHash) {
  EXPECT_EQ(HexEncode(PlanSha256(MakeSmallPlan())),
            "c6d555e402caee999e5f62e173d3596a9e7860728363b3d9ba6433e2bc2ca948");
}

TEST(PlanStart, OnlyADigestIsOne) {
  for (const char* bad : {"\"\"", "\"ab\"", "1",
                          "\"0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef\"",
                          "\"../../../../../../../../../../../../../../../../../../../../../../\""})
    EXPECT_THAT(ParsePlanToml(Replace(SmallPlanToml({}), "hidden = [4]",
                                      std::string("hidden = [4]\nstart = ") + bad),
                              "plan.toml"),
                StatusIs(absl::StatusCode::kInvalidArgument, "model.start must be"))
        << bad;
}

}  // namespace
}  // namespace veilsum::model
