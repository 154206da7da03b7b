// A plan: everything about a training that is public and never changes (SE-01). Named by the
// SHA-256 of its canonical JSON; TOML is only its source form. docs/formats.md has the table of
// keys, bounds and defaults.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/encoder.h"
#include "model/plan/decimal.h"

namespace veilsum::model {

// Bounds that several parts of a plan share.
inline constexpr std::uint64_t kMaxPlanSteps = 1'000'000;
inline constexpr std::size_t kMaxPlanInputs = std::size_t{1} << 24;

enum class Task {
  kBinary,
  kRegression,
  kMultiClass,
  kMultiTask,
  kRecommend,
  kQLearning,
  kSegments
};
enum class Mode { kDistributed, kLocal, kMerchant };
enum class AccountantKind { kPld, kRdp };
enum class Mechanism {
  kDiscreteGaussian,
  kNone
};  // none: --epsilon inf, demo and tests only (SE-12)
enum class FeatureKind { kNumeric, kCategorical, kText, kEvents };
// What becomes of a customer's events in a window before the label's time (docs/features.md).
enum class Aggregate { kNone, kCount, kSum, kMean, kMax, kLast, kRecency };

// Who is protected: all rows with one value in `column`.
struct Unit {
  std::string column;
  std::uint32_t max_rows = 1;  // rows of one customer beyond this are sampled down
};

// Which customers are kept out of training: a hash of the id, or a column of the label's table
// (SE-11).
struct Holdout {
  std::uint64_t mod =
      0;  // by hash, when not 0: held out when FNV-1a 64 of the id mod `mod` is `equals`
  std::uint64_t equals = 0;
  std::string column;  // by column: held out when the column has this value
  std::string value;
  friend bool operator==(const Holdout&, const Holdout&) = default;
};

struct Table {
  std::string name;
  std::string file;
  std::string join;   // the column that holds the customer's id
  std::string time;   // the column with an event's time; empty: not a table of events
  std::string query;  // what to read of a SQLite file; empty: the file is CSV
  // Of events: columns that tell one from another. A customer's events with the same texts in all
  // of them count once; none: all count.
  std::vector<std::string> unique = {};

  bool is_events() const { return !time.empty(); }
};

struct Feature {
  std::string table;
  std::string column;
  FeatureKind kind = FeatureKind::kNumeric;
  Decimal lo, hi;                          // numeric: public bounds
  bool log = false;                        // numeric: sign(x) ln(1 + |x|) first
  Aggregate aggregate = Aggregate::kNone;  // numeric of a table of events
  std::uint32_t window_days = 0;           // numeric of a table of events; 0: all that is earlier
  std::uint32_t last = 0;                  // events: how many, the latest ones
  std::uint32_t buckets = 0;               // categorical, text, events
  std::uint32_t ngrams = 1;                // text
  std::uint32_t width = 0;                 // text, events: of the embedding bag; 0: none
  std::optional<Encoder> encoder;          // events: the order counts, and width is of an embedding
  std::uint32_t kernel = 0;                // convolution: events of a window
  std::uint32_t channels = 0;              // of the encoder
  bool direct = false;  // text, events: a linear path to the output, around the hidden layers
  std::uint32_t max_terms = 256;          // text: different n-grams of a row that count
  std::vector<std::string> more_columns;  // text: of the same table, read after `column`
  friend bool operator==(const Feature&, const Feature&) = default;

  bool is_list() const { return kind == FeatureKind::kText || kind == FeatureKind::kEvents; }
  std::uint32_t slots() const { return kind == FeatureKind::kEvents ? last : max_terms; }  // of it
};

enum class LabelKind { kBinary, kClass, kValue, kSegment };

// Of task segments there is no column: `table` lists the customers, and the model has a centre for
// each of `segments` (model/centres.h).
struct Label {
  std::string table;
  std::string column;
  LabelKind kind = LabelKind::kBinary;
  std::vector<std::string> values;  // class: what the column may hold, public; the model's outputs
  // value: learnt on the scale of a numeric feature (FeatureKind::kNumeric)
  Decimal lo, hi;
  bool log = false;
  std::optional<Rational> huber;  // value: threshold of the loss on that scale; none: squared
  // class of task recommend: Head::negatives; 0: none are sampled, the softmax is over all items
  std::uint32_t negatives = 0;
  // class of task recommend: public attributes of each of `values` (model/item_attributes.h);
  // empty: items have none
  std::vector<std::vector<std::string>> attributes;
  std::string time;  // of the same table: only earlier events are seen; empty without such tables
  std::uint32_t segments = 0;  // segment: how many
  friend bool operator==(const Label&, const Label&) = default;

