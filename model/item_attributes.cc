#include "model/item_attributes.h"

#include <cmath>
#include <map>

namespace veilsum::model {

ItemAttributes::ItemAttributes(const std::vector<std::vector<std::string>>& names) {
  std::map<std::string, std::uint32_t> places;
  for (const std::vector<std::string>& item : names) {
    for (const std::string& name : item)
      of_.push_back(places.emplace(name, static_cast<std::uint32_t>(places.size())).first->second);
    first_.push_back(static_cast<std::uint32_t>(of_.size()));
    weight_.push_back(1 / std::sqrt(static_cast<double>(item.size())));
  }
  attributes_ = places.size();
}

void ItemAttributes::Scores(std::span<const float> attributes, std::span<float> items) const {
  for (std::size_t i = 0; i < items.size(); ++i) {
    double sum = 0;
    for (std::size_t at = first_[i]; at < first_[i + 1]; ++at)
      sum += static_cast<double>(attributes[of_[at]]);
    items[i] = static_cast<float>(weight_[i] * sum);
  }
}

void ItemAttributes::Back(std::span<const float> items, std::span<float> attributes) const {
  std::vector<double> sums(attributes_);
  for (std::size_t i = 0; i < items.size(); ++i)
    for (std::size_t at = first_[i]; at < first_[i + 1]; ++at)
      sums[of_[at]] += weight_[i] * static_cast<double>(items[i]);
  for (std::size_t a = 0; a < attributes_; ++a) attributes[a] = static_cast<float>(sums[a]);
}

}  // namespace veilsum::model
