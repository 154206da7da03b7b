#include "client/train/torch/ghost_norms.h"

#include <cmath>

namespace veilsum::client::torch_engine {
namespace {

// customers x rows x rows, fp64: the inner products of a customer's rows.
at::Tensor Gram(const at::Tensor& x, std::int64_t rows) {
  const at::Tensor wide = x.to(at::kDouble).view({-1, rows, x.size(1)});
  return rows == 1 ? wide.square().sum(2, true) : at::bmm(wide, wide.transpose(1, 2));
}

struct Squares {
  at::Tensor norm, terms;  // customers: N_ub^2 and T^2

  void AddLayer(const at::Tensor& input, const at::Tensor& delta, std::int64_t rows) {
    const at::Tensor products = (Gram(input, rows) + 1) * Gram(delta, rows);  // the bias is input 1
    const at::Tensor lengths = products.diagonal(0, 1, 2).sqrt().sum(1).square();
    const double gamma =
        static_cast<double>(input.size(1) + delta.size(1) + rows * rows + 8) * 0x1p-53;
    const at::Tensor upper = products.sum({1, 2}).clamp_min(0) + lengths * gamma;
    norm = norm.defined() ? norm + upper : upper;
    terms = terms.defined() ? terms + lengths : lengths;
  }
};

at::Tensor Limit(const at::Tensor& squares, double limit) {
  return ((squares.sqrt() * (1 + 0x1p-20)).reciprocal() * limit).clamp_max(1);
}

}  // namespace

at::Tensor ClipFactors(const std::vector<at::Tensor>& inputs, const std::vector<at::Tensor>& deltas,
                       std::int64_t customer_rows, double clip_norm) {
  Squares squares;
  for (std::size_t l = 0; l < inputs.size(); ++l)
    squares.AddLayer(inputs[l], deltas[l], customer_rows);
  const double slack = customer_rows == 1 ? 1 : 2 * std::sqrt(static_cast<double>(customer_rows));
  const at::Tensor factor =
      at::minimum(Limit(squares.norm, clip_norm), Limit(squares.terms, slack * clip_norm));
  const at::Tensor finite = squares.norm.isfinite().logical_and(squares.terms.isfinite());
  return factor.masked_fill(finite.logical_not(), 0)
      .to(at::kFloat)
      .repeat_interleave(customer_rows)
      .unsqueeze(1);
}

}  // namespace veilsum::client::torch_engine
