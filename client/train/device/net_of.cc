#include "client/train/device/net_of.h"

namespace veilsum::client {
namespace {

absl::StatusOr<torch_engine::Loss> LossOf(model::Loss loss) {
  switch (loss) {
    case model::Loss::kLogistic:
      return torch_engine::Loss::kLogistic;
    case model::Loss::kSoftmax:
      return torch_engine::Loss::kSoftmax;
    case model::Loss::kSquared:
      return torch_engine::Loss::kSquared;
    case model::Loss::kHuber:
      return torch_engine::Loss::kHuber;
    case model::Loss::kTemporal:
      return torch_engine::Loss::kTemporal;
    case model::Loss::kCentres:
      break;
  }
  return InvalidArgument("centres are no net: devices cannot train them");
}

// attributes x items, by the score that each attribute alone gives.
std::vector<float> ItemWeights(const model::ItemAttributes& items) {
  std::vector<float> weights(items.attributes() * items.items());
  std::vector<float> one(items.attributes());
  for (std::size_t a = 0; a < items.attributes(); ++a) {
    one[a] = 1;
    items.Scores(one, std::span(weights).subspan(a * items.items(), items.items()));
    one[a] = 0;
  }
  return weights;
}

}  // namespace

absl::StatusOr<torch_engine::Net> NetOf(const model::Layout& layout, const model::Heads& heads) {
  torch_engine::Net net{.widths = {layout.inputs()}, .heads = {}};
  net.layer_norm_epsilon = layout.layer_norm() ? model::kLayerNormEpsilon : 0.0;
  for (const model::Layer& layer : layout.layers()) net.widths.push_back(layer.out);
  for (const model::Head& head : heads) {
    VEILSUM_ASSIGN_OR_RETURN(const torch_engine::Loss loss, LossOf(head.loss));
    net.heads.push_back({loss, head.outputs, head.weight, head.huber, head.discount});
  }
  net.one_hot = layout.inputs() - layout.dense_inputs();
  for (const model::Bag& bag : layout.bags())
    net.bags.push_back({bag.list, bag.buckets, bag.width, bag.direct});
  for (const model::Sequence& sequence : layout.sequences())
    net.sequences.push_back(
        {sequence.list, sequence.buckets, sequence.embedding, sequence.channels, sequence.kernel});
  if (layout.items()) net.item_weights = ItemWeights(*layout.items());
  return net;
}

}  // namespace veilsum::client
