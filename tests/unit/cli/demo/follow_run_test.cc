// Following a run, against a coordinator that is a script.
#include "cli/demo/run/follow_run.h"

#include <atomic>

#include "tests/support/status_matchers.h"

namespace veilsum::cli {
namespace {

admin::v1::RunProgress Progress(const std::string& state, std::uint64_t round, std::uint64_t step) {
  admin::v1::RunProgress p;
  p.set_state(state);
  p.set_round(round);
  p.set_step(step);
  p.set_steps(10);
  p.set_epsilon(0.1 * static_cast<double>(round));
  p.set_attempts(round);
  p.set_model_hash(std::string(32, static_cast<char>(step)));
  return p;
}

class ScriptedRun final : public RunControl {
 public:
  absl::StatusOr<admin::v1::StartRunResponse> Start(const admin::v1::StartRunRequest&) override {
    if (!start_error.ok()) return start_error;
    admin::v1::StartRunResponse response;
    response.set_run_id("run-1");
    response.set_contract("{}");
    return response;
  }
  absl::Status Watch(
      const std::string&,
      const std::function<bool(const admin::v1::RunProgress&)>& on_progress) override {
    for (const auto& progress : script) {
      if (interrupted) return absl::UnavailableError("closed");
      if (before_each) before_each();
      if (!on_progress(progress)) return absl::CancelledError("enough");
    }
    return watch_result;
  }
  absl::StatusOr<Bytes> Model(const std::string&, ByteView) override {
    if (!has_model) return absl::NotFoundError("no model");
    return Bytes{1, 2, 3, 4};
  }
  absl::Status Stop(const std::string&, const std::string& reason) override {
    stop_reason = reason;
    return absl::OkStatus();
  }
  void Interrupt() override { interrupted = true; }

  absl::Status start_error, watch_result;
  std::vector<admin::v1::RunProgress> script;
  std::function<void()> before_each;
  bool has_model = true;
  std::atomic<bool> interrupted = false;
  std::string stop_reason;
};

class ConstantScorer final : public Scorer {
 public:
  absl::StatusOr<Score> Of(ByteView) const override {
    Score score;
    score.pooled.loss = 0.5;
    score.pooled.roc_auc = 0.75;
    return score;
  }
  const std::vector<std::string>& names() const override { return names_; }

 private:
  std::vector<std::string> names_;
};

class ManualClock final : public Clock {
 public:
  Time Now() const override { return now; }
  Time now{};
};

class FollowRunTest : public testing::Test {
 protected:
  FollowRunTest() : out_(std::tmpfile()), line_(out_, clock_) {
    control_.before_each = [this] { clock_.now += std::chrono::milliseconds(500); };
  }
  ~FollowRunTest() override { std::fclose(out_); }
  absl::StatusOr<FollowedRun> Follow() {
    return FollowRun(
        {.control = control_, .scorer = scorer_, .stop = stop_, .line = line_, .clock = clock_},
        {});
  }
  std::FILE* out_;
  ManualClock clock_;
  StopSignal stop_;
  ScriptedRun control_;
  ConstantScorer scorer_;
  ProgressLine line_;
};

TEST_F(FollowRunTest, EndsWithTheLastModelAndItsScore) {
  control_.script = {Progress("approving", 0, 0), Progress("training", 1, 1),
                     Progress("training", 6, 5), Progress("training", 11, 10),
                     Progress("finished", 11, 10)};
  ASSERT_OK_AND_ASSIGN(const FollowedRun run, Follow());
  EXPECT_EQ(run.last.state(), "finished");
  EXPECT_FALSE(run.interrupted);
  ASSERT_TRUE(run.score && run.model);
  ASSERT_FALSE(run.curve.empty());
  EXPECT_EQ(run.curve.back().step, 10u);
  EXPECT_DOUBLE_EQ(run.curve.back().epsilon.value_or(0), 1.1);
  EXPECT_DOUBLE_EQ(run.curve.back().loss, 0.5);
  EXPECT_NEAR(run.rounds_per_second.value_or(0), 10.0, 1e-9);  // rounds 1 to 11 in one second
}

TEST_F(FollowRunTest, TheCurveIsInOrderOfSteps) {
  for (std::uint64_t step = 0; step <= 10; ++step)
    control_.script.push_back(Progress("training", step, step));
  ASSERT_OK_AND_ASSIGN(const FollowedRun run, Follow());
  for (std::size_t i = 1; i < run.curve.size(); ++i)
    EXPECT_LT(run.curve[i - 1].step, run.curve[i].step);
}

TEST_F(FollowRunTest, AnInterruptedRunIsStoppedAtTheCoordinator) {
  control_.script = {Progress("training", 1, 1), Progress("training", 2, 2),
                     Progress("training", 3, 3)};
  control_.before_each = [this] { stop_.Raise("interrupted", /*is_failure=*/false); };
  ASSERT_OK_AND_ASSIGN(const FollowedRun run, Follow());
  EXPECT_TRUE(run.interrupted);
  EXPECT_EQ(control_.stop_reason, "interrupted");
}

TEST_F(FollowRunTest, ARunWithoutAModelIsAResult) {
  control_.script = {Progress("failed", 3, 0)};
  control_.has_model = false;
  ASSERT_OK_AND_ASSIGN(const FollowedRun run, Follow());
  EXPECT_EQ(run.last.state(), "failed");
  EXPECT_FALSE(run.model || run.score);
}

TEST_F(FollowRunTest, ARefusedStartIsAnError) {
  control_.start_error = absl::InvalidArgumentError("members: 2, must be at least 3");
  EXPECT_THAT(Follow(), StatusIs(absl::StatusCode::kInvalidArgument, "members"));
}

TEST_F(FollowRunTest, ALostCoordinatorIsAnError) {
  control_.script = {Progress("training", 1, 1)};
  control_.watch_result = absl::UnavailableError("nobody there");
  EXPECT_THAT(Follow(), StatusIs(absl::StatusCode::kUnavailable, "nobody there"));
}

}  // namespace
}  // namespace veilsum::cli
