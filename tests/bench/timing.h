// What the benchmark programs share: CPU time, medians, JSON lines, the choice of names.
#pragma once

#include <time.h>

#include <algorithm>
#include <cstdio>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace veilsum::bench {

inline double CpuSeconds() {
  timespec now;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

// CPU seconds of one call.
template <class Work>
double Seconds(Work&& work) {
  const double start = CpuSeconds();
  work();
  return CpuSeconds() - start;
}

inline double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

// Arguments are prefixes of names; without any, everything is asked for.
class Names {
 public:
  Names(int argc, char** argv) : prefixes_(argv + 1, argv + argc) {}
  // True when `name` was asked for, or may begin a name that was.
  bool Asked(std::string_view name) const {
    return prefixes_.empty() || std::ranges::any_of(prefixes_, [&](std::string_view prefix) {
             return name.starts_with(prefix) || prefix.starts_with(name);
           });
  }

 private:
  std::vector<std::string_view> prefixes_;
};

inline void Print(const std::string& name, double value, std::string_view unit) {
  std::printf("{\"name\":\"%s\",\"value\":%.6g,\"unit\":\"%s\"}\n", name.c_str(), value,
              std::string(unit).c_str());
  std::fflush(stdout);
}

// The median over interleaved rounds of time(a) / time(b): how many times as fast b is.
template <class A, class B>
double Ratio(int rounds, A&& a, B&& b) {
  a();  // warm
  b();
  std::vector<double> ratios;
  for (int i = 0; i < rounds; ++i) {
    const double first = Seconds(a);
    ratios.push_back(first / Seconds(b));
  }
  return Median(ratios);
}

}  // namespace veilsum::bench
