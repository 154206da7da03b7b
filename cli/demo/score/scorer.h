// Scores published models on the merchants' hold-outs, exactly. Only a process that owns every
// merchant's files can do this (SE-17): the demo and tests.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/secure_rng.h"
#include "client/data/manifest.h"
#include "client/serve/off_policy.h"
#include "model/examples.h"
#include "model/layout.h"
#include "model/plan/plan.h"
#include "model/quality.h"

namespace veilsum::cli {

struct Score {
  model::Quality pooled;                                 // all hold-outs together
  std::vector<std::optional<model::Quality>> merchants;  // none where there is no hold-out customer
  // Of the plan's side heads, all hold-outs together; none where no row has such a label.
  std::vector<std::optional<model::Quality>> heads = {};
  // Of q_learning where the plan names the propensities: what the best actions would earn.
  std::optional<client::OffPolicy> policy = {};
  std::vector<double> shares = {};  // of segments, as the model states them: noise in them
};

// Thread-safe: scoring changes nothing.
class Scorer {
 public:
  virtual ~Scorer() = default;
  // `model`: the bytes of SE-18. InvalidArgument when they do not fit the plan's layout.
  virtual absl::StatusOr<Score> Of(ByteView model) const = 0;
  virtual const std::vector<std::string>& names()
      const = 0;  // of the merchants, in the order of Score::merchants
};

class HoldoutScorer final : public Scorer {
 public:
  // Reads all seats' files with the client's own loader. Errors of LoadDataset.
  static absl::StatusOr<std::unique_ptr<HoldoutScorer>> Load(
      const model::Plan& plan, const std::vector<client::Seat>& seats);

  absl::StatusOr<Score> Of(ByteView model) const override;
  const std::vector<std::string>& names() const override { return names_; }
  const model::Layout& layout() const { return layout_; }
  std::uint64_t TrainingCustomers(std::size_t merchant) const {
    return merchants_[merchant].training.customers();
  }

  // The leading figure on the hold-out (Quality::leading) of a model trained without noise on each
  // merchant's own customers alone, from the same initial weights. None where it does not exist.
  // Of segments these are k-means of its own customers, in the same unit: numbers as `joint` reads
  // them. `cancelled` is asked between merchants.
  absl::StatusOr<std::vector<std::optional<double>>> TrainedAlone(
      std::uint64_t seed, ByteView joint, const std::function<bool()>& cancelled) const;

 private:
  struct Merchant {
    model::Examples training, holdout;
  };
  absl::StatusOr<Score> OfSegments(const model::ModelVector& model) const;
  absl::StatusOr<model::Quality> Alone(const Merchant& merchant, const model::ModelVector& initial,
                                       const model::ModelVector& joint, SecureRng& rng) const;
  HoldoutScorer(model::Plan plan, model::Layout layout)
      : plan_(std::move(plan)), layout_(std::move(layout)) {}
  model::Plan plan_;
  model::Layout layout_;
  std::vector<std::string> names_;
  std::vector<Merchant> merchants_;
};

}  // namespace veilsum::cli
