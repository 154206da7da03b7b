#include "model/prune.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "model/mlp.h"

namespace veilsum::model {
namespace {

// One layer on its own, to take units away from.
struct DenseLayer {
  std::size_t in, out;
  std::vector<float> weight;  // [in][out]
  std::vector<float> bias;    // [out]

  float at(std::size_t i, std::size_t o) const { return weight[i * out + o]; }
};

DenseLayer Take(const Layer& layer, const ModelVector& model) {
  const auto weight = model.begin() + static_cast<std::ptrdiff_t>(layer.weight);
  const auto bias = model.begin() + static_cast<std::ptrdiff_t>(layer.bias);
  return {layer.in,
          layer.out,
          {weight, weight + static_cast<std::ptrdiff_t>(layer.in * layer.out)},
          {bias, bias + static_cast<std::ptrdiff_t>(layer.out)}};
}

double NormIn(const DenseLayer& layer, std::size_t unit) {
  double sum = 0;
  for (std::size_t i = 0; i < layer.in; ++i)
    sum += static_cast<double>(layer.at(i, unit)) * static_cast<double>(layer.at(i, unit));
  return std::sqrt(sum);
}

double NormOut(const DenseLayer& next, std::size_t unit) {
  double sum = 0;
  for (std::size_t o = 0; o < next.out; ++o)
    sum += static_cast<double>(next.at(unit, o)) * static_cast<double>(next.at(unit, o));
  return std::sqrt(sum);
}

// The best `count` units of `layer`, in their order.
std::vector<std::size_t> BestUnits(const DenseLayer& layer, const DenseLayer& next,
                                   std::size_t count) {
  std::vector<double> score(layer.out);
  for (std::size_t u = 0; u < layer.out; ++u) score[u] = NormIn(layer, u) * NormOut(next, u);
  std::vector<std::size_t> units(layer.out);
  std::iota(units.begin(), units.end(), std::size_t{0});
  std::ranges::stable_sort(units, std::ranges::greater(), [&](std::size_t u) { return score[u]; });
  units.resize(count);
  std::ranges::sort(units);
  return units;
}

// What the unit is taken to give always; `means` is empty where no rows were given.
float Constant(const DenseLayer& layer, const std::vector<double>& means, std::size_t unit) {
  if (NormIn(layer, unit) == 0) return std::max(layer.bias[unit], 0.0f);
  return means.empty() ? 0.0f : static_cast<float>(means[unit]);
}

void KeepUnits(DenseLayer& layer, DenseLayer& next, const std::vector<double>& means,
               const std::vector<std::size_t>& kept) {
  for (std::size_t u = 0; u < layer.out; ++u) {
    if (std::ranges::binary_search(kept, u)) continue;
    const float constant = Constant(layer, means, u);
    for (std::size_t o = 0; o < next.out; ++o) next.bias[o] += constant * next.at(u, o);
  }
  DenseLayer less{layer.in, kept.size(), {}, {}}, less_next{kept.size(), next.out, {}, next.bias};
  for (std::size_t i = 0; i < layer.in; ++i)
    for (const std::size_t u : kept) less.weight.push_back(layer.at(i, u));
  for (const std::size_t u : kept) {
    less.bias.push_back(layer.bias[u]);
    for (std::size_t o = 0; o < next.out; ++o) less_next.weight.push_back(next.at(u, o));
  }
  layer = std::move(less);
  next = std::move(less_next);
}

Layout WithHidden(const Layout& layout, const std::vector<std::size_t>& hidden) {
  const std::vector<BagShape> bags(layout.bags().begin(), layout.bags().end());
  return Layout::Mlp(layout.numeric(), layout.inputs() - layout.dense_inputs(), hidden,
                     layout.standardised(), bags, layout.layers().back().out,
                     layout.clip_norm().has_value(), false,
                     {layout.sequences().begin(), layout.sequences().end()}, layout.items());
}

// Buffers and bags as they were, layers as they are left.
ModelVector Assemble(const Layout& before, const ModelVector& model,
                     const std::vector<DenseLayer>& layers) {
  const auto at = [&](std::size_t offset) {
    return model.begin() + static_cast<std::ptrdiff_t>(offset);
  };
  ModelVector out(model.begin(), at(before.buffers()));
  for (const DenseLayer& layer : layers) {
    out.insert(out.end(), layer.weight.begin(), layer.weight.end());
    out.insert(out.end(), layer.bias.begin(), layer.bias.end());
  }
  const Layer& last = before.layers().back();
  out.insert(out.end(), at(last.bias + last.out), model.end());
  return out;
}

absl::Status CheckPrunable(const Layout& layout, const ModelVector& model) {
  if (model.size() != layout.size())
    return InvalidArgument("the model has %d numbers, its layout %d", model.size(), layout.size());
  if (layout.layers().size() < 2) return FailedPrecondition("the model has no hidden layer");
  if (layout.layer_norm())
    return FailedPrecondition("the model has layer norm: no unit can be taken away on its own");
  return absl::OkStatus();
}

absl::Status CheckHidden(const Layout& layout, const std::vector<std::size_t>& hidden) {
  const std::size_t layers = layout.layers().size() - 1;
  if (hidden.size() != layers)
    return InvalidArgument("hidden has %d layers, must have the model's %d", hidden.size(), layers);
  for (std::size_t l = 0; l < layers; ++l)
    if (hidden[l] == 0 || hidden[l] > layout.layers()[l].out)
      return InvalidArgument("hidden layer %d has %d units, must have 1 to %d", l + 1, hidden[l],
                             layout.layers()[l].out);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<PrunedModel> PruneUnits(const Layout& layout, const ModelVector& model, double keep,
                                       const Examples* rows) {
  if (!(keep > 0 && keep <= 1))
    return InvalidArgument("keep is %g, must be above 0 and at most 1", keep);
  std::vector<std::size_t> hidden;
  for (std::size_t l = 0; l + 1 < layout.layers().size(); ++l) {
    const auto units = static_cast<double>(layout.layers()[l].out);
    const auto count = static_cast<std::size_t>(std::ceil(keep * units - 1e-9));
    hidden.push_back(std::max<std::size_t>(count, 1));
  }
  return PruneTo(layout, model, hidden, rows);
}

absl::StatusOr<PrunedModel> PruneTo(const Layout& layout, const ModelVector& model,
                                    const std::vector<std::size_t>& hidden, const Examples* rows) {
  VEILSUM_RETURN_IF_ERROR(CheckPrunable(layout, model));
  VEILSUM_RETURN_IF_ERROR(CheckHidden(layout, hidden));
  std::vector<std::vector<double>> means(hidden.size());
  if (rows != nullptr) {
    VEILSUM_ASSIGN_OR_RETURN(means, MeanActivations(layout, model, *rows));
  }
  std::vector<DenseLayer> layers;
  for (const Layer& layer : layout.layers()) layers.push_back(Take(layer, model));
  for (std::size_t l = 0; l < hidden.size(); ++l)
    KeepUnits(layers[l], layers[l + 1], means[l], BestUnits(layers[l], layers[l + 1], hidden[l]));
  return PrunedModel{hidden, WithHidden(layout, hidden), Assemble(layout, model, layers)};
}

}  // namespace veilsum::model
