// Public attributes of the items that a model recommends. With them the last layer's columns are
// attributes instead of items: an item's score is the sum of its attributes' over the square root
// of their number. In the words of two towers, a customer x has u(x), the last hidden layer's
// outputs, an attribute a vector w_a, and an item v_i = sum of its w_a / sqrt(n_i), so that items
// with the same attributes learn from each other's customers, and an item that nobody has bought
// yet has a vector. An attribute that only one item has is a free vector of that item.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace veilsum::model {

class ItemAttributes {
 public:
  // names[i]: those of item i, at least one, none twice. Attributes are numbered as they first
  // appear.
  explicit ItemAttributes(const std::vector<std::vector<std::string>>& names);

  std::size_t items() const { return first_.size() - 1; }
  std::size_t attributes() const { return attributes_; }

  // Each item's score from each attribute's: fp64 sums in the order of names, rounded once.
  void Scores(std::span<const float> attributes, std::span<float> items) const;
  // Derivatives by the attributes' scores from those by the items', in the same manner: over all
  // items, whatever their values (DP-06). A NaN stays one.
  void Back(std::span<const float> items, std::span<float> attributes) const;

 private:
  std::size_t attributes_ = 0;
  std::vector<std::uint32_t> first_ = {0};  // items + 1: where an item's attributes begin
  std::vector<std::uint32_t> of_;           // all items' attributes, one after the other
  std::vector<double> weight_;              // of an item: 1 / sqrt(how many it has)
};

}  // namespace veilsum::model
