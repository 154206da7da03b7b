#include "client/serve/attribution.h"

#include <algorithm>
#include <cmath>

#include "model/sequence.h"

namespace veilsum::client {
namespace {

using Numbers = std::vector<double>;

class Row {
 public:
  Row(const model::Plan& plan, const model::Layout& layout, const model::ModelVector& model,
      const model::Examples& examples, std::size_t row, std::size_t output)
      : plan_(plan),
        layout_(layout),
        model_(model),
        examples_(examples),
        row_(row),
        output_(output) {
    Split();
  }

  Attribution Integrate() const {
    Attribution out;
    out.features = direct_;
    const std::size_t width = layout_.layers().front().out;
    for (int step = 0; step < kAttributionSteps; ++step) {
      Numbers gradient;
      Forward((step + 0.5) / kAttributionSteps, &gradient);
      for (std::size_t f = 0; f < through_.size(); ++f)
        for (std::size_t j = 0; j < width; ++j)
          out.features[f] += gradient[j] * through_[f][j] / kAttributionSteps;
    }
    double logit = Forward(1, nullptr), sum = 0;
    const double baseline = Forward(0, nullptr);
    for (const double direct : direct_) logit += direct;
    for (const double feature : out.features) sum += feature;
    out.logit = static_cast<float>(logit);
    out.baseline = static_cast<float>(baseline);
    out.residual = logit - baseline - sum;
    return out;
  }

 private:
  double Number(std::size_t offset) const { return static_cast<double>(model_[offset]); }

  // Adds value * (row `input` of the first layer's matrix).
  void AddInput(std::size_t input, double value, Numbers& to) const {
    const model::Layer& layer = layout_.layers().front();
    for (std::size_t j = 0; j < layer.out; ++j)
      to[j] += value * Number(layer.weight + input * layer.out + j);
  }

  double Standardised(std::size_t i) const {
    const auto value = static_cast<double>(examples_.NumericOf(row_)[i]);
    if (!layout_.standardised()) return value;
    return std::clamp((value - Number(i)) * Number(layout_.numeric() + i), -4.0, 4.0);
  }

  void AddBags(std::size_t list, std::size_t feature) {
    const auto ids = examples_.lists[list].IdsOf(row_);
    const auto weights = examples_.lists[list].WeightsOf(row_);
    for (const model::Sequence& sequence : layout_.sequences()) {
      if (sequence.list != list) continue;
      model::SequenceEncoding encoding(sequence);
      const auto made = encoding.Encode(model::WeightsOf(sequence, model_), ids, weights);
      for (std::size_t c = 0; c < made.size(); ++c)
        AddInput(sequence.first_input + c, made[c], through_[feature]);
    }
    for (const model::Bag& bag : layout_.bags()) {
      if (bag.list != list) continue;
      for (std::size_t k = 0; k < ids.size(); ++k)
        for (std::size_t j = 0; j < bag.width; ++j) {
          const double value =
              static_cast<double>(weights[k]) * Number(bag.weight + ids[k] * bag.width + j);
          if (!bag.direct) AddInput(bag.first_input + j, value, through_[feature]);
          if (bag.direct && j == output_) direct_[feature] += value;
        }
    }
  }

  // What each feature adds to the first layer, and to the output directly.
  void Split() {
    std::size_t numeric = 0, categorical = 0, list = 0;
    direct_.assign(plan_.features.size(), 0);
    through_.assign(plan_.features.size(), Numbers(layout_.layers().front().out));
    for (std::size_t f = 0; f < plan_.features.size(); ++f) {
      const model::Feature& feature = plan_.features[f];
      if (feature.kind == model::FeatureKind::kNumeric) {
        AddInput(numeric, Standardised(numeric), through_[f]);
        ++numeric;
      } else if (feature.kind == model::FeatureKind::kCategorical) {
        AddInput(examples_.ActiveOf(row_)[categorical++], 1, through_[f]);
      } else {
        AddBags(list++, f);
      }
    }
  }

