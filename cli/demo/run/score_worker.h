// Scores models beside the run, on its own thread: the newest one asked for, never a queue, so that
// a slow score makes the curve coarser and the run no slower.
#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>

#include "cli/demo/report/report.h"
#include "cli/demo/run/run_control.h"
#include "cli/demo/score/scorer.h"

namespace veilsum::cli {

void SetScore(const Score& score, CurvePoint& point);

class ScoreWorker {
 public:
  // Both must outlive it.
  ScoreWorker(RunControl& control, const Scorer& scorer, std::string run_id);
  ~ScoreWorker();
  // Asks for the model of `point` (round, step, epsilon) by its hash; replaces one that has not
  // begun.
  void Ask(CurvePoint point, Hash32 model_hash);
  // Waits for the score in work, forgets one that has not begun, and returns the curve by step.
  std::vector<CurvePoint> Finish();
  std::optional<double> latest_loss() const;

 private:
  struct Request {
    CurvePoint point;
    Hash32 hash;
  };
  void Work();
  RunControl& control_;
  const Scorer& scorer_;
  const std::string run_id_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::optional<Request> next_;  // guarded by mutex_, as is all below
  std::vector<CurvePoint> curve_;
  bool finished_ = false;
  std::thread thread_;
};

}  // namespace veilsum::cli
