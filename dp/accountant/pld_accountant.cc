#include "dp/accountant/pld_accountant.h"

#include <algorithm>
#include <cmath>
#include <tuple>

#include "dp/analysis/integer_loss.h"
#include "dp/analysis/laplace_loss.h"
#include "dp/infinity.h"

namespace veilsum::dp {
namespace {

constexpr double kLargestStep = 1e-4;     // DP-18
constexpr double kStepsOfEpsilon = 2000;  // DP-18
// Of one release's loss: rounding adds at most (step / 2)^2 to its variance.
constexpr double kStepsOfDeviation = 10;
constexpr double kCoarse = 4;          // times the step
constexpr double kTailOfDelta = 1e-7;  // of delta, over all releases: raised to infinity
constexpr std::size_t kMostBins = std::size_t{1} << 22;
constexpr double kMostExactSigma = 1 << 12;  // one-coordinate integer noise up to here is exact
constexpr double kMostSlack = 0.5;           // of delta

auto Key(const PrivacyEvent& e) {
  return std::tuple(e.noise, e.sampling_rate, e.noise_multiplier, e.merchants, e.grid.sensitivity);
}

bool IsPlainGaussian(const PrivacyEvent& event) {
  return event.noise == NoiseKind::kGaussian && event.sampling_rate == 1;
}

// Gaussian releases without sampling are one with all their information: 1/z^2 adds up.
void AbsorbGaussian(PrivacyEvent& into, const PrivacyEvent& event) {
  const auto information = [](const PrivacyEvent& e) {
    const double shift = e.merchants / e.noise_multiplier;
    return static_cast<double>(e.count) * shift * shift;
  };
  into = {1.0, 1 / std::sqrt(information(into) + information(event)), 1};
}

// About the standard deviation of one release's loss: q sqrt(chi^2), at most the unsampled one.
double Deviation(const PrivacyEvent& event) {
  const double inverse = event.merchants / event.noise_multiplier;
  return std::min(inverse, event.sampling_rate * std::sqrt(std::expm1(inverse * inverse)));
}

}  // namespace

absl::Status PldAccountant::Compose(const PrivacyEvent& event) {
  VEILSUM_RETURN_IF_ERROR(ValidateEvent(event));
  if (event.count == 0) return absl::OkStatus();
  Part part{event};
  const IntegerGrid& grid = event.grid;
  const double sigma = event.noise_multiplier * grid.sensitivity;
  const bool integer =
      event.noise == NoiseKind::kDiscreteGaussian || event.noise == NoiseKind::kSkellam;
  if (integer && grid.dimension == 1 && sigma <= kMostExactSigma &&
      grid.sensitivity == std::floor(grid.sensitivity) && grid.sensitivity >= 1) {
    part.exact_shift = static_cast<unsigned>(grid.sensitivity);
  } else if (integer) {
    part.event.noise = NoiseKind::kGaussian;
    part.event.grid = {};
    if (grid.sensitivity > 0) {
      const double variance = sigma * sigma;
      if (variance < 1)
        return Unimplemented(
            "noise_multiplier times sensitivity is %g, accountant pld needs at least 1 in more "
            "than one coordinate: use rdp",
            sigma);
      part.event.noise_multiplier = std::sqrt(variance - 1.0 / 12) / grid.sensitivity;
      const double kl =
          event.noise == NoiseKind::kSkellam ? SkellamKl(variance) : DiscreteGaussianKl(variance);
      kl_ += kl * static_cast<double>(std::max<std::uint64_t>(1, grid.dimension)) *
             static_cast<double>(event.count);
    }
  }
  for (Part& known : parts_) {
    if (known.exact_shift != part.exact_shift) continue;
    if (part.exact_shift == 0 && IsPlainGaussian(known.event) && IsPlainGaussian(part.event)) {
      AbsorbGaussian(known.event, part.event);
      return absl::OkStatus();
    }
    if (Key(known.event) == Key(part.event)) {
      known.event.count += part.event.count;
      return absl::OkStatus();
    }
  }
  if (part.exact_shift == 0 && IsPlainGaussian(part.event)) {
    PrivacyEvent nothing = part.event;
    nothing.count = 0;
    AbsorbGaussian(part.event, nothing);
  }
  parts_.push_back(part);
  std::sort(parts_.begin(), parts_.end(), [](const Part& a, const Part& b) {
    return std::tuple(a.exact_shift, Key(a.event)) < std::tuple(b.exact_shift, Key(b.event));
  });
  return absl::OkStatus();
}

std::vector<Direction> PldAccountant::Directions() const {
  if (neighbouring_ == Neighbouring::kReplaceOne) return {Direction::kReplace};
  return {Direction::kRemove, Direction::kAdd};
}

double PldAccountant::OneGaussian() const {
  if (parts_.size() != 1 || parts_[0].exact_shift != 0 || !IsPlainGaussian(parts_[0].event))
    return 0;
  const double shift = neighbouring_ == Neighbouring::kReplaceOne ? 2 : 1;
  return shift / parts_[0].event.noise_multiplier;
}

double PldAccountant::RangeOf(const Part& part, Direction direction, double tail) const {
  const PrivacyEvent& e = part.event;
  const LossRange range =
      e.noise == NoiseKind::kLaplace
          ? RangeOfLaplaceLoss(e.sampling_rate, e.noise_multiplier, direction)
          : RangeOfGaussianLoss({e.sampling_rate, e.noise_multiplier, e.merchants}, direction,
                                tail);
  return range.most - range.least;
}

LossDistribution PldAccountant::LossOf(const Part& part, Direction direction, double step,
                                       double tail) const {
  const PrivacyEvent& e = part.event;
  if (part.exact_shift != 0) {
    const double sigma = e.noise_multiplier * e.grid.sensitivity;
    const std::vector<double> logs = e.noise == NoiseKind::kSkellam
                                         ? LogSkellam(sigma * sigma)
                                         : LogDiscreteGaussian(sigma * sigma);
    return IntegerNoiseLoss(logs, part.exact_shift, e.sampling_rate, direction, step);
  }
  if (e.noise == NoiseKind::kLaplace)
    return LaplaceLoss(e.sampling_rate, e.noise_multiplier, direction, step);
  return GaussianLoss({e.sampling_rate, e.noise_multiplier, e.merchants}, direction, step, tail);
}

ComposedLoss PldAccountant::ComposeAt(Direction direction, double delta, double step) const {
  double releases = 0;
  for (const Part& part : parts_) releases += static_cast<double>(part.event.count);
  const double tail = kTailOfDelta * delta / releases;
  for (const Part& part : parts_)
    step = std::max(step, RangeOf(part, direction, tail) / static_cast<double>(kMostBins));
  for (;; step *= 2) {
    std::vector<LossBlock> blocks;
    for (const Part& part : parts_)
      blocks.push_back({LossOf(part, direction, step, tail), part.event.count});
    ComposedLoss composed = ComposedLoss::Compose(blocks, delta, kMostBins);
    if (composed.fits() || step > 1e6) return composed;
  }
}

double PldAccountant::EpsilonOnGrid(double delta, double step) const {
  double epsilon = 0;
  for (const Direction direction : Directions()) {
    // Mostly the removal of a customer is seen so much more clearly than the addition that there is
    // no need to compose the other.
    if (epsilon > 0 && epsilon < kInfinity && IsWithin(direction, epsilon, delta, step)) continue;
    epsilon = std::max(epsilon, ComposeAt(direction, delta, step).EpsilonAt(delta));
  }
  return epsilon;
}

bool PldAccountant::IsWithin(Direction direction, double epsilon, double delta, double step) const {
  double releases = 0;
  for (const Part& part : parts_) releases += static_cast<double>(part.event.count);
  std::vector<LossBlock> blocks;  // on a coarse grid, which only raises losses
  for (const Part& part : parts_)
    blocks.push_back({LossOf(part, direction, kCoarse * step, kTailOfDelta * delta / releases),
                      part.event.count});
  return MomentsShowDelta(blocks, epsilon, delta);
}

double PldAccountant::EpsilonWithoutSlack(double delta) const {
  if (step_) return EpsilonOnGrid(delta, *step_);
  if (const double mu = OneGaussian(); mu > 0) return GaussianEpsilon(mu, delta);
  double step = kLargestStep;
  for (const Part& part : parts_) step = std::min(step, Deviation(part.event) / kStepsOfDeviation);
  double epsilon = EpsilonOnGrid(delta, step);
  for (int i = 0; i < 4 && epsilon > 0 && step > epsilon / kStepsOfEpsilon; ++i) {
    step = epsilon / kStepsOfEpsilon / (i == 0 ? 1 : 1.25);
    epsilon = std::min(epsilon, EpsilonOnGrid(delta, step));
  }
  return epsilon;
}

absl::StatusOr<PrivacyLoss> PldAccountant::LossAt(Delta delta) const {
  if (parts_.empty()) return PrivacyLoss{0};
  const double tau = std::sqrt(kl_ / 2);
  double slack = 0;
  // Increasing iteration: more slack leaves less delta, which asks for more epsilon.
  for (int i = 0; i < 60; ++i) {
    const double epsilon = EpsilonWithoutSlack(delta.value() - slack);
    if (!std::isfinite(epsilon))
      return FailedPrecondition(
          "epsilon at delta = %g is larger than a distribution of losses can hold; use more noise, "
          "fewer steps, or accountant rdp",
          delta.value());
    const double needed = (1 + std::exp(epsilon)) * tau;
    if (!(needed < kMostSlack * delta.value()))
      return FailedPrecondition(
          "integer noise is %g in total variation from a Gaussian: at epsilon %g that takes %g of "
          "delta = %g (DP-18); use a finer grid, or accountant rdp",
          tau, epsilon, needed, delta.value());
    if (needed <= slack) return PrivacyLoss{epsilon, std::nullopt, slack};
    slack = tau == 0 ? 0 : needed * (1 + 1e-6);
    if (slack == 0) return PrivacyLoss{epsilon};
  }
  return PrivacyLoss{kInfinity};
}

double PldAccountant::DeltaAt(double epsilon, Direction direction, Delta near) const {
  if (parts_.empty()) return 0;
  return ComposeAt(direction, near.value(), step_.value_or(kLargestStep)).DeltaAt(epsilon);
}

}  // namespace veilsum::dp
