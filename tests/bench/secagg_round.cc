#include "tests/bench/secagg_round.h"

#include "base/secure_rng.h"
#include "secure_agg/arith/ring.h"
#include "secure_agg/arith/shamir.h"
#include "secure_agg/crypto/key_agreement.h"
#include "secure_agg/crypto/mask_stream.h"
#include "tests/unit/secure_agg/federation.h"

namespace veilsum::bench {
namespace {

using namespace veilsum::secure_agg;  // NOLINT: a program, not a library

constexpr int kClientRounds = 7;  // how many of the clients are timed
constexpr int kServerRounds = 5;

// What one side of a round must do, each part by its bare kernel over warm memory and nothing
// around it: no key derivation, no page faults, no look-ups. The ratios' denominator.
class KernelSum {
 public:
  explicit KernelSum(std::size_t dim)
      : values_(dim, 1), words_(4 * dim), piece_(std::min(kMaskPieceBytes, words_.size())) {
    SystemRng rng;
    rng.Fill(secret_);
    peer_ = X25519Public(secret_);
    terms_.push_back({rng.NewSecret<32>(), MaskSign::kAdd});
  }

  double Client(std::size_t active) {
    return Seconds([&] { EncodeRing(RingBits::k32, values_, words_); }) + Agreements(active - 1) +
           Streams(active);
  }
  double Server(std::size_t active, std::size_t survivors, std::size_t shares) {
    const std::size_t gone = active - survivors;
    return Seconds([&] { DecodeCentred(RingBits::k32, words_, values_); }) +
           Combinations(active, shares) + Agreements(gone * survivors) +
           Streams(survivors + gone * survivors);
  }

 private:
  double Agreements(std::size_t count) {
    return Seconds([&] {
      for (std::size_t i = 0; i < count; ++i) VEILSUM_CHECK(X25519Agree(secret_, peer_).ok());
    });
  }
  // `count` masks of the whole vector, all on one piece that stays in the cache.
  double Streams(std::size_t count) {
    MaskSum stream(RingBits::k32, terms_);
    return Seconds([&] {
      for (std::size_t i = 0; i < count; ++i) {
        for (std::size_t at = 0; at < words_.size(); at += piece_.size())
          stream.ApplyTo(std::span(piece_).first(std::min(piece_.size(), words_.size() - at)));
      }
    });
  }
  double Combinations(std::size_t count, std::size_t shares) {
    std::vector<RosterIndex> responders;
    for (std::size_t i = 0; i < shares; ++i) responders.push_back(Index(i));
    const ByteArray<32> share{};
    const std::vector<const ByteArray<32>*> chosen(shares, &share);
    const Interpolation set = Interpolation::Create(responders).value();
    return Seconds([&] {
      for (std::size_t i = 0; i < count; ++i) set.Combine(chosen);
    });
  }

