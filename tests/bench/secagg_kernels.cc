#include "tests/bench/secagg_kernels.h"

#include <openssl/evp.h>
#include <sodium.h>

#include <memory>

#include "base/crypto/ed25519.h"
#include "base/secure_rng.h"
#include "secure_agg/arith/gf256_kernels.h"
#include "secure_agg/arith/shamir.h"
#include "secure_agg/crypto/key_agreement.h"
#include "secure_agg/crypto/mask_stream.h"

namespace veilsum::bench {
namespace {

using namespace veilsum::secure_agg;  // NOLINT: a program, not a library

constexpr int kRounds = 9;
constexpr char kExpandAdd[] = "secagg/expand_add_vs_openssl";

// Eight masks over 2^20 words of 32 bits: OpenSSL's path walks memory in the same pieces and adds
// with the widest vectors, so only cipher and fusion differ.
void ExpandAdd(const Names& names) {
  if (!names.Asked("secagg/expand_add")) return;
  SystemRng rng;
  std::vector<MaskTerm> terms;
  for (int i = 0; i < 8; ++i) terms.push_back({rng.NewSecret<32>(), MaskSign::kAdd});
  Bytes words(std::size_t{4} << 20);
  const auto apply = [&](RingBits bits, const CtrKernels& kernels) {
    return [&, sum = std::make_shared<MaskSum>(bits, terms, kernels)] { sum->ApplyTo(words); };
  };
  const auto against_openssl = [&](RingBits bits, const CtrKernels& kernels) {
    return Ratio(kRounds, apply(bits, OpensslCtrKernels()), apply(bits, kernels));
  };
  Print(kExpandAdd, against_openssl(RingBits::k32, BestCtrKernels()), "ratio");
  for (const RingBits bits : {RingBits::k16, RingBits::k64})
    Print(kExpandAdd + ("/k" + std::to_string(static_cast<int>(bits))),
          against_openssl(bits, BestCtrKernels()), "ratio");
  for (const CtrKernels* kernels : AvailableCtrKernels()) {
    if (kernels == &OpensslCtrKernels()) continue;
    Print(kExpandAdd + ("/" + std::string(kernels->name)), against_openssl(RingBits::k32, *kernels),
          "ratio");
  }
  const auto best = apply(RingBits::k32, BestCtrKernels());
  std::vector<double> seconds;
  for (int i = 0; i < kRounds; ++i) seconds.push_back(Seconds(best));
  Print("secagg/expand_add_bytes",
        static_cast<double>(terms.size() * words.size()) / Median(seconds), "per_s");
}

struct PkeyFree {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(EVP_PKEY_CTX* context) const { EVP_PKEY_CTX_free(context); }
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
using Pkey = std::unique_ptr<EVP_PKEY, PkeyFree>;

// As X25519Agree would do it: from raw bytes to raw bytes.
void OpensslAgree(const ByteArray<32>& secret, const ByteArray<32>& peer, ByteArray<32>& out) {
  const Pkey mine(EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, nullptr, secret.data(), 32));
  const Pkey theirs(EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, nullptr, peer.data(), 32));
  const std::unique_ptr<EVP_PKEY_CTX, PkeyFree> context(EVP_PKEY_CTX_new(mine.get(), nullptr));
  std::size_t size = out.size();
  VEILSUM_CHECK(EVP_PKEY_derive_init(context.get()) == 1 &&
                EVP_PKEY_derive_set_peer(context.get(), theirs.get()) == 1 &&
                EVP_PKEY_derive(context.get(), out.data(), &size) == 1);
}

void OpensslPublic(const ByteArray<32>& secret, ByteArray<32>& out) {
  const Pkey mine(EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, nullptr, secret.data(), 32));
  std::size_t size = out.size();
  VEILSUM_CHECK(EVP_PKEY_get_raw_public_key(mine.get(), out.data(), &size) == 1);
}

