// Dropout of hidden units (Srivastava et al. 2014, JMLR 15): in a training step a unit's output is
// 0 with a public rate, or else divided by 1 - rate, so that prediction needs nothing of it. Which
// units are dropped is a pseudo-random function of the attempt's key, the customer and the row,
// never of a position (DP-09): a customer's masks are the same alone or in any batch, and one
// customer more changes nobody else's.
#pragma once

#include <optional>

#include "base/crypto/aes256_ctr.h"
#include "model/examples.h"
#include "model/layout.h"

namespace veilsum::client::cpu {

class Dropout {
 public:
  // `rate` in [0, 1), rounded to a multiple of 2^-16 that is neither 0 nor 1 unless it is 0. A
  // customer is known by its id, or by its index where the examples have no ids.
  Dropout(const model::Layout& layout, const model::Examples& examples, std::size_t max_rows,
          double rate);

  bool on() const { return !factors_.empty(); }  // there is a rate, and there are hidden units
  void SetKey(const Secret<32>& key) {           // of one attempt
    if (on()) stream_.emplace(key);
  }
  bool has_key() const { return stream_.has_value(); }
  void ForgetKey() { stream_.reset(); }  // wipes it

  // What the hidden units of a customer's row are multiplied by, layer after layer; valid until the
  // next call. Without a customer: of a filler, with the same work. Needs a key.
  std::span<const float> Factors(std::optional<std::uint32_t> customer, std::size_t row);

 private:
  std::uint32_t threshold_ = 0;  // words below it drop their unit
  float kept_ = 1;
  std::size_t row_blocks_ = 0;        // of keystream, 16 bytes each
  std::vector<std::uint64_t> first_;  // of a customer, in blocks; then of a filler
  std::optional<Aes256Ctr> stream_;
  std::vector<std::uint16_t> words_;
  std::vector<float> factors_;
};

}  // namespace veilsum::client::cpu
