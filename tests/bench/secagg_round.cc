#include "tests/bench/secagg_round.h"

#include "base/secure_rng.h"
#include "tests/bench/kernel_sum.h"
#include "tests/unit/secure_agg/federation.h"

namespace veilsum::bench {
namespace {

using namespace veilsum::secure_agg;  // NOLINT: a program, not a library

constexpr int kClientRounds = 7;  // how many of the clients are timed
constexpr int kServerRounds = 5;

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
