#include "coordinator/strategy/strategy.h"

#include <cmath>
#include <cstring>
#include <random>

#include "tests/support/status_matchers.h"

namespace veilsum::coordinator {
namespace {

StrategyConfig Config(const std::string& optimizer, double averaging = 0) {
  return {.optimizer = optimizer,
          .learning_rate = 0.01,
          .momentum = 0.9,
          .averaging = averaging,
          .scale = 1024,
          .expected_batch = 100,
          .buffers = 2,
          .parameters = 5};
}

std::vector<std::int64_t> RandomSum(std::mt19937& rng) {
  std::vector<std::int64_t> sum(5);
  for (std::int64_t& x : sum) x = static_cast<std::int64_t>(rng() % 200001) - 100000;
  return sum;
}

TEST(Strategy, AdamFollowsItsFormulas) {
  ASSERT_OK_AND_ASSIGN(auto strategy, MakeStrategy(Config("adam")));
  model::ModelVector x = {7, 8, 0, 0, 0, 0, 0};
  double m[5] = {}, v[5] = {}, expected[5] = {};
  std::mt19937 rng(1);
  for (int t = 1; t <= 50; ++t) {
    const auto sum = RandomSum(rng);
    strategy->Step(x, sum);
    for (int i = 0; i < 5; ++i) {
      const double g = static_cast<double>(sum[i]) / 102400;
      m[i] = 0.9 * m[i] + 0.1 * g;
      v[i] = 0.999 * v[i] + 0.001 * g * g;
      expected[i] -= 0.01 * m[i] / (1 - std::pow(0.9, t)) /
                     (std::sqrt(v[i] / (1 - std::pow(0.999, t))) + 1e-8);
      EXPECT_NEAR(x[static_cast<std::size_t>(2 + i)], expected[i], 1e-5);
    }
  }
  EXPECT_EQ(x[0], 7);  // buffers are not trained
  EXPECT_EQ(x[1], 8);
  EXPECT_EQ(strategy->steps(), 50u);
}

TEST(Strategy, MomentumSgdFollowsItsFormulas) {
  ASSERT_OK_AND_ASSIGN(auto strategy, MakeStrategy(Config("sgd")));
  model::ModelVector x(7);
  double velocity = 0, expected = 0;
  for (int t = 0; t < 10; ++t) {
    strategy->Step(x, std::vector<std::int64_t>{1024, 0, 0, 0, -2048});
    velocity = 0.9 * velocity + 0.01;
    expected -= 0.01 * velocity;
  }
  EXPECT_NEAR(x[2], expected, 1e-6);
  EXPECT_NEAR(x[6], -2 * expected, 1e-6);
  EXPECT_EQ(x[3], 0);
}

// Reddi et al. 2021, algorithm 2, with v_0 = tau^2 and the signs of a gradient.
TEST(Strategy, YogiAndAdagradFollowTheirFormulas) {
  ASSERT_OK_AND_ASSIGN(auto yogi, MakeStrategy(Config("yogi")));
  ASSERT_OK_AND_ASSIGN(auto adagrad, MakeStrategy(Config("adagrad")));
  model::ModelVector x(7), y(7);
  double m[5] = {}, v[5], s[5], by_yogi[5] = {}, by_adagrad[5] = {};
  std::fill_n(v, 5, 1e-6);
  std::fill_n(s, 5, 1e-6);
  std::mt19937 rng(5);
  for (int t = 0; t < 50; ++t) {
    auto sum = RandomSum(rng);
    if (t > 25)
      for (std::int64_t& number : sum) number /= 100;  // so that second moments shrink too
    yogi->Step(x, sum);
    adagrad->Step(y, sum);
    for (int i = 0; i < 5; ++i) {
      const double g = static_cast<double>(sum[i]) / 102400;
      m[i] = 0.9 * m[i] + 0.1 * g;
      v[i] -= 0.01 * g * g * (v[i] > g * g ? 1 : -1);
      s[i] += g * g;
      by_yogi[i] -= 0.01 * m[i] / (std::sqrt(v[i]) + 1e-3);
      by_adagrad[i] -= 0.01 * g / (std::sqrt(s[i]) + 1e-3);
      EXPECT_NEAR(x[static_cast<std::size_t>(2 + i)], by_yogi[i], 1e-4);
      EXPECT_NEAR(y[static_cast<std::size_t>(2 + i)], by_adagrad[i], 1e-5);
    }
  }
}

TEST(Strategy, ThePenaltyIsPartOfEveryGradient) {
  StrategyConfig config = Config("sgd");
  config.momentum = 0;
  config.penalty = {.l1 = 1, .l2 = 2, .weights = {{0, 2}}};
  ASSERT_OK_AND_ASSIGN(auto strategy, MakeStrategy(config));
  model::ModelVector x = {7, 8, 1, -1, 1, 1, 1};
  strategy->Step(x, std::vector<std::int64_t>{102400, 0, 102400, 0, 0});
  EXPECT_FLOAT_EQ(x[2], 1 - 0.01f * (1 + 1 + 2));
  EXPECT_FLOAT_EQ(x[3], -1 + 0.01f * (1 + 2));
  EXPECT_FLOAT_EQ(x[4], 1 - 0.01f) << "outside of the weights";
  EXPECT_EQ(x[0], 7);
  const std::vector<double> nothing(5);
  strategy->StepBy(x, nothing);
  EXPECT_LT(x[2], 0.96f);
  EXPECT_EQ(nothing, std::vector<double>(5)) << "the caller's gradient is the caller's";
}

TEST(Strategy, AveragesIteratesWithBiasCorrection) {
  ASSERT_OK_AND_ASSIGN(auto strategy, MakeStrategy(Config("sgd", 0.5)));
  model::ModelVector x = {3, 4, 1, 1, 1, 1, 1};
  EXPECT_EQ(strategy->Averaged(x), x);
  std::mt19937 rng(2);
  double weighted = 0, weights = 0;
  for (int t = 0; t < 20; ++t) {
    strategy->Step(x, RandomSum(rng));
    weighted = 0.5 * weighted + x[4];
    weights = 0.5 * weights + 1;
  }
  const auto published = strategy->Averaged(x);
  EXPECT_NEAR(published[4], weighted / weights, 1e-6);
  EXPECT_NE(published[4], x[4]);
  EXPECT_EQ(published[0], 3);
}

TEST(Strategy, WithoutAveragingTheIterateIsPublished) {
  ASSERT_OK_AND_ASSIGN(auto strategy, MakeStrategy(Config("adam")));
  model::ModelVector x(7);
  std::mt19937 rng(2);
  strategy->Step(x, RandomSum(rng));
  EXPECT_EQ(strategy->Averaged(x), x);
}

TEST(Strategy, ARestoredStateContinuesBitForBit) {
  for (const char* optimizer : {"adam", "yogi", "adagrad", "sgd"}) {
    const auto config = Config(optimizer, 0.9);
    ASSERT_OK_AND_ASSIGN(auto original, MakeStrategy(config));
    model::ModelVector x(7, 0.1f);
    std::mt19937 rng(3);
    for (int t = 0; t < 7; ++t) original->Step(x, RandomSum(rng));
    const Bytes state = original->SaveState();
    ASSERT_OK_AND_ASSIGN(auto restored, MakeStrategy(config));
    ASSERT_OK(restored->LoadState(state));
    EXPECT_EQ(restored->SaveState(), state);
    EXPECT_EQ(restored->steps(), 7u);
    model::ModelVector y = x;
    for (int t = 0; t < 50; ++t) {
      const auto sum = RandomSum(rng);
      original->Step(x, sum);
      restored->Step(y, sum);
    }
    EXPECT_EQ(std::memcmp(x.data(), y.data(), x.size() * sizeof(float)), 0);
    EXPECT_EQ(original->Averaged(x), restored->Averaged(y));
    EXPECT_EQ(original->SaveState(), restored->SaveState());
  }
}

TEST(Strategy, RefusesForeignStatesAndKeepsItsOwn) {
  ASSERT_OK_AND_ASSIGN(auto adam, MakeStrategy(Config("adam", 0.9)));
  ASSERT_OK_AND_ASSIGN(auto sgd, MakeStrategy(Config("sgd", 0.9)));
  model::ModelVector x(7);
  std::mt19937 rng(4);
  adam->Step(x, RandomSum(rng));
  const Bytes good = adam->SaveState();
  const auto code = absl::StatusCode::kInvalidArgument;
  EXPECT_THAT(sgd->LoadState(good), StatusIs(code, "bytes"));
  ASSERT_OK_AND_ASSIGN(auto yogi, MakeStrategy(Config("yogi", 0.9)));
  EXPECT_THAT(yogi->LoadState(good), StatusIs(code, "optimiser 1, must be 3"));
  EXPECT_THAT(adam->LoadState({}), StatusIs(code, "version"));
  Bytes bad = good;
  bad[0] = 9;
  EXPECT_THAT(adam->LoadState(bad), StatusIs(code, "version"));
  bad = good;
  bad[1] = 2;
  EXPECT_THAT(adam->LoadState(bad), StatusIs(code, "optimiser"));
  bad = good;
  bad.pop_back();
  EXPECT_THAT(adam->LoadState(bad), StatusIs(code, "bytes"));
  bad = good;
  const double nan = NAN;
  std::memcpy(bad.data() + bad.size() - sizeof nan, &nan, sizeof nan);
  EXPECT_THAT(adam->LoadState(bad), StatusIs(code, "finite"));
  EXPECT_EQ(adam->SaveState(), good);
}

TEST(MakeStrategy, NamesTheSettingThatIsOutOfRange) {
  const auto code = absl::StatusCode::kInvalidArgument;
  StrategyConfig c = Config("adam");
  c.learning_rate = 0;
  EXPECT_THAT(MakeStrategy(c), StatusIs(code, "learning_rate"));
  c = Config("adam");
  c.averaging = 1;
  EXPECT_THAT(MakeStrategy(c), StatusIs(code, "averaging"));
  c = Config("adam");
  c.scale = 1000;
  EXPECT_THAT(MakeStrategy(c), StatusIs(code, "scale"));
  c = Config("adam");
  c.expected_batch = NAN;
  EXPECT_THAT(MakeStrategy(c), StatusIs(code, "expected_batch"));
  c = Config("lion");
  EXPECT_THAT(MakeStrategy(c), StatusIs(code, "optimizer is \"lion\""));
  c = Config("adam");
  c.penalty.proximal = 1;
  EXPECT_THAT(MakeStrategy(c), StatusIs(code, "penalty.proximal is 1, must be 0"));
}

}  // namespace
}  // namespace veilsum::coordinator
