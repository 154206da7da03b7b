// The evidence of a small finished run as its coordinator and clients would hand it over: ledger,
// trust policy, plan and contract, the last model, and every client's receipts. Parts of it can be
// forged as somebody would who has all keys but the witness's, or changed byte by byte.
#pragma once

#include <filesystem>
#include <fstream>

#include "model/ledger/bundle.h"
#include "model/ledger/disclosure.h"
#include "model/ledger/hash_tiles.h"
#include "model/ledger/receipt.h"
#include "model/ledger/tenant_statement.h"
#include "model/safetensors.h"
#include "tests/unit/model/small_ledger.h"

namespace veilsum::ledger {

class SmallBundle {
 public:
  static constexpr std::size_t kClients = 7;
  using Files = std::map<std::string, Bytes>;

  // Two batches of four rounds, of which one round aborts, unless `story` says otherwise.
  SmallBundle()
      : SmallBundle([](SmallBundle& bundle) {
          for (const std::uint64_t first : {1u, 5u}) {
            bundle.Open(first, first + 3);
            for (std::uint64_t round = first; round < first + 4; ++round)
              round == 3 ? bundle.Abort(round) : bundle.Commit(round);
          }
          bundle.End(8);
        }) {}
  explicit SmallBundle(const std::function<void(SmallBundle&)>& story) {
    for (std::size_t i = 0; i < kClients; ++i)
      clients_.emplace_back(static_cast<std::uint8_t>(20 + i));
    Begin();
    story(*this);
    const SmallRun& run = SmallRun::Get();
    extra[BlobPath(Sha256(run.plan_json))] = ToBytes(run.plan_json);
    extra[BlobPath(Sha256(run.contract_json))] = ToBytes(run.contract_json);
    extra[ModelPath(model_hash_)] = model_;
  }

  // ---- The story
  void Open(std::uint64_t first, std::uint64_t last) {
    ledger.Add("rounds.opened", ledger.Opened(first, last));
    const std::size_t leaf = ledger.leaves.size() - 1;
    for (std::size_t i = 0; i < kClients; ++i) AddReceipt(i, ReceiptFor(i, leaf, first, last));
  }
  void Commit(std::uint64_t round, std::size_t survivors = kClients) {
    Json body = ledger.Committed(round, survivors);
    body["model_sha256"] = model_hash_;
    ledger.Add("round.committed", body);
  }
  void Abort(std::uint64_t round) { ledger.Add("round.aborted", ledger.Aborted(round)); }
  void End(std::uint64_t attempts) {
    ledger.Add("run.ended", ledger.Named({{"outcome", "finished"}, {"attempts", attempts}}));
  }
  // An entry of a tenant's own, taken in whatever the rules say of it.
  std::vector<Finding> AddAs(std::size_t client, const std::string& type, const Json& body,
                             const std::map<std::string, Hash32>& hidden = {}) {
    Entry entry;
    entry.header.hidden = hidden;
    entry.header.seq = ledger.leaves.size();
    entry.header.prev = ledger.writer().rules().last_leaf();
    entry.header.federation = "fed.test";
    entry.header.tenant = SmallTenant(client);
    entry.header.actor = LedgerSeats(kClients)[client];
    entry.header.time = ledger.time;
    entry.type = type;
    entry.subject = "test";
    entry.body = body;
    return TakeIn(entry, *clients_[client].signer);
  }
  // The same words, signed at `issued` and written by the coordinator.
  std::vector<Finding> AddStated(std::size_t client, const std::string& type, const Json& body,
                                 const std::string& issued) {
    TenantStatement said{type, "fed.test", LedgerSeats(kClients)[client], issued, body, {}};
    const Bytes bytes = SignStatement(said, *clients_[client].signer).value();
    Entry entry;
    entry.header.seq = ledger.leaves.size();
    entry.header.prev = ledger.writer().rules().last_leaf();
    entry.header.federation = "fed.test";
    entry.header.tenant = SmallTenant(client);
    entry.header.actor = SmallLedger::kActor;
    entry.header.time = ledger.time;
    entry.type = type;
    entry.subject = "test";
    entry.body = BodyOf(ParseStatement(bytes).value());
    return TakeIn(entry, *ledger.coordinator.signer);
  }

