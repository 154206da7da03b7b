#include "dp/sampler/poisson_subset.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "base/bytes.h"
#include "base/crypto/aes256_ctr.h"
#include "base/crypto/hkdf.h"
#include "base/uniform.h"

namespace veilsum::dp {
namespace {

// Words of a stream keyed for one call (DP-05): fresh entropy, one label, wiped with the object.
class CoinStream {
 public:
  explicit CoinStream(SecureRng& rng) : CoinStream(rng.NewSecret<32>()) {}
  ~CoinStream() { sodium_memzero(words_.data(), sizeof words_); }
  CoinStream(const CoinStream&) = delete;
  CoinStream& operator=(const CoinStream&) = delete;

  std::uint64_t Next() {
    if (used_ == words_.size()) {
      stream_.Generate({reinterpret_cast<std::uint8_t*>(words_.data()), sizeof words_});
      used_ = 0;
    }
    return words_[used_++];
  }

  std::uint64_t Below(std::uint64_t bound) {  // uniform in 0 .. bound - 1
    return UniformBelow(bound, [this] { return Next(); });
  }

 private:
  explicit CoinStream(const Secret<32>& entropy)
      : stream_(Hkdf(entropy.Expose(), AsBytes("veilsum/dp"),
                     Transcript("veilsum/dp/coins/v1").bytes())) {}
  Aes256Ctr stream_;
  std::array<std::uint64_t, 512> words_;
  std::size_t used_ = words_.size();
};

// Keeps a uniform subset of `size`: the first places of a Fisher-Yates shuffle, put back in order.
void KeepRandomSubset(std::vector<std::uint32_t>& customers, std::size_t size, CoinStream& coins) {
  for (std::size_t i = 0; i < size; ++i)
    std::swap(customers[i], customers[i + coins.Below(customers.size() - i)]);
  customers.resize(size);
  std::sort(customers.begin(), customers.end());
}

}  // namespace

std::vector<std::uint32_t> SamplePoissonSubset(std::uint32_t population, const SamplingRate& rate,
                                               std::uint64_t padded_batch, SecureRng& rng) {
  CoinStream coins(rng);
  std::vector<std::uint32_t> chosen(std::size_t{population} +
                                    1);  // one place more: every customer is written, chosen or not
  std::size_t count = 0;
  for (std::uint32_t customer = 0; customer < population; ++customer) {
    chosen[count] = customer;
    count += static_cast<std::size_t>(coins.Next() <= rate.last_word());
  }
  chosen.resize(count);
  if (count > padded_batch) KeepRandomSubset(chosen, padded_batch, coins);  // DP-06
  return chosen;
}

}  // namespace veilsum::dp
