// The linear algebra of an attacker who has masked vectors and some of the masks: which
// combinations of the vectors are free of masks it does not know. Exact, modulo a prime.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace veilsum::attack {

class LearnableSpace {
 public:
  explicit LearnableSpace(std::size_t vectors) : masks_(vectors) {}
  // Vector `row` carries the unknown mask `name`, added (sign 1) or subtracted (-1).
  void AddMask(std::size_t row, const std::string& name, int sign);
  void Solve();  // after all masks, before the questions

  std::size_t dimension() const { return basis_.size(); }
  std::uint64_t Isolated() const;  // how many vectors can be had alone
  // Counts the sum of these vectors among what may be learned; false when it cannot be.
  bool Allow(const std::vector<bool>& rows);
  // True when something outside the span of the allowed sums is learnable.
  bool HasMoreThanAllowed() const;

 private:
  using Row = std::vector<std::int64_t>;  // modulo kPrime
  static std::size_t Eliminate(std::vector<Row>& rows, std::size_t columns);
  static bool Spans(const std::vector<Row>& basis, const Row& candidate);
  std::vector<std::map<std::size_t, int>> masks_;  // by vector: mask to sign
  std::map<std::string, std::size_t> names_;
  std::vector<Row> basis_, allowed_;
};

}  // namespace veilsum::attack
