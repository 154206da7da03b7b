// What tells a segment of customers from all of them: means of numbers and shares of categories,
// gathered row by row.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "client/serve/predictor.h"
#include "client/serve/row_source.h"

namespace veilsum::client {

// Values of one categorical column that are told apart: those first met. Rows with others count in
// no value.
inline constexpr std::size_t kMaxProfileValues = 512;

struct Trait {
  std::string feature;               // FeatureName
  std::optional<std::string> value;  // of a categorical one
  double effect = 0;                 // (mean of the segment - mean of all) / deviation of all
  double segment = 0, all = 0;       // means in the column's units within its bounds, or shares
};

class SegmentProfile {
 public:
  // The plan outlives this.
  SegmentProfile(const model::Plan& plan, std::size_t segments);

  // A row whose values begin with those of RowEncoder::wanted(), and its encoded numbers.
  void Add(std::size_t segment, const FlatRow& row, std::span<const float> numbers);

  std::size_t rows(std::size_t segment) const { return rows_[segment]; }
  // The `count` traits of the greatest effect in size, of equals in plan order. Effects of numbers
  // are of what the model reads (clipped, logarithmic where the plan says so). Texts have none.
  std::vector<Trait> Traits(std::size_t segment, std::size_t count) const;

 private:
  struct Numeric {
    const model::Feature* feature;
    std::size_t place;                       // in the row
    std::vector<double> sums, squares, raw;  // segments
  };
  struct Categorical {
    const model::Feature* feature;
    std::size_t place;
    std::map<std::string, std::vector<std::size_t>> counts;  // value -> segments
  };
  Trait TraitOf(const Numeric& numeric, std::size_t segment) const;
  Trait TraitOf(const Categorical& categorical, const std::string& value,
                const std::vector<std::size_t>& counts, std::size_t segment) const;

  std::vector<std::size_t> rows_;  // segments
  std::vector<Numeric> numeric_;
  std::vector<Categorical> categorical_;
};

}  // namespace veilsum::client
