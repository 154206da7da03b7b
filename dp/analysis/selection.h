// Privacy of tuning by "run it K times, keep the best", where K is random and unknown to whoever
// sees the result. Source: Papernot and Steinke, "Hyperparameter Tuning with Renyi Differential
// Privacy" (arXiv 2110.03620): truncated negative binomial K, definition 1; the bound, theorem 2.
#pragma once

#include "dp/event.h"

namespace veilsum::dp {

// P[K = k] ~ (1 - gamma)^k prod_{l=1}^{k-1} (l + eta) / (l + 1), k = 1, 2, ...: eta = 1 is the
// geometric distribution, eta = 0 the logarithmic one.
struct RepeatRule {
  double eta;    // in (-1, 16]
  double gamma;  // in [1e-9, 1)
};

// InvalidArgument naming field and bound.
absl::Status ValidateRepeatRule(const RepeatRule& rule);
double ExpectedRuns(const RepeatRule& rule);
double ProbabilityOfRuns(const RepeatRule& rule, std::uint64_t runs);

// K runs of everything in `run`, each with its score, of which only the best is released; the score
// is computed from what the run released, or its own release is in `run`.
struct Selection {
  PrivacySchedule run;
  RepeatRule rule;
  // Where each run is of one of several candidates that coins choose without the data: the others.
  std::vector<PrivacySchedule> others = {};
};

// InvalidArgument naming field and bound: an event, the rule, or nothing in `run`.
absl::Status ValidateSelection(const Selection& selection);
// A valid selection's RDP as a function of the order, epsilon(a) + (1 + eta) min_b [(1 - 1/b)
// epsilon(b) + ln(1/gamma) / b] + ln E[K] / (a - 1), epsilon(a) being that of the worst candidate
// at a; the minimum is searched once.
class SelectionRdp {
 public:
  explicit SelectionRdp(const Selection& selection);
  double AtOrder(double order) const;
  bool needs_integer_orders() const { return integer_; }

 private:
  double RunAtOrder(double order) const;  // of the worst candidate
  std::vector<PrivacySchedule> runs_;
  bool integer_;
  double constant_, log_runs_;
};

}  // namespace veilsum::dp
