#include "base/observe/metrics.h"

#include <array>
#include <cmath>

#include "absl/strings/str_format.h"

namespace veilsum {
namespace {

constexpr std::array<double, 16> kBounds = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25,
                                            0.5,   1,      2.5,   5,    10,    30,   60,  120};

std::string Escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\' || c == '"') out += '\\';
    if (c == '\n')
      out += "\\n";
    else
      out += c;
  }
  return out;
}

std::string Shown(const Labels& common, const Labels& own) {
  std::string out;
  for (const Labels* labels : {&common, &own})
    for (const auto& [name, value] : *labels)
      absl::StrAppendFormat(&out, "%s%s=\"%s\"", out.empty() ? "" : ",", name, Escaped(value));
  return out;
}

std::string Number(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  return absl::StrFormat("%.15g", value);
}

void Line(std::string& out, const std::string& name, std::string_view suffix,
          const std::string& labels, const std::string& value) {
  absl::StrAppendFormat(&out, "%s%s%s%s%s %s\n", name, suffix, labels.empty() ? "" : "{", labels,
                        labels.empty() ? "" : "}", value);
}

}  // namespace

void Metrics::Describe(const std::string& name, std::string_view help) {
  const std::lock_guard lock(mutex_);
  help_[name] = std::string(help);
}

Metrics::Series& Metrics::SeriesOf(const std::string& name, Kind kind, const Labels& labels) {
  const auto [family, fresh] = families_.try_emplace(name);
  if (fresh) family->second.kind = kind;
  std::map<std::string, Series>& series = family->second.series;
  std::string key = Shown(common_, labels);
  if (series.size() >= kMostSeries && !series.contains(key))
    key = Shown(common_, {{"overflow", "true"}});
  return series[key];
}

void Metrics::Add(const std::string& name, double amount, const Labels& labels) {
  const std::lock_guard lock(mutex_);
  SeriesOf(name, Kind::kCounter, labels).value += amount;
}

void Metrics::Set(const std::string& name, double value, const Labels& labels) {
  const std::lock_guard lock(mutex_);
  SeriesOf(name, Kind::kGauge, labels).value = value;
}

void Metrics::Observe(const std::string& name, double value, const Labels& labels) {
  const std::lock_guard lock(mutex_);
  Series& series = SeriesOf(name, Kind::kHistogram, labels);
  series.buckets.resize(kBounds.size());
  for (std::size_t i = 0; i < kBounds.size(); ++i)
    if (value <= kBounds[i]) ++series.buckets[i];
  ++series.count;
  series.value += value;
}

void Metrics::BeforeRender(std::function<void(Metrics&)> collect) {
  const std::lock_guard lock(mutex_);
  collectors_.push_back(std::move(collect));
}

std::string Metrics::Render() {
  std::vector<std::function<void(Metrics&)>> collectors;
  {
    const std::lock_guard lock(mutex_);
    collectors = collectors_;
  }
  for (const auto& collect : collectors) collect(*this);
  const std::lock_guard lock(mutex_);
  std::string out;
  for (const auto& [name, family] : families_) {
    if (const auto help = help_.find(name); help != help_.end())
      absl::StrAppendFormat(&out, "# HELP %s %s\n", name, help->second);
    constexpr std::array<const char*, 3> kKinds = {"counter", "gauge", "histogram"};
    absl::StrAppendFormat(&out, "# TYPE %s %s\n", name,
                          kKinds[static_cast<std::size_t>(family.kind)]);
    for (const auto& [labels, series] : family.series) {
      if (family.kind != Kind::kHistogram) {
        Line(out, name, "", labels, Number(series.value));
        continue;
      }
      const std::string comma = labels.empty() ? "" : labels + ",";
      for (std::size_t i = 0; i < kBounds.size(); ++i)
        Line(out, name, "_bucket", absl::StrFormat("%sle=\"%s\"", comma, Number(kBounds[i])),
             Number(static_cast<double>(series.buckets[i])));
      const std::string count = Number(static_cast<double>(series.count));
      Line(out, name, "_bucket", comma + "le=\"+Inf\"", count);
      Line(out, name, "_sum", labels, Number(series.value));
      Line(out, name, "_count", labels, count);
    }
  }
  return out;
}

}  // namespace veilsum
