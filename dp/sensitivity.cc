#include "dp/sensitivity.h"

#include <cmath>

namespace veilsum::dp {
namespace {

constexpr double kUnitRoundoff = 0x1p-53;
// Slack of the certified clip factor (DP-08), which is rounded.
constexpr double kClipSlack = 1 + 0x1p-20;
constexpr int kMostScaleLog2 = 40;

absl::Status RequireScale(int scale_log2) {
  if (scale_log2 < 0 || scale_log2 > kMostScaleLog2)
    return InvalidArgument("scale_log2 is %d, must be from 0 to %d", scale_log2, kMostScaleLog2);
  return absl::OkStatus();
}

absl::Status RequireFineGrid(double scaled_norm, std::uint64_t dimension) {
  const double least = 0x1p10 * std::sqrt(static_cast<double>(dimension));
  if (scaled_norm < least)
    return InvalidArgument(
        "scale times clip norm is %g, must be at least 2^10 sqrt(dimension) = %g (DP-02)",
        scaled_norm, least);
  return absl::OkStatus();
}

}  // namespace

double AccumulationError(const TrainingGrid& grid) {
  const double users = static_cast<double>(grid.users_per_sum);
  const double rows = users * grid.rows_per_user;
  return 2 * std::ldexp(1.0, grid.scale_log2) * rows * kUnitRoundoff * kClipSlack * users *
         kRowProductLimit * grid.clip_norm;
}

absl::StatusOr<double> TrainingSensitivity(const TrainingGrid& grid) {
  if (grid.dimension == 0) return InvalidArgument("dimension is 0, must be at least 1");
  if (grid.users_per_sum == 0) return InvalidArgument("users_per_sum is 0, must be at least 1");
  if (grid.rows_per_user == 0) return InvalidArgument("rows_per_user is 0, must be at least 1");
  if (!std::isfinite(grid.clip_norm) || grid.clip_norm <= 0)
    return InvalidArgument("clip_norm is %g, must be finite and above 0", grid.clip_norm);
  VEILSUM_RETURN_IF_ERROR(RequireScale(grid.scale_log2));
  const double scaled = std::ldexp(grid.clip_norm, grid.scale_log2);
  VEILSUM_RETURN_IF_ERROR(RequireFineGrid(scaled, grid.dimension));
  return scaled * kClipSlack + std::sqrt(static_cast<double>(grid.dimension)) +
         AccumulationError(grid);
}

std::uint64_t StatisticsDimension(const StatisticsGrid& grid) {
  return 1 + 2 * std::uint64_t{grid.features};
}

absl::StatusOr<double> StatisticsSensitivity(const StatisticsGrid& grid) {
  if (grid.features == 0) return InvalidArgument("features is 0, must be at least 1");
  if (grid.users == 0) return InvalidArgument("users is 0, must be at least 1");
  VEILSUM_RETURN_IF_ERROR(RequireScale(grid.scale_log2));
  const std::uint64_t dimension = StatisticsDimension(grid);
  const double root =
      std::sqrt(static_cast<double>(dimension));  // D = sqrt(1 + 2k) is the same number
  const double scale = std::ldexp(1.0, grid.scale_log2);
  VEILSUM_RETURN_IF_ERROR(RequireFineGrid(scale * root, dimension));
  const double users = static_cast<double>(grid.users);
  return scale * root + root + 2 * scale * users * users * kUnitRoundoff * root;
}

}  // namespace veilsum::dp
