// How much privacy costs in the training step (SE-21): forward, backward, norms, clip and integer
// encode against the same engine without norms, clipping and encode, both at the same padded row
// count; against libtorch's non-private autograd step (forward, loss, backward, no optimiser) where
// libtorch is installed; and what share of the machine's multiply-add peak, measured in between,
// the step's products reach. One JSON object a line. Arguments: prefixes of names; without any,
// everything.
#include <time.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <functional>
#include <random>
#include <span>
#include <string>

#include "client/train/cpu/engine.h"
#ifdef VEILSUM_TORCH
#include "tests/bench/train_torch.h"
#endif

namespace veilsum {
namespace {

struct Case {
  const char* name;
  int numeric, categorical;
  std::vector<std::size_t> one_hot;  // buckets of each categorical feature
  std::vector<std::size_t> hidden;
};

double CpuSeconds() {
  timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

model::Examples RandomExamples(const Case& shape, std::size_t customers) {
  std::mt19937 rng(7);
  std::uniform_real_distribution<float> uniform(-1, 1);
  model::Examples examples;
  examples.numeric = shape.numeric;
  examples.categorical = shape.categorical;
  for (std::size_t u = 0; u < customers; ++u) {
    for (int j = 0; j < shape.numeric; ++j) examples.numeric_values.push_back(uniform(rng));
    auto first = static_cast<std::uint32_t>(shape.numeric);
    for (const std::size_t buckets : shape.one_hot) {
      examples.active_inputs.push_back(first + static_cast<std::uint32_t>(rng() % buckets));
      first += static_cast<std::uint32_t>(buckets);
    }
    examples.labels.push_back(static_cast<float>(rng() % 2));
    examples.first_row.push_back(static_cast<std::uint32_t>(u + 1));
  }
  return examples;
}

model::ModelVector RandomModel(const model::Layout& layout) {
  std::mt19937 rng(8);
  model::ModelVector model(layout.size());
  for (const model::Layer& layer : layout.layers()) {
    std::normal_distribution<float> normal(0, std::sqrt(2.0f / static_cast<float>(layer.in)));
    for (std::size_t i = 0; i < layer.in * layer.out; ++i) model[layer.weight + i] = normal(rng);
  }
  return model;
}

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

double Seconds(const std::function<void()>& work) {
  const double start = CpuSeconds();
  work();
  return CpuSeconds() - start;
}

void Print(const std::string& name, double value, const char* unit) {
  std::printf("{\"name\":\"%s\",\"value\":%.6g,\"unit\":\"%s\"}\n", name.c_str(), value, unit);
  std::fflush(stdout);
}

// Floating-point operations of a row's products: forward, deltas below, weight gradients.
double Products(const model::Layout& layout) {
  double sum = 0;
  for (const model::Layer& layer : layout.layers())
    sum += static_cast<double>(layer.in * layer.out) * (layer.weight == layout.buffers() ? 4 : 6);
  return sum;
}

bool Asked(std::span<char* const> prefixes, std::string_view name) {
  return prefixes.empty() || std::ranges::any_of(prefixes, [&](const char* prefix) {
           return name.starts_with(prefix);
         });
}

// Interleaved rounds, medians; a round repeats the step until it has taken long enough to be timed.
void Run(const Case& shape, std::uint32_t batch, bool ratio, std::span<char* const> asked) {
  const std::string suffix = std::string(shape.name) + "/" + std::to_string(batch);
  const std::string ratio_name = "train/private_vs_nonprivate/" + suffix,
                    rows_name = "train/private_rows/" + suffix,
                    peak_name = "train/private_vs_fma_peak/" + suffix,
                    torch_name = "train/private_vs_torch_nonprivate/" + suffix;
  const bool print_ratio = ratio && Asked(asked, ratio_name), print_rows = Asked(asked, rows_name);
  const bool print_peak = ratio && Asked(asked, peak_name),
             print_torch = ratio && Asked(asked, torch_name);
  if (!print_ratio && !print_rows && !print_peak && !print_torch) return;
  const model::Examples examples = RandomExamples(shape, batch);
  std::size_t one_hot = 0;
  for (const std::size_t buckets : shape.one_hot) one_hot += buckets;
  const auto layout = model::Layout::Mlp(static_cast<std::size_t>(shape.numeric), one_hot,
                                         shape.hidden, /*standardised=*/false);
  const model::ModelVector model = RandomModel(layout);
  auto engine = client::cpu::Engine::Create(layout, examples, 1, client::cpu::BestKernels());
  VEILSUM_CHECK(engine.ok());
  std::vector<std::uint32_t> customers(batch);
  for (std::uint32_t u = 0; u < batch; ++u) customers[u] = u;
  const client::StepShape step{batch, 1.0, 0x1p20};
  const auto private_step = [&] { VEILSUM_CHECK((*engine)->GridSum(model, customers, step).ok()); };
  const auto plain_step = [&] {
    VEILSUM_CHECK((*engine)->Sum(model, customers, batch, std::nullopt).ok());
  };

  const int repeats = std::max(1, static_cast<int>(0.05 / std::max(1e-6, Seconds(private_step))));
  const int rounds = 11;
  std::vector<double> with, without, ratios, shares, torch_ratios;
  float chain[16] = {0.5f, 0.25f};
#ifdef VEILSUM_TORCH
  std::vector<std::size_t> widths = {static_cast<std::size_t>(shape.numeric)};
  widths.insert(widths.end(), shape.hidden.begin(), shape.hidden.end());
  widths.push_back(1);
  TorchBaseline torch(widths, batch, examples.numeric_values.data(), examples.labels.data());
  if (print_torch) torch.Step();
#endif
  for (int i = 0; i < rounds; ++i) {
    with.push_back(Seconds([&] {
                     for (int j = 0; j < repeats; ++j) private_step();
                   }) /
                   repeats);
    without.push_back(Seconds([&] {
                        for (int j = 0; j < repeats; ++j) plain_step();
                      }) /
                      repeats);
    ratios.push_back(with.back() / without.back());
    double operations = 0;
    const double peak_seconds =
        Seconds([&] { operations = client::cpu::BestKernels().peak(1u << 21, chain); });
    shares.push_back(Products(layout) * batch / with.back() / (operations / peak_seconds));
#ifdef VEILSUM_TORCH
    if (print_torch)
      torch_ratios.push_back(with.back() / (Seconds([&] {
                                              for (int j = 0; j < repeats; ++j) torch.Step();
                                            }) /
                                            repeats));
#endif
  }
  if (print_ratio) Print(ratio_name, Median(ratios), "ratio");
  if (print_peak) Print(peak_name, Median(shares), "ratio");
  if (!torch_ratios.empty()) Print(torch_name, Median(torch_ratios), "ratio");
  if (print_rows) Print(rows_name, batch / Median(with), "per_s");
}

}  // namespace
}  // namespace veilsum

int main(int argc, char** argv) {
  const std::span<char* const> asked(argv + 1, static_cast<std::size_t>(argc - 1));
  using veilsum::Case;
  const Case small{"small", 64, 0, {}, {128, 64, 32}};
  const Case large{"large", 512, 0, {}, {1024, 512, 256}};
  const Case shoppers{"online_shoppers", 9, 6, {32, 32, 32, 64, 8, 4}, {128, 64, 32}};
  if (veilsum::Asked(asked, "train/path"))
    std::printf("{\"name\":\"train/path\",\"value\":\"%s\",\"unit\":\"text\"}\n",
                std::string(veilsum::client::cpu::BestKernels().name).c_str());
  for (const std::uint32_t batch : {256u, 1024u}) {
    veilsum::Run(small, batch, true, asked);
    veilsum::Run(large, batch, true, asked);
  }
  veilsum::Run(shoppers, 304, false, asked);
  return 0;
}
