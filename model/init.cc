#include "model/init.h"

#include <cmath>
#include <numbers>

namespace veilsum::model {
namespace {

// Shrinks of He's deviation. The last layer's is the reference's. The first one's was chosen on the
// validation part of public data (tests/bench/README.md): mostly one-hot inputs learn faster under
// noise from small weights.
constexpr double kFirstLayer = 0.3, kLastLayer = 0.1, kBag = 1;

// The finaliser of SplitMix64 (Steele, Lea, Flood 2014) over a counter: word `index` of the stream
// named `seed`.
std::uint64_t Word(std::uint64_t seed, std::uint64_t index) {
  const auto mix = [](std::uint64_t z) {
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
  };
  return mix(mix(seed + 0x9e3779b97f4a7c15ULL) + (index + 1) * 0x9e3779b97f4a7c15ULL);
}

// Uniform in (0, 1), 53 bits.
double Uniform(std::uint64_t word) { return (static_cast<double>(word >> 11) + 0.5) * 0x1p-53; }

// Box and Muller 1958. Rounded to float, so that the last bits of a libm do not reach the model.
double Normal(std::uint64_t seed, std::uint64_t index) {
  const double radius = std::sqrt(-2 * std::log(Uniform(Word(seed, 2 * index))));
  return radius * std::cos(2 * std::numbers::pi * Uniform(Word(seed, 2 * index + 1)));
}

}  // namespace

ModelVector InitialModel(const Layout& layout, std::uint64_t seed) {
  ModelVector model(layout.size(), 0.0f);
  if (layout.standardised())
    for (std::size_t i = 0; i < layout.numeric(); ++i) model[layout.numeric() + i] = 1.0f;
  for (const Bag& bag : layout.bags())
    for (std::size_t i = bag.weight; !bag.direct && i < bag.weight + bag.buckets * bag.width; ++i)
      model[i] = static_cast<float>(kBag * Normal(seed, i - layout.buffers()));
  for (const Sequence& sequence : layout.sequences()) {
    const double deviation = std::sqrt(1.0 / static_cast<double>(sequence.rows()));
    for (std::size_t i = sequence.table; i < sequence.bias; ++i)
      model[i] = static_cast<float>((i < sequence.weight ? kBag : deviation) *
                                    Normal(seed, i - layout.buffers()));
  }
  if (layout.layers().size() == 1) return model;
  for (std::size_t l = 0; l < layout.layers().size(); ++l) {
    const Layer& layer = layout.layers()[l];
    const double shrink = l + 1 == layout.layers().size() ? kLastLayer : l == 0 ? kFirstLayer : 1.0;
    const double deviation = shrink * std::sqrt(2.0 / static_cast<double>(layer.in));
    for (std::size_t i = layer.weight; i < layer.weight + layer.in * layer.out; ++i)
      model[i] = static_cast<float>(deviation * Normal(seed, i - layout.buffers()));
  }
  return model;
}

}  // namespace veilsum::model
