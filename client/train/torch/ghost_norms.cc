#include "client/train/torch/ghost_norms.h"

#include <algorithm>
#include <cmath>

#include "client/train/cancellation.h"

namespace veilsum::client::torch_engine {
namespace {

constexpr std::int64_t kPairs = std::int64_t{1} << 26;  // of slots, held at once

struct Squares {
  at::Tensor norm, terms;  // customers: N_ub^2 and T^2

  void Add(const Grams& layer) {
    const at::Tensor products = layer.inputs * layer.deltas;
    // Rounding can bring what is 0 below it; a NaN stays one.
    const at::Tensor squares = products.diagonal(0, 1, 2).clamp_min(0);
    const at::Tensor lengths = squares.sqrt().sum(1).square();
    const auto pairs = static_cast<std::size_t>(products.size(1) * products.size(1));
    const double gamma = static_cast<double>(layer.widths + pairs + 8) * layer.unit;
    const at::Tensor upper = products.sum({1, 2}).clamp_min(0) + lengths * gamma;
    norm = norm.defined() ? norm + upper : upper;
    terms = terms.defined() ? terms + lengths : lengths;
  }
};

at::Tensor Limit(const at::Tensor& squares, double limit) {
  return ((squares.sqrt() * (1 + 0x1p-20)).reciprocal() * limit).clamp_max(1);
}

// ids: customers x (rows slots); held: customers x (rows slots) x width.
at::Tensor PairsOfOneId(const at::Tensor& ids, const at::Tensor& held, std::int64_t rows) {
  const at::Tensor same = ids.unsqueeze(2) == ids.unsqueeze(1);
  const at::Tensor products =
      at::bmm(held, held.transpose(1, 2)).masked_fill_(same.logical_not(), 0);
  const std::int64_t slots = ids.size(1) / rows;
  return products.view({-1, rows, slots, rows, slots}).sum({2, 4});
}

}  // namespace

at::Tensor Gram(const at::Tensor& x, std::int64_t customer_rows) {
  if (customer_rows == 1) {  // nothing can cancel
    // Squares below the smallest normal number may be lost.
    const double lost = static_cast<double>(x.size(1)) * 0x1p-126;
    const at::Tensor lengths = at::linalg_vector_norm(x, 2, at::IntArrayRef{1});
    return (lengths.to(at::kDouble).square() + lost).view({-1, 1, 1});
  }
  const at::Tensor wide =
      x.to(at::kDouble).view({x.size(0) / customer_rows, customer_rows, x.size(1)});
  return at::bmm(wide, wide.transpose(1, 2));
}

at::Tensor SparseGram(const at::Tensor& ids, const at::Tensor& held, std::int64_t customer_rows) {
  const std::int64_t places = customer_rows * ids.size(1);
  const at::Tensor of = ids.reshape({-1, places});
  const at::Tensor wide = held.to(at::kDouble).reshape({-1, places, held.size(2)});
  const std::int64_t at_once = std::max<std::int64_t>(1, kPairs / (places * places));
  std::vector<at::Tensor> parts;
  for (std::int64_t first = 0; first < of.size(0); first += at_once) {
    const std::int64_t count = std::min(at_once, of.size(0) - first);
    parts.push_back(
        PairsOfOneId(of.narrow(0, first, count), wide.narrow(0, first, count), customer_rows));
  }
  return at::cat(parts, 0);
}

at::Tensor ClipFactors(const std::vector<Grams>& layers, double clip_norm) {
  Squares squares;
  for (const Grams& layer : layers) squares.Add(layer);
  const std::int64_t rows = layers.front().inputs.size(1);
  const double most = CancellationLimit(static_cast<std::size_t>(rows)) * clip_norm;
  const at::Tensor factor = at::minimum(Limit(squares.norm, clip_norm), Limit(squares.terms, most));
  const at::Tensor finite = squares.norm.isfinite().logical_and(squares.terms.isfinite());
  return factor.masked_fill(finite.logical_not(), 0)
      .to(at::kFloat)
      .repeat_interleave(rows)
      .unsqueeze(1);
}

}  // namespace veilsum::client::torch_engine
