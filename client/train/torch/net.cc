#include "client/train/torch/net.h"

#include <algorithm>
#include <cmath>

namespace veilsum::client::torch_engine {
namespace {

// Inputs of layer 0 that bags and sequences make.
std::size_t Made(const Net& net) {
  std::size_t made = 0;
  for (const Bag& bag : net.bags) made += bag.direct ? 0 : bag.width;
  for (const Sequence& sequence : net.sequences) made += sequence.channels;
  return made;
}

std::string HeadError(const Head& head, std::size_t heads) {
  const bool temporal = head.loss == Loss::kTemporal;
  const bool many = temporal || head.loss == Loss::kSoftmax;
  if (many ? head.outputs < 2 : head.outputs != 1)
    return "heads: outputs is " + std::to_string(head.outputs) + ", must be " +
           (many ? "at least 2" : "1");
  if (!std::isfinite(head.weight) || !(head.weight > 0)) return "heads: weight must be positive";
  if (!(head.huber > 0)) return "heads: huber must be positive";
  if (temporal && (heads != 1 || !(head.discount >= 0 && head.discount < 1)))
    return "heads: action values must be the only one, with a discount from 0 to below 1";
  return "";
}

std::string HeadsError(const Net& net) {
  std::size_t sum = 0;
  for (const Head& head : net.heads) {
    if (std::string error = HeadError(head, net.heads.size()); !error.empty()) return error;
    sum += head.outputs;
  }
  const std::size_t outputs = net.item_weights.empty() ? net.widths.back() : Items(net);
  if (net.heads.empty() || sum != outputs)
    return "heads: they have " + std::to_string(sum) + " outputs, widths end in " +
           std::to_string(outputs);
  return "";
}

std::string ListLayersError(const Net& net) {
  for (const Bag& bag : net.bags) {
    if (bag.buckets == 0 || bag.width == 0) return "bags: buckets and width must be positive";
    if (bag.direct && bag.width != net.widths.back())
      return "bags: a direct one has width " + std::to_string(bag.width) + ", the last layer " +
             std::to_string(net.widths.back());
  }
  for (const Sequence& sequence : net.sequences)
    if (sequence.buckets == 0 || sequence.embedding == 0 || sequence.channels == 0)
      return "sequences: buckets, embedding and channels must be positive";
  if (Made(net) + net.one_hot > net.widths.front())
    return "widths: layer 0 has " + std::to_string(net.widths.front()) +
           " inputs, less than bags, sequences and one_hot make";
  return "";
}

std::string ItemsError(const Net& net) {
  if (net.item_weights.empty()) return "";
  if (net.item_weights.size() % net.widths.back() != 0)
    return "item_weights: not a multiple of the last layer's width";
  if (net.heads.size() != 1 || net.heads.front().loss != Loss::kSoftmax)
    return "item_weights: items with attributes are for one softmax";
  return "";
}

}  // namespace

std::size_t DenseInputs(const Net& net) { return net.widths.front() - net.one_hot; }
std::size_t NumericInputs(const Net& net) { return DenseInputs(net) - Made(net); }
std::size_t Items(const Net& net) { return net.item_weights.size() / net.widths.back(); }

std::size_t HiddenUnits(const Net& net) {
  std::size_t units = 0;
  for (std::size_t l = 1; l + 1 < net.widths.size(); ++l) units += net.widths[l];
  return units;
}

std::size_t Parameters(const Net& net) {
  std::size_t sum = 0;
  for (std::size_t l = 0; l + 1 < net.widths.size(); ++l)
    sum += (net.widths[l] + 1) * net.widths[l + 1];
  for (const Bag& bag : net.bags) sum += bag.buckets * bag.width;
  for (const Sequence& sequence : net.sequences)
    sum += sequence.buckets * sequence.embedding + (sequence.rows() + 1) * sequence.columns();
  return sum;
}

std::string NetError(const Net& net) {
  if (net.widths.size() < 2 || std::ranges::count(net.widths, 0u) != 0)
    return "widths must be positive, and at least two";
  if (!std::isfinite(net.layer_norm_epsilon) || net.layer_norm_epsilon < 0)
    return "layer_norm_epsilon must be finite and not negative";
  for (const auto& check : {ListLayersError, ItemsError, HeadsError})
    if (std::string error = check(net); !error.empty()) return error;
  return "";
}

}  // namespace veilsum::client::torch_engine