void Curves(const Names& names) {
  if (!names.Asked("secagg/libsodium_vs_openssl/")) return;
  constexpr int kRepeats = 100;
  const auto ratio = [&](const char* what, auto&& openssl, auto&& libsodium) {
    const double value = Ratio(
        kRounds,
        [&] {
          for (int i = 0; i < kRepeats; ++i) openssl();
        },
        [&] {
          for (int i = 0; i < kRepeats; ++i) libsodium();
        });
    Print(std::string("secagg/libsodium_vs_openssl/") + what, value, "ratio");
  };
  SystemRng rng;
  ByteArray<32> secret, peer_secret, a, b;
  rng.Fill(secret);
  rng.Fill(peer_secret);
  const X25519PublicKey peer = X25519Public(peer_secret);
  ratio(
      "x25519_agree", [&] { OpensslAgree(secret, peer, a); },
      [&] { VEILSUM_CHECK(crypto_scalarmult(b.data(), secret.data(), peer.data()) == 0); });
  VEILSUM_CHECK(a == b);
  ratio(
      "x25519_public", [&] { OpensslPublic(secret, a); }, [&] { b = X25519Public(secret); });
  VEILSUM_CHECK(a == b);

  const ByteArray<32> seed = secret;
  const Ed25519Signer signer{Secret<32>(std::span<std::uint8_t, 32>(secret))};
  const Bytes message(128, 7);
  const Pkey key(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, seed.data(), 32));
  Ed25519Signature signature, theirs;
  std::size_t size = theirs.size();
  ratio(
      "ed25519_sign",
      [&] {
        const std::unique_ptr<EVP_MD_CTX, PkeyFree> context(EVP_MD_CTX_new());
        VEILSUM_CHECK(
            EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key.get()) == 1 &&
            EVP_DigestSign(context.get(), theirs.data(), &size, message.data(), message.size()) ==
                1);
      },
      [&] { signature = signer.Sign(message); });
  VEILSUM_CHECK(signature == theirs);
  ratio(
      "ed25519_verify",
      [&] {
        const std::unique_ptr<EVP_MD_CTX, PkeyFree> context(EVP_MD_CTX_new());
        VEILSUM_CHECK(
            EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key.get()) == 1 &&
            EVP_DigestVerify(context.get(), signature.data(), 64, message.data(), message.size()) ==
                1);
      },
      [&] { VEILSUM_CHECK(Ed25519Verify(signer.public_key(), message, signature)); });
}

// A row of Horner steps as DealShares makes them at B = 16, and dealing and rebuilding themselves.
void Shamir(const Names& names) {
  if (names.Asked("secagg/gf256_gfni_vs_portable") && GfniKernels() != nullptr) {
    Bytes sum(1024, 3), addend(1024, 5);
    const auto steps = [&](const GfKernels& kernels) {
      return [&] {
        for (unsigned x = 1; x < 256; ++x)
          kernels.multiply_add(sum.data(), static_cast<std::uint8_t>(x), addend.data(), 1024);
      };
    };
    Print("secagg/gf256_gfni_vs_portable",
          Ratio(kRounds, steps(PortableGfKernels()), steps(*GfniKernels())), "ratio");
  }
  if (!names.Asked("secagg/shamir")) return;
  constexpr std::size_t kMembers = 100, kThreshold = 61;
  SystemRng rng;
  ByteArray<32> secret;
  rng.Fill(secret);
  std::vector<double> deal, coefficients, combine;
  for (int i = 0; i < kRounds; ++i) {
    std::vector<ByteArray<32>> shares(kMembers);
    deal.push_back(Seconds([&] {
      const LockedBytes dealt = DealShares(secret, kThreshold, kMembers, rng);
      for (std::size_t j = 0; j < kMembers; ++j)
        std::copy_n(dealt.bytes().begin() + static_cast<std::ptrdiff_t>(32 * j), 32,
                    shares[j].begin());
    }));
    std::vector<RosterIndex> responders;
    std::vector<const ByteArray<32>*> chosen;
    for (std::size_t j = kMembers - kThreshold; j < kMembers; ++j) {
      responders.emplace_back(static_cast<std::uint16_t>(j));
      chosen.push_back(&shares[j]);
    }
    absl::StatusOr<Interpolation> set = InvalidArgument("not made");
    coefficients.push_back(Seconds([&] { set = Interpolation::Create(responders); }));
    constexpr int kSecrets = 200;
    combine.push_back(Seconds([&] {
                        for (int j = 0; j < kSecrets; ++j)
                          VEILSUM_CHECK(std::ranges::equal(set->Combine(chosen).Expose(), secret));
                      }) /
                      kSecrets);
  }
  Print("secagg/shamir_deal/61_of_100", Median(deal), "s");
  Print("secagg/shamir_coefficients/61_of_100", Median(coefficients), "s");
  Print("secagg/shamir_combine/61_of_100", Median(combine), "s");
}

}  // namespace

void RunSecaggKernels(const Names& names) {
  ExpandAdd(names);
  Curves(names);
  Shamir(names);
}

}  // namespace veilsum::bench