  std::size_t outputs() const {
    if (kind == LabelKind::kSegment) return segments;
    return kind == LabelKind::kClass ? values.size() : 1;
  }
};

// Another column, of the label's table or of one with a row a customer, that the same trunk learns
// to predict, with outputs of its own after those before it. A row may have none: its field is
// empty then. Its label has no time.
struct SideHead {
  Label label;
  Rational weight = Exactly(1);  // of its loss, beside 1 of the label's
};
inline constexpr std::size_t kMaxSideHeads = 64;

// Learning from logged decisions (task q_learning): the label is the action that was taken, its
// values are all actions. A customer's rows, in the order of the label's time, are one sequence of
// decisions; nothing is counted after the last one.
struct QLearning {
  std::string reward;               // column of the label's table
  std::string propensity;           // column of it with the probability that the action was taken
                                    // with; no part of training. Empty: not known
  Decimal lo, hi;                   // public bounds: a reward is clipped to them ...
  Rational discount = Exactly(0);   // ... 0: the next decision does not count
  Rational huber = Exactly(1);      // threshold of the loss, rewards over max(|lo|, |hi|)
  std::uint32_t target_every = 25;  // training rounds after which the target model is a new one
  friend bool operator==(const QLearning&, const QLearning&) = default;

  double scale() const { return std::max(std::abs(lo.ToDouble()), std::abs(hi.ToDouble())); }
};

struct Network {
  std::vector<std::size_t> hidden;
  Rational dropout = Exactly(0);  // of hidden units, in training steps
  bool layer_norm = false;        // Layout::layer_norm
  // Root digest, hex, of the release whose weights a run starts from (model/transfer.h); empty: of
  // a seed.
  std::string start;
};

// What the coordinator does with a step's sum (coordinator/strategy). Average is of modes local and
// merchant alone: the mean of the merchants' updates is added as it is.
enum class Optimizer { kAdam, kYogi, kAdagrad, kSgd, kAverage };

// What is added to every gradient beside the customers' part (dp/mechanism/penalty.h).
struct Regularisation {
  Rational l1 = Exactly(0), l2 = Exactly(0);
  Rational proximal = Exactly(0);  // modes local and merchant: towards the round's model
};

inline constexpr std::uint32_t kMaxPlanBands = 64;

// Merchant mode: how a merchant's update is clipped (dp/mechanism/adaptive_clip.h).
struct MerchantClip {
  Rational initial = Exactly(1);      // C_0
  Rational quantile = Exactly(1, 2);  // share of merchants that should not be clipped
  Rational rate = Exactly(1, 5);      // of the geometric update
  std::uint64_t expected_merchants = 0;
  Rational bit_noise = Exactly(0);  // of the count of merchants not clipped; 0: expected / 20
};

struct Training {
  Mode mode = Mode::kDistributed;
  std::uint64_t steps = 0;  // published training rounds wanted
  std::uint64_t attempts_max =
      0;  // training rounds that may be opened: what noise is calibrated to (SE-05)
  Rational sampling_rate = Exactly(1);
  std::uint64_t expected_batch = 0;  // the constant that sums are divided by
  Rational clip_norm = Exactly(1);
  Optimizer optimizer = Optimizer::kAdam;
  Rational momentum = Exactly(9, 10);          // of kSgd, in [0, 1)
  Rational learning_rate = Exactly(0);         // of the optimizer; with local steps, of those
  Rational server_learning_rate = Exactly(0);  // with local steps: of any optimizer but kAverage
  Regularisation regularisation;
  std::optional<Rational>
      averaging;  // decay of the exponential average of weights that is published last
  // Distributed: of a banded matrix factorisation (DP-15); a step samples one of `bands` groups of
  // customers at rate bands * sampling_rate. 1: DP-SGD.
  std::uint32_t bands = 1;
  // Local: private steps that a merchant takes by itself in a round, by plain SGD at learning_rate
  // on its sum over expected_batch, and what every number of its update is clamped to (SE-13).
  // Merchant: the same steps without noise; the update alone is private, and its unit is the
  // merchant (DP-20).
  std::uint32_t local_steps = 0;
  Rational update_clamp = Exactly(0);
  MerchantClip merchant;
};

struct NonPrivate {
  Rational clip_norm = Exactly(1);
  std::uint64_t steps = 0;
  Rational learning_rate = Exactly(0);
};

struct Privacy {
  Mechanism mechanism = Mechanism::kDiscreteGaussian;
  Rational epsilon = Exactly(1);
  Rational delta = Exactly(1, 100000);
  AccountantKind accountant = AccountantKind::kRdp;
  Rational statistics_share = Exactly(0);  // of epsilon; 0: no statistics round, no standardisation
};

enum class StatisticsKind { kMoments, kQuantiles };

// What the statistics round sums, where the plan has one: a value and its square for each numeric
// feature, or a histogram of each, whose median and quantiles then standardise it.
struct Statistics {
  StatisticsKind kind = StatisticsKind::kMoments;
  std::uint32_t bins = 0;  // of a histogram, over the feature's public range; 0 with moments
};

// At the end of the run each merchant's hold-out is scored, as noisy histograms of the published
// model's predictions. Its customers are in no other sum, so it takes nothing from training: claims
// compose by maximum (SE-11).
struct Evaluation {
  Rational share = Exactly(1);  // of epsilon: what evaluation alone may use, all attempts together
  std::uint32_t bins = 32;      // of the predicted probability, for each label
  std::uint32_t attempts_max = 1;
  // With groups: a histogram for each of these values of a column, and for all others together.
  std::string group_table, group_column;
  std::vector<std::string> groups;  // distinct; empty: no groups

