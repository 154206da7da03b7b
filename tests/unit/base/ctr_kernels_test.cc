// The contract of CtrKernels, on every path that this CPU has: bit-identical to OpenSSL's
// AES-256-CTR and plain word arithmetic, and no secret left behind.
#include "base/crypto/ctr_kernels.h"

#include <openssl/evp.h>
#include <pthread.h>

#include <algorithm>
#include <cstring>
#include <random>

#include "base/bytes.h"
#include "base/crypto/aes256_ctr.h"
#include "tests/support/status_matchers.h"

namespace veilsum {
namespace {

using Key = ByteArray<32>;

constexpr KeystreamUse kUses[] = {KeystreamUse::kStore,      KeystreamUse::kAdd16,
                                  KeystreamUse::kAdd32,      KeystreamUse::kAdd64,
                                  KeystreamUse::kSubtract16, KeystreamUse::kSubtract32,
                                  KeystreamUse::kSubtract64};

std::size_t WordBytesOf(KeystreamUse use) {
  switch (use) {
    case KeystreamUse::kStore:
      return 1;
    case KeystreamUse::kAdd16:
    case KeystreamUse::kSubtract16:
      return 2;
    case KeystreamUse::kAdd32:
    case KeystreamUse::kSubtract32:
      return 4;
    case KeystreamUse::kAdd64:
    case KeystreamUse::kSubtract64:
      return 8;
  }
  return 0;
}

// The keystream from `block` on, by EVP alone.
Bytes Reference(const Key& key, std::uint64_t block, std::size_t size) {
  ByteArray<16> iv{};
  for (int i = 0; i < 8; ++i) iv[15 - i] = static_cast<std::uint8_t>(block >> (8 * i));
  Bytes out(size);
  int written = 0;
  EVP_CIPHER_CTX* const context = EVP_CIPHER_CTX_new();
  VEILSUM_CHECK(EVP_EncryptInit_ex(context, EVP_aes_256_ctr(), nullptr, key.data(), iv.data()) ==
                1);
  VEILSUM_CHECK(
      EVP_EncryptUpdate(context, out.data(), &written, out.data(), static_cast<int>(size)) == 1);
  EVP_CIPHER_CTX_free(context);
  return out;
}

// One word at a time, byte by byte with a carry: nothing in common with the kernels.
void ReferenceUse(KeystreamUse use, std::span<std::uint8_t> words, ByteView keystream) {
  const bool subtract = use == KeystreamUse::kSubtract16 || use == KeystreamUse::kSubtract32 ||
                        use == KeystreamUse::kSubtract64;
  const std::size_t word = WordBytesOf(use);
  int carry = 0;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i % word == 0) carry = 0;
    const int sum = subtract ? words[i] - keystream[i] - carry : words[i] + keystream[i] + carry;
    carry = sum < 0 || sum > 255 ? 1 : 0;
    words[i] = use == KeystreamUse::kStore ? keystream[i] : static_cast<std::uint8_t>(sum & 255);
  }
}

// An expanded key with the life of an object, on the heap: the stack is under examination.
class Started {
 public:
  Started(const CtrKernels& kernels, const Key& key)
      : kernels_(kernels), state_(std::make_unique<CtrState>()) {
    kernels_.start(*state_, key.data());
  }
  ~Started() { kernels_.finish(*state_); }
  void Apply(KeystreamUse use, std::uint64_t block, std::span<std::uint8_t> words) {
    kernels_.apply(*state_, use, block, words.data(), words.size());
  }
  CtrState& state() { return *state_; }

 private:
  const CtrKernels& kernels_;
  std::unique_ptr<CtrState> state_;
};

class CtrKernelsConformance : public testing::TestWithParam<const CtrKernels*> {
 protected:
  Key RandomKey() {
    Key key;
    for (std::uint8_t& byte : key) byte = static_cast<std::uint8_t>(random_());
    return key;
  }
  Bytes RandomBytes(std::size_t size) {
    Bytes bytes(size);
    for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random_());
    return bytes;
  }
  // Blocks around which a counter of 8, 16, 32 or 40 bits would go wrong, and others.
  std::uint64_t RandomBlock() {
    const int bits = static_cast<int>(random_() % 41);
    const std::uint64_t near = std::uint64_t{1} << bits;
    return random_() % 2 == 0 ? near - 1 - random_() % std::min<std::uint64_t>(near, 40)
                              : random_() % near;
  }
  std::mt19937_64 random_{11};
};

