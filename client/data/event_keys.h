// Which events of a table have been seen: a log that was written twice must not count twice.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <unordered_set>

namespace veilsum::client {

class EventKeys {
 public:
  // True the first time that row `label` of the label's table sees these texts, in this order: what
  // it does not see must not hide what it sees. Keys are the first 128 bits of SHA-256, so that
  // nobody can write an event that hides another one.
  bool IsNew(std::size_t label, std::span<const std::string* const> texts);

 private:
  using Key = std::array<std::uint64_t, 2>;
  struct Spread {
    std::size_t operator()(const Key& key) const { return key[0]; }
  };
  std::unordered_set<Key, Spread> seen_;
};

}  // namespace veilsum::client
