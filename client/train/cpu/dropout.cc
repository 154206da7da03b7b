#include "client/train/cpu/dropout.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "base/crypto/sha256_stream.h"

namespace veilsum::client::cpu {
namespace {

constexpr std::size_t kBlockWords = 8;

// A place in the keystream for every customer: 64 bits of a hash, less those that count its own
// blocks. That two customers could share one costs them the same masks and nothing else.
std::uint64_t Place(std::string_view id, std::uint64_t blocks) {
  const Hash32 hash = Sha256Stream("fsa/v1/dropout").Add(AsBytes(id)).Finish();
  std::uint64_t place = 0;
  for (std::size_t i = 0; i < 8; ++i) place = place << 8 | hash[i];
  return place & ~(std::bit_ceil(blocks) - 1);
}

}  // namespace

Dropout::Dropout(const model::Layout& layout, const model::Examples& examples, std::size_t max_rows,
                 double rate) {
  std::size_t units = 0;
  for (std::size_t l = 0; l + 1 < layout.layers().size(); ++l) units += layout.layers()[l].out;
  if (rate == 0 || units == 0) return;
  threshold_ = static_cast<std::uint32_t>(std::clamp(std::round(rate * 0x1p16), 1.0, 0x1p16 - 1));
  kept_ = static_cast<float>(0x1p16 / (0x1p16 - threshold_));
  row_blocks_ = (units + kBlockWords - 1) / kBlockWords;
  words_.resize(row_blocks_ * kBlockWords);
  factors_.resize(units);
  const bool named = examples.customer_ids.size() == examples.customers();
  for (std::size_t u = 0; u < examples.customers(); ++u)
    first_.push_back(
        Place(named ? examples.customer_ids[u] : std::to_string(u), row_blocks_ * max_rows));
  first_.push_back(0);
}

std::span<const float> Dropout::Factors(std::optional<std::uint32_t> customer, std::size_t row) {
  const std::uint64_t first = customer ? first_[*customer] : first_.back();
  stream_->Seek(first + row * row_blocks_);
  stream_->Generate({reinterpret_cast<std::uint8_t*>(words_.data()), words_.size() * 2});
  for (std::size_t i = 0; i < factors_.size(); ++i)
    factors_[i] = words_[i] < threshold_ ? 0.0f : kept_;
  return factors_;
}

}  // namespace veilsum::client::cpu
