// The next batch is set up while rounds of the present one go on: nobody waits for it, and nothing
// of it is charged before its first round.
#include "tests/unit/coordinator/run/puppets.h"

namespace veilsum::coordinator {
namespace {

using testing::Contains;
using testing::Not;

model::SmallPlan TwoBatches() {
  model::SmallPlan plan = QuickPlan();
  plan.key_batch = 2;
  plan.steps = 4;
  return plan;
}

// The place of the first delivered message that `wanted` holds for; delivered.size() for none.
template <class F>
std::size_t PlaceOf(const Puppets& p, F wanted) {
  std::size_t place = 0;
  while (place < p.delivered.size() && !wanted(p.delivered[place].second)) ++place;
  return place;
}
std::size_t PlaceOfStart(const Puppets& p, std::uint64_t round) {
  return PlaceOf(p, [&](const auto& m) { return m.has_start() && m.start().round() == round; });
}
std::size_t PlaceOfOffer(const Puppets& p, std::uint32_t batch) {
  return PlaceOf(p, [&](const auto& m) { return m.has_batch() && m.batch().batch() == batch; });
}

TEST(KeyingAhead, TheSecondBatchIsReadyBeforeTheFirstIsUsedUp) {
  Puppets p(TwoBatches());
  std::uint64_t charged_when_ready = 0;
  p.deaf = [&](const std::string&, const v1::ServerMessage& message) {
    if (message.has_setup_certificate()) charged_when_ready = p.machine->Progress().attempts();
    return false;
  };
  ASSERT_OK(p.Start());
  p.JoinAll();
  p.Pump();
  EXPECT_EQ(p.state(), "finished") << p.reason();  // without any deadline
  EXPECT_LT(PlaceOfOffer(p, 1), PlaceOfStart(p, 3));
  EXPECT_LT(PlaceOfStart(p, 1), PlaceOfOffer(p, 1));
  EXPECT_EQ(charged_when_ready, 2u) << "SE-07: charged when it is opened, not when it is keyed";
  EXPECT_EQ(p.ReceiversOfStart(3).size(), 5u);
  EXPECT_EQ(p.machine->Progress().attempts(), 4u);
}

TEST(KeyingAhead, NoBatchIsSetUpThatNoRoundWillUse) {
  model::SmallPlan plan = TwoBatches();
  plan.steps = 2;
  Puppets p(plan);
  ASSERT_OK(p.Start());
  p.JoinAll();
  p.Pump();
  EXPECT_EQ(p.state(), "finished") << p.reason();
  EXPECT_EQ(PlaceOfOffer(p, 1), p.delivered.size());
}

TEST(KeyingAhead, ASilentMemberDoesNotHoldUpTheRounds) {
  Puppets p(TwoBatches());
  p.deaf = [&](const std::string& seat, const v1::ServerMessage& message) {
    return seat == p.seats[4] && message.has_batch() && message.batch().batch() == 1;
  };
  ASSERT_OK(p.Start());
  p.JoinAll();
  p.Pump();
  EXPECT_EQ(p.machine->Progress().step(), 2u) << "the first batch is used up without a deadline";
  EXPECT_EQ(p.state(), "keying");
  p.Finish();
  EXPECT_EQ(p.state(), "finished") << p.reason();
  EXPECT_THAT(p.ReceiversOfStart(3), Not(Contains(p.seats[4])));
}

TEST(KeyingAhead, AFailedTryIsFollowedByOneOfItsOwn) {
  Puppets p(TwoBatches());
  p.deaf = [&](const std::string& seat, const v1::ServerMessage& message) {
    return seat != p.seats[0] && message.has_batch() && message.batch().batch() == 1;
  };
  ASSERT_OK(p.Start());
  p.JoinAll();
  p.Finish();
  EXPECT_EQ(p.state(), "finished") << p.reason();
  EXPECT_LT(PlaceOfOffer(p, 2), PlaceOfStart(p, 3));
  EXPECT_EQ(p.ReceiversOfStart(3).size(), 5u);
  EXPECT_EQ(p.machine->Progress().attempts(), 4u) << "a failed setup costs nobody an attempt";
}

TEST(KeyingAhead, AMemberThatCameBackKeepsBothBatches) {
  Puppets p(TwoBatches());
  bool certified = false;
  p.deaf = [&](const std::string&, const v1::ServerMessage& message) {
    certified |= message.has_start() && message.start().round() == 2;
    return false;
  };
  ASSERT_OK(p.Start());
  p.JoinAll();
  p.Pump([&] { return certified && p.sums[p.seats[2]]->next_setup_hash().has_value(); });
  ASSERT_TRUE(p.sums[p.seats[2]]->next_setup_hash());
  p.machine->OnDisconnected(p.seats[2], p.now);
  p.Join(p.seats[2]);
  p.Finish();
  EXPECT_EQ(p.state(), "finished") << p.reason();
  EXPECT_THAT(p.ReceiversOfStart(3), Contains(p.seats[2]));
}

// SA-32: a process that was restarted has neither.
TEST(KeyingAhead, ARestartedMemberWaitsForTheBatchAfterNext) {
  model::SmallPlan plan = TwoBatches();
  plan.steps = 6;
  plan.attempts_max = 12;
  Puppets p(plan);
  ASSERT_OK(p.Start());
  p.JoinAll();
  p.Pump([&] { return p.sums[p.seats[2]]->next_setup_hash().has_value(); });
  p.machine->OnDisconnected(p.seats[2], p.now);
  p.NewSession(p.seats[2]);
  p.Join(p.seats[2]);
  p.Finish();
  EXPECT_EQ(p.state(), "finished") << p.reason();
  EXPECT_THAT(p.ReceiversOfStart(3), Not(Contains(p.seats[2])));
  EXPECT_THAT(p.ReceiversOfStart(5), Contains(p.seats[2]));
}

}  // namespace
}  // namespace veilsum::coordinator
