// Starts a run and follows it to its end: progress for a person, a curve of scores, the last model.
#pragma once

#include <functional>

#include "base/clock.h"
#include "cli/demo/live/progress.h"
#include "cli/demo/run/run_control.h"
#include "cli/demo/run/score_worker.h"
#include "cli/support/stop_signal.h"

namespace veilsum::cli {

struct FollowedRun {
  std::string run_id, contract;             // contract: canonical JSON
  admin::v1::RunProgress last;              // the last message
  std::vector<CurvePoint> curve;            // by step; the last is the final model's
  std::optional<Bytes> model;               // the latest published; none when nothing was
  std::optional<Score> score;               // of it
  double seconds = 0;                       // from StartRun to the end
  std::optional<double> rounds_per_second;  // over the training rounds
  bool interrupted = false;                 // by the StopSignal
};

struct FollowContext {
  RunControl& control;
  const Scorer& scorer;
  StopSignal& stop;
  ProgressLine& line;
  const Clock& clock;
  bool is_private = true;
  std::function<void()> on_score =
      {};  // called now and then while the run goes on (memory figures)
};

// An error only when the run could not be started or followed; a run that stopped or failed is a
// result.
absl::StatusOr<FollowedRun> FollowRun(const FollowContext& context,
                                      const admin::v1::StartRunRequest& request);

}  // namespace veilsum::cli
