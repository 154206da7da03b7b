// Counters, gauges and histograms as Prometheus reads them (text exposition format 0.0.4). Names
// and labels are the program's own: nothing that came over a network or out of a data file becomes
// one.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace veilsum {

using Labels = std::vector<std::pair<std::string, std::string>>;  // in the order to be shown

// Thread-safe. A family is made by its first use and keeps that kind and help. It takes at most
// kMostSeries sets of labels; figures for more are added up under the label overflow="true".
class Metrics {
 public:
  static constexpr std::size_t kMostSeries = 200;

  // `common`: on every series, before its own labels.
  explicit Metrics(Labels common = {}) : common_(std::move(common)) {}

  void Describe(const std::string& name, std::string_view help);  // before or after its first use
  void Add(const std::string& name, double amount = 1, const Labels& labels = {});  // a counter
  void Set(const std::string& name, double value, const Labels& labels = {});       // a gauge
  // A histogram; the bounds are the family's, from 1 ms to 2 min.
  void Observe(const std::string& name, double value, const Labels& labels = {});
  // Called before each rendering, from its thread, to Set what is cheaper asked than kept.
  void BeforeRender(std::function<void(Metrics&)> collect);
  std::string Render();

 private:
  enum class Kind { kCounter, kGauge, kHistogram };
  struct Series {
    double value = 0;  // a histogram's sum
    std::vector<std::uint64_t> buckets;
    std::uint64_t count = 0;
  };
  struct Family {
    Kind kind = Kind::kGauge;
    std::map<std::string, Series> series;  // by labels as shown
  };
  Series& SeriesOf(const std::string& name, Kind kind, const Labels& labels);  // under mutex_

  const Labels common_;
  std::mutex mutex_;
  std::map<std::string, Family> families_;
  std::map<std::string, std::string> help_;
  std::vector<std::function<void(Metrics&)>> collectors_;
};

}  // namespace veilsum
