#include "tests/attack/learnable.h"

#include <algorithm>

namespace veilsum::attack {
namespace {

constexpr std::int64_t kPrime = 1000003;

std::int64_t Inverse(std::int64_t a) {
  std::int64_t result = 1;
  for (std::int64_t e = kPrime - 2; e > 0; e >>= 1, a = a * a % kPrime)
    if ((e & 1) != 0) result = result * a % kPrime;
  return result;
}

}  // namespace

void LearnableSpace::AddMask(std::size_t row, const std::string& name, int sign) {
  const std::size_t id = names_.emplace(name, names_.size()).first->second;
  masks_[row][id] += sign;
}

// Reduces `rows` over their first `columns`; those rows come first that have a pivot there. Returns
// how many they are.
std::size_t LearnableSpace::Eliminate(std::vector<Row>& rows, std::size_t columns) {
  std::size_t rank = 0;
  for (std::size_t column = 0; column < columns && rank < rows.size(); ++column) {
    const auto pivot = std::find_if(rows.begin() + static_cast<std::ptrdiff_t>(rank), rows.end(),
                                    [&](const Row& row) { return row[column] != 0; });
    if (pivot == rows.end()) continue;
    std::iter_swap(rows.begin() + static_cast<std::ptrdiff_t>(rank), pivot);
    const std::int64_t scale = Inverse(rows[rank][column]);
    for (std::int64_t& value : rows[rank]) value = value * scale % kPrime;
    for (std::size_t other = 0; other < rows.size(); ++other) {
      const std::int64_t factor = rows[other][column];
      if (other == rank || factor == 0) continue;
      for (std::size_t i = 0; i < rows[other].size(); ++i)
        rows[other][i] = ((rows[other][i] - factor * rows[rank][i]) % kPrime + kPrime) % kPrime;
    }
    ++rank;
  }
  return rank;
}

void LearnableSpace::Solve() {
  const std::size_t vectors = masks_.size(), unknowns = names_.size();
  std::vector<Row> rows(vectors, Row(unknowns + vectors));
  for (std::size_t row = 0; row < vectors; ++row) {
    for (const auto& [mask, sign] : masks_[row]) rows[row][mask] = (sign + kPrime) % kPrime;
    rows[row][unknowns + row] = 1;
  }
  const std::size_t rank = Eliminate(rows, unknowns);
  for (std::size_t row = rank; row < vectors; ++row)
    basis_.emplace_back(rows[row].begin() + static_cast<std::ptrdiff_t>(unknowns), rows[row].end());
}

bool LearnableSpace::Spans(const std::vector<Row>& basis, const Row& candidate) {
  std::vector<Row> rows = basis;
  const std::size_t before = Eliminate(rows, candidate.size());
  rows.push_back(candidate);
  return Eliminate(rows, candidate.size()) == before;
}

std::uint64_t LearnableSpace::Isolated() const {
  std::uint64_t count = 0;
  for (std::size_t i = 0; i < masks_.size(); ++i) {
    Row unit(masks_.size());
    unit[i] = 1;
    count += !basis_.empty() && Spans(basis_, unit);
  }
  return count;
}

bool LearnableSpace::Allow(const std::vector<bool>& rows) {
  Row sum(rows.begin(), rows.end());
  const bool nothing = std::ranges::none_of(rows, [](bool in) { return in; });
  if (nothing || basis_.empty() || !Spans(basis_, sum)) return false;
  allowed_.push_back(std::move(sum));
  return true;
}

bool LearnableSpace::HasMoreThanAllowed() const {
  return std::ranges::any_of(basis_, [&](const Row& row) { return !Spans(allowed_, row); });
}

}  // namespace veilsum::attack