  // The output with `share` of every feature, without the direct paths; its gradient by the
  // first layer's output.
  double Forward(double share, Numbers* gradient) const {
    const std::vector<model::Layer>& layers = layout_.layers();
    std::vector<Numbers> z = {Numbers(layers[0].out)};
    Numbers inverse;  // of every hidden layer's deviation, with layer norm
    for (std::size_t j = 0; j < layers[0].out; ++j) z[0][j] = Number(layers[0].bias + j);
    for (const Numbers& feature : through_)
      for (std::size_t j = 0; j < feature.size(); ++j) z[0][j] += share * feature[j];
    for (std::size_t l = 1; l < layers.size(); ++l) {
      z.emplace_back(layers[l].out);
      for (std::size_t j = 0; j < layers[l].out; ++j) z[l][j] = Number(layers[l].bias + j);
      if (layout_.layer_norm()) inverse.push_back(Normalise(z[l - 1]));
      for (std::size_t i = 0; i < layers[l].in; ++i)
        if (z[l - 1][i] > 0)
          for (std::size_t j = 0; j < layers[l].out; ++j)
            z[l][j] += z[l - 1][i] * Number(layers[l].weight + i * layers[l].out + j);
    }
    if (gradient != nullptr) *gradient = Backward(z, inverse);
    return z.back()[output_];
  }

  // Layer norm (Layout::layer_norm): x becomes normal; returns 1 / deviation.
  static double Normalise(Numbers& x) {
    const auto count = static_cast<double>(x.size());
    double sum = 0, squares = 0;
    for (const double value : x) sum += value;
    for (double& value : x) value -= sum / count;
    for (const double value : x) squares += value * value;
    const double inverse =
        1 / std::sqrt(squares / count + static_cast<double>(model::kLayerNormEpsilon));
    for (double& value : x) value *= inverse;
    return inverse;
  }
  static void NormaliseBackward(const Numbers& normal, double inverse, Numbers& delta) {
    const auto count = static_cast<double>(normal.size());
    double sum = 0, dot = 0;
    for (std::size_t i = 0; i < normal.size(); ++i) {
      sum += delta[i];
      dot += delta[i] * normal[i];
    }
    for (std::size_t i = 0; i < normal.size(); ++i)
      delta[i] = inverse * (delta[i] - sum / count - normal[i] * dot / count);
  }

  Numbers Backward(const std::vector<Numbers>& z, const Numbers& inverse) const {
    const std::vector<model::Layer>& layers = layout_.layers();
    Numbers delta(layers.back().out);
    delta[output_] = 1;
    for (std::size_t l = layers.size() - 1; l > 0; --l) {
      Numbers below(layers[l].in);
      for (std::size_t i = 0; i < layers[l].in; ++i)
        if (z[l - 1][i] > 0)
          for (std::size_t j = 0; j < layers[l].out; ++j)
            below[i] += delta[j] * Number(layers[l].weight + i * layers[l].out + j);
      if (layout_.layer_norm()) NormaliseBackward(z[l - 1], inverse[l - 1], below);
      delta = std::move(below);
    }
    return delta;
  }

  const model::Plan& plan_;
  const model::Layout& layout_;
  const model::ModelVector& model_;
  const model::Examples& examples_;
  const std::size_t row_, output_;
  std::vector<Numbers> through_;  // feature -> what it adds to the first layer's output
  Numbers direct_;
};

}  // namespace

absl::StatusOr<Attribution> Attribute(const model::Plan& plan, const model::Layout& layout,
                                      const model::ModelVector& model,
                                      const model::Examples& examples, std::size_t row,
                                      std::size_t output) {
  if (model.size() != layout.size() || row >= examples.rows() ||
      output >= layout.layers().back().out ||
      static_cast<std::size_t>(examples.numeric) != layout.numeric())
    return InvalidArgument("model, layout and examples do not fit each other");
  for (const std::uint32_t input : examples.ActiveOf(row))
    if (input >= layout.inputs()) return InvalidArgument("active input %d is out of range", input);
  VEILSUM_RETURN_IF_ERROR(model::CheckLists(layout, examples));
  return Row(plan, layout, model, examples, row, output).Integrate();
}

}  // namespace veilsum::client
