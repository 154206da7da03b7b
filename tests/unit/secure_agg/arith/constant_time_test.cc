// SA-39: which instructions run does not depend on a secret. Each operation is executed step by
// step in a child process, once for each of several secrets, and the addresses of its instructions
// are compared: all of them, with those of the libraries. What it does not see is an address of
// data that depends on a secret: no code of ours indexes a table with one.
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <optional>

#include "base/crypto/ctr_kernels.h"
#include "base/crypto/hkdf.h"
#include "secure_agg/arith/gf256.h"
#include "secure_agg/arith/gf256_kernels.h"
#include "secure_agg/arith/ring.h"
#include "secure_agg/arith/shamir.h"
#include "tests/support/seeded_rng.h"
#include "tests/support/status_matchers.h"

namespace veilsum::secure_agg {
namespace {

constexpr std::size_t kSize =
    160;  // more than one vector of any kernel, and no multiple of all of them
using Input = ByteArray<kSize>;
using Operation = std::function<void(const Input&)>;

struct Path {
  std::uint64_t steps = 0, hash = 14695981039346656037u;
  bool operator==(const Path&) const = default;
};

// The instructions of operation(input). Nullopt: this system lets no process be traced.
std::optional<Path> PathOf(const Operation& operation, const Input& input) {
  static Input place;  // one address for every input: how memory is copied may depend on it
  place = input;
  const pid_t child = fork();
  if (child == 0) {
    if (ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) _exit(1);
    raise(SIGSTOP);
    operation(place);
    _exit(0);
  }
  Path path;
  int status = 0;
  VEILSUM_CHECK(waitpid(child, &status, 0) == child);
  while (WIFSTOPPED(status)) {
    user_regs_struct registers;
    if (ptrace(PTRACE_GETREGS, child, nullptr, &registers) != 0) break;
    path.hash = (path.hash ^ registers.rip) * 1099511628211u;  // FNV-1a over whole addresses
    ++path.steps;
    if (ptrace(PTRACE_SINGLESTEP, child, nullptr, nullptr) != 0) break;
    VEILSUM_CHECK(waitpid(child, &status, 0) == child);
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return path;
  kill(child, SIGKILL);
  waitpid(child, &status, 0);
  return std::nullopt;
}

// A sanitizer's instructions run between ours, and how many depends on what it finds in memory.
#ifdef __SANITIZE_ADDRESS__
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

class ConstantTime : public testing::Test {
 protected:
  void SetUp() override {
    if (kSanitized) GTEST_SKIP() << "a sanitizer's instructions are not ours";
  }
};

// Whether one path is taken for zeros, ones, and random bytes; skips the test where that cannot be
// seen.
bool OnePath(const Operation& operation) {
  std::vector<Input> inputs(3);
  inputs[1].fill(0xff);
  SeededRngForTests rng(39);
  rng.Fill(inputs[2]);
  operation(inputs[2]);  // what is chosen or loaded at the first use is there by now
  const std::optional<Path> first = PathOf(operation, inputs[0]);
  if (!first) return true;
  EXPECT_GT(first->steps, 10u);
  return std::ranges::all_of(inputs,
                             [&](const Input& input) { return PathOf(operation, input) == first; });
}

volatile std::uint8_t sink;

TEST_F(ConstantTime, ABranchOnASecretIsSeen) {
  const Operation leaks = [](const Input& input) {
    if (input[0] & 1) sink = sink + 1;
  };
  if (!PathOf(leaks, Input{})) GTEST_SKIP() << "no process may be traced here";
  EXPECT_FALSE(OnePath(leaks));
}

TEST_F(ConstantTime, SA39_FieldArithmetic) {
  EXPECT_TRUE(OnePath([](const Input& input) { sink = GfMultiply(input[0], input[1]); }));
  EXPECT_TRUE(OnePath([](const Input& input) { sink = GfInverse(input[0]); }));
  for (const GfKernels* kernels : {&PortableGfKernels(), GfniKernels()}) {
    if (kernels == nullptr) continue;
    EXPECT_TRUE(OnePath([&](const Input& input) {
      Input accumulator = input;
      kernels->multiply_add(accumulator.data(), 7, input.data(), kSize - 1);
      kernels->add_scaled(accumulator.data(), 9, input.data(), kSize - 1);
    })) << kernels->name;
  }
}

TEST_F(ConstantTime, SA39_SharesAreDealtAndCombined) {
  EXPECT_TRUE(OnePath([](const Input& input) {
    SeededRngForTests rng(input[40]);
    (void)DealShares(std::span(input).first(32), 3, 5, rng);
  }));
  const std::vector<RosterIndex> responders = {RosterIndex(0), RosterIndex(2), RosterIndex(3)};
  const Interpolation interpolation = Interpolation::Create(responders).value();
  EXPECT_TRUE(OnePath([&](const Input& input) {
    std::array<ByteArray<32>, 3> shares;
    for (std::size_t i = 0; i < 3; ++i) std::copy_n(input.begin() + 32 * i, 32, shares[i].begin());
    const std::array<const ByteArray<32>*, 3> all = {&shares[0], &shares[1], &shares[2]};
    (void)interpolation.Combine(all);
  }));
}

TEST_F(ConstantTime, SA39_RingsMasksAndKeys) {
  for (const RingBits bits : {RingBits::k16, RingBits::k32, RingBits::k64})
    EXPECT_TRUE(OnePath([&](const Input& input) {
      std::array<std::int64_t, kSize / 8> values;
      std::memcpy(values.data(), input.data(), kSize);
      Bytes words(values.size() * WordBytes(bits)), sum(words.size());
      EncodeRing(bits, values, words);
      AddWords(bits, sum, words);
      (void)DecodeCentred(bits, sum);
    }));
  for (const CtrKernels* kernels : {AesNiCtrKernels(), Vaes256CtrKernels(), Vaes512CtrKernels()}) {
    if (kernels == nullptr) continue;
    EXPECT_TRUE(OnePath([&](const Input& input) {
      CtrState state;
      Input words = input;
      kernels->start(state, input.data());
      kernels->apply(state, KeystreamUse::kAdd32, 1, words.data(), words.size());
      kernels->finish(state);
    })) << kernels->name;
  }
  EXPECT_TRUE(OnePath([](const Input& input) {
    (void)Hkdf(std::span(input).first(32), std::span(input).subspan(32, 32),
               std::span(input).first(0));
  }));
}

}  // namespace
}  // namespace veilsum::secure_agg
