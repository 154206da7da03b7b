#include "model/init.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <span>

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

// Candidates of centres, in a column each for `centres`, and how far they are from the mean of a
// standardised input, and of one in [-1, 1].
constexpr std::size_t kCandidates = 8;
constexpr double kSpread = 0.7, kPlainSpread = 0.4;

std::vector<float> Candidates(const Layout& layout, std::uint64_t seed) {
  const Layer& layer = layout.layers().front();
  const double spread = layout.standardised() ? kSpread : kPlainSpread;
  std::vector<float> out(kCandidates * layer.out * layer.in);
  for (std::size_t i = 0; i < out.size(); ++i)
    out[i] = static_cast<float>(std::clamp(spread * Normal(seed, i), -4.0, 4.0));
  return out;
}

double SquaredDistance(std::span<const float> a, std::span<const float> b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double by = static_cast<double>(a[i]) - static_cast<double>(b[i]);
    sum += by * by;
  }
  return sum;
}

void PlaceCentres(const Layout& layout, std::uint64_t seed, ModelVector& model) {
  const Layer& layer = layout.layers().front();
  const std::vector<float> candidates = Candidates(layout, seed);
  const auto point = [&](std::size_t i) {
    return std::span(candidates).subspan(i * layer.in, layer.in);
  };
  std::vector<double> distance(kCandidates * layer.out, HUGE_VAL);  // to the centres so far
  std::size_t chosen = 0;
  for (std::size_t k = 0; k < layer.out; ++k) {
    for (std::size_t j = 0; j < layer.in; ++j)
      model[layer.weight + j * layer.out + k] = point(chosen)[j];
    model[layer.bias + k] = 1;
    for (std::size_t i = 0; i < distance.size(); ++i)
      distance[i] = std::min(distance[i], SquaredDistance(point(i), point(chosen)));
    chosen = static_cast<std::size_t>(std::ranges::max_element(distance) - distance.begin());
  }
}

}  // namespace

ModelVector InitialModel(const Layout& layout, std::uint64_t seed, const Heads& heads) {
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
  if (!heads.empty() && heads.front().loss == Loss::kCentres) PlaceCentres(layout, seed, model);
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
