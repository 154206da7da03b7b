#include "client/policy/veto.h"

#include "client/policy/blocks.h"
#include "dp/mechanism/randomised_response.h"
#include "tests/support/forwarding_odometer.h"
#include "tests/support/seeded_rng.h"
#include "tests/support/status_matchers.h"
#include "tests/support/test_pki.h"

namespace veilsum::client {
namespace {

using absl::StatusCode;

class VetoTest : public testing::Test {
 protected:
  VetoTest() {
    policy_.block_epsilon = 4;
    policy_.block_delta = 1e-6;
    policy_.block_order = 12;
  }
  void Reopen() {
    odometer_.reset();
    odometer_ = *Odometer::Open(folder_.path() / "odometer.db");
  }
  absl::StatusOr<KeptVote> Ask(char release, bool objects, VetoMode mode = VetoMode::kRandomised) {
    VetoRules rules;
    rules.mode = mode;
    rules.epsilon_millis = epsilon_;
    return Vote({std::string(64, release), "canary", objects, epoch_}, rules, policy_, *odometer_,
                rng_);
  }
  double Spent() {
    const auto totals = odometer_->Totals(HoldoutBlock(1));
    return totals.ok() ? totals->spent : 0;
  }

  TestFolder folder_;
  std::unique_ptr<Odometer> odometer_ = *Odometer::Open(folder_.path() / "odometer.db");
  Policy policy_;
  std::uint32_t epsilon_ = 1000;
  std::uint64_t epoch_ = 1;
  SeededRngForTests rng_{11};
};

TEST_F(VetoTest, ABitIsChargedOnceAndStaysTheSame) {
  ASSERT_OK_AND_ASSIGN(const KeptVote first, Ask('a', true));
  EXPECT_EQ(first.epsilon_millis, 1000u);
  const double price = dp::ChargeOfResponse(1000, 12).rdp;
  EXPECT_DOUBLE_EQ(Spent(), price);
  Reopen();
  for (int i = 0; i < 40; ++i) {  // drawn anew it would differ in a quarter of them at least
    ASSERT_OK_AND_ASSIGN(const KeptVote again, Ask('a', i % 2 == 0));
    EXPECT_EQ(again, first);
  }
  EXPECT_DOUBLE_EQ(Spent(), price);
  ASSERT_OK(Ask('b', true));
  EXPECT_DOUBLE_EQ(Spent(), 2 * price);
}

TEST_F(VetoTest, WithoutBudgetThereIsNoBit) {
  epsilon_ = 4000;
  const double limit = dp::RenyiLimit({4, 1e-6, 12});
  int bits = 0;
  for (char release = '0'; release <= '9'; ++release) bits += Ask(release, true).ok();
  EXPECT_EQ(bits, static_cast<int>(limit / dp::ChargeOfResponse(4000, 12).rdp));
  EXPECT_EQ(Ask('a', true).status().code(), StatusCode::kResourceExhausted);
  ASSERT_OK_AND_ASSIGN(const auto votes, odometer_->Votes());
  EXPECT_EQ(votes.size(), static_cast<std::size_t>(bits));
}

TEST_F(VetoTest, ABlockWithoutAStatedBudgetIsNotMadeByAVote) {
  policy_ = Policy();
  EXPECT_EQ(Ask('a', true).status().code(), StatusCode::kFailedPrecondition);
  ASSERT_OK_AND_ASSIGN(const auto blocks, odometer_->Blocks());
  EXPECT_TRUE(blocks.empty());
}

TEST_F(VetoTest, APlainBitIsTheTruthAndKeptAsUnprotected) {
  ASSERT_OK_AND_ASSIGN(const KeptVote vote, Ask('a', true, VetoMode::kPlain));
  EXPECT_TRUE(vote.bit);
  EXPECT_EQ(vote.epsilon_millis, 0u);
  EXPECT_EQ(Spent(), 0);
  ASSERT_OK_AND_ASSIGN(const KeptVote later, Ask('a', false));
  EXPECT_EQ(later, vote) << "one bit a release, whatever the rules say by then";
  EXPECT_EQ(Spent(), 0);
  EXPECT_EQ(Ask('b', true, VetoMode::kOff).status().code(), StatusCode::kFailedPrecondition);
}

// A process that died after the charge and before the draw.
TEST_F(VetoTest, WhatWasChargedAndNotDrawnIsDrawnThen) {
  class Forgetful final : public ForwardingOdometer {
   public:
    using ForwardingOdometer::ForwardingOdometer;
    absl::Status KeepVote(const KeptVote&) override { return Unavailable("died"); }
  } dying(*odometer_);
  VetoRules rules;
  rules.mode = VetoMode::kRandomised;
  const VetoQuestion question{std::string(64, 'a'), "canary", true};
  EXPECT_EQ(Vote(question, rules, policy_, dying, rng_).status().code(), StatusCode::kUnavailable)
      << "a bit that is not kept is not sent";
  const double price = dp::ChargeOfResponse(1000, 12).rdp;
  EXPECT_DOUBLE_EQ(Spent(), price);
  Reopen();
  ASSERT_OK(Ask('a', true));
  EXPECT_DOUBLE_EQ(Spent(), price);
}

// Another process draws between our look and our keeping.
TEST_F(VetoTest, OfTwoThatDrawAtOnceTheBitThatWasKeptFirstIsEverybodys) {
  class Overtaken final : public ForwardingOdometer {
   public:
    using ForwardingOdometer::ForwardingOdometer;
    absl::StatusOr<std::uint64_t> SpentThrough(const Hash32& contract) override {
      EXPECT_OK(real_.Spend(contract, 1, 1));
      return 0;  // as it was a moment ago
    }
    absl::Status KeepVote(const KeptVote& vote) override {
      KeptVote other = vote;
      other.bit = !vote.bit;
      EXPECT_OK(real_.KeepVote(other));
      mine = vote;
      return real_.KeepVote(vote);
    }
    KeptVote mine;
  } overtaken(*odometer_);
  VetoRules rules;
  rules.mode = VetoMode::kRandomised;
  ASSERT_OK_AND_ASSIGN(const KeptVote vote, Vote({std::string(64, 'a'), "canary", true}, rules,
                                                 policy_, overtaken, rng_));
  EXPECT_NE(vote.bit, overtaken.mine.bit);
  EXPECT_EQ(*Ask('a', true), vote);
  EXPECT_DOUBLE_EQ(Spent(), dp::ChargeOfResponse(1000, 12).rdp);
}

// SE-32: the customers were chosen while another epoch was open.
TEST_F(VetoTest, AnEpochThatWasOpenedMeanwhileMakesNoBit) {
  ASSERT_OK(Ask('a', true));
  ASSERT_OK(odometer_->OpenEpoch("a new year", 1));
  EXPECT_EQ(Ask('b', true).status().code(), StatusCode::kFailedPrecondition);
  EXPECT_OK(Ask('a', true)) << "what was drawn stays";
  epoch_ = 2;
  EXPECT_OK(Ask('b', true));
  EXPECT_DOUBLE_EQ(Spent(), dp::ChargeOfResponse(1000, 12).rdp) << "of the first epoch";
}

}  // namespace
}  // namespace veilsum::client
