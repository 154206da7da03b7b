// A20: the shipped path is not refuted, and each of four defects is, by a margin. Fixed seeds; for
// fresh ones a correct build fails two games of three with probability at most 0.8 %.
#include "cli/dp/audit.h"

#include <algorithm>
#include <functional>
#include <sstream>

#include "tests/support/seeded_rng.h"
#include "tests/support/status_matchers.h"

namespace veilsum::cli {
namespace {

// The same key for every sum: what DP-12 forbids.
class FrozenRng final : public SecureRng {
 public:
  void Fill(std::span<std::uint8_t> out) override { std::fill(out.begin(), out.end(), 7); }
};

// Enough for everything but half the noise, which takes four times the work.
AuditSetup Small() {
  AuditSetup setup;
  setup.canaries = 2000;
  setup.steps = 200;
  return setup;
}

AuditResult Play(const AuditedPath& path, std::uint64_t seed, const AuditSetup& setup = Small()) {
  SeededRngForTests coins(seed), noise(seed + 1000);
  const absl::StatusOr<AuditResult> result = RunAudit(setup, path, coins, noise);
  EXPECT_OK(result);
  return result.value_or(AuditResult{});
}

TEST(AuditA20, TheShippedPathIsNotRefuted) {
  int refuted = 0;
  for (const std::uint64_t seed : {1, 2, 3}) {
    const AuditResult result = Play({}, seed);
    EXPECT_GT(result.claimed_epsilon, 0.5);
    EXPECT_LT(result.claimed_epsilon, 4);
    refuted += result.refuted();
  }
  EXPECT_LE(refuted, 1);
}

// Of three games two must refute the claim, as on the command line, and by `margin` times it. A
// hundred guesses, all of them right, show an epsilon of 3.00 and no more.
void ExpectCaught(const std::function<AuditResult(std::uint64_t seed)>& game, double margin) {
  int refuted = 0;
  for (const std::uint64_t seed : {4, 5, 6}) {
    const AuditResult result = game(seed);
    const double ratio = result.evidence.epsilon_lower_bound / result.claimed_epsilon;
    std::printf("seed %d: epsilon is at least %.2f, claimed %.2f (%s)\n", static_cast<int>(seed),
                result.evidence.epsilon_lower_bound, result.claimed_epsilon,
                result.evidence.score.c_str());
    refuted += ratio > margin;
  }
  EXPECT_GE(refuted, 2);
}

// The truth is epsilon = 13 at this setting, eight times the claim of 1.58. At a larger delta than
// the default's the claim is smaller by a fifth and the bound by a tenth.
TEST(AuditA20, HalfTheNoiseIsCaught) {
  AuditedPath path;
  path.noise_factor = 0.5;
  AuditSetup setup;
  setup.canaries = 4000;
  setup.delta = 1e-5;
  ExpectCaught([&](std::uint64_t seed) { return Play(path, seed, setup); }, 1.35);
}

TEST(AuditA20, NoClippingIsCaught) {
  AuditedPath path;
  path.clip_factor = 1000;
  AuditSetup setup = Small();
  setup.steps = 40;
  ExpectCaught([&](std::uint64_t seed) { return Play(path, seed, setup); }, 1.8);
}

TEST(AuditA20, NoSamplingIsCaught) {
  AuditedPath path;
  path.samples = false;
  AuditSetup setup = Small();
  setup.steps = 40;
  ExpectCaught([&](std::uint64_t seed) { return Play(path, seed, setup); }, 2);
}

TEST(AuditA20, ReusedNoiseIsCaught) {
  ExpectCaught(
      [](std::uint64_t seed) {
        SeededRngForTests coins(seed);
        FrozenRng noise;
        const AuditResult result = RunAudit(Small(), {}, coins, noise).value();
        EXPECT_EQ(result.evidence.score, "repetition");
        return result;
      },
      1.8);
}

TEST(Audit, OnTheCommandLine) {
  const auto run = [](const std::string& arguments, std::string& printed) {
    CLI::App app;
    std::ostringstream out, err;
    ExitCode exit_code = ExitCode::kInternal;
    AddAuditCommand(app, out, err, exit_code);
    app.parse(arguments);
    printed = out.str() + err.str();
    return exit_code;
  };
  std::string printed;
  EXPECT_EQ(run("audit --canaries 400 --steps 20 --json", printed), ExitCode::kDone);
  EXPECT_THAT(printed, testing::HasSubstr("\"verdict\":\"not refuted\""));
  EXPECT_THAT(printed, testing::HasSubstr("\"claimed_epsilon\":"));
  EXPECT_EQ(run("audit --canaries 400 --steps 20", printed), ExitCode::kDone);
  EXPECT_THAT(printed, testing::HasSubstr("epsilon is at least"));
  EXPECT_EQ(run("audit --canaries 1", printed), ExitCode::kUsage);
  EXPECT_THAT(printed, testing::HasSubstr("canaries is 1, must be from 400"));
}

TEST(Audit, RefusesWhatHasNoMeaningByName) {
  SeededRngForTests rng(8);
  const auto refused = [&](const std::function<void(AuditSetup&)>& spoil, std::string_view field) {
    AuditSetup setup;
    spoil(setup);
    EXPECT_THAT(RunAudit(setup, {}, rng, rng),
                StatusIs(absl::StatusCode::kInvalidArgument, std::string(field)));
  };
  refused([](AuditSetup& s) { s.canaries = 399; }, "canaries is 399");
  refused([](AuditSetup& s) { s.steps = 0; }, "steps is 0");
  refused([](AuditSetup& s) { s.noise_multiplier = 0; }, "noise");
  refused([](AuditSetup& s) { s.delta = 1; }, "delta");
  refused([](AuditSetup& s) { s.sampling_rate = "2"; }, "rate");
}

}  // namespace
}  // namespace veilsum::cli
