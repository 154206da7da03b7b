// What a package says of private evaluation, read back by whoever compares two of them.
#include "model/release/score_histogram.h"

#include "tests/support/noisy_scores.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/model/release/sample.h"

namespace veilsum::release {
namespace {

using absl::StatusCode;

TEST(ScoreHistogram, ComesOutOfAPackageAsItWentIn) {
  const dp::ScoreHistogram histogram = NoisyScores(1, 1000, 1);
  ReleaseInput input = SampleInput();
  input.metrics["score_histogram"] = *ScoreHistogramJson(histogram);
  Files files = BuildPackage(input).value();
  ASSERT_OK(SignPackage(files, SampleSigner()));
  ASSERT_OK_AND_ASSIGN(const Release release, OpenPackage(files, SampleSigner().public_key()));
  ASSERT_OK_AND_ASSIGN(const dp::ScoreHistogram back, ScoreHistogramOf(release.metrics));
  EXPECT_EQ(back.cells, histogram.cells);
  EXPECT_EQ(back.noise_sigma, histogram.noise_sigma);
  EXPECT_EQ(back.grid.bins, histogram.grid.bins);
  EXPECT_EQ(back.grid.scale_log2, histogram.grid.scale_log2);
}

TEST(ScoreHistogram, OfAnotherFormIsRefused) {
  EXPECT_THAT(ScoreHistogramOf(Json::object()),
              StatusIs(StatusCode::kNotFound, "private evaluation"));
  const Json good = *ScoreHistogramJson(NoisyScores(1, 100, 1));
  const auto with = [&](const char* key, const Json& value) {
    Json changed = good;
    changed[key] = value;
    return ScoreHistogramOf({{"score_histogram", changed}}).status();
  };
  ASSERT_OK(ScoreHistogramOf({{"score_histogram", good}}));
  EXPECT_THAT(with("bins", 31), StatusIs(StatusCode::kInvalidArgument, "cells"));
  EXPECT_THAT(with("bins", -1), StatusIs(StatusCode::kInvalidArgument, "bins"));
  EXPECT_THAT(with("bins", "32"), StatusIs(StatusCode::kInvalidArgument, "score_histogram"));
  EXPECT_THAT(with("scale_log2", 41), StatusIs(StatusCode::kInvalidArgument, "scale_log2"));
  EXPECT_THAT(with("noise_sigma", "-1"), StatusIs(StatusCode::kInvalidArgument, "noise_sigma"));
  EXPECT_THAT(with("noise_sigma", "nan"), StatusIs(StatusCode::kInvalidArgument, "noise_sigma"));
  EXPECT_THAT(with("noise_sigma", "many"), StatusIs(StatusCode::kInvalidArgument, "decimal"));
  EXPECT_THAT(with("cells", Json::array()), StatusIs(StatusCode::kInvalidArgument, "cells"));
  EXPECT_THAT(ScoreHistogramOf({{"score_histogram", "none"}}),
              StatusIs(StatusCode::kInvalidArgument, "score_histogram"));
}

TEST(ScoreHistogram, IsLeftOutWhereACellIsBeyondCanonicalJson) {
  dp::ScoreHistogram histogram = NoisyScores(1, 100, 1);
  histogram.cells[3] = std::int64_t{1} << 53;
  EXPECT_EQ(ScoreHistogramJson(histogram), std::nullopt);
}

}  // namespace
}  // namespace veilsum::release
