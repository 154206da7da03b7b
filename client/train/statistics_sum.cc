#include "client/train/statistics_sum.h"

#include <algorithm>
#include <cmath>

namespace veilsum::client {
namespace {

// w of one customer. Every component is at most 1 in fp64: a sum of R numbers of at most 1 rounds
// to at most R. False when it has no rows or a value that is not finite.
bool CustomerVector(const model::Examples& examples, std::size_t customer, std::vector<double>& w) {
  const std::size_t first = examples.first_row[customer], last = examples.first_row[customer + 1];
  const auto numeric = static_cast<std::size_t>(examples.numeric);
  std::fill(w.begin(), w.end(), 0.0);
  for (std::size_t row = first; row < last; ++row)
    for (std::size_t j = 0; j < numeric; ++j) {
      const double u = std::clamp(static_cast<double>(examples.NumericOf(row)[j]), -1.0, 1.0);
      w[1 + j] += u;
      w[1 + numeric + j] += u * u;
    }
  for (double& value : w) value /= static_cast<double>(std::max<std::size_t>(1, last - first));
  w[0] = 1;
  return first < last &&
         std::all_of(w.begin(), w.end(), [](double value) { return std::isfinite(value); });
}

}  // namespace

double StatisticsNorm(int numeric) { return std::sqrt(1 + 2.0 * numeric); }

absl::StatusOr<std::vector<std::int64_t>> StatisticsGrid(const model::Examples& examples,
                                                         double scale) {
  int exponent;
  if (!(scale >= 1 && scale <= 0x1p40) || std::frexp(scale, &exponent) != 0.5)
    return InvalidArgument("scale of the statistics is %g, must be a power of two from 1 to 2^40",
                           scale);
  std::vector<double> w(StatisticsSize(examples.numeric)), sum(w.size());
  for (std::size_t u = 0; u < examples.customers(); ++u) {
    const double included = CustomerVector(examples, u, w) ? 1 : 0;
    for (std::size_t i = 0; i < w.size(); ++i) sum[i] += included != 0 ? w[i] : 0;
  }
  std::vector<std::int64_t> grid(sum.size());
  for (std::size_t i = 0; i < sum.size(); ++i) grid[i] = std::llrint(sum[i] * scale);
  return grid;
}

absl::StatusOr<dp::ClippedSum> StatisticsSum(const model::Examples& examples, double scale) {
  VEILSUM_ASSIGN_OR_RETURN(std::vector<std::int64_t> grid, StatisticsGrid(examples, scale));
  return dp::ClippedSum::FromCertifiedContributions(std::move(grid));
}

absl::StatusOr<dp::ClippedSum> StatisticsHistogram(const model::Examples& examples,
                                                   const dp::HistogramGrid& grid) {
  VEILSUM_RETURN_IF_ERROR(dp::ValidateGrid(grid));
  const auto numeric = static_cast<std::size_t>(examples.numeric);
  if (grid.columns != numeric)
    return InvalidArgument("the histogram has %d columns, the examples %d", grid.columns, numeric);
  std::vector<std::int64_t> cells(dp::HistogramDimension(grid));
  std::vector<double> values;
  for (std::size_t u = 0; u < examples.customers(); ++u) {
    values.clear();
    for (std::size_t row = examples.first_row[u]; row < examples.first_row[u + 1]; ++row)
      for (std::size_t j = 0; j < numeric; ++j)
        values.push_back((1 + static_cast<double>(examples.NumericOf(row)[j])) / 2);
    dp::AddCustomer(grid, values, cells);
  }
  return dp::ClippedSum::FromCertifiedContributions(std::move(cells));
}

}  // namespace veilsum::client
