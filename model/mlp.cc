#include "model/mlp.h"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>

#include "model/sequence.h"

namespace veilsum::model {
namespace {

using Vector = Eigen::VectorXf;
using Weights =
    Eigen::Map<const Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>>;
using Bias = Eigen::Map<const Vector>;

Weights WeightsOf(const Layer& layer, const ModelVector& model) {
  return {model.data() + layer.weight, static_cast<Eigen::Index>(layer.in),
          static_cast<Eigen::Index>(layer.out)};
}
Bias BiasOf(const Layer& layer, const ModelVector& model) {
  return {model.data() + layer.bias, static_cast<Eigen::Index>(layer.out)};
}

float Standardise(const Layout& layout, const ModelVector& model, std::size_t feature,
                  float value) {
  if (!layout.standardised()) return value;
  return std::clamp((value - model[feature]) * model[layout.numeric() + feature], -4.0f, 4.0f);
}

// One row's sum_k weight_k * table[id_k].
Vector BagOf(const Bag& bag, const ModelVector& model, const Examples& examples, std::size_t row) {
  const auto ids = examples.lists[bag.list].IdsOf(row);
  const auto weights = examples.lists[bag.list].WeightsOf(row);
  const auto width = static_cast<Eigen::Index>(bag.width);
  Vector out = Vector::Zero(width);
  for (std::size_t k = 0; k < ids.size(); ++k)
    out += weights[k] * Bias(model.data() + bag.weight + ids[k] * bag.width, width);
  return out;
}

// The first layer's output: bias, plus a row of weights for each input that is not 0.
Vector FirstLayer(const Layout& layout, const ModelVector& model, const Examples& examples,
                  std::size_t row) {
  const Layer& layer = layout.layers().front();
  const Weights weights = WeightsOf(layer, model);
  Vector out = BiasOf(layer, model);
  const auto numeric = examples.NumericOf(row);
  for (std::size_t i = 0; i < numeric.size(); ++i)
    out += Standardise(layout, model, i, numeric[i]) *
           weights.row(static_cast<Eigen::Index>(i)).transpose();
  for (const Bag& bag : layout.bags()) {
    if (bag.direct) continue;
    out += weights
               .middleRows(static_cast<Eigen::Index>(bag.first_input),
                           static_cast<Eigen::Index>(bag.width))
               .transpose() *
           BagOf(bag, model, examples, row);
  }
  for (const Sequence& sequence : layout.sequences()) {
    const IdList& list = examples.lists[sequence.list];
    SequenceEncoding encoding(sequence);
    const auto made =
        encoding.Encode(WeightsOf(sequence, model), list.IdsOf(row), list.WeightsOf(row));
    for (std::size_t c = 0; c < made.size(); ++c)
      out += static_cast<float>(made[c]) *
             weights.row(static_cast<Eigen::Index>(sequence.first_input + c)).transpose();
  }
  for (const std::uint32_t input : examples.ActiveOf(row)) out += weights.row(input).transpose();
  return out;
}

void Normalise(Vector& x) {
  x.array() -= x.mean();
  x /= std::sqrt(x.squaredNorm() / static_cast<float>(x.size()) + kLayerNormEpsilon);
}

absl::Status CheckFit(const Layout& layout, const ModelVector& model, const Examples& examples) {
  if (model.size() != layout.size())
    return InvalidArgument("the model has %d numbers, its layout %d", model.size(), layout.size());
  if (static_cast<std::size_t>(examples.numeric) != layout.numeric())
    return InvalidArgument("examples have %d numeric features, the layout %d", examples.numeric,
                           layout.numeric());
  for (const std::uint32_t input : examples.active_inputs)
    if (input < layout.dense_inputs() || input >= layout.inputs())
      return InvalidArgument("active input %d, must be %d to %d", input, layout.dense_inputs(),
                             layout.inputs() - 1);
  return CheckLists(layout, examples);
}

// What layer `to`, 1 at least, reads of a row: what all before it make, rectified.
Vector InputOf(std::size_t to, const Layout& layout, const ModelVector& model,
               const Examples& examples, std::size_t row) {
  Vector x = FirstLayer(layout, model, examples, row);
  for (std::size_t l = 1;; ++l) {
    if (layout.layer_norm()) Normalise(x);
    const Vector hidden = x.cwiseMax(0.0f);
    if (l == to) return hidden;
    x = BiasOf(layout.layers()[l], model) +
        WeightsOf(layout.layers()[l], model).transpose() * hidden;
  }
}

Vector OutputOf(const Layout& layout, const ModelVector& model, const Examples& examples,
                std::size_t row) {
  const std::size_t last = layout.layers().size() - 1;
  if (last == 0) return FirstLayer(layout, model, examples, row);
  const Layer& layer = layout.layers()[last];
  return BiasOf(layer, model) +
         WeightsOf(layer, model).transpose() * InputOf(last, layout, model, examples, row);
}

Vector ScoresOf(const ItemAttributes& items, const Vector& attributes) {
  Vector out(static_cast<Eigen::Index>(items.items()));
  items.Scores({attributes.data(), items.attributes()}, {out.data(), items.items()});
  return out;
}

}  // namespace

absl::StatusOr<std::vector<float>> Logits(const Layout& layout, const ModelVector& model,
                                          const Examples& examples) {
  VEILSUM_RETURN_IF_ERROR(CheckFit(layout, model, examples));
  std::vector<float> logits;
  for (std::size_t row = 0; row < examples.rows(); ++row) {
    Vector x = OutputOf(layout, model, examples, row);
    for (const Bag& bag : layout.bags())
      if (bag.direct) x += BagOf(bag, model, examples, row);
    if (layout.items()) x = ScoresOf(*layout.items(), x);
    logits.insert(logits.end(), x.begin(), x.end());
  }
  return logits;
}

absl::StatusOr<std::vector<float>> Representations(const Layout& layout, const ModelVector& model,
                                                   const Examples& examples) {
  VEILSUM_RETURN_IF_ERROR(CheckFit(layout, model, examples));
  const std::size_t last = layout.layers().size() - 1;
  if (last == 0) return FailedPrecondition("the model has no hidden layer");
  std::vector<float> out;
  for (std::size_t row = 0; row < examples.rows(); ++row) {
    const Vector x = InputOf(last, layout, model, examples, row);
    out.insert(out.end(), x.begin(), x.end());
  }
  return out;
}

absl::StatusOr<std::vector<std::vector<double>>> MeanActivations(const Layout& layout,
                                                                 const ModelVector& model,
                                                                 const Examples& examples) {
  VEILSUM_RETURN_IF_ERROR(CheckFit(layout, model, examples));
  if (examples.rows() == 0) return InvalidArgument("there are no rows to take a mean over");
  std::vector<std::vector<double>> means;
  for (std::size_t l = 1; l < layout.layers().size(); ++l) {
    Eigen::VectorXd sum = Eigen::VectorXd::Zero(static_cast<Eigen::Index>(layout.layers()[l].in));
    for (std::size_t row = 0; row < examples.rows(); ++row)
      sum += InputOf(l, layout, model, examples, row).cast<double>();
    sum /= static_cast<double>(examples.rows());
    means.emplace_back(sum.begin(), sum.end());
  }
  return means;
}

}  // namespace veilsum::model