  std::vector<std::int64_t> values_;
  Bytes words_;
  Bytes piece_;
  ByteArray<32> secret_;
  X25519PublicKey peer_;
  std::vector<MaskTerm> terms_;
};

struct Figures {
  std::vector<double> seconds, ratios;
  void Take(double real, double kernels) {
    seconds.push_back(real);
    ratios.push_back(real / kernels);
  }
};

template <class T>
T Value(absl::StatusOr<T> value) {
  if (!value.ok()) std::fprintf(stderr, "%s\n", value.status().ToString().c_str());
  VEILSUM_CHECK(value.ok());
  return *std::move(value);
}

struct Uploaded {
  InputPhase server;
  std::vector<AwaitingCommit> clients;  // of the survivors, in roster order
};

// The first `survivors` clients mask `values` and upload; the rest are never heard of.
Uploaded Upload(ReadyBatch& ready, std::uint16_t slot, std::span<const std::int64_t> values,
                std::size_t survivors, KernelSum& kernels, Figures& figures) {
  SlotRequest request;
  request.slot = slot;
  request.round = RoundId(slot + 1u);
  request.config = {'{', '}'};
  auto opened = Value(ready.server.OpenSlot(std::move(request)));
  Uploaded uploaded{std::move(opened.next), {}};
  for (std::size_t i = 0; i < survivors; ++i) {
    AwaitingInput input = Value(ready.clients[i]->Accept(opened.message));
    const double start = CpuSeconds();
    auto sent = Value(std::move(input).OnInput(values));
    const double seconds = CpuSeconds() - start;
    if (i < kClientRounds) figures.Take(seconds, kernels.Client(ready.server.active().size()));
    VEILSUM_CHECK(uploaded.server.Add(Index(i), *sent.message.words).ok());
    uploaded.clients.push_back(std::move(sent.next));
  }
  return uploaded;
}

// U is frozen, signed and revealed by the survivors.
UnmaskPhase Reveal(Uploaded uploaded) {
  auto frozen = Value(std::move(uploaded.server).Freeze());
  CommitPhase commits = std::move(frozen.next);
  std::vector<AwaitingCertificate> clients;
  for (std::size_t i = 0; i < uploaded.clients.size(); ++i) {
    auto sent = Value(std::move(uploaded.clients[i]).OnCommit(frozen.message));
    VEILSUM_CHECK(commits.Add(Index(i), sent.message).ok());
    clients.push_back(std::move(sent.next));
  }
  auto certified = Value(std::move(commits).Close());
  for (std::size_t i = 0; i < clients.size(); ++i) {
    auto sent = Value(std::move(clients[i]).OnCertificate(certified.message));
    VEILSUM_CHECK(certified.next.Add(Index(i), std::move(sent.message)).ok());
    std::move(sent.next).Close();
  }
  return std::move(certified.next);
}

void Unmask(const UnmaskPhase& phase, const ServerBatch& batch,
            std::span<const std::int64_t> values, KernelSum& kernels, Figures& figures) {
  const auto survivors = static_cast<std::int64_t>(phase.survivors().size());
  for (int round = 0; round < kServerRounds; ++round) {
    UnmaskPhase copy = phase;
    const double start = CpuSeconds();
    const SlotSum sum = Value(std::move(copy).Close());
    const double seconds = CpuSeconds() - start;
    VEILSUM_CHECK(std::ranges::equal(sum.values, values, {}, {},
                                     [&](std::int64_t value) { return survivors * value; }));
    figures.Take(seconds, kernels.Server(batch.active().size(), phase.survivors().size(),
                                         batch.roster().thresholds().shares));
  }
}

void PrintFigures(const Names& names, const std::string& what, const std::string& shape,
                  const Figures& figures) {
  if (names.Asked("secagg/" + what + "_vs_kernel" + shape))
    Print("secagg/" + what + "_vs_kernel" + shape, Median(figures.ratios), "ratio");
  if (names.Asked("secagg/" + what + "_s" + shape))
    Print("secagg/" + what + "_s" + shape, Median(figures.seconds), "s");
}

}  // namespace

void RunSecaggRound(const Names& names, std::size_t members, std::size_t dim) {
  const std::string shape = "/" + std::to_string(members) + "/" + std::to_string(dim);
  const char* const kinds[] = {"client_mask_vs_kernel", "client_mask_s", "server_unmask_vs_kernel",
                               "server_unmask_s"};
  if (std::ranges::none_of(
          kinds, [&](const char* kind) { return names.Asked("secagg/" + (kind + shape)); }))
    return;
  const std::size_t percents[] = {0, 10, 30};
  FederationOptions options;
  options.members = members;
  options.colluders = static_cast<std::uint16_t>(std::max<std::size_t>(1, members / 5));  // SE-04
  options.slots = std::size(percents);
  options.sums = {{RingBits::k32, dim}};
  Federation federation(options);
  ReadyBatch ready = Value(PrepareBatch(federation, std::vector<Drop>(members, Drop::kNever)));
  std::vector<std::int64_t> values(dim);
  for (std::size_t i = 0; i < dim; ++i) values[i] = static_cast<std::int64_t>(i % 4001) - 2000;
  KernelSum kernels(dim);
  for (std::uint16_t slot = 0; slot < std::size(percents); ++slot) {
    const std::string name = shape + "/" + std::to_string(percents[slot]);
    const std::size_t survivors = members - members * percents[slot] / 100;
    Figures client, server;
    const UnmaskPhase phase = Reveal(Upload(ready, slot, values, survivors, kernels, client));
    PrintFigures(names, "client_mask", name, client);
    Unmask(phase, ready.server, values, kernels, server);
    PrintFigures(names, "server_unmask", name, server);
  }
}

}  // namespace veilsum::bench
