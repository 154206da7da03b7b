// A round as a trace: what it waited for lies within it, one after another, and nothing else is
// told.
#include "coordinator/cli/round_spans.h"

#include <gmock/gmock.h>

#include "tests/integration/tapped_federation.h"

namespace veilsum::coordinator {
namespace {

using std::chrono::milliseconds;

RoundFigures Committed() {
  RoundFigures out;
  out.run_id = "run-1";
  out.round = 7;
  out.committed = true;
  out.participants = 3;
  out.took = milliseconds(30);
  out.phases = {{"uploads", milliseconds(20)},
                {"signatures", milliseconds(25)},
                {"shares", milliseconds(30)}};
  return out;
}

std::vector<std::string> KeysOf(const Span& span) {
  std::vector<std::string> out;
  for (const auto& [key, value] : span.attributes) out.push_back(key);
  return out;
}

TEST(RoundSpans, HaveTheirPhasesOneAfterAnother) {
  const Span::Time end{milliseconds(1'800'000'000'000)};
  const std::vector<Span> spans = SpansOf(Committed(), end);
  ASSERT_EQ(spans.size(), 4u);
  EXPECT_EQ(spans[0].name, "round");
  EXPECT_EQ(spans[0].end - spans[0].begin, milliseconds(30));
  for (std::size_t i = 1; i < spans.size(); ++i) {
    EXPECT_EQ(spans[i].trace, spans[0].trace);
    EXPECT_EQ(spans[i].parent, spans[0].id);
    EXPECT_EQ(spans[i].begin, i == 1 ? spans[0].begin : spans[i - 1].end);
    EXPECT_FALSE(spans[i].failed);
    EXPECT_TRUE(spans[i].attributes.empty());
  }
  EXPECT_EQ(spans[3].end, end);
}

TEST(RoundSpans, TellWhatIsInTheListAndNothingElse) {
  EXPECT_THAT(KeysOf(SpansOf(Committed(), {}).front()),
              testing::ElementsAre("veilsum.run", "veilsum.round", "veilsum.committed",
                                   "veilsum.participants", "veilsum.dropped", "veilsum.bytes_in",
                                   "veilsum.bytes_out"));
}

TEST(RoundSpans, OfASpentRoundSayWhereItEnded) {
  RoundFigures figures = Committed();
  figures.committed = false;
  figures.phases.pop_back();
  const std::vector<Span> spans = SpansOf(figures, {});
  ASSERT_EQ(spans.size(), 3u);
  EXPECT_TRUE(spans[0].failed);
  EXPECT_FALSE(spans[1].failed);
  EXPECT_TRUE(spans[2].failed);
}

TEST(RoundSpans, OfASetupAreInTheRunsTrace) {
  const Span::Time end{milliseconds(1'800'000'000'000)};
  const SetupFigures figures{"run-1", 2, true, milliseconds(40)};
  const Span setup = SpanOf(figures, end);
  EXPECT_EQ(setup.name, "setup");
  EXPECT_EQ(setup.trace, TraceIdOf("run-1"));
  EXPECT_EQ(setup.parent, SpanId{});
  EXPECT_EQ(setup.end - setup.begin, milliseconds(40));
  EXPECT_FALSE(setup.failed);
  EXPECT_THAT(KeysOf(setup), testing::ElementsAre("veilsum.run", "veilsum.batch", "veilsum.keyed"));
  EXPECT_NE(SpanOf(figures, end + milliseconds(1)).id, setup.id) << "of a later start";
  EXPECT_TRUE(SpanOf({"run-1", 2, false}, end).failed);
}

TEST(RoundSpans, OfACallHaveItsMethodAndCodeAndNothingElse) {
  const Span::Time end{milliseconds(1'800'000'000'000)};
  const Span missing = SpanOfCall("StopRun", 5, milliseconds(3), 1, end);
  EXPECT_EQ(missing.name, "veilsum.admin.v1.Admin/StopRun");
  EXPECT_EQ(missing.end - missing.begin, milliseconds(3));
  EXPECT_TRUE(missing.serves);
  EXPECT_FALSE(missing.failed) << "NOT_FOUND is the caller's";
  EXPECT_TRUE(SpanOfCall("StopRun", 13, {}, 1, end).failed) << "INTERNAL is ours";
  EXPECT_THAT(KeysOf(missing), testing::ElementsAre("rpc.system", "rpc.service", "rpc.method",
                                                    "rpc.grpc.status_code"));
  EXPECT_NE(SpanOfCall("StopRun", 5, milliseconds(3), 2, end).trace, missing.trace);
}

// Of a real run, over the secure sum.
TEST(RoundSpans, OfARunCoverEveryRound) {
  TappedFederation federation({});
  federation.StartCoordinator();
  federation.StartRun();
  federation.StartClients();
  federation.AwaitClients();
  ASSERT_FALSE(federation.figures().empty());
  for (const RoundFigures& figures : federation.figures()) {
    ASSERT_EQ(figures.phases.size(), 3u) << "round " << figures.round;
    Clock::Duration before{};
    for (const RoundPhase& phase : figures.phases) {
      EXPECT_GE(phase.ended, before) << phase.name;
      before = phase.ended;
    }
    EXPECT_EQ(before, figures.took);
  }
  ASSERT_FALSE(federation.setups().empty());
  for (const SetupFigures& figures : federation.setups()) {
    EXPECT_EQ(figures.run_id, federation.run_id());
    EXPECT_GT(figures.took.count(), 0);
  }
  EXPECT_TRUE(std::ranges::any_of(federation.setups(), &SetupFigures::keyed));
}

}  // namespace
}  // namespace veilsum::coordinator
