#include "model/sequence.h"

#include <algorithm>
#include <cmath>

namespace veilsum::model {
namespace {

double Sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

}  // namespace

SequenceWeights WeightsOf(const Sequence& sequence, const ModelVector& model) {
  return {{model.data() + sequence.table, sequence.buckets * sequence.embedding},
          {model.data() + sequence.weight, sequence.weights()},
          {model.data() + sequence.bias, sequence.biases()}};
}

SequenceEncoding::SequenceEncoding(const SequenceShape& shape)
    : shape_(shape), x_(shape.slots * shape.embedding), live_(shape.slots), out_(shape.channels) {
  if (shape.encoder == Encoder::kConvolution) {
    inner_.resize(shape.windows() * shape.channels);
  } else {
    state_.resize((shape.slots + 1) * shape.channels);
    gates_.resize(shape.slots * 4 * shape.channels);
  }
}

std::span<const double> SequenceEncoding::Encode(const SequenceWeights& numbers,
                                                 std::span<const std::uint32_t> ids,
                                                 std::span<const float> weights) {
  for (std::size_t t = 0; t < shape_.slots; ++t) {
    const bool live = weights[t] > 0;
    live_[t] = live ? 1 : 0;
    for (std::size_t e = 0; e < shape_.embedding; ++e) {
      const auto value = static_cast<double>(numbers.table[ids[t] * shape_.embedding + e]);
      x(t)[e] = live ? value : 0;
    }
  }
  std::fill(out_.begin(), out_.end(), 0.0);
  shape_.encoder == Encoder::kConvolution ? Convolve(numbers) : Recur(numbers);
  return out_;
}

void SequenceEncoding::Gradient(const SequenceWeights& numbers, std::span<const float> delta,
                                std::span<double> embedded, std::span<double> dense) {
  std::fill(embedded.begin(), embedded.end(), 0.0);
  std::fill(dense.begin(), dense.end(), 0.0);
  shape_.encoder == Encoder::kConvolution ? ConvolveBack(numbers, delta, embedded, dense)
                                          : RecurBack(numbers, delta, embedded, dense);
  for (std::size_t t = 0; t < shape_.slots; ++t)
    for (std::size_t e = 0; e < shape_.embedding; ++e) {
      double& to = embedded[t * shape_.embedding + e];
      to = live_[t] != 0 ? to : 0;
    }
}

void SequenceEncoding::Convolve(const SequenceWeights& numbers) {
  const std::size_t inputs = shape_.kernel * shape_.embedding, channels = shape_.channels;
  for (std::size_t t = 0; t < shape_.windows(); ++t) {
    double* z = inner_.data() + t * channels;
    for (std::size_t c = 0; c < channels; ++c) z[c] = static_cast<double>(numbers.bias[c]);
    for (std::size_t i = 0; i < inputs; ++i)  // a window's embeddings lie one after the other
      for (std::size_t c = 0; c < channels; ++c)
        z[c] += static_cast<double>(numbers.weight[i * channels + c]) * x(t)[i];
    const double live =
        *std::max_element(live_.begin() + static_cast<std::ptrdiff_t>(t),
                          live_.begin() + static_cast<std::ptrdiff_t>(t + shape_.kernel));
    for (std::size_t c = 0; c < channels; ++c) {
      z[c] = live != 0 ? z[c] : 0;
      out_[c] += z[c] <= 0 ? 0 : z[c];  // a NaN stays, so that its customer is left out (DP-09)
    }
  }
  for (double& value : out_) value /= static_cast<double>(shape_.windows());
}

void SequenceEncoding::ConvolveBack(const SequenceWeights& numbers, std::span<const float> delta,
                                    std::span<double> embedded, std::span<double> dense) const {
  const std::size_t inputs = shape_.kernel * shape_.embedding, channels = shape_.channels;
  for (std::size_t t = 0; t < shape_.windows(); ++t)
    for (std::size_t c = 0; c < channels; ++c) {
      const double share = static_cast<double>(delta[c]) / static_cast<double>(shape_.windows());
      const double down = inner_[t * channels + c] <= 0 ? 0 : share;
      for (std::size_t i = 0; i < inputs; ++i) {
        dense[i * channels + c] += down * x(t)[i];
        embedded[t * shape_.embedding + i] +=
            down * static_cast<double>(numbers.weight[i * channels + c]);
      }
      dense[inputs * channels + c] += down;
    }
}

// weight: [embedding + channels][3 channels], of z, r, n in turn.
void SequenceEncoding::Recur(const SequenceWeights& numbers) {
  const std::size_t units = shape_.channels, columns = 3 * units, embedding = shape_.embedding;
  const auto weight = [&](std::size_t i, std::size_t j) {
    return static_cast<double>(numbers.weight[i * columns + j]);
  };
  std::fill_n(state_.begin(), units, 0.0);
  for (std::size_t t = 0; t < shape_.slots; ++t) {
    const double* h = state_.data() + t * units;
    double *next = state_.data() + (t + 1) * units, *gate = gates_.data() + t * 4 * units;
    for (std::size_t j = 0; j < columns; ++j) {
      double input = static_cast<double>(numbers.bias[j]), inner = 0;
      for (std::size_t e = 0; e < embedding; ++e) input += weight(e, j) * x(t)[e];
      for (std::size_t u = 0; u < units; ++u) inner += weight(embedding + u, j) * h[u];
      if (j < 2 * units) {
        gate[j] = Sigmoid(input + inner);
      } else {
        gate[units + j] = inner;
        gate[j] = std::tanh(input + gate[j - units] * inner);
      }
    }
    for (std::size_t u = 0; u < units; ++u) {
      const double made = (1 - gate[u]) * gate[2 * units + u] + gate[u] * h[u];
      next[u] = live_[t] != 0 ? made : h[u];
    }
  }
  std::copy_n(state_.end() - static_cast<std::ptrdiff_t>(units), units, out_.begin());
}

void SequenceEncoding::RecurBack(const SequenceWeights& numbers, std::span<const float> delta,
                                 std::span<double> embedded, std::span<double> dense) const {
  std::vector<double> down(delta.begin(), delta.end());
  for (std::size_t t = shape_.slots; t-- > 0;) StepBack(t, numbers, down, embedded, dense);
}

// down: by the state after slot t, then by the one before it.
void SequenceEncoding::StepBack(std::size_t t, const SequenceWeights& numbers,
                                std::vector<double>& down, std::span<double> embedded,
                                std::span<double> dense) const {
  const std::size_t units = shape_.channels, columns = 3 * units, embedding = shape_.embedding;
  const double *h = state_.data() + t * units, *z = gates_.data() + t * 4 * units;
  const double *r = z + units, *n = r + units, *inner = n + units;
  const bool live = live_[t] != 0;
  std::vector<double> input(columns), state(columns), before(units);
  for (std::size_t u = 0; u < units; ++u) {
    const double tanh = down[u] * (1 - z[u]) * (1 - n[u] * n[u]);
    input[u] = state[u] = down[u] * (h[u] - n[u]) * z[u] * (1 - z[u]);
    input[units + u] = state[units + u] = tanh * inner[u] * r[u] * (1 - r[u]);
    input[2 * units + u] = tanh;
    state[2 * units + u] = tanh * r[u];
    before[u] = down[u] * z[u];
  }
  for (std::size_t j = 0; j < columns; ++j) {
    const double by_input = live ? input[j] : 0, by_state = live ? state[j] : 0;
    for (std::size_t e = 0; e < embedding; ++e) {
      const auto weight = static_cast<double>(numbers.weight[e * columns + j]);
      embedded[t * embedding + e] += by_input * weight;
      dense[e * columns + j] += by_input * x(t)[e];
    }
    for (std::size_t u = 0; u < units; ++u) {
      const std::size_t at = (embedding + u) * columns + j;
      before[u] += by_state * static_cast<double>(numbers.weight[at]);
      dense[at] += by_state * h[u];
    }
    dense[(embedding + units) * columns + j] += by_input;
  }
  for (std::size_t u = 0; u < units; ++u) down[u] = live ? before[u] : down[u];
}

}  // namespace veilsum::model
