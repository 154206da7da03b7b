// The whole protocol in one process with an honest server: every pattern of dropouts at every phase
// for small rosters, random ones above, exact sums whenever the thresholds allow one, a clean error
// otherwise.
#include <cstdlib>
#include <numeric>
#include <random>

#include "tests/unit/secure_agg/federation.h"

namespace veilsum::secure_agg {
namespace {

Inputs InputsFor(std::size_t members, std::size_t dim, std::int64_t scale) {
  Inputs inputs(members);
  for (std::size_t i = 0; i < members; ++i) {
    for (std::size_t e = 0; e < dim; ++e) {
      const auto value = static_cast<std::int64_t>((i + 1) * (e + 3) % 7);
      inputs[i].push_back((e % 2 == 0 ? -1 : 1) * scale * value);
    }
  }
  return inputs;
}

std::size_t Reaching(const std::vector<Drop>& drops, Drop before) {
  return static_cast<std::size_t>(std::ranges::count_if(drops, [&](Drop d) { return d > before; }));
}

// What the rules of docs/protocol.md promise for a pattern, worked out from counts alone.
bool SetupMustSucceed(const std::vector<Drop>& drops, std::size_t colluders) {
  const std::size_t n = Reaching(drops, Drop::kBeforeAdvert);
  const std::size_t q = (n + colluders) / 2 + 1;
  return n >= std::max<std::size_t>(3, colluders + 2) && q <= n &&
         Reaching(drops, Drop::kBeforeSetupSignature) >= q;
}
bool SlotMustSucceed(const std::vector<Drop>& drops, std::size_t colluders) {
  const std::size_t n = Reaching(drops, Drop::kBeforeAdvert);
  return Reaching(drops, Drop::kBeforeReveal) >= (n + colluders) / 2 + 1;
}

void ExpectExactSum(const SlotSum& sum, const ReadyBatch& ready, const Inputs& inputs,
                    const std::vector<Drop>& drops) {
  std::vector<std::int64_t> expected(inputs[0].size());
  std::size_t survivors = 0;
  for (std::size_t i = 0; i < drops.size(); ++i) {
    if (drops[i] <= Drop::kBeforeUpload) continue;
    ++survivors;
    EXPECT_TRUE(sum.survivors.Contains(ready.clients[i]->self()));
    for (std::size_t e = 0; e < expected.size(); ++e) expected[e] += inputs[i][e];
  }
  EXPECT_EQ(sum.survivors.size(), survivors);
  EXPECT_EQ(sum.values, expected);
  EXPECT_TRUE(sum.liars.empty());
}

std::vector<Drop> PatternOf(std::size_t code, std::size_t members,
                            const std::vector<Drop>& choices) {
  std::vector<Drop> drops;
  for (std::size_t i = 0; i < members; ++i, code /= choices.size())
    drops.push_back(choices[code % choices.size()]);
  return drops;
}

std::size_t FromEnvironment(const char* name, std::size_t otherwise) {
  const char* const text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

// Runs every pattern over `choices`, or one in `stride`; returns how many gave a sum.
std::size_t RunAllPatterns(std::size_t members, std::uint16_t colluders,
                           const std::vector<Drop>& choices, std::size_t stride = 1) {
  Federation federation({.members = members, .colluders = colluders, .slots = 1});
  const Inputs inputs = InputsFor(members, 5, 1000);
  std::size_t patterns = 1;
  for (std::size_t i = 0; i < members; ++i) patterns *= choices.size();
  std::size_t sums = 0;
  for (std::size_t code = patterns - 1; code < patterns; code -= stride) {
    const std::vector<Drop> drops = PatternOf(code, members, choices);
    SCOPED_TRACE(code);
    auto ready = PrepareBatch(federation, drops, static_cast<std::uint32_t>(patterns - code));
    EXPECT_EQ(ready.ok(), SetupMustSucceed(drops, colluders)) << ready.status();
    if (!ready.ok()) continue;
    auto sum = RunSlot(*ready, {.slot = 0, .round = patterns - code}, inputs, drops);
    EXPECT_EQ(sum.ok(), SlotMustSucceed(drops, colluders)) << sum.status();
    if (!sum.ok()) continue;
    ++sums;
    ExpectExactSum(*sum, *ready, inputs, drops);
  }
  return sums;
}

const std::vector<Drop> kFivePhases = {Drop::kBeforeAdvert, Drop::kBeforeShares,
                                       Drop::kBeforeUpload, Drop::kBeforeReveal, Drop::kNever};
const std::vector<Drop> kAllPhases = {
    Drop::kBeforeAdvert, Drop::kBeforeShares, Drop::kBeforeReport, Drop::kBeforeSetupSignature,
    Drop::kBeforeUpload, Drop::kBeforeCommit, Drop::kBeforeReveal, Drop::kNever};

TEST(Dropout, EveryPatternOfThreeMembers) { EXPECT_EQ(RunAllPatterns(3, 1, kAllPhases), 1u); }
TEST(Dropout, EveryPatternOfFourMembers) { EXPECT_GT(RunAllPatterns(4, 1, kFivePhases), 4u); }

// VEILSUM_DROPOUT_STRIDE=1 runs them all, as the nightly label does.
TEST(Dropout, PatternsOfFourMembersAtEveryPhase) {
  EXPECT_GT(RunAllPatterns(4, 1, kAllPhases, FromEnvironment("VEILSUM_DROPOUT_STRIDE", 137)), 0u);
}
TEST(Dropout, PatternsOfFiveMembersAtEveryPhase) {
  EXPECT_GT(RunAllPatterns(5, 1, kAllPhases, FromEnvironment("VEILSUM_DROPOUT_STRIDE", 1021)), 0u);
}
TEST(Dropout, PatternsOfFiveMembersAndTwoColluders) {
  EXPECT_GT(RunAllPatterns(5, 2, kAllPhases, FromEnvironment("VEILSUM_DROPOUT_STRIDE", 1021)), 0u);
}

// With five members setup and slot are enumerated apart: what a slot does depends on its batch
// through V alone.
TEST(Dropout, EverySetupPatternOfFiveMembers) {
  EXPECT_GT(RunAllPatterns(5, 1,
                           {Drop::kBeforeAdvert, Drop::kBeforeShares, Drop::kBeforeSetupSignature,
                            Drop::kNever}),
            5u);
}

// The slot's own phases, exhaustively, each pattern in a slot of one long-lived batch.
TEST(Dropout, EverySlotPatternOfFiveMembersInOneBatch) {
  const std::vector<Drop> choices = {Drop::kBeforeUpload, Drop::kBeforeCommit, Drop::kBeforeReveal,
                                     Drop::kNever};
  Federation federation({.members = 5, .slots = 64});
  const std::vector<Drop> all(5, Drop::kNever);
  const Inputs inputs = InputsFor(5, 5, 77);
  std::uint32_t batch = 0;
  std::optional<ReadyBatch> ready;
  for (std::size_t code = 0; code < 1024; ++code) {
    if (code % 64 == 0) {
      auto made = PrepareBatch(federation, all, ++batch);
      ASSERT_OK(made);
      ready.emplace(*std::move(made));
    }
    const std::vector<Drop> drops = PatternOf(code, 5, choices);
    auto sum = RunSlot(*ready, {.slot = static_cast<std::uint16_t>(code % 64), .round = code + 1},
                       inputs, drops);
    ASSERT_EQ(sum.ok(), SlotMustSucceed(drops, 1)) << code << " " << sum.status();
    if (sum.ok()) ExpectExactSum(*sum, *ready, inputs, drops);
  }
}

// Up to VEILSUM_DROPOUT_MEMBERS members, which is 200 nightly.
TEST(Dropout, RandomPatternsOfLargerRosters) {
  std::mt19937 random(5);
  std::vector<std::size_t> sizes = {7, 12, 23};
  sizes.push_back(FromEnvironment("VEILSUM_DROPOUT_MEMBERS", 40));
  for (const std::size_t n : sizes) {
    const auto colluders = static_cast<std::uint16_t>(n / 5);
    Federation federation({.members = n, .colluders = colluders, .slots = 1, .seed = n});
    std::vector<Drop> drops(n, Drop::kNever);
    for (std::size_t i = 0; i < n / 5; ++i)
      drops[random() % n] = kAllPhases[random() % (kAllPhases.size() - 1)];
    const Inputs inputs = InputsFor(n, 5, 12345);
    auto ready = PrepareBatch(federation, drops);
    ASSERT_EQ(ready.ok(), SetupMustSucceed(drops, colluders)) << ready.status();
    if (!ready.ok()) continue;
    auto sum = RunSlot(*ready, {}, inputs, drops);
    ASSERT_EQ(sum.ok(), SlotMustSucceed(drops, colluders)) << sum.status();
    if (sum.ok()) ExpectExactSum(*sum, *ready, inputs, drops);
  }
}

// SA-41: each ring, negative values, and wrap-around of single inputs that the sum takes back.
class SumsOf : public testing::TestWithParam<RingBits> {};
TEST_P(SumsOf, NegativeAndWrappingValuesAreExact) {
  const int k = static_cast<int>(GetParam());
  Federation federation({.members = 4, .slots = 1, .sums = {{GetParam(), 5}}});
  const std::vector<Drop> all(4, Drop::kNever);
  ASSERT_OK_AND_ASSIGN(ReadyBatch ready, PrepareBatch(federation, all));
  const auto top = static_cast<std::int64_t>((std::uint64_t{1} << (k - 1)) - 1);
  const Inputs inputs = {
      {top, -1, -top, 0, 5}, {top, -1, -top, 0, -6}, {-top, -1, top, 0, 7}, {-top, -1, top, 0, -8}};
  ASSERT_OK_AND_ASSIGN(const SlotSum sum, RunSlot(ready, {}, inputs, all));
  EXPECT_EQ(sum.values, (std::vector<std::int64_t>{0, -4, 0, 0, -2}));
}
INSTANTIATE_TEST_SUITE_P(Rings, SumsOf,
                         testing::Values(RingBits::k16, RingBits::k32, RingBits::k64));

// SE-06: any slot may carry any sum of the contract, each with its own ring and length.
TEST(Dropout, TwoSumsOfDifferentShapeShareABatch) {
  Federation federation(
      {.members = 4, .slots = 3, .sums = {{RingBits::k32, 5}, {RingBits::k64, 3}}});
  std::vector<Drop> drops(4, Drop::kNever);
  ASSERT_OK_AND_ASSIGN(ReadyBatch ready, PrepareBatch(federation, drops));
  drops[2] = Drop::kBeforeUpload;
  const std::int64_t big = std::int64_t{1} << 61;
  ASSERT_OK_AND_ASSIGN(const SlotSum wide,
                       RunSlot(ready, {.slot = 0, .round = 1, .sum = 1},
                               {{big, 1, -2}, {-big, 1, -2}, {9, 9, 9}, {-big, 1, -2}}, drops));
  EXPECT_EQ(wide.values, (std::vector<std::int64_t>{-big, 3, -6}));
  ASSERT_OK_AND_ASSIGN(const SlotSum narrow, RunSlot(ready, {.slot = 2, .round = 2, .sum = 0},
                                                     InputsFor(4, 5, 1), drops));
  EXPECT_EQ(narrow.values.size(), 5u);
}

}  // namespace
}  // namespace veilsum::secure_agg
