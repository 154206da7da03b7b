// ledger_bundles FOLDER COUNT SEED: bundles of random ledgers in FOLDER/0, FOLDER/1, ..., most of
// them tampered with in a random way, each with a checkpoint that somebody may have kept in
// FOLDER/<i>.previous: what two verifiers must agree on.
// ledger_bundles --long FOLDER ENTRIES: one honest bundle of about that many entries.
#include <cstdio>
#include <random>

#include "base/secure_rng.h"
#include "model/contract/round_schedule.h"
#include "tests/unit/model/small_bundle.h"

namespace veilsum::ledger {
namespace {

using Files = SmallBundle::Files;

class Chance {
 public:
  explicit Chance(std::uint64_t seed) : engine_(seed) {}
  std::uint64_t Below(std::uint64_t bound) { return engine_() % bound; }
  bool OneIn(std::uint64_t n) { return Below(n) == 0; }

 private:
  std::mt19937_64 engine_;
};

// What a tenant says of itself, in its own entry or in a statement, lawful or not.
void StateSomething(SmallBundle& bundle, Chance& chance) {
  constexpr std::uint64_t kOrders[] = {1, 2, 12, 256, 257, 1024, 1025, (1ull << 32) + 2};
  constexpr const char* kDeltas[] = {"0.00001", "1e-15", "1e-16", "1", "0"};
  const std::size_t client = 1 + chance.Below(3);
  Json body = {{"epsilon_cap", chance.OneIn(4) ? "7" : "8"}, {"delta_cap", "0.00001"}};
  if (!chance.OneIn(3))
    body["block"] = {{"epsilon", chance.OneIn(2) ? "900" : "900.0"},
                     {"delta", kDeltas[chance.OneIn(3) ? chance.Below(std::size(kDeltas)) : 0]},
                     {"order", kOrders[chance.Below(std::size(kOrders))]}};
  constexpr const char* kCaps[] = {"8/1", "8e0", "8E0", "08", ".8", "80e-1"};
  if (chance.OneIn(6)) body["epsilon_cap"] = kCaps[chance.Below(std::size(kCaps))];
  // Before, at and after the time of all entries.
  constexpr const char* kIssued[] = {"2026-11-21T19:00:00.000Z", "2026-11-21T20:00:00.000Z",
                                     "2026-11-21T20:00:00.001Z", "2026-11-21T21:00:00.000Z"};
  if (chance.OneIn(2))
    bundle.AddAs(client, "policy.set", body);
  else
    bundle.AddStated(client, "policy.set", body, kIssued[chance.Below(std::size(kIssued))]);
}

// What an entry hides, and what somebody shows as it: mostly the same.
void HideSomething(SmallBundle& bundle, Chance& chance) {
  const std::size_t client = 1 + chance.Below(3);
  if (!chance.OneIn(5)) bundle.DeclareWithManifest(client);
  Disclosure shown = SmallBundle::Manifest();
  if (chance.OneIn(6)) shown.salt[chance.Below(16)] ^= 1;
  if (chance.OneIn(6)) shown.value = Json::array({chance.Below(9), "x"});
  if (chance.OneIn(6)) shown.field = "contact";
  bundle.Show(SmallTenant(chance.OneIn(6) ? 0 : client), shown);
  if (chance.OneIn(8)) bundle.extra["disclosures/shop-1/notes.json"] = SmallBundle::ToBytes("{}");
}

void TellStory(SmallBundle& bundle, Chance& chance) {
  const model::RunContract& contract = SmallRun::Get().contract;
  const std::uint64_t most = model::AttemptsMax(contract),
                      fewest = contract.cohorts[0].min_survivors;
  const std::uint64_t rounds = 2 + chance.Below(most - 1);
  if (chance.OneIn(3))
    for (std::uint64_t i = chance.Below(4); i != 0; --i) StateSomething(bundle, chance);
  if (chance.OneIn(4)) HideSomething(bundle, chance);
  for (std::uint64_t first = 1; first <= rounds;) {
    const std::uint64_t last = std::min(rounds, first + chance.Below(5));
    bundle.Open(first, last);
    for (std::uint64_t round = first; round <= last; ++round) {
      // The last round is committed, so that there is a model.
      if (round != rounds && chance.OneIn(4))
        bundle.Abort(round);
      else
        bundle.Commit(round, fewest + chance.Below(SmallBundle::kClients + 1 - fewest));
    }
    first = last + 1;
  }
  if (!chance.OneIn(4)) bundle.End(rounds);
}

// As somebody would who has all keys but the clients' receipts.
void ForgeSomething(SmallBundle& bundle, Chance& chance) {
  std::vector<Bytes>& leaves = bundle.ledger.leaves;
  const std::size_t at = chance.Below(leaves.size());
  const auto place = leaves.begin() + static_cast<std::ptrdiff_t>(at);
  constexpr const char* kActors[] = {"auditor/a", "tenant/shop-0/operator/a",
                                     "tenant/shop-0/client/z", "operator/o", "witness/w"};
  switch (chance.Below(11)) {
    case 0:
      leaves.erase(place);
      break;
    case 1:
      leaves.insert(place, leaves[chance.Below(leaves.size())]);
      break;
    case 2:
      std::swap(leaves[at], leaves[chance.Below(leaves.size())]);
      break;
    case 3:
      leaves.erase(place);
      bundle.Relink(at);
      break;
    case 4:
      leaves[at].resize(chance.OneIn(2) ? 40'000 : leaves[at].size() - 1);
      break;
    case 5:
      bundle.Forge(at, [&](Entry& entry) {
        for (const char* number : {"round", "first", "last", "attempts"})
          if (entry.body.contains(number)) entry.body[number] = chance.Below(16);
      });
      break;
    case 6:
      bundle.Forge(at, [&](Entry& entry) {
        for (const char* names : {"members", "survivors"})
          if (entry.body.contains(names))
            entry.body[names] = SmallLedger::Seats(chance.Below(SmallBundle::kClients));
        if (entry.type == "policy.set") entry.body["epsilon_cap"] = "7.999999999999999";
        if (entry.type == "budget.reserved") entry.header.tenant = "shop-3";
      });
      break;
    case 7:
      bundle.Forge(at, [&](Entry& entry) {
        entry.header.time = "2020-01-01T00:00:00.000Z";
        entry.body["more"] = 1;
      });
      break;
    case 8:
      bundle.Forge(at, [&](Entry& entry) {
        if (entry.body.contains("spiffe_id"))
          entry.body["spiffe_id"] =
              std::string("spiffe://fed.test/") + kActors[chance.Below(std::size(kActors))];
      });
      break;
    case 9:
      bundle.Forge(at, [&](Entry& entry) {
        entry.header.actor =
            std::string("spiffe://fed.test/") + kActors[chance.Below(std::size(kActors))];
      });
      break;
    default:
      bundle.Forge(at, [&](Entry& entry) { entry.header.idem[0] ^= 1; });
      break;
  }
}

void SpoilAFile(Files& files, Chance& chance) {
  auto file = files.begin();
  std::advance(file, static_cast<std::ptrdiff_t>(chance.Below(files.size())));
  // A third of the time one of those that there are few of.
  if (chance.OneIn(3)) file = files.find(chance.OneIn(2) ? "checkpoint" : "trust.policy");
  Bytes& bytes = file->second;
  if (chance.OneIn(5)) {
    files.erase(file);
  } else if (chance.OneIn(6)) {
    bytes.resize(chance.Below(bytes.size()));
  } else {
    bytes[chance.Below(bytes.size())] ^= static_cast<std::uint8_t>(1u << chance.Below(8));
  }
}

void MakeOne(const std::filesystem::path& folder, std::uint64_t seed) {
  Chance chance(seed);
  SmallBundle bundle([&](SmallBundle& b) { TellStory(b, chance); });
  const std::size_t kept = chance.Below(bundle.ledger.leaves.size()) + 1;
  const std::string previous = bundle.ledger.HeadOf(kept).ToString();
  // Of every eighth the only fault is that its entries are not there: evidence that cannot be
  // judged.
  const bool torn = seed % 8 == 0;
  if (!torn && chance.OneIn(3)) ForgeSomething(bundle, chance);
  if (!torn && chance.OneIn(8) && !bundle.ledger.leaves.empty()) bundle.ledger.leaves.pop_back();
  Files files = bundle.ToFiles();
  if (torn) std::erase_if(files, [](const auto& f) { return f.first.starts_with("tile/entries"); });
  if (!torn && chance.OneIn(3)) SpoilAFile(files, chance);
  SmallBundle::Write(files, folder);
  std::ofstream(folder.string() + ".previous", std::ios::binary) << previous;
}

// ---- A long one: signed without being asked for at every step, which would take minutes.

class LongLedger {
 public:
  static constexpr std::uint64_t kBatch = 16;
  explicit LongLedger(std::uint64_t entries) {
    bundle_.ledger.leaves.resize(bundle_.IndexOf("rounds.opened"));
    std::erase_if(bundle_.extra,
                  [](const auto& file) { return file.first.starts_with("receipts/"); });
    for (std::uint64_t first = 1; bundle_.ledger.leaves.size() + kBatch < entries; first += kBatch)
      AddBatch(first);
  }
  Files ToFiles() const { return bundle_.ToFiles(); }

 private:
  void AddBatch(std::uint64_t first) {
    Add("rounds.opened", bundle_.ledger.Opened(first, first + kBatch - 1));
    const std::size_t leaf = bundle_.ledger.leaves.size() - 1;
    if (first == 1)
      for (std::size_t i = 0; i < SmallBundle::kClients; ++i)
        bundle_.AddReceipt(i, bundle_.ReceiptFor(i, leaf, 1, kBatch));
    for (std::uint64_t round = first; round < first + kBatch; ++round) {
      Json body = bundle_.ledger.Committed(round);
      body["model_sha256"] = bundle_.model_hash();
      Add("round.committed", body);
    }
  }
  void Add(const std::string& type, const Json& body) {
    std::vector<Bytes>& leaves = bundle_.ledger.leaves;
    Entry entry;
    entry.header.seq = leaves.size();
    entry.header.prev = tlog::LeafHash(leaves.back());
    entry.header.federation = "fed.test";
    entry.header.actor = SmallLedger::kActor;
    entry.header.time = bundle_.ledger.time;
    entry.type = type;
    entry.subject = "test";
    entry.body = body;
    leaves.push_back(SignEntry(entry, *bundle_.ledger.coordinator.signer).value());
  }
  SmallBundle bundle_;
};

}  // namespace
}  // namespace veilsum::ledger

int main(int argc, char** argv) {
  using namespace veilsum::ledger;
  veilsum::InitialiseCrypto();
  if (argc != 4) {
    std::fprintf(stderr, "usage: %s FOLDER COUNT SEED | --long FOLDER ENTRIES\n", argv[0]);
    return 64;
  }
  if (std::string_view(argv[1]) == "--long") {
    const std::uint64_t entries = std::strtoull(argv[3], nullptr, 10);
    SmallRun::attempts_max = static_cast<int>(entries);
    SmallBundle::Write(LongLedger(entries).ToFiles(), argv[2]);
    return testing::UnitTest::GetInstance()->Failed() ? 1 : 0;
  }
  const std::uint64_t count = std::strtoull(argv[2], nullptr, 10),
                      seed = std::strtoull(argv[3], nullptr, 10);
  for (std::uint64_t i = 0; i < count; ++i)
    MakeOne(std::filesystem::path(argv[1]) / std::to_string(i), seed + i);
  return testing::UnitTest::GetInstance()->Failed() ? 1 : 0;
}
