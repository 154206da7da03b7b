// The privacy-loss accountant: composes distributions of the privacy loss numerically, rounding
// only upwards (rules DP-17 and DP-18; dp/analysis has the parts). The tightest number of this
// module.
#pragma once

#include <vector>

#include "dp/accountant/accountant.h"
#include "dp/analysis/composed_loss.h"
#include "dp/analysis/gaussian_loss.h"

namespace veilsum::dp {

// Discrete Gaussian and Skellam noise in more than one coordinate, or wide, is accounted as rounded
// Gaussian noise of the same variance, z_eff = sqrt(S^2 - 1/12) / D2, and delta pays for the
// distance between the two; on one coordinate, exactly.
class PldAccountant final : public Accountant {
 public:
  // `step`: of the grid of losses; absent, min(1e-4, epsilon / 2000) of the result, or larger where
  // that would take more than 2^22 points.
  explicit PldAccountant(Neighbouring neighbouring = Neighbouring::kAddRemove,
                         std::optional<double> step = std::nullopt)
      : neighbouring_(neighbouring), step_(step) {}

  std::string_view name() const override { return "pld"; }
  absl::Status Compose(const PrivacyEvent& event) override;
  // FailedPrecondition when delta cannot pay for the distance of integer noise to a Gaussian.
  absl::StatusOr<PrivacyLoss> LossAt(Delta delta) const override;

  // Upper bound of delta at `epsilon`, in the direction given: for curves and tests. The grid is
  // the one that suits `near`. Slack of integer noise is not in it.
  double DeltaAt(double epsilon, Direction direction, Delta near) const;

 private:
  // One event as its losses are computed.
  struct Part {
    PrivacyEvent event;  // Gaussian where `exact_shift` is 0 and the noise is not Laplace
    unsigned exact_shift = 0;
  };
  std::vector<Direction> Directions() const;
  LossDistribution LossOf(const Part& part, Direction direction, double step, double tail) const;
  double RangeOf(const Part& part, Direction direction, double tail) const;
  ComposedLoss ComposeAt(Direction direction, double delta, double step) const;
  // Whether (epsilon, delta) holds in this direction, as far as moments tell.
  bool IsWithin(Direction direction, double epsilon, double delta, double step) const;
  // Upper bound without slack; max over the directions.
  double EpsilonWithoutSlack(double delta) const;
  double EpsilonOnGrid(double delta, double step) const;
  double OneGaussian() const;  // mu when the whole composition is one Gaussian, else 0

  Neighbouring neighbouring_;
  std::optional<double> step_;
  std::vector<Part> parts_;  // sorted, so that the order of Compose does not matter
  double kl_ = 0;            // of all integer noise to its rounded Gaussian
};

}  // namespace veilsum::dp
