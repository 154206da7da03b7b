// The libtorch engine's private step on each device: rows a second, its time over that of the same
// engine without norms and clipping and over libtorch's autograd step there, and whether the device
// gives a customer the same bits wherever it stands (client/train/torch/row_invariance.h). Wall
// time; the engine's steps copy batch, model and sum between host and device, autograd's do not.
// One JSON object a line. Arguments: prefixes of names; without any, everything.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <functional>
#include <random>
#include <span>
#include <string>

#include "client/train/torch/row_invariance.h"
#include "client/train/torch/torch_engine.h"
#include "tests/bench/train_torch.h"

namespace veilsum {
namespace {

using client::torch_engine::Batch;
using client::torch_engine::Net;
using client::torch_engine::TorchEngine;

struct Case {
  const char* name;
  std::vector<std::size_t> widths;
};

double Seconds(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

std::vector<float> Normal(std::size_t count, float deviation) {
  std::mt19937 rng(7);
  std::normal_distribution<float> normal(0, deviation);
  std::vector<float> numbers(count);
  for (float& number : numbers) number = normal(rng);
  return numbers;
}

struct Bench {
  Bench(const Case& of, std::size_t rows, const std::string& device)
      : net{of.widths},
        x(Normal(rows * of.widths.front(), 1)),
        labels(rows, 1.0f),
        model(Normal(Parameters(net), 1 / std::sqrt(static_cast<float>(of.widths[1])))),
        sum(model.size()),
        batch{rows, x.data(), labels.data()},
        autograd(of.widths, rows, x.data(), labels.data(), device),
        engine(TorchEngine::Create(net, device, error)) {}
  bool Step(double clip_norm) {
    return engine->Sum(model.data(), batch, clip_norm, sum.data(), error);
  }

  Net net;
  std::vector<float> x, labels, model;
  std::vector<double> sum;
  Batch batch;
  TorchBaseline autograd;
  std::string error;
  std::unique_ptr<TorchEngine> engine;
};

void Print(const std::string& name, double value, const char* unit) {
  std::printf("{\"name\":\"%s\",\"value\":%.6g,\"unit\":\"%s\"}\n", name.c_str(), value, unit);
  std::fflush(stdout);
}

// Interleaved rounds, medians; the first round warms up.
void Time(Bench& bench, const std::string& suffix) {
  const int steps = 10, rounds = 7;
  std::vector<double> with, without, autograd;
  for (int round = 0; round <= rounds; ++round) {
    const auto timed = [&](std::vector<double>& to, const std::function<void()>& work) {
      const double seconds = Seconds(work) / steps;
      if (round > 0) to.push_back(seconds);
    };
    timed(with, [&] {
      for (int i = 0; i < steps; ++i) bench.Step(1);
    });
    timed(without, [&] {
      for (int i = 0; i < steps; ++i) bench.Step(0);
    });
    timed(autograd, [&] {
      for (int i = 0; i < steps; ++i) bench.autograd.Step();
      bench.autograd.Wait();
    });
  }
  Print("torch/private_rows/" + suffix, static_cast<double>(bench.batch.rows) / Median(with),
        "per_s");
  Print("torch/private_vs_nonprivate/" + suffix, Median(with) / Median(without), "ratio");
  Print("torch/private_vs_autograd/" + suffix, Median(with) / Median(autograd), "ratio");
}

bool Run(const Case& of, std::size_t rows, const std::string& device,
         std::span<char* const> asked) {
  const std::string suffix = device + "/" + of.name + "/" + std::to_string(rows);
  const bool wanted = asked.empty() || std::ranges::any_of(asked, [&](const char* prefix) {
                        return ("torch/" + suffix).starts_with(prefix);
                      });
  if (!wanted) return true;
  Bench bench(of, rows, device);
  if (!bench.engine || !bench.Step(1)) {
    std::fprintf(stderr, "%s: %s\n", suffix.c_str(), bench.error.c_str());
    return false;
  }
  Time(bench, suffix);
  const std::string differs = client::torch_engine::RowInvarianceError(
      bench.net, bench.batch, [&](const Batch& batch, double* sum, std::string& error) {
        return bench.engine->Sum(bench.model.data(), batch, 1, sum, error);
      });
  Print("torch/row_invariant/" + suffix, differs.empty() ? 1 : 0, "boolean");
  return true;
}

}  // namespace
}  // namespace veilsum

int main(int argc, char** argv) {
  const std::span<char* const> asked(argv + 1, static_cast<std::size_t>(argc - 1));
  const veilsum::Case cases[] = {{"small", {64, 128, 64, 32, 1}},
                                 {"large", {512, 1024, 512, 256, 1}},
                                 {"10M", {1024, 3072, 2048, 256, 1}}};
  std::vector<std::string> devices = {"cpu"};
  if (veilsum::client::torch_engine::HasCuda()) devices.push_back("cuda");
  bool all = true;
  for (const std::string& device : devices)
    for (const veilsum::Case& of : cases)
      for (const std::size_t rows : {std::size_t{1024}, std::size_t{16384}})
        if (rows == 1024 || device != "cpu") all = veilsum::Run(of, rows, device, asked) && all;
  return all ? 0 : 1;
}
