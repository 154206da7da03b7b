// A ledger of one small run, entry by entry as a coordinator would write it, with its files and a
// trust policy of one auditor.
#pragma once

#include <map>

#include "base/crypto/sha256.h"
#include "base/tlog/tile.h"
#include "model/contract/privacy_terms.h"
#include "model/ledger/ledger_writer.h"
#include "model/plan/decimal.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/model/small_plan.h"

namespace veilsum::ledger {

struct SmallKey {
  explicit SmallKey(std::uint8_t seed) {
    ByteArray<32> bytes{seed};
    signer = std::make_shared<const Ed25519Signer>(Secret<32>(std::span(bytes)));
  }
  tlog::VerifierKey As(const std::string& name, tlog::KeyType type) const {
    return tlog::VerifierKey::Create(name, type, signer->public_key()).value();
  }
  std::shared_ptr<const Ed25519Signer> signer;
};

inline std::string SmallTenant(std::size_t i) { return "shop-" + std::to_string(i); }
inline std::vector<std::string> LedgerSeats(std::size_t count) {
  std::vector<std::string> seats;
  for (std::size_t i = 0; i < count; ++i)
    seats.push_back("spiffe://fed.test/tenant/" + SmallTenant(i) + "/client/a");
  return seats;
}

inline model::RunContract SmallContract(const model::Plan& plan, const std::string& plan_json) {
  model::RunContract contract;
  model::Cohort cohort;
  cohort.members = LedgerSeats(7);
  cohort.size_classes.assign(7, 64);
  const auto aggregation = model::ResolveAggregation(plan.aggregation, 7, 1).value();
  cohort.colluders = aggregation.colluders;
  cohort.min_survivors = aggregation.min_survivors;
  contract.plan_sha256 = Sha256(plan_json);
  contract.run_id = "run-1";
  contract.federation = "fed.test";
  const auto input = model::PrivacyInputOf(plan, cohort.size_classes, aggregation).value();
  contract.sums = model::SumsOf(plan, dp::CalibrateRun(input).value());
  contract.cohorts = {std::move(cohort)};
  return contract;
}

// The plan and the contract of every test, calibrated once.
struct SmallRun {
  static inline int attempts_max = model::SmallPlan().attempts_max;  // to be set before Get
  static model::Plan ThePlan() {
    model::SmallPlan small;
    small.attempts_max = attempts_max;
    return model::MakeSmallPlan(small);
  }
  model::Plan plan = ThePlan();
  std::string plan_json = model::PlanToJson(plan);
  model::RunContract contract = SmallContract(plan, plan_json);
  std::string contract_json = model::ContractToJson(contract).value();
  std::string name = HexEncode(model::ContractHash(contract_json));
  static const SmallRun& Get() {
    static const SmallRun run;
    return run;
  }
};

class SmallLedger {
 public:
  static constexpr const char* kActor = "spiffe://fed.test/coordinator/c1";

  SmallLedger() : writer_(Author{"fed.test", kActor, coordinator.signer, {}, {}, 1}, Blobs()) {}

  // The whole story of a run that opened two batches of four rounds.
  static SmallLedger Finished() {
    SmallLedger ledger;
    ledger.Begin();
    for (const std::uint64_t first : {1u, 5u}) {
      ledger.Add("rounds.opened", ledger.Opened(first, first + 3));
      for (std::uint64_t round = first; round < first + 4; ++round)
        if (round == 3)
          ledger.Add("round.aborted", ledger.Aborted(round));
        else
          ledger.Add("round.committed", ledger.Committed(round));
    }
    ledger.Add("run.ended", ledger.Named({{"outcome", "finished"}, {"attempts", 8}}));
    return ledger;
  }
  void Begin() {
    Add("federation.genesis", {{"root_ca_sha256", HexEncode(Hash32{7})},
                               {"log_key", LogKey().ToString()},
                               {"key", HexEncode(coordinator.signer->public_key())}});
    const SmallRun& run = SmallRun::Get();
    Add("plan.registered", Plan());
    for (std::size_t i = 0; i < run.contract.cohorts[0].members.size(); ++i)
      Add("budget.reserved", Reserved(), SmallTenant(i));
  }

  absl::Status TryAdd(const std::string& type, const Json& body, const std::string& tenant = "*") {
    NewEntry entry;
    entry.type = type;
    entry.tenant = tenant;
    entry.subject = "test";
    entry.body = body;
    writer_.Begin();
    const absl::StatusOr<Bytes> leaf = writer_.Append(entry, time);
    leaf.ok() ? writer_.Keep() : writer_.Drop();
    if (leaf.ok()) leaves.push_back(*leaf);
    return leaf.status();
  }
  void Add(const std::string& type, const Json& body, const std::string& tenant = "*") {
    ASSERT_OK(TryAdd(type, body, tenant)) << type;
  }