  // ---- Disclosures: what a client has declared of its data, with a manifest that stays with it.
  static Disclosure Manifest() { return {"manifest", {5}, Json{{"rows", 7}}}; }
  static Hash32 ManifestDigest() { return HiddenDigest(Manifest().salt, Manifest().value).value(); }
  std::vector<Finding> DeclareWithManifest(std::size_t client) {
    return AddAs(client, "dataset.declared",
                 {{"unit", "customer"},
                  {"adjacency", "add_remove"},
                  {"contribution_bound", 1},
                  {"n_upper", 1000},
                  {"overlap_bound", 1}},
                 {{"manifest", ManifestDigest()}});
  }
  void Show(const std::string& tenant, const Disclosure& disclosure) {
    extra[DisclosurePath(tenant, ManifestDigest())] = ToBytes(WriteDisclosure(disclosure).value());
  }

  // ---- Receipts
  Receipt ReceiptFor(std::size_t client, std::size_t leaf, std::uint64_t first,
                     std::uint64_t last) const {
    tlog::Frontier tree;
    for (std::size_t i = 0; i <= leaf; ++i) tree.Append(tlog::LeafHash(ledger.leaves[i]));
    return {LedgerSeats(kClients)[client],
            SmallRun::Get().name,
            first,
            last,
            leaf,
            tlog::LeafHash(ledger.leaves[leaf]),
            leaf + 1,
            tree.Root(),
            ledger.time};
  }
  static std::string ReceiptPath(std::size_t client, std::uint64_t leaf) {
    return absl::StrFormat("receipts/%s/a/%d.json", SmallTenant(client), leaf);
  }
  void AddReceipt(std::size_t client, const Receipt& receipt) {
    extra[ReceiptPath(client, receipt.leaf)] =
        SignReceipt(receipt, *clients_[client].signer).value();
  }

  // ---- Forgery
  std::size_t IndexOf(const std::string& type, std::size_t nth = 0) const {
    for (std::size_t i = 0; i < ledger.leaves.size(); ++i)
      if (const auto parsed = ParseEntry(ledger.leaves[i]);
          parsed.ok() && parsed->entry.type == type && nth-- == 0)
        return i;
    ADD_FAILURE() << "no " << type;
    return 0;
  }
  // Changes an entry and links everything after it anew; each signed by its actor's own key.
  void Forge(std::size_t index, const std::function<void(Entry&)>& change) {
    Resign(index, change);
    Relink(index + 1);
  }
  void Relink(std::size_t index) {
    for (std::size_t i = index; i < ledger.leaves.size(); ++i)
      Resign(i, [&](Entry& entry) {
        entry.header.seq = i;
        entry.header.prev = i == 0 ? Hash32{} : tlog::LeafHash(ledger.leaves[i - 1]);
      });
  }
  // Other bytes in place of an entry, with an envelope that its actor has signed.
  void ForgePayload(std::size_t index, const std::string& from, const std::string& to) {
    tlog::Envelope envelope = tlog::Envelope::Parse(AsText(ledger.leaves[index])).value();
    std::string payload(AsText(envelope.payload));
    ASSERT_NE(payload.find(from), std::string::npos);
    payload.replace(payload.find(from), from.size(), to);
    envelope.payload = ToBytes(payload);
    envelope.signatures.clear();
    envelope.Sign(SmallLedger::kActor, *ledger.coordinator.signer);
    ledger.leaves[index] = ToBytes(envelope.ToJson());
  }

