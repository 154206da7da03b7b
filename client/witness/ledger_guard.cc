#include "client/witness/ledger_guard.h"

#include "model/ledger/fields.h"
#include "model/ledger/ledger_writer.h"
#include "model/ledger/receipt.h"
#include "model/ledger/tenant_statement.h"
#include "model/ledger/time_text.h"
#include "model/ledger/witness_name.h"

namespace veilsum::client {
namespace {

using coordinator::v1::LedgerHead;

constexpr int kMostEntries = 2048;
constexpr int kMostHashes = 63;

absl::Status NoProof(std::string_view what) { return FailedPrecondition("%s", what); }

template <class Wire>
absl::StatusOr<tlog::Proof> ParseProof(const Wire& wire) {
  if (wire.size() > kMostHashes) return NoProof("a proof has more than 63 hashes");
  tlog::Proof proof;
  for (const std::string& hash : wire) {
    VEILSUM_ASSIGN_OR_RETURN(const Hash32 parsed, ParseFixed<32>("proof", std::string_view(hash)));
    proof.push_back(parsed);
  }
  return proof;
}

// The witness's memory while one head is judged; what it has become is stored with the receipt.
class StagedMemory final : public tlog::WitnessMemory {
 public:
  explicit StagedMemory(tlog::SeenHead& head) : head_(head) {}
  absl::StatusOr<tlog::SeenHead> Load(const std::string&) override { return head_; }
  absl::Status Advance(const std::string&, const tlog::SeenHead&,
                       const tlog::SeenHead& seen) override {
    head_ = seen;
    return absl::OkStatus();
  }

