// Samples a second of one thread for every kind of integer noise, by CPU time. One JSON object a
// line. Arguments: prefixes of names; without any, everything.
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <functional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "dp/sampler/discrete_gaussian.h"
#include "dp/sampler/laplace_skellam.h"

namespace veilsum::dp {
namespace {

constexpr std::size_t kSamples = std::size_t{1} << 20;

double CpuSeconds() {
  timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

void Measure(const std::string& name,
             const std::function<void(const Secret<32>&, std::span<std::int64_t>)>& add) {
  std::vector<std::int64_t> values(kSamples, 0);
  std::vector<double> seconds;
  for (std::uint8_t round = 0; round < 11; ++round) {
    ByteArray<32> bytes{};
    bytes[0] = round;
    const Secret<32> seed{std::span<std::uint8_t, 32>(bytes)};
    const double start = CpuSeconds();
    add(seed, values);
    seconds.push_back(CpuSeconds() - start);
  }
  std::nth_element(seconds.begin(), seconds.begin() + 5, seconds.end());
  std::printf("{\"name\":\"dp/noise/%s\",\"value\":%.6g,\"unit\":\"per_s\"}\n", name.c_str(),
              kSamples / seconds[5]);
}

int Run(int count, char** names) {
  const auto wanted = [&](const std::string& name) {
    return count == 0 || std::any_of(names, names + count, [&](const char* prefix) {
             return ("dp/noise/" + name).starts_with(prefix);
           });
  };
  for (const int log2 : {6, 10, 16, 20, 30}) {
    const std::string name = "discrete_gaussian_2^" + std::to_string(log2);
    if (!wanted(name)) continue;
    const auto sampler = DiscreteGaussianSampler::Create(static_cast<double>(1 << log2));
    Measure(name, [&](const auto& seed, auto values) { (*sampler)->AddNoise(seed, values); });
  }
  if (wanted("skellam_2^16")) {
    const auto sampler = TableSampler::Skellam(1 << 16);
    Measure("skellam_2^16", [&](const auto& seed, auto out) { (*sampler)->AddNoise(seed, out); });
  }
  if (wanted("discrete_laplace_64")) {
    const auto sampler = TableSampler::DiscreteLaplace(64, 1);
    Measure("discrete_laplace_64",
            [&](const auto& seed, auto out) { (*sampler)->AddNoise(seed, out); });
  }
  return 0;
}

}  // namespace
}  // namespace veilsum::dp

int main(int argc, char** argv) { return veilsum::dp::Run(argc - 1, argv + 1); }
