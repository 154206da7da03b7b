#include "base/tlog/witness.h"

namespace veilsum::tlog {
namespace {

absl::Status Split(const Checkpoint& shown, const SeenHead& seen) {
  return DataLoss("%s shows size %d, root %s; size %d, root %s was seen before", shown.origin,
                  shown.size, HexEncode(shown.root), seen.size, HexEncode(seen.root));
}

}  // namespace

Witness::Witness(VerifierKey key, std::shared_ptr<const Ed25519Signer> signer,
                 WitnessMemory& memory)
    : key_(std::move(key)), signer_(std::move(signer)), memory_(memory) {
  VEILSUM_CHECK(key_.type() == KeyType::kCosignature && key_.key() == signer_->public_key());
}

absl::StatusOr<NoteSignature> Witness::Check(const Note& note, const VerifierKey& log,
                                             std::uint64_t old_size, const Proof& proof,
                                             UnixTime now) {
  VEILSUM_ASSIGN_OR_RETURN(const Checkpoint shown, OpenCheckpoint(note, log));
  VEILSUM_ASSIGN_OR_RETURN(const SeenHead seen, memory_.Load(shown.origin));
  if (shown.size < seen.size) return Split(shown, seen);
  if (shown.size == seen.size && shown.root != seen.root) return Split(shown, seen);
  if (old_size != seen.size)
    return FailedPrecondition("the proof is from size %d, must be from %d", old_size, seen.size);
  if (!VerifyConsistency(old_size, seen.root, shown.size, shown.root, proof).ok())
    return Split(shown, seen);
  const SeenHead head{shown.size, shown.root};
  if (head != seen) VEILSUM_RETURN_IF_ERROR(memory_.Advance(shown.origin, seen, head));
  return Cosign(note.text, now, key_, *signer_);
}

absl::StatusOr<std::uint64_t> Witness::LastSize(const std::string& origin) {
  VEILSUM_ASSIGN_OR_RETURN(const SeenHead seen, memory_.Load(origin));
  return seen.size;
}

}  // namespace veilsum::tlog
