#include "coordinator/strategy/standardisation.h"

#include <algorithm>
#include <cmath>

namespace veilsum::coordinator {
namespace {

constexpr double kOneAbove = 0.841345;  // of a Gaussian's mass lies below mean and one deviation

absl::Status CheckShape(const model::Layout& layout, const model::ModelVector& model) {
  if (!layout.standardised()) return InvalidArgument("the model has no input.mean and input.scale");
  if (model.size() != layout.size())
    return InvalidArgument("model has %d numbers, must have %d", model.size(), layout.size());
  return absl::OkStatus();
}

}  // namespace

absl::Status SetStandardisation(const model::Layout& layout, std::span<const std::int64_t> sum,
                                double scale, model::ModelVector& model) {
  const std::size_t numeric = layout.numeric();
  VEILSUM_RETURN_IF_ERROR(CheckShape(layout, model));
  if (sum.size() != 1 + 2 * numeric)
    return InvalidArgument("statistics sum has %d numbers, must have %d", sum.size(),
                           1 + 2 * numeric);
  if (!(scale > 0 && std::isfinite(scale)))
    return InvalidArgument("scale is %g, must be positive", scale);
  const double count = static_cast<double>(sum[0]);
  const bool usable = count >= scale;  // at least one customer, noise included
  for (std::size_t j = 0; j < numeric; ++j) {
    const double mean = usable ? std::clamp(static_cast<double>(sum[1 + j]) / count, -1.0, 1.0) : 0;
    const double square = usable ? static_cast<double>(sum[1 + numeric + j]) / count : 1;
    const double variance = std::clamp(square - mean * mean, kVarianceFloor, 1.0);
    model[j] = static_cast<float>(mean);
    model[numeric + j] = static_cast<float>(1 / std::sqrt(variance));
  }
  return absl::OkStatus();
}

absl::Status SetStandardisation(const model::Layout& layout, std::span<const std::int64_t> cells,
                                const dp::HistogramGrid& grid, double noise_sigma,
                                model::ModelVector& model) {
  VEILSUM_RETURN_IF_ERROR(CheckShape(layout, model));
  const std::size_t numeric = layout.numeric();
  if (grid.columns != numeric)
    return InvalidArgument("the histogram has %d columns, the model %d", grid.columns, numeric);
  for (std::uint32_t j = 0; j < grid.columns; ++j) {
    const absl::StatusOr<dp::NoisyHistogram> column =
        dp::NoisyHistogram::Create(grid, j, cells, noise_sigma);
    const bool hidden = absl::IsFailedPrecondition(column.status());
    if (!hidden) VEILSUM_RETURN_IF_ERROR(column.status());
    // Quantiles are in [0, 1], inputs in [-1, 1].
    const double median = hidden ? 0 : 2 * column->Quantile(0.5) - 1;
    const double deviation =
        hidden ? 1
               : std::clamp(column->Quantile(kOneAbove) - column->Quantile(1 - kOneAbove),
                            std::sqrt(kVarianceFloor), 1.0);
    model[j] = static_cast<float>(median);
    model[numeric + j] = static_cast<float>(1 / deviation);
  }
  return absl::OkStatus();
}

}  // namespace veilsum::coordinator
