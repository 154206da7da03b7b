// Dropout of hidden units (Srivastava et al. 2014, JMLR 15): in a training step a unit's output is
// 0 with a public rate, or else divided by 1 - rate, so that prediction needs nothing of it. Which
// units are dropped follows from the step's key, the customer and the row (customer_stream.h).
#pragma once

#include "client/train/cpu/customer_stream.h"
#include "model/layout.h"

namespace veilsum::client::cpu {

class Dropout {
 public:
  // `rate` in [0, 1), rounded to a multiple of 2^-16 that is neither 0 nor 1 unless it is 0.
  Dropout(const model::Layout& layout, const model::Examples& examples, std::size_t max_rows,
          double rate);

  bool on() const { return !factors_.empty(); }  // there is a rate, and there are hidden units
  void SetKey(const Secret<32>& key) { stream_.SetKey(key); }  // of one attempt
  bool has_key() const { return stream_.has_key(); }
  void ForgetKey() { stream_.ForgetKey(); }  // wipes it

  // What the hidden units of a customer's row are multiplied by, layer after layer; valid until the
  // next call. Without a customer: of a filler, with the same work. Needs a key.
  std::span<const float> Factors(std::optional<std::uint32_t> customer, std::size_t row);

 private:
  std::uint32_t threshold_ = 0;  // words below it drop their unit
  float kept_ = 1;
  std::vector<float> factors_;
  CustomerStream stream_;
};

}  // namespace veilsum::client::cpu