TEST_P(CtrKernelsConformance, Fips197ExampleKey) {
  Key key;
  for (std::size_t i = 0; i < key.size(); ++i) key[i] = static_cast<std::uint8_t>(i);
  Started stream(*GetParam(), key);
  ByteArray<16> block;
  stream.Apply(KeystreamUse::kStore, 0, block);
  EXPECT_EQ(HexEncode(block), "f29000b62a499fd0a9f39a6add2e7780");
}

TEST_P(CtrKernelsConformance, EqualsEvpForRandomKeysOffsetsLengthsAndUses) {
  for (int i = 0; i < 300; ++i) {
    const Key key = RandomKey();
    const std::uint64_t block = RandomBlock();
    const KeystreamUse use = kUses[random_() % std::size(kUses)];
    const std::size_t most = i % 10 == 0 ? 20'000 : 700;  // a few cross the pieces of OpenSSL's
    const std::size_t size = random_() % (most / WordBytesOf(use)) * WordBytesOf(use);
    const std::size_t front = random_() % 65;  // any alignment; the bytes around must survive
    Bytes buffer = RandomBytes(front + size + 64);
    Bytes expected = buffer;
    ReferenceUse(use, std::span(expected).subspan(front, size), Reference(key, block, size));
    Started stream(*GetParam(), key);
    stream.Apply(use, block, std::span(buffer).subspan(front, size));
    ASSERT_EQ(buffer, expected) << "use " << static_cast<int>(use) << " block " << block << " size "
                                << size;
  }
}

TEST_P(CtrKernelsConformance, EveryLengthUpToThreeGroups) {
  const Key key = RandomKey();
  Started stream(*GetParam(), key);
  const Bytes keystream = Reference(key, 5, 1600);
  for (std::size_t size = 0; size <= keystream.size(); ++size) {
    Bytes out(size + 1, 0xee);
    stream.Apply(KeystreamUse::kStore, 5, std::span(out).first(size));
    ASSERT_TRUE(std::equal(out.begin(), out.end() - 1, keystream.begin())) << size;
    ASSERT_EQ(out.back(), 0xee) << size;
  }
}

TEST_P(CtrKernelsConformance, ShardsMakeTheWhole) {
  for (const KeystreamUse use : kUses) {
    const Key key = RandomKey();
    const std::uint64_t first = RandomBlock();
    Bytes whole = RandomBytes(9000 / 8 * 8);
    Bytes sharded = whole;
    Started stream(*GetParam(), key);
    stream.Apply(use, first, whole);
    for (std::size_t at = 0; at < sharded.size();) {
      const std::size_t size = std::min(sharded.size() - at, 16 * (1 + random_() % 60));
      stream.Apply(use, first + at / 16, std::span(sharded).subspan(at, size));
      at += size;
    }
    ASSERT_EQ(sharded, whole);
  }
}

TEST_P(CtrKernelsConformance, OneStateServesManyCalls) {
  const Key key = RandomKey();
  Started stream(*GetParam(), key);
  Bytes words(4096, 0x5a);
  for (int i = 0; i < 5; ++i) stream.Apply(KeystreamUse::kAdd32, 100, words);
  for (int i = 0; i < 5; ++i) stream.Apply(KeystreamUse::kSubtract32, 100, words);
  EXPECT_EQ(words, Bytes(4096, 0x5a));
}

TEST_P(CtrKernelsConformance, GenerateGoesOnWithinABlock) {
  Key key = RandomKey();
  const Bytes expected = Reference(key, 3, 2000);
  Aes256Ctr stream(Secret<32>(std::span<std::uint8_t, 32>(key)), *GetParam());
  stream.Seek(3);
  Bytes out(expected.size());
  for (std::size_t at = 0; at < out.size();) {
    const std::size_t size = std::min<std::size_t>(out.size() - at, random_() % 50);
    stream.Generate(std::span(out).subspan(at, size));
    at += size;
  }
  EXPECT_EQ(out, expected);
}

TEST_P(CtrKernelsConformance, FinishWipesTheRoundKeys) {
  CtrState state;
  std::memset(state.round_keys, 0, sizeof state.round_keys);
  GetParam()->start(state, RandomKey().data());
  GetParam()->finish(state);
  EXPECT_TRUE(std::ranges::all_of(std::span(&state.round_keys[0][0], sizeof state.round_keys),
                                  [](std::uint8_t byte) { return byte == 0; }));
  EXPECT_EQ(state.context, nullptr);
}