  // Bodies.
  Json Named(Json body) const {
    body["contract_hash"] = SmallRun::Get().name;
    return body;
  }
  Json Plan() const {
    const SmallRun& run = SmallRun::Get();
    return Named({{"plan_sha256", HexEncode(Sha256(run.plan_json))},
                  {"contract_sha256", HexEncode(Sha256(run.contract_json))},
                  {"run_id", run.contract.run_id},
                  {"claim_epsilon", model::DecimalText(run.plan.privacy.epsilon)},
                  {"claim_delta", model::DecimalText(run.plan.privacy.delta)}});
  }
  Json Reserved() const {
    Json sums = Json::array();
    for (const model::SumSpec& sum : SmallRun::Get().contract.sums)
      sums.push_back({{"purpose", sum.purpose}, {"attempts", sum.attempts_max}});
    return Named({{"sums", sums}});
  }
  Json Opened(std::uint64_t first, std::uint64_t last) const {
    return Named({{"first", first}, {"last", last}, {"members", Seats(7)}});
  }
  Json Committed(std::uint64_t round, std::size_t survivors = 7) const {
    return Named({{"round", round},
                  {"survivors", Seats(survivors)},
                  {"aggregate_sha256", HexEncode(Hash32{1})},
                  {"model_sha256", ""}});
  }
  Json Aborted(std::uint64_t round) const {
    return Named({{"round", round}, {"reason", "too few uploads"}});
  }
  static Json Seats(std::size_t count) {
    Json seats = Json::array();
    for (const std::string& seat : LedgerSeats(count)) seats.push_back(seat);
    return seats;
  }

  static BlobReader Blobs() {
    return [](const Hash32& sha256) -> absl::StatusOr<std::string> {
      for (const std::string* text : {&SmallRun::Get().plan_json, &SmallRun::Get().contract_json})
        if (Sha256(*text) == sha256) return *text;
      return NotFound("no blob %s", HexEncode(sha256));
    };
  }
  tlog::VerifierKey LogKey() const {
    return log.As(LedgerOrigin("fed.test"), tlog::KeyType::kEd25519);
  }
  tlog::VerifierKey AuditorKey() const {
    return auditor.As("auditor.test/w", tlog::KeyType::kCosignature);
  }
  std::string PolicyText() const {
    return "log " + LogKey().ToString() + "\nwitness w " + AuditorKey().ToString() + "\nquorum w\n";
  }
  // Of the leaves as they are now, signed by the log and the auditor.
  tlog::Note HeadOf(std::size_t size) const {
    tlog::Frontier tree;
    for (std::size_t i = 0; i < size; ++i) tree.Append(tlog::LeafHash(leaves[i]));
    tlog::Note note =
        tlog::SignCheckpoint({LedgerOrigin("fed.test"), size, tree.Root()}, LogKey(), *log.signer);
    note.signatures.push_back(tlog::Cosign(note.text, tlog::UnixTime(std::chrono::seconds(9)),
                                           AuditorKey(), *auditor.signer));
    return note;
  }
  std::map<std::string, Bytes> Files() const {
    std::map<std::string, Bytes> files;
    const std::string head = HeadOf(leaves.size()).ToString();
    files["checkpoint"] = Bytes(head.begin(), head.end());
    files[tlog::TileAt(tlog::Tile::kEntries, 0, leaves.size()).Path()] =
        tlog::EncodeBundle(leaves).value();
    return files;
  }
  // Leaf `index` with something else in it, signed again by whoever has the coordinator's key.
  void Rewrite(std::size_t index, const std::function<void(Entry&)>& change) {
    Entry entry = ParseEntry(leaves[index]).value().entry;
    change(entry);
    leaves[index] = SignEntry(entry, *coordinator.signer).value();
  }
  // Sequence numbers and hashes made right again from `index` on, as a forger would.
  void Relink(std::size_t index) {
    for (std::size_t i = index; i < leaves.size(); ++i)
      Rewrite(i, [&](Entry& entry) {
        entry.header.seq = i;
        entry.header.prev = i == 0 ? Hash32{} : tlog::LeafHash(leaves[i - 1]);
      });
  }

  SmallKey coordinator{1}, log{2}, auditor{3}, tenant{4};
  std::string time = "2026-11-21T20:00:00.000Z";
  std::vector<Bytes> leaves;
  LedgerWriter& writer() { return writer_; }

 private:
  LedgerWriter writer_;
};

}  // namespace veilsum::ledger