  // ---- Files
  // With a checkpoint of the leaves as they are now, as a log would sign it that lies, and its
  // witness with it.
  Files ToFiles() const {
    Files files = extra;
    const std::uint64_t size = ledger.leaves.size();
    files["checkpoint"] = ToBytes(ledger.HeadOf(size).ToString());
    files["trust.policy"] = ToBytes(ledger.PolicyText());
    HashTiles tiles(
        [&](const tlog::Tile& tile, const Bytes& hashes) { files[tile.Path()] = hashes; });
    for (const Bytes& leaf : ledger.leaves) tiles.Append(tlog::LeafHash(leaf));
    tiles.Finish();
    for (std::uint64_t first = 0; first < size; first += tlog::kTileWidth) {
      const std::uint64_t last = std::min(size, first + tlog::kTileWidth);
      const std::vector<Bytes> part(ledger.leaves.begin() + static_cast<std::ptrdiff_t>(first),
                                    ledger.leaves.begin() + static_cast<std::ptrdiff_t>(last));
      files[tlog::TileAt(tlog::Tile::kEntries, first / tlog::kTileWidth, size).Path()] =
          tlog::EncodeBundle(part).value();
    }
    return files;
  }
  static void Write(const Files& files, const std::filesystem::path& folder) {
    for (const auto& [path, bytes] : files) {
      std::filesystem::create_directories((folder / path).parent_path());
      std::ofstream(folder / path, std::ios::binary) << AsText(bytes);
    }
  }
  static Bytes ToBytes(std::string_view text) { return Bytes(text.begin(), text.end()); }

  SmallLedger ledger;
  Files extra;  // beside the log
  const std::string& model_hash() const { return model_hash_; }

 private:
  void Begin() {
    const model::Layout layout = model::LayoutOf(SmallRun::Get().plan);
    const model::ModelVector values(layout.size(), 0.25f);
    model_ = model::WriteSafetensors(layout, values, {});
    model_hash_ = HexEncode(model::ModelHash(values));
    ledger.Add("federation.genesis", {{"root_ca_sha256", HexEncode(Hash32{7})},
                                      {"log_key", ledger.LogKey().ToString()},
                                      {"key", HexEncode(ledger.coordinator.signer->public_key())}});
    for (std::size_t i = 0; i < kClients; ++i)
      ledger.Add("key.registered", {{"spiffe_id", LedgerSeats(kClients)[i]},
                                    {"key", HexEncode(clients_[i].signer->public_key())}});
    EXPECT_TRUE(AddAs(0, "policy.set", Policy("8", FittingBlock())).empty());
    ledger.Add("plan.registered", ledger.Plan());
    for (std::size_t i = 0; i < kClients; ++i)
      ledger.Add("budget.reserved", ledger.Reserved(), SmallTenant(i));
  }

 public:
  static Json Policy(const std::string& cap, const std::string& block_epsilon) {
    return {
        {"epsilon_cap", cap},
        {"delta_cap", "0.00001"},
        {"block",
         {{"epsilon", block_epsilon}, {"delta", "0.00001"}, {"order", Privacy().filter_order}}}};
  }
  // A block that holds the run once.
  static std::string FittingBlock() {
    return absl::StrFormat("%.6f", Privacy().epsilon_filter * 1.001);
  }

 private:
  static const dp::PrivacyStatement& Privacy() {
    static const dp::PrivacyStatement statement =
        model::CheckPrivacy(SmallRun::Get().plan, SmallRun::Get().contract).value().statement;
    return statement;
  }
  std::vector<Finding> TakeIn(const Entry& entry, const Ed25519Signer& signer) {
    ledger.leaves.push_back(SignEntry(entry, signer).value());
    LedgerRules rules = ledger.writer().rules();
    const std::vector<Finding> findings = rules.Apply(ledger.leaves.back());
    (void)ledger.writer().Restore(ledger.leaves.back()).ok();  // taken in all the same
    return findings;
  }
  void Resign(std::size_t index, const std::function<void(Entry&)>& change) {
    Entry entry = ParseEntry(ledger.leaves[index]).value().entry;
    change(entry);
    const Ed25519Signer* signer = ledger.coordinator.signer.get();
    for (std::size_t i = 0; i < kClients; ++i)
      if (entry.header.actor == LedgerSeats(kClients)[i]) signer = clients_[i].signer.get();
    ledger.leaves[index] = SignEntry(entry, *signer).value();
  }

  std::vector<SmallKey> clients_;
  Bytes model_;
  std::string model_hash_;
};

}  // namespace veilsum::ledger
