// What a demo run reports, as plain values: docs/report.md has the meaning, unit and source of each
// key. A value that this version does not have is empty, and null in report.json; nothing is filled
// in by guess.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "dp/mechanism/private_auc.h"

namespace veilsum::cli {

struct CurvePoint {
  std::uint64_t round = 0;
  std::uint64_t step = 0;
  std::optional<double> epsilon;  // charged so far, coordinator plus colluders
  double loss = 0;                // as trained, exact, hold-outs of all merchants together
  std::optional<double> roc_auc = {}, rmse = {}, mean_squared_distance = {};
};

// Of task segments: distances of hold-out rows to the nearest centre, each number standardised.
struct SegmentFacts {
  double mean_squared_distance = 0;
  std::optional<double> explained;                         // share of the rows' variance
  std::optional<double> local_only_mean_squared_distance;  // of k-means of the merchant's own
  std::vector<std::uint64_t> sizes;                        // hold-out rows of each segment
};

struct CalibrationPoint {
  std::uint64_t count = 0;
  double predicted = 0;  // mean prediction of the bin
  double observed = 0;   // share of positives in it
};

// Of private evaluation: noisy, with the standard deviation of `observed`.
struct PrivateCalibrationPoint {
  double predicted = 0, observed = 0, error = 0, customers = 0;
};

struct MerchantQuality {
  std::string name;
  std::uint64_t holdout_rows = 0;
  std::optional<double> roc_auc;  // of the joint model; none when only one class is in the hold-out
  std::optional<double> rmse = {};           // of regression
  std::optional<double> local_only_roc_auc,  // of a model trained on this merchant alone
      local_only_rmse = {};
  std::optional<double> accuracy, log_loss;
  std::optional<SegmentFacts> segments = {};
};

struct PlanFacts {
  std::string name, sha256;
};

struct DataFacts {
  std::string source;  // the folder's name, or "generated"
  bool synthetic = false;
};

struct FederationFacts {
  std::uint64_t merchants = 0;  // seats that signed the contract
  std::optional<std::uint64_t> survivors_min;
  std::uint64_t rounds = 0, aborted = 0;
  std::vector<std::string> declined;  // too small, with the reason
};

struct PrivacyFacts {
  bool is_private = true;
  std::optional<double> epsilon, delta, epsilon_rdp, epsilon_outsider, epsilon_coordinator,
      epsilon_coordinator_plus_t, epsilon_all_others, epsilon_customer, epsilon_person_2,
      epsilon_person_3, epsilon_filter, delta_slack;
  std::string accountant;
  std::uint64_t colluders = 0;
  std::string unit;
  std::optional<double> noise_multiplier, sampling_rate, clip_norm;
  std::string mode = "distributed";  // training.mode of the plan
  std::uint64_t bands = 1, local_steps = 0;
  std::uint64_t steps = 0, attempts = 0, attempts_max = 0;
  std::optional<double> statistics_epsilon, evaluation_epsilon;
  std::vector<std::string> unprotected;
};

// From private histograms, with its 95 % interval.
struct PrivateFigure {
  double value = 0;
  std::pair<double, double> interval;
};

// By private evaluation, of one of the plan's groups.
struct PrivateGroupQuality {
  std::string name;
  std::optional<PrivateFigure> roc_auc, selected, true_positives, false_positives;
  std::optional<double> positives, negatives;  // noisy
  std::string unusable;                        // why there are no numbers
};

struct HeadQuality {
  std::string label;     // table.column
  std::size_t rows = 0;  // of the hold-outs, with that label
  std::optional<double> roc_auc, accuracy, majority_accuracy, rmse, mae;
};

// What a policy would earn a customer, by doubly robust estimation from logged decisions.
struct PolicyQuality {
  std::size_t decisions = 0, customers = 0;
  double logged = 0, logged_error = 0;  // what was earned; standard errors
  double value = 0, value_error = 0;    // what the model's best actions would earn
  double effective_customers = 0;
};

struct QualityFacts {
  std::string task = "binary";  // binary | multi_class | regression | segments
  std::optional<double> roc_auc, pr_auc, accuracy, majority_accuracy, log_loss, roc_auc_private,
      local_only_roc_auc;
  std::optional<double> rmse, mae, r2, local_only_rmse;  // of regression
  std::optional<std::pair<double, double>> roc_auc_private_interval;
  std::optional<double> roc_auc_private_noise;  // its standard deviation from noise alone
  std::optional<PrivateFigure> accuracy_private, log_loss_private;
  std::vector<PrivateCalibrationPoint> calibration_private;
  std::vector<PrivateGroupQuality> groups_private;
  std::optional<dp::ScoreHistogram> score_histogram;  // what the private figures follow from
  std::vector<MerchantQuality> per_merchant;
  std::vector<HeadQuality> heads;       // of a plan with several
  std::optional<PolicyQuality> policy;  // of q_learning
  std::vector<CalibrationPoint> calibration;
  std::optional<SegmentFacts> segments;  // the distance of merchants alone is their mean
  std::vector<double> segment_shares;    // as the model states them, with noise

