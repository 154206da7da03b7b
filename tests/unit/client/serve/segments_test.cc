// Clusters worked out by hand, and segments of a released model's customers.
#include "client/serve/segments.h"

#include <sys/stat.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <random>
#include <sstream>

#include "base/file.h"
#include "client/serve/kmeans.h"
#include "model/mlp.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_folder.h"
#include "tests/unit/model/release/sample.h"

namespace veilsum::client {
namespace {

using absl::StatusCode;
using testing::ElementsAre;

TEST(KMeans, OfPointsOnALineIsWhatItIsByHand) {
  const std::vector<float> points = {10, 0, 1, 11, 2, 12, 1};
  ASSERT_OK_AND_ASSIGN(const Clusters found, KMeans(points, 1, {.k = 2}));
  EXPECT_THAT(found.of, ElementsAre(1, 0, 0, 1, 0, 1, 0)) << "the larger one first";
  EXPECT_NEAR(found.centres[0], 1, 1e-12);
  EXPECT_NEAR(found.centres[1], 11, 1e-12);
  EXPECT_NEAR(found.spread, 1 + 1 + 1 + 1, 1e-12);
  EXPECT_EQ(model::NearestCentre(std::vector<float>{6}, found.centres).cluster, 0u)
      << "of equals the first";
  EXPECT_EQ(model::NearestCentre(std::vector<float>{7}, found.centres).squared_distance, 16);
  ASSERT_OK_AND_ASSIGN(const Clusters one, KMeans(points, 1, {.k = 1}));
  EXPECT_NEAR(one.centres[0], 37.0 / 7, 1e-6);
  ASSERT_OK_AND_ASSIGN(const Clusters all, KMeans(points, 1, {.k = 6}));
  EXPECT_NEAR(all.spread, 0, 1e-12);
  EXPECT_THAT(KMeans(points, 1, {.k = 7}),
              StatusIs(StatusCode::kInvalidArgument, "fewer different"));
  EXPECT_THAT(KMeans(points, 2, {}), StatusIs(StatusCode::kInvalidArgument, "not rows of 2"));
  EXPECT_THAT(KMeans({}, 1, {}), StatusIs(StatusCode::kInvalidArgument, "not rows"));
  EXPECT_THAT(KMeans(std::vector<float>{1, NAN}, 1, {}),
              StatusIs(StatusCode::kInvalidArgument, "finite"));
  EXPECT_THAT(KMeans(points, 1, {.k = 0}), StatusIs(StatusCode::kInvalidArgument, "k is 0"));
}

// Five clouds of points, 10 apart and 1 wide.
std::vector<float> Clouds(std::size_t each, std::vector<std::size_t>& of) {
  std::mt19937_64 rng(11);
  const auto noise = [&] {
    double sum = -6;
    for (int i = 0; i < 12; ++i) sum += static_cast<double>(rng() >> 11) * 0x1p-53;
    return sum;
  };
  std::vector<float> out;
  for (std::size_t i = 0; i < 5 * each; ++i) {
    of.push_back(i % 5);
    out.push_back(static_cast<float>(10.0 * static_cast<double>(i % 5) + noise()));
    out.push_back(static_cast<float>((i % 5 == 2 ? 10 : 0) + noise()));
    out.push_back(static_cast<float>(noise()));
  }
  return out;
}

TEST(KMeans, FindsCloudsFromAnySeed) {
  std::vector<std::size_t> cloud;
  const std::vector<float> points = Clouds(40, cloud);
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    ASSERT_OK_AND_ASSIGN(const Clusters found, KMeans(points, 3, {.k = 5, .seed = seed}));
    std::map<std::size_t, std::size_t> cluster;
    for (std::size_t i = 0; i < cloud.size(); ++i)
      EXPECT_EQ(cluster.emplace(cloud[i], found.of[i]).first->second, found.of[i]);
    EXPECT_EQ(cluster.size(), 5u);
    ASSERT_OK_AND_ASSIGN(const Clusters again, KMeans(points, 3, {.k = 5, .seed = seed}));
    EXPECT_EQ(again.of, found.of);
    EXPECT_EQ(again.centres, found.centres);
  }
}

TEST(Silhouette, IsWhatItIsByHand) {
  const std::vector<float> points = {0, 2, 10, 14, 30};
  // 0: a 2, b 12. 2: a 2, b 10. 10: a 4, b 9. 14: a 4, b 13. 30 is alone.
  const double expected = (10.0 / 12 + 8.0 / 10 + 5.0 / 9 + 9.0 / 13 + 0) / 5;
  const std::vector<std::size_t> of = {0, 0, 1, 1, 2};
  ASSERT_OK_AND_ASSIGN(const double found, Silhouette(points, 1, of));
  EXPECT_NEAR(found, expected, 1e-12);
  EXPECT_THAT(Silhouette(points, 1, std::vector<std::size_t>(5, 0)),
              StatusIs(StatusCode::kInvalidArgument, "two clusters"));
  EXPECT_THAT(Silhouette(points, 1, std::vector<std::size_t>(5, 3)),
              StatusIs(StatusCode::kInvalidArgument, "two clusters"));
  EXPECT_THAT(Silhouette(points, 1, std::vector<std::size_t>(4)),
              StatusIs(StatusCode::kInvalidArgument, "5 points have 4"));
}

TEST(SegmentProfile, TellsWhatSetsASegmentApart) {
  model::Plan plan = release::SamplePlan();
  SegmentProfile profile(plan, 2);
  const auto add = [&](std::size_t segment, const std::string& a, float encoded,
                       const std::string& d) {
    profile.Add(segment, {"", {a, "0", "0", d, "words", "more"}, 1},
                std::vector<float>{encoded, 0, 0});
  };
  add(0, "1", 1, "red");
  add(0, "0.5", 0.5f, "red");
  add(1, "-0.5", -0.5f, "red");
  add(1, "-1", -1, "blue");
  const std::vector<Trait> traits = profile.Traits(0, 2);
  ASSERT_EQ(traits.size(), 2u);
  EXPECT_EQ(traits[0].feature, "t.a");
  EXPECT_NEAR(traits[0].effect, 0.75 / std::sqrt(0.625), 1e-6);
  EXPECT_NEAR(traits[0].all, 0, 1e-12);
  EXPECT_EQ(traits[1].feature, "t.d");
  EXPECT_NEAR(std::abs(traits[1].effect), 0.25 / std::sqrt(0.1875), 1e-9);
  EXPECT_EQ(traits[1].value, "blue") << "of equals the first";
  EXPECT_EQ(traits[1].segment, 0);
  EXPECT_EQ(traits[1].all, 0.25);
}

// ---- Of a released model

class Shop : public testing::Test {
 protected:
  static std::shared_ptr<const Predictor> Model(std::vector<std::size_t> hidden = {6, 4},
                                                bool of_items = false) {
    const release::ReleaseInput input = release::SampleInput(1);
    release::Release r{.manifest = input.facts,
                       .digest = {},
                       .privacy = input.privacy,
                       .plan = input.plan,
                       .layout = model::LayoutOf(input.plan),
                       .model = input.model};
    r.plan.network.hidden.assign(hidden.begin(), hidden.end());
    if (of_items) {
      r.plan.task = model::Task::kRecommend;
      r.plan.label.kind = model::LabelKind::kClass;
      r.plan.label.values = {"tea", "rum", "ale"};
    }
    r.layout = model::LayoutOf(r.plan);
    r.model = release::SampleModel(r.layout);
    return Predictor::Create(std::move(r)).value();
  }
  // Two kinds of customers, two thirds red and one third blue, all else nearly the same in a kind.
  std::string Write(std::size_t rows) const {
    std::string text = "id,a,b,c,d,e,f\n";
    for (std::size_t i = 0; i < rows; ++i) {
      const double jitter = 0.001 * static_cast<double>(i % 17);
      text += i % 3 == 0 ? absl::StrFormat("u%d,%g,0.9,0.5,blue,x y,good\n", i, 0.9 + jitter)
                         : absl::StrFormat("u%d,%g,-0.9,0.5,red,z,bad\n", i, jitter - 0.9);
    }
    folder_.Write("rows.csv", text);
    return Path("rows.csv");
  }
  std::string Path(const char* name) const { return (folder_.path() / name).string(); }
  const std::shared_ptr<const Predictor> predictor_ = Model();
  TempFolder folder_;
};

TEST_F(Shop, OfTwoKindsOfCustomersHasTwoSegments) {
  SegmentsQuestion question;
  question.data = Write(3000);
  question.out = Path("segments.csv");
  question.sample = 500;
  ASSERT_OK_AND_ASSIGN(const Segments found, FindSegments(*predictor_, question));
  EXPECT_EQ(found.rows, 3000u);
  EXPECT_EQ(found.sampled, 500u);
  EXPECT_EQ(found.width, 4u);
  ASSERT_EQ(found.segments.size(), 2u) << SegmentsText(question, found);
  EXPECT_GT(found.tried[0].silhouette, 0.9);
  EXPECT_EQ(found.segments[0].rows, 2000u);
  EXPECT_EQ(found.segments[1].rows, 1000u);
  bool blue = false;
  for (const Trait& trait : found.segments[1].traits)
    if (trait.value == "blue") {
      blue = true;
      EXPECT_EQ(trait.segment, 1);
      EXPECT_NEAR(trait.all, 1.0 / 3, 1e-12);
      EXPECT_NEAR(trait.effect, std::sqrt(2.0), 1e-9);
    }
  EXPECT_TRUE(blue) << SegmentsText(question, found);
  ASSERT_OK_AND_ASSIGN(const std::string text, ReadFile(question.out));
  std::istringstream lines(text);
  std::string line;
  std::getline(lines, line);
  EXPECT_EQ(line, "id,line,segment,distance");
  for (std::size_t i = 0; i < 3000; ++i) {
    ASSERT_TRUE(std::getline(lines, line));
    EXPECT_TRUE(line.starts_with(absl::StrFormat("u%d,%d,%d,", i, i + 2, i % 3 == 0 ? 2 : 1)))
        << line;
  }
  EXPECT_FALSE(std::getline(lines, line));
  struct stat facts {};
  ASSERT_EQ(stat(question.out.c_str(), &facts), 0);
  EXPECT_EQ(facts.st_mode & 0777, 0600u);
  ASSERT_OK_AND_ASSIGN(const Segments again, FindSegments(*predictor_, question));
  EXPECT_EQ(SegmentsJson(*predictor_, question, found), SegmentsJson(*predictor_, question, again));
  const auto json = nlohmann::json::parse(SegmentsJson(*predictor_, question, found));
  EXPECT_EQ(json["segments"][1]["rows"], 1000);
  EXPECT_EQ(json["k"], 2);
}

// Their vectors are the customers' tower; the item is the one of the highest mean probability.
TEST_F(Shop, OfItemsNamesWhatASegmentLikes) {
  const auto predictor = Model({6, 4}, true);
  SegmentsQuestion question;
  question.data = Write(300);
  question.k = 2;
  ASSERT_OK_AND_ASSIGN(const Segments found, FindSegments(*predictor, question));
  const RowEncoder& encoder = *predictor->encoder().value();
  model::Examples rows = encoder.Empty();
  const auto source = OpenRowSource(question.data, encoder.wanted(), "id").value();
  for (FlatRow row; source->Next(row).value();) ASSERT_OK(encoder.Append(row, "rows", rows));
  ASSERT_OK_AND_ASSIGN(const auto predictions, predictor->Predict(rows, false));
  std::vector<double> red(3);  // the larger segment's
  for (std::size_t i = 0; i < 300; ++i)
    for (std::size_t item = 0; item < 3 && i % 3 != 0; ++item)
      red[item] += predictions[i].probabilities[item] / 200;
  const auto best = std::ranges::max_element(red);
  EXPECT_EQ(found.segments[0].likeliest,
            predictor->plan().label.values[static_cast<std::size_t>(best - red.begin())]);
  EXPECT_NEAR(found.segments[0].score, *best, 1e-9);
}

TEST_F(Shop, GivesAsManySegmentsAsAskedFor) {
  SegmentsQuestion question;
  question.data = Write(300);
  for (const std::size_t k : {1, 3}) {
    question.k = k;
    ASSERT_OK_AND_ASSIGN(const Segments found, FindSegments(*predictor_, question));
    ASSERT_EQ(found.segments.size(), k);
    std::size_t rows = 0;
    for (const Segment& segment : found.segments) rows += segment.rows;
    EXPECT_EQ(rows, 300u);
  }
  EXPECT_FALSE(std::filesystem::exists(Path("segments.csv")));
}

TEST_F(Shop, ThatCannotBeSegmentedSaysWhy) {
  SegmentsQuestion question;
  question.data = "-";
  EXPECT_THAT(FindSegments(*predictor_, question),
              StatusIs(StatusCode::kInvalidArgument, "read twice"));
  question.data = folder_.path().string();
  EXPECT_THAT(FindSegments(*predictor_, question), StatusIs(StatusCode::kNotFound, "t.csv"));
  question.data = "/dev/null";
  EXPECT_THAT(FindSegments(*predictor_, question),
              StatusIs(StatusCode::kInvalidArgument, "read twice"));
  question.data = Write(300);
  EXPECT_THAT(FindSegments(*Model({}), question),
              StatusIs(StatusCode::kFailedPrecondition, "hidden layer"));
  question.out = question.data;
  EXPECT_THAT(FindSegments(*predictor_, question),
              StatusIs(StatusCode::kInvalidArgument, "--out is the data"));
  question.out = Path("no/such/folder");
  EXPECT_THAT(FindSegments(*predictor_, question), StatusIs(StatusCode::kUnavailable, "written"));
  question.out.clear();
  question.data = Write(0);
  EXPECT_THAT(FindSegments(*predictor_, question),
              StatusIs(StatusCode::kInvalidArgument, "no rows"));
  question.data = Write(1);
  EXPECT_THAT(FindSegments(*predictor_, question),
              StatusIs(StatusCode::kInvalidArgument, "fewer different"));
}

TEST_F(Shop, LeavesNoHalfFileBehind) {
  SegmentsQuestion question;
  std::string text;
  { std::ofstream(Write(2000), std::ios::app) << "short,row\n"; }
  question.data = Path("rows.csv");
  question.out = Path("segments.csv");
  EXPECT_THAT(FindSegments(*predictor_, question),
              StatusIs(StatusCode::kInvalidArgument, "fields"));
  std::size_t files = 0;
  for ([[maybe_unused]] const auto& file : std::filesystem::directory_iterator(folder_.path()))
    ++files;
  EXPECT_EQ(files, 1u);
}

}  // namespace
}  // namespace veilsum::client
