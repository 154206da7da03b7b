#include "client/policy/odometer.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/policy/amount.h"
#include "tests/support/status_matchers.h"
#include "tests/support/test_pki.h"

namespace veilsum::client {
namespace {

using absl::StatusCode;

const Hash32 kContract{1};
const Hash32 kOther{2};

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
  EXPECT_THAT(odometer().Approve(kContract, 10, BlockCharge{"b", "1", "0.1"}),
              StatusIs(StatusCode::kAlreadyExists, ""));
}

TEST_F(OdometerTest, ABlockHoldsOnlyItsCapAcrossContracts) {
  ASSERT_OK(odometer().Approve(kContract, 6, BlockCharge{"2026", "1", "0.1"}));
  EXPECT_THAT(odometer().Approve(kOther, 5, BlockCharge{"2026", "1", "0.1"}),
              StatusIs(StatusCode::kResourceExhausted, "0.5 more"));
  EXPECT_THAT(odometer().Approve(kOther, 1, BlockCharge{"2026", "2", "0.1"}),
              StatusIs(StatusCode::kInvalidArgument, "cap"));
  ASSERT_OK(odometer().Spend(kContract, 1, 2));
  BlockTotals totals = *odometer().Totals("2026");
  EXPECT_EQ(totals.reserved, "0.4");
  EXPECT_EQ(totals.spent, "0.2");
  ASSERT_OK(odometer().CloseContract(kContract));
  EXPECT_OK(odometer().CloseContract(kContract));
  EXPECT_THAT(odometer().Spend(kContract, 3, 3),
              StatusIs(StatusCode::kResourceExhausted, "closed"));
  Reopen();
  totals = *odometer().Totals("2026");
  EXPECT_EQ(totals.reserved, "0");
  EXPECT_EQ(totals.spent, "0.2");
  EXPECT_OK(odometer().Approve(kOther, 8, BlockCharge{"2026", "1", "0.1"}));
  EXPECT_THAT(odometer().Totals("2027"), StatusIs(StatusCode::kNotFound, "2027"));
}

TEST_F(OdometerTest, HasOneOwner) {
  EXPECT_THAT(Odometer::Open(file()), StatusIs(StatusCode::kUnavailable, "locked"));
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

TEST(Amount, IsExactAndRoundsTheGivenWay) {
  const auto up = [](std::string_view text) {
    return Amount::Parse(text, Amount::Rounding::kUp)->ToString();
  };
  const auto down = [](std::string_view text) {
    return Amount::Parse(text, Amount::Rounding::kDown)->ToString();
  };
  EXPECT_EQ(up("0.0125"), "0.0125");
  EXPECT_EQ(up("1e-5"), "0.00001");
  EXPECT_EQ(up("12e2"), "1200");
  EXPECT_EQ(up("0"), "0");
  EXPECT_EQ(up("0.0000000000000000011"), "0.000000000000000002");
  EXPECT_EQ(down("0.0000000000000000019"), "0.000000000000000001");
  EXPECT_EQ(up("1e-30"), "0.000000000000000001");
  EXPECT_EQ(down("1e-30"), "0");
  EXPECT_EQ(Amount::Parse("0.1", Amount::Rounding::kUp)->Times(10)->ToString(), "1");
  for (const char* bad :
       {"", ".", "1.", ".5", "-1", "+1", "1e", "1e+5", "nan", "inf", "0x1", "1 ", "1e13", "1,5"})
    EXPECT_THAT(Amount::Parse(bad, Amount::Rounding::kUp),
                StatusIs(StatusCode::kInvalidArgument, ""))
        << bad;
  EXPECT_THAT(Amount::Parse("1e12", Amount::Rounding::kUp)->Times(1'000'001),
              StatusIs(StatusCode::kResourceExhausted, ""));
}

}  // namespace
}  // namespace veilsum::client