  std::uint32_t group_count() const {
    return groups.empty() ? 1 : static_cast<std::uint32_t>(groups.size()) + 1;
  }
};

// How the group of a customer whose value the plan does not list is called.
inline constexpr const char* kOtherGroup = "other";

struct Aggregation {
  std::uint32_t min_survivors = 0;  // 0: the default of SE-04
  std::uint32_t colluders = 0;      // 0: the default of SE-04
  std::uint32_t key_batch = 16;
  std::uint32_t ring_bits = 32;
  std::uint32_t scale_log2 = 20;
};

struct Rounds {
  std::uint32_t tick_ms = 20;
  std::uint32_t deadline_ms = 5000;
};

inline constexpr std::uint32_t kMaxPlanCohorts = 64;

// A federation of more members than one secure sum holds (255), or that wants smaller ones: how it
// is split. The assignment follows from this and the member list (model/contract/cohorts.h).
struct Cohorts {
  std::uint32_t count = 2;
  // Public randomness that nobody knew when the member list was fixed; empty: none. With it C of a
  // cohort is a hypergeometric tail, without it that of the whole federation.
  std::string beacon;
  std::string members_sha256;  // with a beacon: MembersSha256 of that list, hex
};

// Named merchant folders that sit under one seat (SE-15; demo only).
struct Pool {
  std::string name;
  std::vector<std::string> members;
};

struct Plan {
  std::string name;
  Task task = Task::kBinary;
  Unit unit;
  Holdout holdout;
  std::vector<Table> tables;
  std::vector<Feature> features;
  Label label;
  std::vector<SideHead> heads;
  std::optional<QLearning> q_learning;
  Network network;  // [model] in TOML
  Training training;
  std::optional<NonPrivate> nonprivate;
  Privacy privacy;
  Statistics statistics;
  std::optional<Evaluation> evaluation;
  Aggregation aggregation;
  std::optional<Cohorts> cohorts;  // none: one cohort
  Rounds rounds;
  std::vector<Pool> pools;
  std::uint64_t minimum_customers =
      100;  // [population]: training customers, below which a merchant is refused
  std::uint64_t max_bad_rows = 0;  // [data]: malformed rows a merchant may skip

  bool is_private() const { return privacy.mechanism != Mechanism::kNone; }
  std::size_t outputs() const { return label.outputs(); }  // the label's: the model's first ones
  std::size_t model_outputs() const;                       // of all heads
  bool has_statistics() const { return privacy.statistics_share != Exactly(0); }
  // Inputs of the model: numeric features, then embedding bags, then one-hot blocks, each in plan
  // order.
  std::size_t numeric_inputs() const;
  std::size_t bag_inputs() const;
  std::size_t one_hot_inputs() const;
};

// OK when this version can run the plan; FailedPrecondition naming the field otherwise (task,
// evaluation of another task than binary, dropout without hidden layers, Q-learning in another mode
// than distributed or with side heads, segments in another mode or of features that are not
// numeric). A plan that parses may still not run: its schema is wider than this build.
absl::Status CheckRunnable(const Plan& plan);

}  // namespace veilsum::model
