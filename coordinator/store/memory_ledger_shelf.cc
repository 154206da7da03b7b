#include "coordinator/store/ledger_shelf.h"

namespace veilsum::coordinator {

MemoryLedgerShelf::Contents& MemoryLedgerShelf::Changing() {
  if (!before_) before_ = now_;
  return now_;
}

absl::StatusOr<Hash32> MemoryLedgerShelf::Read(int level, std::uint64_t index) {
  const auto found = now_.hashes.find({level, index});
  if (found == now_.hashes.end()) return NotFound("no hash %d of level %d", index, level);
  return found->second;
}

absl::StatusOr<Bytes> MemoryLedgerShelf::Leaf(std::uint64_t index) {
  if (index >= now_.leaves.size()) return NotFound("the ledger has no entry %d", index);
  return now_.leaves[index];
}

absl::StatusOr<std::uint64_t> MemoryLedgerShelf::Find(const std::string& name) {
  const auto found = now_.names.find(name);
  if (found == now_.names.end()) return NotFound("the ledger has no %s", name);
  return found->second;
}

absl::StatusOr<std::string> MemoryLedgerShelf::Blob(const Hash32& sha256) {
  const auto found = now_.blobs.find(sha256);
  if (found == now_.blobs.end()) return NotFound("no blob %s", HexEncode(sha256));
  return found->second;
}

absl::StatusOr<std::vector<Hash32>> MemoryLedgerShelf::Blobs() {
  std::vector<Hash32> all;
  for (const auto& [sha256, text] : now_.blobs) all.push_back(sha256);
  return all;
}

absl::StatusOr<std::string> MemoryLedgerShelf::Head() {
  if (now_.head.empty()) return NotFound("the ledger has no head");
  return now_.head;
}

absl::StatusOr<std::vector<StoredCosignature>> MemoryLedgerShelf::Cosignatures(std::uint64_t size) {
  std::vector<StoredCosignature> all;
  for (const auto& [witness, cosignature] : now_.cosignatures)
    if (cosignature.size == size) all.push_back(cosignature);
  return all;
}

absl::Status MemoryLedgerShelf::AddLeaf(std::uint64_t index, const std::string& name,
                                        ByteView leaf) {
  if (index != now_.leaves.size()) return AlreadyExists("the ledger has an entry %d", index);
  Changing().leaves.emplace_back(leaf.begin(), leaf.end());
  now_.names[name] = index;
  return absl::OkStatus();
}

absl::Status MemoryLedgerShelf::AddHash(int level, std::uint64_t index, const Hash32& hash) {
  Changing().hashes[{level, index}] = hash;
  return absl::OkStatus();
}

absl::Status MemoryLedgerShelf::AddBlob(const Hash32& sha256, const std::string& text) {
  Changing().blobs[sha256] = text;
  return absl::OkStatus();
}

absl::Status MemoryLedgerShelf::SetHead(const std::string& note) {
  Changing().head = note;
  return absl::OkStatus();
}

absl::Status MemoryLedgerShelf::SetCosignature(const StoredCosignature& cosignature) {
  Changing().cosignatures[cosignature.witness] = cosignature;
  return absl::OkStatus();
}

void MemoryLedgerShelf::Keep() { before_.reset(); }

void MemoryLedgerShelf::Drop() {
  if (before_) now_ = *std::move(before_);
  before_.reset();
}

}  // namespace veilsum::coordinator