 private:
  tlog::SeenHead& head_;
};

std::string_view CodeOf(LedgerRefusal kind) {
  switch (kind) {
    case LedgerRefusal::kNoProof:
      return "LEDGER_NO_PROOF";
    case LedgerRefusal::kRollback:
      return "LEDGER_ROLLBACK";
    case LedgerRefusal::kFork:
      return "LEDGER_FORK";
    case LedgerRefusal::kDisagreement:
      return "LEDGER_DISAGREES";
  }
  return "LEDGER_NO_PROOF";
}

absl::StatusCode StatusCodeOf(LedgerRefusal kind) {
  if (kind == LedgerRefusal::kDisagreement) return absl::StatusCode::kPermissionDenied;
  if (kind == LedgerRefusal::kNoProof) return absl::StatusCode::kFailedPrecondition;
  return absl::StatusCode::kDataLoss;
}

}  // namespace

absl::StatusOr<std::unique_ptr<LedgerGuard>> LedgerGuard::Create(
    Own own, std::shared_ptr<const Ed25519Signer> witness, WitnessStore& store, Now now) {
  VEILSUM_ASSIGN_OR_RETURN(
      tlog::VerifierKey key,
      tlog::VerifierKey::Create(ledger::WitnessName(own.seat), tlog::KeyType::kCosignature,
                                witness->public_key()));
  std::unique_ptr<LedgerGuard> guard(
      new LedgerGuard(std::move(own), std::move(key), std::move(witness), store, std::move(now)));
  VEILSUM_ASSIGN_OR_RETURN(guard->known_, store.Load(ledger::LedgerOrigin(guard->own_.federation)));
  return guard;
}

absl::Status LedgerGuard::Approve(const std::string& plan_json, const std::string& contract_json,
                                  const Json& policy) {
  std::optional<ledger::TenantPolicy> allowed;
  if (!policy.empty()) {
    VEILSUM_ASSIGN_OR_RETURN(allowed, ledger::ParseTenantPolicy(policy));
  }
  VEILSUM_ASSIGN_OR_RETURN(check_,
                           EntryCheck::Create(own_.seat, plan_json, contract_json, allowed));
  policy_ = policy;
  return absl::OkStatus();
}

absl::StatusOr<Bytes> LedgerGuard::PolicyStatement() const {
  if (policy_.empty()) return Bytes();
  return ledger::SignStatement({.type = "policy.set",
                                .federation = own_.federation,
                                .seat = own_.seat,
                                .issued = ledger::TimeText(now_()),
                                .body = policy_,
                                .hidden = {}},
                               *own_.signing);
}

absl::Status LedgerGuard::Counted(LedgerRefusal kind, const absl::Status& reason) {
  VEILSUM_RETURN_IF_ERROR(store_.Count(kind));
  return absl::Status(StatusCodeOf(kind),
                      absl::StrFormat("%s: %s", CodeOf(kind), reason.message()));
}

absl::StatusOr<coordinator::v1::Cosignature> LedgerGuard::OnHead(const LedgerHead& wire) {
  KnownLog log;
  if (known_) {
    log = *known_;
  } else {
    absl::StatusOr<KnownLog> first = FirstSeen(wire);
    if (!first.ok()) return Counted(LedgerRefusal::kNoProof, first.status());
    log = *std::move(first);
  }
  const absl::StatusOr<Shown> shown = Parse(wire, log);
  if (absl::IsNotFound(shown.status()) || absl::IsDataLoss(shown.status()))
    return Counted(LedgerRefusal::kFork, shown.status());  // signed by another log, or wrongly
  if (!shown.ok()) return Counted(LedgerRefusal::kNoProof, shown.status());
  const std::uint64_t before = log.head.size;
  const absl::StatusOr<tlog::NoteSignature> cosignature = Continue(*shown, log);
  if (absl::IsDataLoss(cosignature.status()))
    return Counted(shown->head.size < before ? LedgerRefusal::kRollback : LedgerRefusal::kFork,
                   cosignature.status());
  if (!cosignature.ok()) return Counted(LedgerRefusal::kNoProof, cosignature.status());
  std::optional<EntryCheck> check = check_;
  std::optional<StoredReceipt> receipt;
  if (check) {
    absl::Status taken = TakeEntries(wire, *shown, log, *check);
    if (taken.ok()) taken = CheckEnds(wire.ended_through(), *check);
    if (absl::IsPermissionDenied(taken)) return Counted(LedgerRefusal::kDisagreement, taken);
    if (!taken.ok()) return Counted(LedgerRefusal::kNoProof, taken);
    VEILSUM_ASSIGN_OR_RETURN(receipt, ReceiptFor(*check, shown->head));
  }
  log.note = shown->note.ToString();
  log.cosignature = cosignature->signature;
  VEILSUM_RETURN_IF_ERROR(store_.Save(shown->head.origin, log, receipt));
  // Durable: from here on it counts.
  known_ = std::move(log);
  if (check) {
    std::erase_if(sent_, [&](std::uint64_t round) { return check->HasEnded(round); });
    check->ForgetEnds();
    check_ = std::move(check);
  }
  coordinator::v1::Cosignature out;
  out.set_size(shown->head.size);
  out.set_witness(key_.ToString());
  out.set_signature(std::string(AsText(cosignature->signature)));
  return out;
}

// The first time the genesis says whose ledger it is: one of the federation whose root is pinned
// here. From then on its keys are fixed.
absl::StatusOr<KnownLog> LedgerGuard::FirstSeen(const LedgerHead& wire) {
  if (wire.entries_size() == 0 || wire.entries(0).index() != 0)
    return NoProof("the ledger is new here, and its genesis was not shown");
  const ByteView leaf = AsBytes(wire.entries(0).leaf());
  VEILSUM_ASSIGN_OR_RETURN(const ledger::SignedEntry genesis, ledger::ParseEntry(leaf));
  Json body = genesis.entry.body;
  ledger::Fields fields(body);
  KnownLog log;
  log.log_key = fields.Text("log_key");
  log.actor = genesis.entry.header.actor;
  log.actor_key = fields.Hex<32>("key");
  const Hash32 root_ca = fields.Hex<32>("root_ca_sha256");
  VEILSUM_RETURN_IF_ERROR(fields.Done());
  if (genesis.entry.type != "federation.genesis" ||
      genesis.entry.header.federation != own_.federation || root_ca != own_.ca_sha256 ||
      !genesis.envelope.IsSignedBy(log.actor_key))
    return NoProof("the genesis is not of this federation and its root");
  VEILSUM_ASSIGN_OR_RETURN(const tlog::VerifierKey key, tlog::VerifierKey::Parse(log.log_key));
  if (key.name() != ledger::LedgerOrigin(own_.federation))
    return NoProof("the genesis names the key of another ledger");
  VEILSUM_ASSIGN_OR_RETURN(const tlog::Note note, tlog::Note::Parse(wire.checkpoint()));
  VEILSUM_ASSIGN_OR_RETURN(const tlog::Checkpoint head, tlog::OpenCheckpoint(note, key));
  VEILSUM_ASSIGN_OR_RETURN(const tlog::Proof proof, ParseProof(wire.entries(0).proof()));
  VEILSUM_RETURN_IF_ERROR(
      tlog::VerifyInclusion(tlog::LeafHash(leaf), 0, head.size, head.root, proof));
  return log;
}

absl::StatusOr<LedgerGuard::Shown> LedgerGuard::Parse(const LedgerHead& wire, KnownLog& log) {
  if (wire.entries_size() > kMostEntries) return NoProof("the head has too many entries");
  Shown shown;
  shown.old_size = wire.old_size();
  VEILSUM_ASSIGN_OR_RETURN(shown.note, tlog::Note::Parse(wire.checkpoint()));
  VEILSUM_ASSIGN_OR_RETURN(const tlog::VerifierKey key, tlog::VerifierKey::Parse(log.log_key));
  VEILSUM_ASSIGN_OR_RETURN(shown.head, tlog::OpenCheckpoint(shown.note, key));
  VEILSUM_ASSIGN_OR_RETURN(shown.consistency, ParseProof(wire.consistency()));
  // The cosignatures of others are none of this merchant's evidence.
  std::erase_if(shown.note.signatures, [&](const tlog::NoteSignature& signature) {
    return signature.name != key.name() || signature.key_id != key.id();
  });
  return shown;
}

absl::StatusOr<tlog::NoteSignature> LedgerGuard::Continue(const Shown& shown, KnownLog& log) {
  VEILSUM_ASSIGN_OR_RETURN(const tlog::VerifierKey key, tlog::VerifierKey::Parse(log.log_key));
  StagedMemory memory(log.head);
  return tlog::Witness(key_, signer_, memory)
      .Check(shown.note, key, shown.old_size, shown.consistency,
             std::chrono::floor<std::chrono::seconds>(now_()));
}

absl::Status LedgerGuard::TakeEntries(const LedgerHead& wire, const Shown& shown,
                                      const KnownLog& log, EntryCheck& check) {
  for (const coordinator::v1::LedgerEntry& entry : wire.entries()) {
    const ByteView leaf = AsBytes(entry.leaf());
    VEILSUM_ASSIGN_OR_RETURN(const tlog::Proof proof, ParseProof(entry.proof()));
    if (!tlog::VerifyInclusion(tlog::LeafHash(leaf), entry.index(), shown.head.size,
                               shown.head.root, proof)
             .ok())
      return NoProof(absl::StrFormat("entry %d is not in the ledger of the head", entry.index()));
    VEILSUM_ASSIGN_OR_RETURN(const ledger::SignedEntry parsed, ledger::ParseEntry(leaf));
    const ledger::Header& header = parsed.entry.header;
    if (header.seq != entry.index() || header.federation != own_.federation ||
        header.actor != log.actor || !parsed.envelope.IsSignedBy(log.actor_key))
      return NoProof(absl::StrFormat("entry %d is not one of the coordinator's", entry.index()));
    VEILSUM_RETURN_IF_ERROR(check.Take(parsed.entry, leaf, entry.names()));
  }
  return absl::OkStatus();
}

// Every round that something was sent in has its end in the ledger, committed or aborted, before
// the next batch.
absl::Status LedgerGuard::CheckEnds(std::uint64_t through, const EntryCheck& check) {
  for (const std::uint64_t round : sent_) {
    if (check.HasEnded(round)) continue;
    if (round <= through) return PermissionDenied("round %d has not ended in the ledger", round);
    if (const auto opened = check.opened(); opened && round < opened->first)
      return NoProof(absl::StrFormat("the end of round %d is not proved", round));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::optional<StoredReceipt>> LedgerGuard::ReceiptFor(const EntryCheck& check,
                                                                     const tlog::Checkpoint& head) {
  const std::optional<OpenedRounds> opened = check.opened();
  const std::optional<OpenedRounds> before = check_ ? check_->opened() : std::nullopt;
  if (!opened || (before && before->leaf == opened->leaf)) return std::nullopt;
  ledger::Receipt receipt;
  receipt.actor = own_.seat;
  receipt.contract_hash = HexEncode(check.contract_hash());
  receipt.first = opened->first;
  receipt.last = opened->last;
  receipt.leaf = opened->leaf;
  receipt.leaf_sha256 = opened->leaf_sha256;
  receipt.size = head.size;
  receipt.root_sha256 = head.root;
  receipt.time = ledger::TimeText(now_());
  VEILSUM_ASSIGN_OR_RETURN(const Bytes envelope, ledger::SignReceipt(receipt, *own_.signing));
  return StoredReceipt{check.contract_hash(), opened->leaf, std::string(AsText(envelope))};
}

absl::Status LedgerGuard::MaySpend(std::uint64_t round, std::uint64_t last) {
  const std::optional<OpenedRounds> opened = check_ ? check_->opened() : std::nullopt;
  if (opened && opened->first <= round && round <= last && last <= opened->last)
    return absl::OkStatus();
  return Counted(
      LedgerRefusal::kNoProof,
      NoProof(absl::StrFormat("SE-09: rounds %d to %d are not opened in the ledger", round, last)));
}

}  // namespace veilsum::client
