// Tuning by repeat and select (dp/mechanism/selected_run.h): K runs of the federation, K drawn from
// the operator's own randomness, each of one of several plans, likewise drawn; the one with the
// best private ROC-AUC is kept. Every run is an ordinary one, charged in full wherever it is seen:
// merchants' blocks, ledger, coordinator. The smaller number is against those who see nothing but
// the model that is kept.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/secure_rng.h"
#include "dp/mechanism/repeat_count.h"
#include "model/plan/plan.h"

namespace veilsum::cli {

// Where tuning's runs happen.
class TuningRuns {
 public:
  struct Done {
    std::string run_id;
    std::string contract;                // canonical JSON
    std::optional<double> roc_auc = {};  // of the private evaluation; none where noise hides it
    Bytes model = {};                    // the last one
  };
  virtual ~TuningRuns() = default;
  // Starts one and waits for its end. Any error ends the tuning: a run that was refused or failed
  // has no score.
  virtual absl::StatusOr<Done> Run(const model::Plan& plan) = 0;
};

struct Tuned {
  std::vector<TuningRuns::Done> runs;  // of all but the best without the model
  std::vector<std::size_t> candidate;  // of each run
  std::size_t best = 0;                // run
  double expected_runs = 0;
  double epsilon_selected = 0;  // one customer, against those who see the kept model only
  double epsilon_all = 0;       // against coordinator and colluders: all runs composed
  double delta = 0;
};

// InvalidArgument naming the plan and field unless there is a candidate and all are private, have
// an evaluation, and agree in customers, label, delta and epsilon.
absl::Status CheckCandidates(const std::vector<model::Plan>& candidates);

// Which of `candidates` each of K runs is of, all drawn without looking at anything.
std::vector<std::size_t> DrawRuns(std::size_t candidates, const dp::RepeatCount& count,
                                  SecureRng& rng);

// Errors of CheckCandidates and of the runs; FailedPrecondition when no run has a score. As many
// runs as are drawn: to stop after some, or to draw again, would change the distribution of K.
absl::StatusOr<Tuned> Tune(const std::vector<model::Plan>& candidates, const dp::RepeatCount& count,
                           TuningRuns& runs, SecureRng& rng);

}  // namespace veilsum::cli
