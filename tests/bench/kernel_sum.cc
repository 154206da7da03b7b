#include "tests/bench/kernel_sum.h"

#include "secure_agg/arith/ring.h"
#include "secure_agg/arith/shamir.h"

namespace veilsum::bench {

using namespace veilsum::secure_agg;  // NOLINT: a program, not a library

KernelSum::KernelSum(std::size_t dim)
    : values_(dim, 1), words_(4 * dim), piece_(std::min(kMaskPieceBytes, words_.size())) {
  SystemRng rng;
  rng.Fill(secret_);
  peer_ = X25519Public(secret_);
  terms_.push_back({rng.NewSecret<32>(), MaskSign::kAdd});
}

double KernelSum::Client(std::size_t active) {
  return Seconds([&] { EncodeRing(RingBits::k32, values_, words_); }) + Agreements(active - 1) +
         Streams(active);
}

double KernelSum::Server(std::size_t active, std::size_t survivors, std::size_t shares) {
  const std::size_t gone = active - survivors;
  return Seconds([&] { DecodeCentred(RingBits::k32, words_, values_); }) +
         Combinations(active, shares) + Agreements(gone * survivors) +
         Streams(survivors + gone * survivors);
}

double KernelSum::Agreements(std::size_t count) {
  return Seconds([&] {
    for (std::size_t i = 0; i < count; ++i) VEILSUM_CHECK(X25519Agree(secret_, peer_).ok());
  });
}

double KernelSum::Streams(std::size_t count) {
  MaskSum stream(RingBits::k32, terms_);
  return Seconds([&] {
    for (std::size_t i = 0; i < count; ++i) {
      for (std::size_t at = 0; at < words_.size(); at += piece_.size())
        stream.ApplyTo(std::span(piece_).first(std::min(piece_.size(), words_.size() - at)));
    }
  });
}

double KernelSum::Additions(std::size_t count) {
  constexpr std::size_t kUploads = 4;  // different ones, so that none stays in the cache
  const std::vector<Bytes> uploads(kUploads, Bytes(words_.size(), 1));
  return Seconds([&] {
    for (std::size_t i = 0; i < count; ++i) AddWords(RingBits::k32, words_, uploads[i % kUploads]);
  });
}

double KernelSum::Combinations(std::size_t count, std::size_t shares) {
  std::vector<RosterIndex> responders;
  for (std::size_t i = 0; i < shares; ++i)
    responders.push_back(RosterIndex(static_cast<std::uint16_t>(i)));
  const ByteArray<32> share{};
  const std::vector<const ByteArray<32>*> chosen(shares, &share);
  const Interpolation set = Interpolation::Create(responders).value();
  return Seconds([&] {
    for (std::size_t i = 0; i < count; ++i) set.Combine(chosen);
  });
}

}  // namespace veilsum::bench
