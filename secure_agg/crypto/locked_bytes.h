// Secret bytes of run-time size: locked against swapping, kept out of core dumps, guarded, wiped
// when released (SA-32).
#pragma once

#include <cstdint>
#include <memory>
#include <span>

namespace veilsum::secure_agg {

class LockedBytes {
 public:
  explicit LockedBytes(std::size_t size);  // all zero
  std::span<std::uint8_t> bytes() { return {bytes_.get(), size_}; }
  std::span<const std::uint8_t> bytes() const { return {bytes_.get(), size_}; }

 private:
  struct Release {
    void operator()(std::uint8_t* bytes) const;
  };
  std::unique_ptr<std::uint8_t[], Release> bytes_;
  std::size_t size_;
};

}  // namespace veilsum::secure_agg
