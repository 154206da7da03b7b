#include "cli/demo/run/score_worker.h"

namespace veilsum::cli {

void SetScore(const Score& score, CurvePoint& point) {
  point.loss = score.pooled.loss;
  point.roc_auc = score.pooled.roc_auc;
  point.rmse = score.pooled.rmse;
  if (score.pooled.segments)
    point.mean_squared_distance = score.pooled.segments->mean_squared_distance;
}

ScoreWorker::ScoreWorker(RunControl& control, const Scorer& scorer, std::string run_id)
    : control_(control), scorer_(scorer), run_id_(std::move(run_id)), thread_([this] { Work(); }) {}

ScoreWorker::~ScoreWorker() {
  if (thread_.joinable()) Finish();
}

void ScoreWorker::Ask(CurvePoint point, Hash32 model_hash) {
  const std::lock_guard lock(mutex_);
  next_ = {point, model_hash};
  wake_.notify_one();
}

std::vector<CurvePoint> ScoreWorker::Finish() {
  {
    const std::lock_guard lock(mutex_);
    finished_ = true;
    wake_.notify_one();
  }
  thread_.join();
  return curve_;
}

std::optional<double> ScoreWorker::latest_loss() const {
  const std::lock_guard lock(mutex_);
  return curve_.empty() ? std::nullopt : std::optional(curve_.back().loss);
}

void ScoreWorker::Work() {
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return finished_ || next_; });
    if (finished_) return;
    Request request = *std::exchange(next_, std::nullopt);
    lock.unlock();
    // A model that the coordinator no longer keeps, or a coordinator that is away, only leaves a
    // gap in the curve.
    const absl::StatusOr<Bytes> model = control_.Model(run_id_, request.hash);
    const absl::StatusOr<Score> score =
        model.ok() ? scorer_.Of(*model) : absl::StatusOr<Score>(model.status());
    lock.lock();
    if (!score.ok()) continue;
    // Before statistics distances are in another unit.
    if (score->pooled.segments && request.point.step == 0) continue;
    SetScore(*score, request.point);
    curve_.push_back(request.point);
  }
}

}  // namespace veilsum::cli
