// What the ledger costs the coordinator's store: CPU time of a commit with its entry, its hashes
// and the signed head, less that of the same commit without a ledger, in one process. Waiting for
// the disk is no CPU time. Then the same for a whole ledger read again at a start.
#include "base/secure_rng.h"
#include "coordinator/store/run_store.h"
#include "tests/bench/timing.h"
#include "tests/support/test_pki.h"
#include "tests/unit/model/small_ledger.h"

namespace veilsum::coordinator {
namespace {

constexpr std::uint64_t kBatch = 64, kBatches = 16;

LedgerOptions Options() {
  LedgerOptions options;
  options.federation = "fed.test";
  options.actor = "spiffe://fed.test/coordinator/c1";
  options.signer = ledger::SmallKey(1).signer;
  return options;
}

struct Terms {
  std::string plan, contract;
};
Terms LongRun() {
  model::SmallPlan small;
  small.attempts_max = kBatch * kBatches + 8;
  small.key_batch = kBatch;
  small.statistics = false;
  const model::Plan plan = model::MakeSmallPlan(small);
  const std::string json = model::PlanToJson(plan);
  return {json, model::ContractToJson(ledger::SmallContract(plan, json)).value()};
}

void Begin(RunStore& store, const Terms& terms) {
  VEILSUM_CHECK(store
                    .CreateRun({"run-1", terms.plan, terms.contract, 1, "training", ""},
                               {{}, 0, Bytes(10)}, Bytes{0})
                    .ok());
  for (const std::string& seat : ledger::LedgerSeats(7))
    VEILSUM_CHECK(store
                      .SaveApproval("run-1", {seat, Bytes(64, 1), Bytes(10, 1),
                                              ledger::SmallKey(2).signer->public_key()})
                      .ok());
}

void Commit(RunStore& store, std::uint64_t round, std::vector<double>& seconds) {
  const MemberList seats = ledger::LedgerSeats(7);
  if (round % kBatch == 1)
    VEILSUM_CHECK(
        store
            .OpenBlock("run-1", {round, round + kBatch - 1, Bytes(16, 1),
                                 static_cast<std::uint32_t>(round), 0, Bytes(32, 2), seats})
            .ok());
  VEILSUM_CHECK(store.Freeze("run-1", round, seats).ok());
  const RoundCommit commit{round, seats, round, Hash32{1}, std::nullopt, Bytes{1}, {}};
  seconds.push_back(bench::Seconds([&] { VEILSUM_CHECK(store.Commit("run-1", commit).ok()); }));
}

int Run() {
  InitialiseCrypto();
  const TestFolder folder;
  const Terms terms = LongRun();
  SqliteRunStoreOptions with;
  with.ledger = Options();
  auto ledgered = OpenSqliteRunStore(folder.path() / "with", with).value();
  const auto plain = OpenSqliteRunStore(folder.path() / "without").value();
  Begin(*ledgered, terms);
  Begin(*plain, terms);
  std::vector<double> with_seconds, without_seconds;
  for (std::uint64_t round = 1; round <= kBatch * kBatches; ++round) {
    Commit(*ledgered, round, with_seconds);
    Commit(*plain, round, without_seconds);
  }
  bench::Print("ledger/commit_without", 1e6 * bench::Median(without_seconds), "us");
  bench::Print("ledger/append",
               1e6 * (bench::Median(with_seconds) - bench::Median(without_seconds)), "us");
  const std::uint64_t entries = ledgered->ledger()->Head().size;
  ledgered.reset();
  const double start =
      bench::Seconds([&] { ledgered = OpenSqliteRunStore(folder.path() / "with", with).value(); });
  bench::Print("ledger/restore_entry", 1e6 * start / static_cast<double>(entries), "us");
  return 0;
}

}  // namespace
}  // namespace veilsum::coordinator

int main() { return veilsum::coordinator::Run(); }
