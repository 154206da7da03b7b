#include "client/train/centre_trainer.h"

#include <algorithm>
#include <cmath>

#include "model/centres.h"

namespace veilsum::client {
namespace {

absl::Status CheckCentreLayout(const model::Layout& layout) {
  if (layout.layers().size() == 1 && layout.inputs() == layout.numeric() && layout.numeric() > 0 &&
      layout.bags().empty() && layout.sequences().empty())
    return absl::OkStatus();
  return InvalidArgument("centres need one layer of numeric inputs alone, the model has %d of %d",
                         layout.layers().size(), layout.inputs());
}

absl::Status CheckCustomers(const model::Layout& layout, const model::Examples& examples,
                            std::uint32_t max_rows) {
  if (max_rows == 0 || max_rows > kMaxRowsPerCustomer)
    return InvalidArgument("max_rows is %d, must be from 1 to %d", max_rows, kMaxRowsPerCustomer);
  if (static_cast<std::size_t>(examples.numeric) != layout.numeric())
    return InvalidArgument("examples have %d numeric features, the model %d", examples.numeric,
                           layout.numeric());
  if (examples.numeric_values.size() != examples.rows() * layout.numeric() ||
      examples.first_row.empty() || examples.first_row.front() != 0 ||
      examples.first_row.back() != examples.rows())
    return InvalidArgument("examples: sizes of rows and customers do not agree");
  for (std::size_t u = 0; u < examples.customers(); ++u)
    if (examples.first_row[u + 1] < examples.first_row[u] ||
        examples.first_row[u + 1] - examples.first_row[u] > max_rows)
      return InvalidArgument("a customer has more than max_rows = %d rows", max_rows);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<CentreTrainer>> CentreTrainer::Create(
    const model::Layout& layout, const model::Examples& examples, std::uint32_t max_rows) {
  VEILSUM_RETURN_IF_ERROR(CheckCentreLayout(layout));
  VEILSUM_RETURN_IF_ERROR(CheckCustomers(layout, examples, max_rows));
  return std::unique_ptr<CentreTrainer>(new CentreTrainer(layout, examples, max_rows));
}

CentreTrainer::CentreTrainer(const model::Layout& layout, const model::Examples& examples,
                             std::uint32_t max_rows)
    : layout_(layout),
      examples_(examples),
      max_rows_(max_rows),
      filler_(layout.numeric()),
      point_(layout.numeric()),
      gradient_(layout.parameters()) {}

absl::Status CentreTrainer::Check(const model::ModelVector& model,
                                  std::span<const std::uint32_t> customers,
                                  const StepShape& shape) {
  VEILSUM_RETURN_IF_ERROR(CheckShape(shape));
  if (model.size() != layout_.size())
    return InvalidArgument("model has %d numbers, must have %d", model.size(), layout_.size());
  return CheckSelection(customers, examples_.customers(), shape.padded_customers);
}

void CentreTrainer::Load(const model::ModelVector& model) {
  centres_ = model::CentresOf(layout_, model);
  shares_ = model::SharesOf(layout_, model);
  idle_ = centres_;
  for (std::size_t k = 0; k < shares_.size(); ++k)
    if (!(shares_[k] * static_cast<double>(shares_.size()) < kIdle))
      std::fill_n(idle_.begin() + static_cast<std::ptrdiff_t>(k * point_.size()), point_.size(),
                  HUGE_VAL);
}

void CentreTrainer::AddRow(const model::ModelVector& model, const float* row) {
  const std::size_t inputs = point_.size(), count = shares_.size();
  const bool live = row != nullptr;
  model::PointOf(layout_, model, {live ? row : filler_.data(), inputs}, point_);
  const std::size_t nearest = model::NearestCentre(point_, centres_).cluster;
  const model::Nearest idle = model::NearestCentre(point_, idle_);
  const double pull = std::isinf(idle.squared_distance) ? 0 : kPull;  // infinite: none is idle
  // Every number is visited, whichever centre is the nearest (DP-06).
  for (std::size_t j = 0; j < inputs; ++j)
    for (std::size_t k = 0; k < count; ++k) {
      const double apart = centres_[k * inputs + j] - static_cast<double>(point_[j]);
      const double weight = (k == nearest ? 1 : 0) + (k == idle.cluster ? pull : 0);
      gradient_[j * count + k] += live && weight > 0 ? weight * apart : 0;
    }
  for (std::size_t k = 0; k < count; ++k) {
    const double apart = shares_[k] - (k == nearest ? 1 : 0);
    gradient_[inputs * count + k] += live ? apart : 0;
  }
}

// min(1, C / N) with N at least the norm of the gradient as it is stored: fp64 loses less than a
// part in 2^30 of a sum of so many squares, and less again in what follows. Not finite: 0 (DP-09).
double CentreTrainer::Factor(double clip_norm) const {
  double squares = 0;
  for (const double x : gradient_) squares += x * x;
  const double norm = std::sqrt(squares) * (1 + 0x1p-20);
  if (!std::isfinite(norm)) return 0;
  return norm > clip_norm ? clip_norm / norm : 1;
}

void CentreTrainer::AddCustomer(const StepShape& shape, std::vector<std::int64_t>& grid) const {
  const double factor = Factor(shape.clip_norm);
  for (std::size_t i = 0; i < grid.size(); ++i) {
    const double scaled = std::nearbyint(factor * gradient_[i] * shape.scale);  // halves to even
    grid[i] += factor > 0 ? static_cast<std::int64_t>(scaled) : 0;
  }
}

absl::StatusOr<std::vector<std::int64_t>> CentreTrainer::GridSum(
    const model::ModelVector& model, std::span<const std::uint32_t> customers,
    const StepShape& shape) {
  VEILSUM_RETURN_IF_ERROR(Check(model, customers, shape));
  Load(model);
  std::vector<std::int64_t> grid(layout_.parameters());
  for (std::size_t slot = 0; slot < shape.padded_customers; ++slot) {
    std::ranges::fill(gradient_, 0.0);
    std::size_t row = 0, end = 0;
    if (slot < customers.size()) {
      row = examples_.first_row[customers[slot]];
      end = examples_.first_row[customers[slot] + 1];
    }
    for (std::uint32_t j = 0; j < max_rows_; ++j, ++row)
      AddRow(model, row < end ? examples_.NumericOf(row).data() : nullptr);
    AddCustomer(shape, grid);
  }
  return grid;
}

absl::StatusOr<dp::ClippedSum> CentreTrainer::GradientSum(const model::ModelVector& model,
                                                          std::span<const std::uint32_t> customers,
                                                          const StepShape& shape) {
  VEILSUM_ASSIGN_OR_RETURN(std::vector<std::int64_t> grid, GridSum(model, customers, shape));
  return dp::ClippedSum::FromCertifiedContributions(std::move(grid));
}

}  // namespace veilsum::client
