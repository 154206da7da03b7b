#include "tests/unit/client/train/reference.h"

#include <algorithm>
#include <cmath>

namespace veilsum::client {
namespace {

struct Activations {
  std::vector<Exact> inputs;  // of every layer
  // Of every hidden layer: its outputs after layer norm, 1 / deviation, and dropout's factors.
  std::vector<Exact> normal, factors;
  Exact inverse;
  Exact outputs;
};

// x becomes (x - mean) / deviation; returns 1 / deviation.
long double Normalise(Exact& x) {
  const auto count = static_cast<long double>(x.size());
  long double mean = 0, squares = 0;
  for (const long double value : x) mean += value / count;
  for (long double& value : x) value -= mean;
  for (const long double value : x) squares += value * value / count;
  const long double inverse = 1 / std::sqrt(squares + 1e-5L);
  for (long double& value : x) value *= inverse;
  return inverse;
}

// The gradient by what went into Normalise, from that by what came out of it, `normal`.
void NormaliseBackward(const Exact& normal, long double inverse, Exact& delta) {
  const auto count = static_cast<long double>(normal.size());
  long double mean = 0, dot = 0;
  for (std::size_t i = 0; i < normal.size(); ++i) {
    mean += delta[i] / count;
    dot += delta[i] * normal[i] / count;
  }
  for (std::size_t i = 0; i < normal.size(); ++i)
    delta[i] = inverse * (delta[i] - mean - normal[i] * dot);
}

long double BagOutput(const model::Bag& bag, const Exact& model, const model::Examples& examples,
                      std::size_t row, std::size_t n) {
  const model::IdList& list = examples.lists[bag.list];
  long double z = 0;
  for (std::size_t k = 0; k < list.slots; ++k)
    z += static_cast<long double>(list.WeightsOf(row)[k]) *
         model[bag.weight + list.IdsOf(row)[k] * bag.width + n];
  return z;
}

// delta: of the bag's outputs.
void AddBagGradient(const model::Layout& layout, const model::Bag& bag,
                    const model::Examples& examples, std::size_t row, const long double* delta,
                    Exact& gradient) {
  const model::IdList& list = examples.lists[bag.list];
  for (std::size_t k = 0; k < list.slots; ++k)
    for (std::size_t n = 0; n < bag.width; ++n)
      gradient[bag.weight - layout.buffers() + list.IdsOf(row)[k] * bag.width + n] +=
          static_cast<long double>(list.WeightsOf(row)[k]) * delta[n];
}

long double SigmoidOf(long double x) { return 1 / (1 + std::exp(-x)); }

// The formulas of model/sequence.h, position by position.
Exact EncodedSequence(const model::Sequence& sequence, const Exact& model,
                      const model::IdList& list, std::size_t row) {
  const std::size_t units = sequence.channels, wide = sequence.embedding;
  const auto live = [&](std::size_t t) { return list.WeightsOf(row)[t] > 0; };
  const auto x = [&](std::size_t t, std::size_t e) {
    return live(t) ? model[sequence.table + list.IdsOf(row)[t] * wide + e] : 0;
  };
  const auto w = [&](std::size_t i, std::size_t j) {
    return model[sequence.weight + i * sequence.biases() + j];
  };
  Exact out(units);
  if (sequence.encoder == model::Encoder::kConvolution) {
    for (std::size_t t = 0; t + sequence.kernel <= sequence.slots; ++t) {
      bool any = false;
      for (std::size_t k = 0; k < sequence.kernel; ++k) any |= live(t + k);
      for (std::size_t c = 0; c < units; ++c) {
        long double z = model[sequence.bias + c];
        for (std::size_t k = 0; k < sequence.kernel; ++k)
          for (std::size_t e = 0; e < wide; ++e) z += w(k * wide + e, c) * x(t + k, e);
        if (any) out[c] += std::max(z, 0.0L) / static_cast<long double>(sequence.windows());
      }
    }
    return out;
  }
  for (std::size_t t = 0; t < sequence.slots; ++t) {
    if (!live(t)) continue;
    const auto input = [&](std::size_t j) {
      long double sum = model[sequence.bias + j];
      for (std::size_t e = 0; e < wide; ++e) sum += w(e, j) * x(t, e);
      return sum;
    };
    const auto state = [&](std::size_t j) {
      long double sum = 0;
      for (std::size_t u = 0; u < units; ++u) sum += w(wide + u, j) * out[u];
      return sum;
    };
    Exact next(units);
    for (std::size_t u = 0; u < units; ++u) {
      const long double z = SigmoidOf(input(u) + state(u));
      const long double r = SigmoidOf(input(units + u) + state(units + u));
      const long double n = std::tanh(input(2 * units + u) + r * state(2 * units + u));
      next[u] = (1 - z) * n + z * out[u];
    }
    out = next;
  }
  return out;
}

// By central differences: no formula of a derivative is shared with what is tested.
void AddSequenceGradient(const model::Layout& layout, const model::Sequence& sequence,
                         const Exact& model, const model::Examples& examples, std::size_t row,
                         const long double* delta, Exact& gradient) {
  Exact moved = model;
  const auto made = [&] {
    return EncodedSequence(sequence, moved, examples.lists[sequence.list], row);
  };
  for (std::size_t i = sequence.table; i < sequence.bias + sequence.biases(); ++i) {
    const long double step = 1e-6L;
    moved[i] = model[i] + step;
    const Exact up = made();
    moved[i] = model[i] - step;
    const Exact down = made();
    moved[i] = model[i];
    for (std::size_t c = 0; c < sequence.channels; ++c)
      gradient[i - layout.buffers()] += delta[c] * (up[c] - down[c]) / (2 * step);
  }
}

Exact FirstInput(const model::Layout& layout, const Exact& model, const model::Examples& examples,
                 std::size_t row) {
  Exact x(layout.inputs());
  for (std::size_t j = 0; j < layout.numeric(); ++j) {
    x[j] = examples.NumericOf(row)[j];
    if (layout.standardised())
      x[j] = std::clamp((x[j] - model[j]) * model[layout.numeric() + j], -4.0L, 4.0L);
  }
  for (const std::uint32_t input : examples.ActiveOf(row)) x[input] += 1;
  for (const model::Bag& bag : layout.bags())
    for (std::size_t n = 0; !bag.direct && n < bag.width; ++n)
      x[bag.first_input + n] += BagOutput(bag, model, examples, row, n);
  for (const model::Sequence& sequence : layout.sequences()) {
    const Exact made = EncodedSequence(sequence, model, examples.lists[sequence.list], row);
    std::copy(made.begin(), made.end(),
              x.begin() + static_cast<std::ptrdiff_t>(sequence.first_input));
  }
  return x;
}

// The matrix of items and attributes, items x attributes, column by column.
Exact AttributeMatrix(const model::ItemAttributes& items) {
  Exact matrix(items.items() * items.attributes());
  std::vector<float> one(items.attributes()), column(items.items());
  for (std::size_t a = 0; a < items.attributes(); ++a) {
    one[a] = 1;
    items.Scores(one, column);
    one[a] = 0;
    for (std::size_t i = 0; i < items.items(); ++i)
      matrix[i * items.attributes() + a] = static_cast<long double>(column[i]);
  }
  return matrix;
}

Exact ItemScores(const model::ItemAttributes& items, const Exact& z) {
  const Exact matrix = AttributeMatrix(items);
  Exact out(items.items());
  for (std::size_t at = 0; at < matrix.size(); ++at)
    out[at / z.size()] += matrix[at] * z[at % z.size()];
  return out;
}

Exact AttributeDeltas(const model::ItemAttributes& items, const Exact& delta) {
  const Exact matrix = AttributeMatrix(items);
  Exact out(items.attributes());
  for (std::size_t at = 0; at < matrix.size(); ++at)
    out[at % out.size()] += matrix[at] * delta[at / out.size()];
  return out;
}

Activations Forward(const model::Layout& layout, const Exact& model,
                    const model::Examples& examples, std::size_t row, const RowFactors& dropout) {
  Activations out;
  std::size_t unit = 0;  // of the hidden layers together
  Exact x = FirstInput(layout, model, examples, row);
  for (const model::Layer& layer : layout.layers()) {
    Exact z(layer.out);
    for (std::size_t n = 0; n < layer.out; ++n) {
      z[n] = model[layer.bias + n];
      for (std::size_t i = 0; i < layer.in; ++i)
        z[n] += x[i] * model[layer.weight + i * layer.out + n];
    }
    out.inputs.push_back(std::move(x));
    x = std::move(z);
    if (out.inputs.size() == layout.layers().size()) continue;
    out.inverse.push_back(layout.layer_norm() ? Normalise(x) : 1);
    out.normal.push_back(x);
    Exact& factors = out.factors.emplace_back(layer.out, 1);
    for (std::size_t n = 0; n < layer.out; ++n) {
      if (!dropout.empty()) factors[n] = dropout[row][unit++];
      x[n] = std::max(x[n], 0.0L) * factors[n];
    }
  }
  for (const model::Bag& bag : layout.bags())
    for (std::size_t n = 0; bag.direct && n < bag.width; ++n)
      x[n] += BagOutput(bag, model, examples, row, n);
  out.outputs = layout.items() ? ItemScores(*layout.items(), x) : std::move(x);
  return out;
}

long double LabelOf(const model::Examples& examples, std::size_t row, std::size_t head,
                    std::size_t heads) {
  return head == 0 ? examples.labels[row] : examples.more_labels[row * (heads - 1) + head - 1];
}

// The loss of a head, and its derivatives by its outputs.
long double LossOf(const model::Head& head, std::span<const long double> z, long double label,
                   const RowTerms& terms, std::size_t row, std::span<long double> delta) {
  std::fill(delta.begin(), delta.end(), 0.0L);
  if (std::isnan(label)) return 0;
  long double loss = 0;
  const long double error = z[0] - label, huber = head.huber;
  if (head.loss == model::Loss::kLogistic) {
    delta[0] = 1 / (1 + std::exp(-z[0])) - label;
    loss = std::log1p(std::exp(-std::abs(z[0]))) + std::max(z[0], 0.0L) - label * z[0];
  } else if (head.loss == model::Loss::kSoftmax) {
    long double sum = 0;
    const auto count = [&](std::size_t i) {
      return head.negatives == 0 || i == static_cast<std::size_t>(label)
                 ? 1.0L
                 : static_cast<long double>(terms.counts[row][i]);
    };
    for (std::size_t i = 0; i < z.size(); ++i) sum += count(i) * std::exp(z[i]);
    for (std::size_t i = 0; i < z.size(); ++i) delta[i] = count(i) * std::exp(z[i]) / sum;
    delta[static_cast<std::size_t>(label)] -= 1;
    loss = std::log(sum) - z[static_cast<std::size_t>(label)];
  } else if (head.loss == model::Loss::kTemporal) {
    const auto action = static_cast<std::size_t>(label);
    const long double off = z[action] - terms.targets[row], size = std::abs(off);
    delta[action] = size <= huber ? off : off < 0 ? -huber : huber;
    loss = size <= huber ? off * off / 2 : huber * (size - huber / 2);
  } else if (head.loss == model::Loss::kSquared || std::abs(error) <= huber) {
    delta[0] = error;
    loss = error * error / 2;
  } else {
    delta[0] = error < 0 ? -huber : huber;
    loss = huber * (std::abs(error) - huber / 2);
  }
  for (long double& d : delta) d *= static_cast<long double>(head.weight);
  return static_cast<long double>(head.weight) * loss;
}

long double RowLoss(const model::Examples& examples, std::size_t row, const model::Heads& wanted,
                    const RowTerms& terms, const Exact& outputs, Exact& delta) {
  const model::Heads heads = wanted.empty() ? model::Heads(1) : wanted;
  delta.assign(outputs.size(), 0);
  long double loss = 0;
  std::size_t at = 0;
  for (std::size_t h = 0; h < heads.size(); at += heads[h++].outputs)
    loss += LossOf(heads[h], std::span(outputs).subspan(at, heads[h].outputs),
                   LabelOf(examples, row, h, heads.size()), terms, row,
                   std::span(delta).subspan(at, heads[h].outputs));
  return loss;
}

void AddRowGradient(const model::Layout& layout, const Exact& model, const Activations& row,
                    const model::Examples& examples, std::size_t at, const model::Heads& heads,
                    const RowTerms& terms, Exact& gradient) {
  Exact delta;
  RowLoss(examples, at, heads, terms, row.outputs, delta);
  if (layout.items()) delta = AttributeDeltas(*layout.items(), delta);
  for (const model::Bag& bag : layout.bags())
    if (bag.direct) AddBagGradient(layout, bag, examples, at, delta.data(), gradient);
  for (std::size_t l = layout.layers().size(); l-- > 0;) {
    const model::Layer& layer = layout.layers()[l];
    const Exact& x = row.inputs[l];
    Exact below(layer.in);
    for (std::size_t i = 0; i < layer.in; ++i)
      for (std::size_t n = 0; n < layer.out; ++n) {
        gradient[layer.weight - layout.buffers() + i * layer.out + n] += x[i] * delta[n];
        if (l == 0 || x[i] > 0) below[i] += model[layer.weight + i * layer.out + n] * delta[n];
      }
    for (std::size_t i = 0; l > 0 && i < layer.in; ++i) below[i] *= row.factors[l - 1][i];
    if (l > 0 && layout.layer_norm())
      NormaliseBackward(row.normal[l - 1], row.inverse[l - 1], below);
    for (std::size_t n = 0; n < layer.out; ++n)
      gradient[layer.bias - layout.buffers() + n] += delta[n];
    delta = std::move(below);
  }
  for (const model::Bag& bag : layout.bags())
    if (!bag.direct)
      AddBagGradient(layout, bag, examples, at, delta.data() + bag.first_input, gradient);
  for (const model::Sequence& sequence : layout.sequences())
    AddSequenceGradient(layout, sequence, model, examples, at, delta.data() + sequence.first_input,
                        gradient);
}

}  // namespace

long double CustomerLoss(const model::Layout& layout, const Exact& model,
                         const model::Examples& examples, std::uint32_t customer,
                         const model::Heads& heads, const RowFactors& dropout,
                         const RowTerms& terms) {
  long double loss = 0;
  Exact delta;
  for (std::size_t row = examples.first_row[customer]; row < examples.first_row[customer + 1];
       ++row)
    loss += RowLoss(examples, row, heads, terms,
                    Forward(layout, model, examples, row, dropout).outputs, delta);
  return loss;
}

Exact CustomerGradient(const model::Layout& layout, const Exact& model,
                       const model::Examples& examples, std::uint32_t customer,
                       const model::Heads& heads, const RowFactors& dropout,
                       const RowTerms& terms) {
  Exact gradient(layout.parameters());
  for (std::size_t row = examples.first_row[customer]; row < examples.first_row[customer + 1];
       ++row)
    AddRowGradient(layout, model, Forward(layout, model, examples, row, dropout), examples, row,
                   heads, terms, gradient);
  return gradient;
}

long double Norm(const Exact& x) {
  long double squares = 0;
  for (const long double value : x) squares += value * value;
  return std::sqrt(squares);
}

std::size_t OneHot(const ExampleShape& shape) {
  std::size_t sum = 0;
  for (const std::uint32_t buckets : shape.buckets) sum += buckets;
  return sum;
}

model::Examples RandomExamples(const ExampleShape& shape, std::mt19937& rng) {
  std::uniform_real_distribution<float> uniform(-1, 1);
  model::Examples examples;
  examples.numeric = shape.numeric;
  examples.categorical = static_cast<int>(shape.buckets.size());
  for (std::size_t u = 0; u < shape.customers; ++u) {
    const std::uint32_t rows = 1 + static_cast<std::uint32_t>(rng()) % shape.max_rows;
    for (std::uint32_t r = 0; r < rows; ++r) {
      for (int j = 0; j < shape.numeric; ++j) examples.numeric_values.push_back(uniform(rng));
      auto first = static_cast<std::uint32_t>(shape.numeric);
      for (const model::BagShape& bag : shape.bags)
        if (!bag.direct) first += static_cast<std::uint32_t>(bag.width);
      for (const model::SequenceShape& sequence : shape.sequences)
        first += static_cast<std::uint32_t>(sequence.channels);
      for (const std::uint32_t buckets : shape.buckets) {
        examples.active_inputs.push_back(first + static_cast<std::uint32_t>(rng()) % buckets);
        first += buckets;
      }
      examples.labels.push_back(static_cast<float>(rng() % 2));
    }
    examples.first_row.push_back(static_cast<std::uint32_t>(examples.rows()));
  }
  const auto add_list = [&](std::size_t index, std::size_t buckets) {
    if (index < examples.lists.size()) return;
    model::IdList& list = examples.lists.emplace_back();
    list.buckets = static_cast<std::uint32_t>(buckets);
    list.slots = 6;
    for (std::size_t i = 0; i < examples.rows() * list.slots; ++i) {
      const bool used = i % list.slots < 1 + (i / list.slots) % list.slots;
      list.ids.push_back(used ? static_cast<std::uint32_t>(rng()) % list.buckets : 0);
      list.weights.push_back(used ? 0.5f + 0.5f * uniform(rng) : 0);
    }
  };
  for (const model::BagShape& bag : shape.bags) add_list(bag.list, bag.buckets);
  for (const model::SequenceShape& sequence : shape.sequences)
    add_list(sequence.list, sequence.buckets);
  return examples;
}

model::ModelVector RandomModel(const model::Layout& layout, std::mt19937& rng, double gain) {
  std::normal_distribution<double> normal;
  model::ModelVector model(layout.size());
  for (std::size_t j = 0; layout.standardised() && j < layout.numeric(); ++j) {
    model[j] = static_cast<float>(0.3 * normal(rng));
    model[layout.numeric() + j] = static_cast<float>(1 + std::abs(normal(rng)));
  }
  for (const model::Layer& layer : layout.layers()) {
    for (std::size_t i = 0; i < layer.in * layer.out; ++i)
      model[layer.weight + i] =
          static_cast<float>(gain * std::sqrt(2.0 / static_cast<double>(layer.in)) * normal(rng));
    for (std::size_t n = 0; n < layer.out; ++n)
      model[layer.bias + n] = static_cast<float>(0.1 * normal(rng));
  }
  for (const model::Bag& bag : layout.bags())
    for (std::size_t i = 0; i < bag.buckets * bag.width; ++i)
      model[bag.weight + i] = static_cast<float>(gain * normal(rng));
  for (const model::Sequence& sequence : layout.sequences())
    for (std::size_t i = sequence.table; i < sequence.bias + sequence.biases(); ++i)
      model[i] = static_cast<float>(0.7 * gain * normal(rng));
  return model;
}

model::ItemAttributes SomeAttributes(std::size_t items) {
  std::vector<std::vector<std::string>> names;
  for (std::size_t i = 0; i < items; ++i) {
    names.push_back({absl::StrFormat("kind %d", i % 5)});
    if (i % 2 == 0) names.back().push_back(absl::StrFormat("item %d", i));
    if (i % 3 == 0) names.back().push_back("cheap");
  }
  return model::ItemAttributes(names);
}

std::vector<std::uint32_t> Everyone(const model::Examples& examples) {
  std::vector<std::uint32_t> all(examples.customers());
  for (std::uint32_t u = 0; u < all.size(); ++u) all[u] = u;
  return all;
}

std::vector<const cpu::Kernels*> AllPaths() {
  std::vector<const cpu::Kernels*> paths = {&cpu::BaselineKernels()};
  if (const cpu::Kernels* path = cpu::Avx2Kernels()) paths.push_back(path);
  if (const cpu::Kernels* path = cpu::Avx512Kernels()) paths.push_back(path);
  return paths;
}

long double StoredNorm(const model::Layout& layout, const model::Examples& examples,
                       std::uint32_t customer, const std::vector<float>& operands) {
  Exact gradient(layout.parameters());
  std::size_t at = 0;
  for (std::size_t row = examples.first_row[customer]; row < examples.first_row[customer + 1];
       ++row)
    for (std::size_t l = 0; l < layout.layers().size(); ++l) {
      const model::Layer& layer = layout.layers()[l];
      const std::size_t dense = l == 0 ? layout.numeric() : layer.in;
      Exact a(operands.begin() + static_cast<std::ptrdiff_t>(at),
              operands.begin() + static_cast<std::ptrdiff_t>(at + dense));
      a.resize(layer.in);
      if (l == 0)
        for (const std::uint32_t input : examples.ActiveOf(row)) a[input] += 1;
      const float* delta = operands.data() + at + dense;
      for (std::size_t i = 0; i < layer.in; ++i)
        for (std::size_t n = 0; n < layer.out; ++n)
          gradient[layer.weight - layout.buffers() + i * layer.out + n] +=
              a[i] * static_cast<long double>(delta[n]);
      for (std::size_t n = 0; n < layer.out; ++n)
        gradient[layer.bias - layout.buffers() + n] += static_cast<long double>(delta[n]);
      at += dense + layer.out;
    }
  return Norm(gradient);
}

}  // namespace veilsum::client
