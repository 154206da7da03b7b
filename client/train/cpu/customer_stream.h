// Pseudo-random words of one training step, for every customer and row: a function of the step's
// key, the customer and the row, never of a position (DP-09). A customer's words are the same alone
// or in any batch, and one customer more changes nobody else's. AES-256-CTR at a place that a hash
// of the customer's id gives; that two customers could share one costs them the same words and
// nothing else.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "base/crypto/aes256_ctr.h"
#include "model/examples.h"

namespace veilsum::client::cpu {

class CustomerStream {
 public:
  // `words` of 16 bits a row; none: a stream that is off. A customer is known by its id, or by its
  // index where the examples have no ids. `domain` parts streams of one key.
  CustomerStream(const model::Examples& examples, std::size_t max_rows, std::size_t words,
                 std::string_view domain);

  void SetKey(const Secret<32>& key) {  // of one attempt
    if (!words_.empty()) stream_.emplace(key);
  }
  bool has_key() const { return stream_.has_value(); }
  void ForgetKey() { stream_.reset(); }  // wipes it

  // At least `words` of a customer's row, valid until the next call. Without a customer: of a
  // filler, with the same work. Needs a key.
  std::span<const std::uint16_t> Words(std::optional<std::uint32_t> customer, std::size_t row);

 private:
  std::size_t row_blocks_ = 0;        // of keystream, 16 bytes each
  std::vector<std::uint64_t> first_;  // of a customer, in blocks; then of a filler
  std::optional<Aes256Ctr> stream_;
  std::vector<std::uint16_t> words_;
};

}  // namespace veilsum::client::cpu