  bool by_value() const { return task == "regression"; }
  bool of_segments() const { return task == "segments"; }
};

struct CostFacts {
  double seconds = 0;  // of the run, from the start of training processes to their end
  std::optional<double> rounds_per_second;
  std::optional<std::uint64_t> upload_bytes_per_client_round, plain_bytes_per_client_round;
  std::optional<double> padding_overhead;
  std::optional<std::uint64_t> coordinator_peak_rss_bytes, client_peak_rss_bytes;
};

struct LedgerFacts {
  std::optional<std::uint64_t> size;
  std::optional<std::string> root;
  std::optional<bool> verified;
};

struct ModelFacts {
  std::optional<std::uint64_t> version;  // the step it was published at
  std::optional<std::string> sha256;
  std::vector<std::string> files;  // names in the output folder
};

struct RolloutFact {
  std::string stage;  // entered
  std::uint64_t percent = 0;
  std::string reason;
};

struct AttributionFact {
  std::string column;
  double mean_absolute = 0;  // of the logit, over the rows that were explained
};

struct VariantFact {
  std::string name;                 // fp16, int8
  std::string max_abs_logit_diff;   // decimal, on the self-test's rows
  std::optional<double> auc_delta;  // ROC-AUC on hold-outs, exact: this minus float32
};

// Classes ranked by how often the hold-out's own customers choose them, on the same rows.
struct PopularityFact {
  double hit_rate = 0, ndcg = 0;
  double margin = 0, low = 0, high = 0;  // the release's hit rate above this one; 95 % interval
};

// What the release was used for at one merchant, and how good that was on its hold-out, exact. Of a
// binary plan: whom to address first, the tenth of the customers that scores best; of classes: the
// three most likely ones for each customer.
struct RecommendationFact {
  std::string kind;                // customers | classes
  std::uint64_t of = 0, best = 0;  // candidates, and how many of them are recommended
  double hit_rate = 0;             // customers: share of label 1; classes: the label is among them
  double chance = 0;               // the same of a choice at random
  double ndcg = 0;
  std::optional<PopularityFact> popularity = {};  // of classes
};

// The release against the model before it, on one merchant's hold-out, exact; 95 % interval of the
// difference on the same rows.
struct ComparisonFact {
  std::string merchant, figure;  // roc_auc, accuracy or absolute_error
  std::uint64_t rows = 0;
  double before = 0, after = 0, difference = 0, low = 0, high = 0;
};

// What became of the trained model.
struct ReleaseFacts {
  std::string model_id, version, digest;
  std::string folder;  // of the package, in the output folder
  std::vector<VariantFact> variants;
  std::vector<RolloutFact> rollout;
  std::vector<std::string> canary;                        // merchants that had it first
  std::uint64_t installed = 0, refused = 0;               // merchants, at the end
  std::string predicted_at;                               // a merchant, from its own store
  std::uint64_t predicted_rows = 0;                       // of its hold-out
  std::optional<double> predicted_mean;                   // probability
  std::vector<AttributionFact> attribution;               // largest first
  std::optional<RecommendationFact> recommendation = {};  // none: regression, or nobody held out
  std::vector<ComparisonFact> compared = {};  // merchants whose hold-out is large enough for one
};

struct EnvironmentFacts {
  std::string engine, device, version;
  std::uint64_t threads = 1;
};

struct Report {
  std::string outcome;  // finished | stopped | failed
  std::string reason;   // why it stopped or failed; empty when it finished
  std::uint64_t seed = 0;
  PlanFacts plan;
  DataFacts data;
  FederationFacts federation;
  PrivacyFacts privacy;
  QualityFacts quality;
  CostFacts cost;
  LedgerFacts ledger;
  ModelFacts model;
  std::optional<ReleaseFacts> release;  // none: nothing that may be released
  EnvironmentFacts environment;
  std::vector<CurvePoint> curve;   // by step
  std::vector<std::string> notes;  // whole sentences
};

}  // namespace veilsum::cli
