#include "client/data/ngrams.h"

#include <cmath>
#include <unordered_map>

#include "base/fnv1a.h"
#include "client/data/words.h"

namespace veilsum::client {
namespace {

class Counts {
 public:
  Counts(std::uint32_t buckets, std::size_t most) : buckets_(buckets), most_(most) {}
  void Add(std::uint64_t hash) {
    const auto bucket = static_cast<std::uint32_t>(hash % buckets_);
    const auto found = place_.find(bucket);
    if (found != place_.end()) {
      ++counts_[found->second];
    } else if (ids_.size() < most_) {
      place_.emplace(bucket, ids_.size());
      ids_.push_back(bucket);
      counts_.push_back(1);
    }
  }
  void AppendTo(model::IdList& to) const {
    double squares = 0;
    for (const double count : counts_) squares += count * count;
    const double norm = std::sqrt(squares);
    const std::size_t end = to.ids.size() + most_;
    to.ids.insert(to.ids.end(), ids_.begin(), ids_.end());
    for (const double count : counts_) to.weights.push_back(static_cast<float>(count / norm));
    to.ids.resize(end, 0);
    to.weights.resize(end, 0);
  }

 private:
  std::uint32_t buckets_;
  std::size_t most_;
  std::unordered_map<std::uint32_t, std::size_t> place_;
  std::vector<std::uint32_t> ids_;
  std::vector<double> counts_;
};

}  // namespace

void AppendText(const model::Feature& feature, std::span<const std::string_view> texts,
                model::IdList& to) {
  const std::uint64_t prefix = Fnv1a64("=", Fnv1a64(feature.column));
  Counts counts(feature.buckets, feature.max_terms);
  for (const std::string_view text : texts) {
    const std::vector<std::string> words = Words(text);
    for (std::size_t first = 0; first < words.size(); ++first) {
      std::uint64_t hash = prefix;
      for (std::size_t n = 0; n < feature.ngrams && first + n < words.size(); ++n) {
        if (n != 0) hash = Fnv1a64(" ", hash);
        hash = Fnv1a64(words[first + n], hash);
        counts.Add(hash);
      }
    }
  }
  counts.AppendTo(to);
}

}  // namespace veilsum::client