// A thread whose stack is ours, so that what its calls left there can be read afterwards.
class OpenStack {
 public:
  OpenStack() : memory_(kSize + kPage, 0) {}
  void Run(void (*work)(void*), void* argument) {
    Call call{work, argument};
    pthread_attr_t attributes;
    pthread_t thread;
    VEILSUM_CHECK(pthread_attr_init(&attributes) == 0 &&
                  pthread_attr_setstack(&attributes, Start(), kSize) == 0 &&
                  pthread_create(&thread, &attributes, &Enter, &call) == 0 &&
                  pthread_join(thread, nullptr) == 0);
    pthread_attr_destroy(&attributes);
  }
  bool Holds(ByteView secret) {
    return memmem(Start(), kSize, secret.data(), secret.size()) != nullptr;
  }

 private:
  struct Call {
    void (*work)(void*);
    void* argument;
  };
  static constexpr std::size_t kPage = 4096, kSize = 64 * kPage;
  // Goes deeper than the thread's own end will: that would write over what is to be read.
  static void* Enter(void* call) {
    std::uint8_t room[8 * kPage];
    __asm__ volatile("" : : "r"(room) : "memory");
    static_cast<Call*>(call)->work(static_cast<Call*>(call)->argument);
    __asm__ volatile("" : : "r"(room) : "memory");
    return nullptr;
  }
  std::uint8_t* Start() {
    const auto address = reinterpret_cast<std::uintptr_t>(memory_.data());
    return memory_.data() + (kPage - address % kPage);
  }
  Bytes memory_;
};

struct Expansion {
  const CtrKernels* kernels;
  Key key;
  Bytes words;
  CtrState state;
};

TEST_P(CtrKernelsConformance, LeavesNeitherKeyNorKeystreamOnTheStack) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "a sanitizer lays out frames in its own way and keeps what is optimised away";
#endif
  const auto expansion = std::make_unique<Expansion>();
  expansion->kernels = GetParam();
  expansion->key = RandomKey();
  expansion->words = Bytes(10'000 + 8 * 7);  // a tail on every path
  std::memset(expansion->state.round_keys, 0x77, sizeof expansion->state.round_keys);
  OpenStack stack;
  stack.Run(
      [](void* argument) {
        auto& e = *static_cast<Expansion*>(argument);
        e.kernels->start(e.state, e.key.data());
        e.kernels->apply(e.state, KeystreamUse::kAdd64, 9, e.words.data(), e.words.size());
      },
      expansion.get());
  for (const auto& round_key : expansion->state.round_keys) EXPECT_FALSE(stack.Holds(round_key));
  EXPECT_FALSE(stack.Holds(std::span(expansion->key).first(16)));
  EXPECT_FALSE(stack.Holds(std::span(expansion->key).last(16)));
  bool keystream_left = false;  // the words are zeros + keystream
  for (std::size_t at = 0; at + 16 <= expansion->words.size(); at += 16)
    keystream_left |= stack.Holds(std::span(expansion->words).subspan(at, 16));
  EXPECT_FALSE(keystream_left);
  GetParam()->finish(expansion->state);
}

TEST(OpenStackForTests, FindsWhatACallLeftBehind) {
  OpenStack stack;
  Bytes secret(16, 0xd7);
  stack.Run(
      [](void* argument) {
        std::uint8_t copy[16];
        const Bytes& bytes = *static_cast<const Bytes*>(argument);
        std::copy_n(bytes.begin(), 16, copy);
        __asm__ volatile("" : : "r"(copy) : "memory");
      },
      &secret);
  EXPECT_TRUE(stack.Holds(secret));
}

TEST(CtrKernels, TheBestIsTheLastOfThoseAvailableAndStaysTheSame) {
  const std::vector<const CtrKernels*> available = AvailableCtrKernels();
  EXPECT_EQ(available.front(), &OpensslCtrKernels());
  EXPECT_EQ(available.back(), &BestCtrKernels());
  EXPECT_EQ(&BestCtrKernels(), &BestCtrKernels());
}

INSTANTIATE_TEST_SUITE_P(Paths, CtrKernelsConformance, testing::ValuesIn(AvailableCtrKernels()),
                         [](const auto& param) { return std::string(param.param->name); });

}  // namespace
}  // namespace veilsum
