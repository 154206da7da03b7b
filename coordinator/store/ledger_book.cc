#include "coordinator/store/ledger_book.h"

#include "base/crypto/sha256.h"
#include "model/ledger/time_text.h"

namespace veilsum::coordinator {
namespace {

std::string NameOf(const std::string& type, const std::string& subject) {
  return type + " " + subject;
}

ledger::Author AuthorOf(const LedgerOptions& options, std::uint64_t term) {
  return {options.federation, options.actor, options.signer, options.binary, options.config, term};
}

// The same request is the same entry.
ByteArray<16> IdemOf(const ledger::NewEntry& entry) {
  const Hash32 hash = Transcript("veilsum/v1/idem")
                          .AddText(entry.type)
                          .AddText(entry.subject)
                          .AddText(entry.body.dump())
                          .Sha256();
  ByteArray<16> idem;
  std::copy_n(hash.begin(), idem.size(), idem.begin());
  return idem;
}

}  // namespace

LedgerBook::LedgerBook(LedgerOptions options, LedgerShelf& shelf, std::mutex& mutex,
                       tlog::VerifierKey key, std::uint64_t term)
    : options_(std::move(options)),
      shelf_(shelf),
      mutex_(mutex),
      key_(std::move(key)),
      writer_(AuthorOf(options_, term),
              [&shelf](const Hash32& sha256) { return shelf.Blob(sha256); }) {}

absl::StatusOr<std::unique_ptr<LedgerBook>> LedgerBook::Restore(LedgerOptions options,
                                                                LedgerShelf& shelf,
                                                                std::mutex& mutex,
                                                                std::uint64_t term) {
  VEILSUM_ASSIGN_OR_RETURN(
      tlog::VerifierKey key,
      tlog::VerifierKey::Create(ledger::LedgerOrigin(options.federation), tlog::KeyType::kEd25519,
                                options.signer->public_key()));
  std::unique_ptr<LedgerBook> book(
      new LedgerBook(std::move(options), shelf, mutex, std::move(key), term));
  VEILSUM_ASSIGN_OR_RETURN(const std::uint64_t count, shelf.Count());
  if (count == 0) {
    LedgerChange genesis;
    genesis.entries.push_back(GenesisEntry(book->options_, book->key_.ToString()));
    VEILSUM_RETURN_IF_ERROR(book->Stage(genesis));
  } else {
    VEILSUM_RETURN_IF_ERROR(book->ReadLeaves(count));
  }
  return book;
}

absl::Status LedgerBook::ReadLeaves(std::uint64_t count) {
  for (std::uint64_t i = 0; i < count; ++i) {
    const absl::StatusOr<Bytes> leaf = shelf_.Leaf(i);
    if (!leaf.ok()) return DataLoss("ledger: entry %d: %s", i, leaf.status().message());
    VEILSUM_RETURN_IF_ERROR(writer_.Restore(*leaf));
  }
  return CheckHead();
}

// The stored head and hashes are those of the leaves, and of this key.
absl::Status LedgerBook::CheckHead() {
  if (rules().log_key() != key_.ToString() ||
      rules().KeyOf(options_.actor) != options_.signer->public_key())
    return DataLoss("ledger: it was begun with the key %s of another actor, not with %s of %s",
                    rules().log_key(), key_.ToString(), options_.actor);
  VEILSUM_ASSIGN_OR_RETURN(const std::string text, shelf_.Head());
  const absl::StatusOr<tlog::Note> note = tlog::Note::Parse(text);
  const absl::StatusOr<tlog::Checkpoint> head =
      note.ok() ? tlog::OpenCheckpoint(*note, key_) : note.status();
  const absl::StatusOr<Hash32> root = tlog::RootOf(shelf_, writer_.Head().size);
  if (!head.ok() || *head != writer_.Head() || !root.ok() || *root != head->root)
    return DataLoss("ledger: the stored head is not that of the %d entries", writer_.Head().size);
  return absl::OkStatus();
}

absl::Status LedgerBook::Stage(const LedgerChange& change) {
  VEILSUM_CHECK(!staged_);
  const absl::Status staged = StageAll(change);
  if (!staged.ok()) Drop();
  return staged;
}

absl::Status LedgerBook::StageAll(const LedgerChange& change) {
  if (change.entries.empty()) return absl::OkStatus();
  for (const std::string& blob : change.blobs)
    VEILSUM_RETURN_IF_ERROR(shelf_.AddBlob(Sha256(blob), blob));
  writer_.Begin();
  staged_ = true;
  for (const ledger::NewEntry& entry : change.entries) VEILSUM_RETURN_IF_ERROR(Append(entry));
  VEILSUM_RETURN_IF_ERROR(FlushCosignatures());
  return shelf_.SetHead(tlog::SignCheckpoint(writer_.Head(), key_, *options_.signer).ToString());
}

absl::Status LedgerBook::Append(const ledger::NewEntry& entry) {
  ledger::NewEntry named = entry;
  named.idem = IdemOf(entry);
  std::uint64_t index = rules().size();
  VEILSUM_ASSIGN_OR_RETURN(const Bytes leaf,
                           writer_.Append(named, ledger::TimeText(options_.now())));
  VEILSUM_RETURN_IF_ERROR(shelf_.AddLeaf(index, NameOf(entry.type, entry.subject), leaf));
  Hash32 hash = rules().last_leaf();
  VEILSUM_RETURN_IF_ERROR(shelf_.AddHash(0, index, hash));
  for (int level = 0; index % 2 == 1; ++level, index /= 2) {
    VEILSUM_ASSIGN_OR_RETURN(const Hash32 left, shelf_.Read(level, index - 1));
    hash = tlog::NodeHash(left, hash);
    VEILSUM_RETURN_IF_ERROR(shelf_.AddHash(level + 1, index / 2, hash));
  }
  return absl::OkStatus();
}

absl::Status LedgerBook::FlushCosignatures() {
  for (const auto& [witness, cosignature] : cosignatures_)
    VEILSUM_RETURN_IF_ERROR(shelf_.SetCosignature(cosignature));
  return absl::OkStatus();
}

void LedgerBook::Keep() {
  shelf_.Keep();
  if (!staged_) return;
  writer_.Keep();
  staged_ = false;
  cosignatures_.clear();
}

void LedgerBook::Drop() {
  shelf_.Drop();
  if (staged_) writer_.Drop();
  staged_ = false;
}

tlog::Checkpoint LedgerBook::Head() {
  const std::lock_guard lock(mutex_);
  return writer_.Head();
}

absl::StatusOr<tlog::Note> LedgerBook::SignedHead() {
  const std::lock_guard lock(mutex_);
  VEILSUM_ASSIGN_OR_RETURN(const std::string text, shelf_.Head());
  VEILSUM_ASSIGN_OR_RETURN(tlog::Note note, tlog::Note::Parse(text));
  VEILSUM_ASSIGN_OR_RETURN(std::vector<StoredCosignature> known,
                           shelf_.Cosignatures(writer_.Head().size));
  std::map<std::string, StoredCosignature> latest;
  for (StoredCosignature& cosignature : known) latest[cosignature.witness] = std::move(cosignature);
  for (const auto& [witness, cosignature] : cosignatures_)
    if (cosignature.size == writer_.Head().size) latest[witness] = cosignature;
  for (const auto& [witness, cosignature] : latest) {
    VEILSUM_ASSIGN_OR_RETURN(const tlog::VerifierKey key, tlog::VerifierKey::Parse(witness));
    note.signatures.push_back({key.name(), key.id(), cosignature.signature});
  }
  return note;
}

absl::StatusOr<Bytes> LedgerBook::Leaf(std::uint64_t index) {
  const std::lock_guard lock(mutex_);
  return shelf_.Leaf(index);
}

absl::StatusOr<std::uint64_t> LedgerBook::Find(const std::string& type,
                                               const std::string& subject) {
  const std::lock_guard lock(mutex_);
  return shelf_.Find(NameOf(type, subject));
}

absl::StatusOr<ProvedLeaf> LedgerBook::Prove(std::uint64_t index, std::uint64_t size) {
  const std::lock_guard lock(mutex_);
  ProvedLeaf out;
  out.index = index;
  VEILSUM_ASSIGN_OR_RETURN(out.leaf, shelf_.Leaf(index));
  VEILSUM_ASSIGN_OR_RETURN(out.proof, tlog::ProveInclusion(shelf_, index, size));
  return out;
}

absl::StatusOr<tlog::Proof> LedgerBook::ProveConsistency(std::uint64_t old_size,
                                                         std::uint64_t size) {
  const std::lock_guard lock(mutex_);
  return tlog::ProveConsistency(shelf_, old_size, size);
}

absl::StatusOr<std::string> LedgerBook::Blob(const Hash32& sha256) {
  const std::lock_guard lock(mutex_);
  return shelf_.Blob(sha256);
}

absl::StatusOr<std::vector<Hash32>> LedgerBook::Blobs() {
  const std::lock_guard lock(mutex_);
  return shelf_.Blobs();
}

void LedgerBook::AddCosignature(std::uint64_t size, const tlog::VerifierKey& witness,
                                const tlog::NoteSignature& signature) {
  const std::lock_guard lock(mutex_);
  cosignatures_[witness.ToString()] = {size, witness.ToString(), signature.signature};
}

absl::Status LedgerBook::KeepCosignatures() {
  const std::lock_guard lock(mutex_);
  VEILSUM_RETURN_IF_ERROR(shelf_.InTransaction([this] { return FlushCosignatures(); }));
  shelf_.Keep();
  cosignatures_.clear();
  return absl::OkStatus();
}

}  // namespace veilsum::coordinator
