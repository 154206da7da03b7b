#include "client/train/cpu/customer_stream.h"

#include <bit>

#include "base/crypto/sha256_stream.h"

namespace veilsum::client::cpu {
namespace {

constexpr std::size_t kBlockWords = 8;

// A place in the keystream for every customer: 64 bits of a hash, less those that count its own
// blocks.
std::uint64_t Place(std::string_view domain, std::string_view id, std::uint64_t blocks) {
  const Hash32 hash = Sha256Stream(domain).Add(AsBytes(id)).Finish();
  std::uint64_t place = 0;
  for (std::size_t i = 0; i < 8; ++i) place = place << 8 | hash[i];
  return place & ~(std::bit_ceil(blocks) - 1);
}

}  // namespace

CustomerStream::CustomerStream(const model::Examples& examples, std::size_t max_rows,
                               std::size_t words, std::string_view domain) {
  if (words == 0) return;
  row_blocks_ = (words + kBlockWords - 1) / kBlockWords;
  words_.resize(row_blocks_ * kBlockWords);
  const bool named = examples.customer_ids.size() == examples.customers();
  for (std::size_t u = 0; u < examples.customers(); ++u)
    first_.push_back(Place(domain, named ? examples.customer_ids[u] : std::to_string(u),
                           row_blocks_ * max_rows));
  first_.push_back(0);
}

std::span<const std::uint16_t> CustomerStream::Words(std::optional<std::uint32_t> customer,
                                                     std::size_t row) {
  const std::uint64_t first = customer ? first_[*customer] : first_.back();
  stream_->Seek(first + row * row_blocks_);
  stream_->Generate({reinterpret_cast<std::uint8_t*>(words_.data()), words_.size() * 2});
  return words_;
}

}  // namespace veilsum::client::cpu
