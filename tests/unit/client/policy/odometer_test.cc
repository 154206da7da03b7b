#include "client/policy/odometer.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thread>

#include "tests/support/status_matchers.h"
#include "tests/support/test_pki.h"

namespace veilsum::client {
namespace {

using absl::StatusCode;

const Hash32 kContract{1};
const Hash32 kOther{2};

const char* const kBlock = "epoch-1/training";
const dp::BlockBudget kBudget{2, 1e-6, 12};

// A hundred of these fill the block.
double Each() { return dp::RenyiLimit(kBudget) / 100; }
BlockCharge TrainingCharge(std::uint64_t attempts) {
  return {kBlock, kBudget, {{"train", {Each(), 1e-24, 1e-20}, attempts}}};
}

class OdometerTest : public testing::Test {
 protected:
  std::filesystem::path file() const { return folder_.path() / "odometer.db"; }
  void Reopen() {
    odometer_.reset();
    odometer_ = *Odometer::Open(file());
  }
  Odometer& odometer() { return *odometer_; }
  TestFolder folder_;
  std::unique_ptr<Odometer> odometer_ = *Odometer::Open(file());
};

TEST_F(OdometerTest, SpendsUpwardsAndRemembers) {  // SA-15, SA-17
  ASSERT_OK(odometer().Approve(kContract, 10));
  EXPECT_EQ(*odometer().SpentThrough(kContract), 0u);
  ASSERT_OK(odometer().Spend(kContract, 1, 4));
  Reopen();
  EXPECT_EQ(*odometer().SpentThrough(kContract), 4u);
  EXPECT_THAT(odometer().Spend(kContract, 4, 5),
              StatusIs(StatusCode::kFailedPrecondition, "SA-15"));
  EXPECT_THAT(odometer().Spend(kContract, 1, 4),
              StatusIs(StatusCode::kFailedPrecondition, "SA-15"));
  ASSERT_OK(odometer().Spend(kContract, 7, 8));  // it was away for 5 and 6
  const OdometerEntry entry = *odometer().Load(kContract);
  EXPECT_EQ(entry.spent_through, 8u);
  EXPECT_EQ(entry.attempts, 6u);
  EXPECT_THAT(odometer().Spend(kContract, 9, 11),
              StatusIs(StatusCode::kResourceExhausted, "beyond the contract's 10"));
  EXPECT_EQ(*odometer().SpentThrough(kContract), 8u);
  EXPECT_OK(odometer().Spend(kContract, 9, 10));
  EXPECT_THAT(odometer().Spend(kContract, 11, 11),
              StatusIs(StatusCode::kResourceExhausted, "SA-17"));
  EXPECT_THAT(odometer().Spend(kContract, 5, 4), StatusIs(StatusCode::kInvalidArgument, "range"));
  EXPECT_THAT(odometer().Spend(kContract, 0, 4), StatusIs(StatusCode::kInvalidArgument, "range"));
}

TEST_F(OdometerTest, NeedsAnApprovalThatDoesNotChange) {
  EXPECT_THAT(odometer().Spend(kContract, 1, 1), StatusIs(StatusCode::kNotFound, "never approved"));
  EXPECT_THAT(odometer().SpentThrough(kContract),
              StatusIs(StatusCode::kNotFound, "never approved"));
  EXPECT_THAT(odometer().Approve(kContract, 0),
              StatusIs(StatusCode::kInvalidArgument, "attempts_max"));
  ASSERT_OK(odometer().Approve(kContract, 10));
  EXPECT_OK(odometer().Approve(kContract, 10));
  EXPECT_THAT(odometer().Approve(kContract, 11),
              StatusIs(StatusCode::kAlreadyExists, "10 attempts"));
  EXPECT_THAT(odometer().Approve(kContract, 10, TrainingCharge(10)),
              StatusIs(StatusCode::kAlreadyExists, ""));
}

TEST_F(OdometerTest, ABlockHoldsOnlyItsBudgetAcrossContractsA19) {
  EXPECT_THAT(odometer().Totals(kBlock), StatusIs(StatusCode::kNotFound, kBlock));
  ASSERT_OK(odometer().Approve(kContract, 60, TrainingCharge(60)));
  EXPECT_THAT(odometer().Approve(kOther, 41, TrainingCharge(41)),
              StatusIs(StatusCode::kResourceExhausted, "needs Renyi divergence"));
  EXPECT_THAT(odometer().Load(kOther), StatusIs(StatusCode::kNotFound, "never approved"));
  ASSERT_OK(odometer().Approve(kOther, 40, TrainingCharge(40)));  // the block is exactly full
  EXPECT_THAT(odometer().Approve(Hash32{3}, 1, TrainingCharge(1)),
              StatusIs(StatusCode::kResourceExhausted, kBlock));
  ASSERT_OK(odometer().Spend(kContract, 1, 20));
  ASSERT_OK(odometer().CloseContract(kContract));
  EXPECT_OK(odometer().CloseContract(kContract));
  EXPECT_THAT(odometer().Spend(kContract, 21, 21),
              StatusIs(StatusCode::kResourceExhausted, "closed"));
  Reopen();
  const BlockTotals totals = *odometer().Totals(kBlock);
  EXPECT_NEAR(totals.spent, 20 * Each(), 1e-12);  // what never started has returned, no more
  EXPECT_NEAR(totals.reserved, 40 * Each(), 1e-12);
  EXPECT_NEAR(totals.limit, 100 * Each(), 1e-12);
  EXPECT_THAT(odometer().Approve(Hash32{3}, 41, TrainingCharge(41)),
              StatusIs(StatusCode::kResourceExhausted, ""));
  EXPECT_OK(odometer().Approve(Hash32{3}, 40, TrainingCharge(40)));
}

TEST_F(OdometerTest, ABudgetIsFixedWhenItsBlockIsFirstNamed) {
  ASSERT_OK(odometer().Approve(kContract, 1, TrainingCharge(1)));
  BlockCharge other = TrainingCharge(1);
  other.budget.epsilon = 4;
  EXPECT_THAT(odometer().Approve(kOther, 1, other),
              StatusIs(StatusCode::kInvalidArgument, "epsilon 2 at delta"));
  EXPECT_EQ(*odometer().Budget(kBlock), kBudget);
  BlockCharge lost = TrainingCharge(2);
  EXPECT_THAT(odometer().Approve(kOther, 3, lost),
              StatusIs(StatusCode::kInvalidArgument, "for 2 attempts, the contract has 3"));
  lost.sums[0].per_attempt.rdp = std::nan("");
  EXPECT_THAT(odometer().Approve(kOther, 2, lost),
              StatusIs(StatusCode::kInvalidArgument, "must be finite"));
  lost = TrainingCharge(2);
  lost.sums[0].per_attempt.kl = 1e-3;  // integer noise this coarse is visible in delta
  EXPECT_THAT(odometer().Approve(kOther, 2, lost),
              StatusIs(StatusCode::kResourceExhausted, "slack"));
}

// SE-11: rounds of one contract may be charged to two blocks, in one transaction.
TEST_F(OdometerTest, EveryBlockPaysForItsOwnRounds) {
  const std::vector<BlockCharge> charges = {
      TrainingCharge(10), {"epoch-1/holdout", kBudget, {{"evaluation", {60 * Each(), 0, 0}, 1}}}};
  const std::span<const BlockCharge> both(charges);
  ASSERT_OK(odometer().Approve(kContract, 11, both));
  EXPECT_OK(odometer().Approve(kContract, 11, both));
  EXPECT_THAT(odometer().Approve(kContract, 11, TrainingCharge(11)),
              StatusIs(StatusCode::kAlreadyExists, "other charges"));
  ASSERT_OK(odometer().Spend(kContract, 1, 4));
  EXPECT_EQ(odometer().Totals("epoch-1/holdout")->spent, 0);
  EXPECT_THAT(*odometer().Blocks(), testing::ElementsAre("epoch-1/holdout", kBlock));
  ASSERT_OK(odometer().Spend(kContract, 11, 11));  // what lies between was passed over
  EXPECT_NEAR(odometer().Totals("epoch-1/holdout")->spent, 60 * Each(), 1e-12);
  EXPECT_NEAR(odometer().Totals(kBlock)->spent, 4 * Each(), 1e-12);
  ASSERT_OK(odometer().CloseContract(kContract));
  EXPECT_EQ(odometer().Totals(kBlock)->reserved, 0);
  // The second block is full for a run like this one: nothing of it is reserved in the first.
  EXPECT_THAT(odometer().Approve(kOther, 11, both),
              StatusIs(StatusCode::kResourceExhausted, "epoch-1/holdout"));
  EXPECT_EQ(odometer().Totals(kBlock)->reserved, 0);
  EXPECT_OK(odometer().Approve(kOther, 96, TrainingCharge(96)));
}

// Rounds of one contract are charged at the price of the sum that they belong to.
TEST_F(OdometerTest, EverySumHasItsOwnPrice) {
  BlockCharge charge = TrainingCharge(10);
  charge.sums.insert(charge.sums.begin(), {"statistics", {30 * Each(), 0, 0}, 2});
  ASSERT_OK(odometer().Approve(kContract, 12, charge));
  ASSERT_OK(odometer().Spend(kContract, 2, 4));  // away for round 1
  BlockTotals totals = *odometer().Totals(kBlock);
  EXPECT_NEAR(totals.spent, (30 + 2) * Each(), 1e-12);
  EXPECT_NEAR(totals.reserved, (30 + 8) * Each(), 1e-12);
  EXPECT_EQ(odometer().Load(kContract)->attempts, 3u);
  ASSERT_OK(odometer().Spend(kContract, 12, 12));
  ASSERT_OK(odometer().CloseContract(kContract));
  totals = *odometer().Totals(kBlock);
  EXPECT_NEAR(totals.spent, (30 + 3) * Each(), 1e-12);
  EXPECT_EQ(totals.reserved, 0);
  EXPECT_OK(odometer().Approve(kContract, 12, charge));  // the same again, although closed
  charge.sums[1].per_attempt.rdp *= 0.5;
  EXPECT_THAT(odometer().Approve(kContract, 12, charge),
              StatusIs(StatusCode::kAlreadyExists, "other charges"));
}

// Two runs that ask at the same time cannot both have the last of a block.
TEST_F(OdometerTest, ConcurrentRunsCannotSpendTwice) {
  std::array<absl::Status, 8> answers;
  std::vector<std::thread> runs;
  for (std::size_t i = 0; i < answers.size(); ++i)
    runs.emplace_back([&, i] {
      answers[i] =
          odometer().Approve(Hash32{static_cast<std::uint8_t>(i + 1)}, 40, TrainingCharge(40));
    });
  for (std::thread& run : runs) run.join();
  std::size_t admitted = 0;
  for (const absl::Status& answer : answers) {
    admitted += answer.ok();
    EXPECT_TRUE(answer.ok() || absl::IsResourceExhausted(answer)) << answer;
  }
  EXPECT_EQ(admitted, 2u);
  EXPECT_NEAR(odometer().Totals(kBlock)->reserved, 80 * Each(), 1e-12);
}

TEST_F(OdometerTest, AContractWithoutABlockIsCountedOnly) {
  ASSERT_OK(odometer().Approve(kContract, 10));
  ASSERT_OK(odometer().Spend(kContract, 1, 4));
  Reopen();
  EXPECT_OK(odometer().Approve(kContract, 10));
  EXPECT_THAT(odometer().Approve(kContract, 10, TrainingCharge(10)),
              StatusIs(StatusCode::kAlreadyExists, "other charges"));
  EXPECT_OK(odometer().Spend(kContract, 5, 5));
}

TEST_F(OdometerTest, OneProcessTrains) {
  absl::StatusOr<FileLock> mine = LockForTraining(file());
  ASSERT_OK(mine);
  EXPECT_THAT(LockForTraining(file()), StatusIs(StatusCode::kUnavailable, "another process"));
  EXPECT_OK(Odometer::Open(file())) << "others may read it, and vote";
  mine = NotFound("given back");
  EXPECT_OK(LockForTraining(file()));
}

TEST_F(OdometerTest, TheLockGoesWithItsProcess) {
  int report[2];
  ASSERT_EQ(pipe(report), 0);
  const pid_t child = fork();
  if (child == 0) {
    const auto theirs = LockForTraining(file());
    (void)!write(report[1], theirs.ok() ? "y" : "n", 1);
    for (;;) pause();
  }
  char has = 0;
  ASSERT_EQ(read(report[0], &has, 1), 1);
  EXPECT_EQ(has, 'y');
  EXPECT_THAT(LockForTraining(file()), StatusIs(StatusCode::kUnavailable, "another process"));
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  EXPECT_OK(LockForTraining(file()));
}

// As a client that trains and a voter beside it: each with its own handle, for the same attempts.
TEST_F(OdometerTest, SA15_NoAttemptIsSpentTwiceByTwoWhoHaveItOpen) {
  constexpr std::uint64_t kAttempts = 60;
  ASSERT_OK(odometer().Approve(kContract, kAttempts, TrainingCharge(kAttempts)));
  std::atomic<std::uint64_t> spent{0};
  const auto race = [&] {
    const auto own = *Odometer::Open(file());
    for (std::uint64_t r = 1; r <= kAttempts; ++r) {
      const absl::Status answer = own->Spend(kContract, r, r);
      spent += answer.ok();
      EXPECT_TRUE(answer.ok() || absl::IsFailedPrecondition(answer)) << answer;
    }
  };
  std::thread one(race), two(race);
  one.join();
  two.join();
  EXPECT_EQ(spent, kAttempts);
  EXPECT_EQ(odometer().Load(kContract)->attempts, kAttempts) << "seen by a third";
}

TEST_F(OdometerTest, ABlockIsNotOverdrawnByTwoWhoHaveItOpen) {
  constexpr std::uint8_t kContracts = 12;
  std::atomic<int> admitted{0};
  const auto race = [&](std::uint8_t from) {
    const auto own = *Odometer::Open(file());
    for (std::uint8_t i = 0; i < kContracts; ++i) {
      const absl::Status answer = own->Approve(Hash32{from, i}, 40, TrainingCharge(40));
      admitted += answer.ok();
      EXPECT_TRUE(answer.ok() || absl::IsResourceExhausted(answer)) << answer;
    }
  };
  std::thread one(race, std::uint8_t{100}), two(race, std::uint8_t{200});
  one.join();
  two.join();
  EXPECT_EQ(admitted, 2) << "the block holds 100 attempts";
}

TEST_F(OdometerTest, WhatWasSpentSurvivesAKill) {
  ASSERT_OK(odometer().Approve(kContract, 1000));
  odometer_.reset();
  int report[2];
  ASSERT_EQ(pipe(report), 0);
  const pid_t child = fork();
  if (child == 0) {
    const auto own = Odometer::Open(file());
    for (std::uint64_t r = 1; own.ok(); ++r)
      if (!(*own)->Spend(kContract, r, r).ok() || write(report[1], &r, sizeof r) != sizeof r) break;
    _exit(1);
  }
  std::uint64_t acknowledged = 0;
  while (acknowledged < 20)
    ASSERT_EQ(read(report[0], &acknowledged, sizeof acknowledged),
              static_cast<ssize_t>(sizeof acknowledged));
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  close(report[1]);
  for (std::uint64_t r; read(report[0], &r, sizeof r) == static_cast<ssize_t>(sizeof r);)
    acknowledged = r;
  close(report[0]);
  Reopen();
  EXPECT_GE(*odometer().SpentThrough(kContract), acknowledged);
  EXPECT_LE(*odometer().SpentThrough(kContract), acknowledged + 1);
}

// ---- Data epochs (SE-32)

TEST_F(OdometerTest, SE32_AnEpochOpensOnceWithItsReasonAndOldContractsAreClosed) {
  ASSERT_OK(odometer().Approve(kContract, 10, TrainingCharge(10)));
  ASSERT_OK(odometer().Spend(kContract, 1, 4));
  ASSERT_EQ(odometer().Epochs()->size(), 1u);
  EXPECT_THAT(odometer().OpenEpoch("", 5), StatusIs(StatusCode::kInvalidArgument, "SE-32"));
  ASSERT_OK_AND_ASSIGN(const DataEpoch epoch, odometer().OpenEpoch("a new year", 1'700'000'000));
  EXPECT_EQ(epoch.number, 2u);
  Reopen();
  ASSERT_OK_AND_ASSIGN(const std::vector<DataEpoch> epochs, odometer().Epochs());
  ASSERT_EQ(epochs.size(), 2u);
  EXPECT_EQ(epochs[1].reason, "a new year");
  EXPECT_EQ(epochs[1].opened, 1'700'000'000);
  // What was spent stays spent, and nothing more is.
  EXPECT_THAT(odometer().Spend(kContract, 5, 5),
              StatusIs(StatusCode::kResourceExhausted, "closed here"));
  EXPECT_NEAR(odometer().Totals(kBlock)->spent, 4 * Each(), 1e-12);
  EXPECT_EQ(odometer().Totals(kBlock)->reserved, 0);
  // The new epoch's block is another one, with a budget of its own.
  BlockCharge fresh = TrainingCharge(100);
  fresh.block = "epoch-2/training";
  EXPECT_OK(odometer().Approve(kOther, 100, fresh));
  EXPECT_EQ(odometer().Totals("epoch-2/training")->spent, 0);
}

TEST_F(OdometerTest, SE32_ACustomerBelongsToTheEpochOfItsFirstUseForGood) {
  const std::vector<std::string> first = {"ann", "bob"}, second = {"bob", "cy", "dee"};
  EXPECT_EQ(*odometer().ClaimCustomers(first), std::vector<bool>({true, true}));
  EXPECT_EQ(*odometer().ClaimCustomers(first), std::vector<bool>({true, true}));
  ASSERT_OK(odometer().OpenEpoch("more customers", 1));
  Reopen();
  EXPECT_EQ(*odometer().ClaimCustomers(second), std::vector<bool>({false, true, true}));
  ASSERT_OK(odometer().OpenEpoch("and more", 2));
  EXPECT_EQ(*odometer().ClaimCustomers(second), std::vector<bool>({false, false, false}));
  ASSERT_OK_AND_ASSIGN(const std::vector<DataEpoch> epochs, odometer().Epochs());
  ASSERT_EQ(epochs.size(), 3u);
  EXPECT_EQ(epochs[0].customers, 2u);
  EXPECT_EQ(epochs[1].customers, 2u);
  EXPECT_EQ(epochs[2].customers, 0u);
}

TEST_F(OdometerTest, SE32_ABlockOfAnotherEpochThanTheOpenOneIsNotCharged) {
  BlockCharge later = TrainingCharge(1);
  later.block = "epoch-2/holdout";
  EXPECT_THAT(odometer().Approve(kContract, 1, later),
              StatusIs(StatusCode::kFailedPrecondition, "the open one is 1"));
  ASSERT_OK(odometer().Approve(kContract, 1, TrainingCharge(1)));
  ASSERT_OK(odometer().OpenEpoch("a new year", 1));
  EXPECT_OK(odometer().Approve(kOther, 1, later));
  for (const Hash32& contract : {kContract, Hash32{3}})
    EXPECT_THAT(odometer().Approve(contract, 1, TrainingCharge(1)),
                StatusIs(StatusCode::kFailedPrecondition, "the open one is 2"));
}

TEST_F(OdometerTest, DP15_TheGroupingSecretIsOnesOwnAndStays) {
  const Secret<32> secret = *odometer().GroupingSecret();
  Reopen();
  EXPECT_TRUE(odometer().GroupingSecret()->Equals(secret));
  const auto other = *Odometer::Open(folder_.path() / "other.db");
  EXPECT_FALSE(other->GroupingSecret()->Equals(secret));
}

}  // namespace
}  // namespace veilsum::client
