// The negatives of a sampled softmax (Bengio and Senecal 2008, IEEE TNN 19(4), section III; Jean et
// al. 2015, ACL, section 3): of the items that were not chosen each one is in a row's softmax with
// a public probability, independently, and then counts 1 / probability times, so that the sampled
// partition function has the whole one as its mean. Which ones follows from the step's key, the
// customer and the row (customer_stream.h), so that a customer's gradient is still a function of
// itself. Every row does the work of all items (DP-06).
#pragma once

#include "client/train/cpu/customer_stream.h"
#include "model/heads.h"

namespace veilsum::client::cpu {

class SampledItems {
 public:
  // For head 0 of `heads`; off when its softmax is over all outputs. The probability is
  // negatives / (outputs - 1), rounded to a multiple of 2^-16 that is not 0.
  SampledItems(const model::Heads& heads, const model::Examples& examples, std::size_t max_rows);

  bool on() const { return !weights_.empty(); }
  void SetKey(const Secret<32>& key) { stream_.SetKey(key); }  // of one attempt
  bool has_key() const { return stream_.has_key(); }
  void ForgetKey() { stream_.ForgetKey(); }  // wipes it

  // How often each item counts in a row's softmax unless it is the chosen one, 0 or 1 /
  // probability; valid until the next call. Without a customer: of a filler. Needs a key.
  std::span<const float> Weights(std::optional<std::uint32_t> customer, std::size_t row);

 private:
  std::uint32_t threshold_ = 0;  // words below it are in
  float weight_ = 1;
  std::vector<float> weights_;
  CustomerStream stream_;
};

}  // namespace veilsum::client::cpu
