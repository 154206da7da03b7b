#include "client/train/cpu/clip_factors.h"

#include <algorithm>
#include <cmath>

namespace veilsum::client::cpu {

ClipFactors::ClipFactors(std::size_t rows, std::size_t max_rows)
    : max_rows_(max_rows),
      factors_(rows),
      norms_(rows),
      bad_(rows),
      input_gram_(max_rows * max_rows),
      delta_gram_(max_rows * max_rows) {}

double ClipFactors::Factor(Layers& layers, const BatchRows& batch, std::size_t customer,
                           double limit) {
  const std::size_t first = customer * max_rows_;
  CertifiedNorm norm;
  layers.ForEachLayer([&](auto&& input_dot, auto&& delta_dot, std::size_t in, std::size_t out) {
    for (std::size_t i = 0; i < max_rows_; ++i)
      for (std::size_t j = i; j < max_rows_; ++j) {
        const bool real = batch.live(first + i) && batch.live(first + j);
        const double inputs = input_dot(first + i, first + j);
        const double deltas = delta_dot(first + i, first + j);
        if (i == j && !(std::isfinite(inputs) && std::isfinite(deltas))) bad_[first + i] = 1;
        input_gram_[i * max_rows_ + j] = input_gram_[j * max_rows_ + i] = real ? inputs : 0;
        delta_gram_[i * max_rows_ + j] = delta_gram_[j * max_rows_ + i] = real ? deltas : 0;
      }
    norm.AddLayer(in, out, max_rows_, input_gram_, delta_gram_);
  });
  return norm.Factor(limit, CancellationLimit(max_rows_));
}

void ClipFactors::OfSeveralRows(Layers& layers, const BatchRows& batch, std::size_t customers,
                                double limit) {
  std::ranges::fill(factors_, 0.0f);
  std::ranges::fill(bad_, 0);
  for (std::size_t c = 0; c < customers; ++c)
    std::fill_n(factors_.begin() + static_cast<std::ptrdiff_t>(c * max_rows_), max_rows_,
                static_cast<float>(Factor(layers, batch, c, limit)));
}

void ClipFactors::Set(Layers& layers, const BatchRows& batch, std::size_t rows,
                      std::size_t customers, double limit) {
  if (max_rows_ == 1) {
    layers.RowNorms(rows, norms_);
    layers.kernels().factors(rows, norms_.data(), limit, factors_.data());
  } else {
    OfSeveralRows(layers, batch, customers, limit);
  }
  for (std::size_t r = 0; r < rows; ++r) {
    if (factors_[r] == 0 || bad_[r] != 0) layers.ClearRow(r);
    factors_[r] *= batch.live()[r];
  }
}

}  // namespace veilsum::client::cpu
