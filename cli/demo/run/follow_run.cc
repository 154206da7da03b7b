#include "cli/demo/run/follow_run.h"

#include <algorithm>

namespace veilsum::cli {
namespace {

constexpr std::uint64_t kCurvePoints = 60;
constexpr std::chrono::milliseconds kLeastBetweenScores{200};

std::optional<Hash32> HashOf(const admin::v1::RunProgress& progress) {
  const absl::StatusOr<Hash32> hash = ParseFixed<32>("model_hash", progress.model_hash());
  return hash.ok() ? std::optional(*hash) : std::nullopt;
}

class Follower {
 public:
  Follower(const FollowContext& context, std::uint32_t members, const std::string& run_id)
      : c_(context), members_(members), worker_(c_.control, c_.scorer, run_id), rate_(c_.clock) {}

  bool OnProgress(const admin::v1::RunProgress& p) {
    last_ = p;
    if (p.state() == "training") MeasureRate(p.round());
    MaybeScore(p);
    c_.line.Show(StateOf(p));
    return !c_.stop.raised();
  }

  void Finish(FollowedRun& run) {
    run.last = last_;
    run.curve = worker_.Finish();
    if (first_ && latest_ && latest_->first > first_->first)
      run.rounds_per_second = static_cast<double>(latest_->second - first_->second) /
                              std::chrono::duration<double>(latest_->first - first_->first).count();
  }

  CurvePoint PointOf(const admin::v1::RunProgress& p) const {
    CurvePoint point{
        .round = p.round(), .step = p.step(), .epsilon = {}, .loss = 0, .roc_auc = {}, .rmse = {}};
    if (c_.is_private) point.epsilon = p.epsilon();
    return point;
  }

 private:
  ProgressState StateOf(const admin::v1::RunProgress& p) const {
    ProgressState s{.state = p.state(),
                    .round = p.round(),
                    .step = p.step(),
                    .steps = p.steps(),
                    .aborted = p.aborted(),
                    .survivors = p.survivors(),
                    .members = members_,
                    .epsilon = {},
                    .rounds_per_second = rate_.PerSecond(),
                    .loss = worker_.latest_loss()};
    if (c_.is_private && p.attempts() > 0) s.epsilon = p.epsilon();
    return s;
  }

  void MeasureRate(std::uint64_t round) {
    const auto now = c_.clock.Now();
    rate_.Add(round);
    if (!first_) first_ = {now, round};
    latest_ = {now, round};
  }

  void MaybeScore(const admin::v1::RunProgress& p) {
    const std::optional<Hash32> hash = HashOf(p);
    const std::uint64_t every = std::max<std::uint64_t>(1, p.steps() / kCurvePoints);
    const auto now = c_.clock.Now();
    if (!hash || (scored_step_ && p.step() < *scored_step_ + every)) return;
    if (scored_at_ && now - *scored_at_ < kLeastBetweenScores) return;
    scored_step_ = p.step();
    scored_at_ = now;
    worker_.Ask(PointOf(p), *hash);
    if (c_.on_score) c_.on_score();
  }

  const FollowContext& c_;
  const std::uint32_t members_;
  ScoreWorker worker_;
  RateMeter rate_;
  admin::v1::RunProgress last_;
  std::optional<std::pair<Clock::Time, std::uint64_t>> first_, latest_;
  std::optional<std::uint64_t> scored_step_;
  std::optional<Clock::Time> scored_at_;
};

// The latest model and its score, appended to the curve unless its step is there already.
absl::Status ScoreLast(const FollowContext& c, const Follower& follower, FollowedRun& run) {
  absl::StatusOr<Bytes> model = c.control.Model(run.run_id, {});
  if (!model.ok()) return absl::IsNotFound(model.status()) ? absl::OkStatus() : model.status();
  VEILSUM_ASSIGN_OR_RETURN(run.score, c.scorer.Of(*model));
  run.model = *std::move(model);
  if (!run.curve.empty() && run.curve.back().step >= run.last.step()) run.curve.pop_back();
  CurvePoint point = follower.PointOf(run.last);
  SetScore(*run.score, point);
  run.curve.push_back(point);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<FollowedRun> FollowRun(const FollowContext& c,
                                      const admin::v1::StartRunRequest& request) {
  const auto start = c.clock.Now();
  VEILSUM_ASSIGN_OR_RETURN(const admin::v1::StartRunResponse started, c.control.Start(request));
  FollowedRun run;
  run.run_id = started.run_id();
  run.contract = started.contract();
  Follower follower(c, static_cast<std::uint32_t>(request.members_size()), run.run_id);
  c.stop.SetListener([&c] { c.control.Interrupt(); });
  const absl::Status watched = c.control.Watch(
      run.run_id, [&](const admin::v1::RunProgress& p) { return follower.OnProgress(p); });
  c.stop.SetListener({});
  follower.Finish(run);
  c.line.Finish();
  run.seconds = std::chrono::duration<double>(c.clock.Now() - start).count();
  run.interrupted = c.stop.raised();
  if (run.interrupted) {
    // The coordinator may be gone; then there is nothing left to stop.
    (void)c.control.Stop(run.run_id, c.stop.reason());
    return run;
  }
  VEILSUM_RETURN_IF_ERROR(watched);
  VEILSUM_RETURN_IF_ERROR(ScoreLast(c, follower, run));
  return run;
}

}  // namespace veilsum::cli
