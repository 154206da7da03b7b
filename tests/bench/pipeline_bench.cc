// How fast a table of events streams through the feature pipeline, and in how much memory: writes a
// CSV of generated events, folds it with the client's own loader and prints one JSON object. Run it
// with different numbers of rows and the same number of customers: peak memory stays.
#include <sys/resource.h>

#include <chrono>
#include <cstdio>
#include <fstream>
#include <random>

#include "client/data/dataset.h"
#include "model/plan/plan_format.h"

namespace veilsum {
namespace {

constexpr const char* kPlan = R"(name = "events"
task = "binary"
[unit]
column = "id"
[holdout]
hash = "fnv1a64"
mod = 5
equals = 0
[[table]]
name = "labels"
file = "labels.csv"
[[table]]
name = "events"
file = "events.csv"
time = "at"
[[feature]]
column = "events.amount"
kind = "numeric"
aggregate = "sum"
window_days = 30
lo = 0
hi = 10000
log = true
[[feature]]
column = "events.amount"
kind = "numeric"
aggregate = "count"
lo = 0
hi = 1000
[[feature]]
column = "events.amount"
kind = "numeric"
aggregate = "recency"
lo = 0
hi = 365
[[feature]]
column = "events.product"
kind = "events"
last = 20
buckets = 4096
width = 8
[label]
column = "labels.label"
kind = "binary"
time = "asked"
[model]
hidden = [16]
[training]
mode = "distributed"
steps = 1
attempts_max = 1
sampling_rate = "1"
expected_batch = 1
clip_norm = "1"
learning_rate = "1"
[privacy]
epsilon = "1"
delta = "1e-5"
accountant = "rdp"
)";

void Write(const std::filesystem::path& folder, long rows, long customers) {
  std::ofstream labels(folder / "labels.csv"), events(folder / "events.csv");
  labels << "id,asked,label\n";
  for (long i = 0; i < customers; ++i) labels << "customer" << i << ",2026-06-30," << i % 2 << "\n";
  events << "id,at,amount,product\n";
  std::mt19937_64 rng(1);
  for (long i = 0; i < rows; ++i)
    events << "customer" << rng() % static_cast<unsigned long>(customers) << ','
           << 1767225600 + rng() % (200 * 86400) << ',' << rng() % 10000 / 100.0 << ",product"
           << rng() % 2000 << '\n';
}

double CpuSeconds() {
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         1e-6 * static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

int Main(long rows, long customers) {
  std::string name = (std::filesystem::temp_directory_path() / "veilsum_XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) return 1;
  Write(name, rows, customers);
  const auto bytes = std::filesystem::file_size(std::filesystem::path(name) / "events.csv");
  const auto plan = model::ParsePlanToml(kPlan, "plan.toml");
  const double before = CpuSeconds();
  const auto data = plan.ok() ? client::LoadDataset(*plan, {name}) : plan.status();
  const double seconds = CpuSeconds() - before;
  std::filesystem::remove_all(name);
  if (!data.ok()) {
    std::fprintf(stderr, "%s\n", data.status().ToString().c_str());
    return 1;
  }
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  std::printf(
      "{\"rows\":%ld,\"customers\":%ld,\"file_mib\":%.1f,\"cpu_seconds\":%.2f,"
      "\"rows_per_second\":%.0f,\"peak_rss_mib\":%.1f}\n",
      rows, customers, static_cast<double>(bytes) / (1 << 20), seconds,
      static_cast<double>(rows) / seconds, static_cast<double>(usage.ru_maxrss) / 1024);
  return 0;
}

}  // namespace
}  // namespace veilsum

int main(int argc, char** argv) {
  return veilsum::Main(argc > 1 ? std::atol(argv[1]) : 1'000'000,
                       argc > 2 ? std::atol(argv[2]) : 20'000);
}
