#include "base/tlog/checkpoint.h"

#include <algorithm>

#include "base/base64.h"
#include "base/tlog/decimal.h"

namespace veilsum::tlog {
namespace {

constexpr std::size_t kTimeBytes = 8;

std::string CosignedMessage(const std::string& text, std::uint64_t time) {
  return absl::StrFormat("cosignature/v1\ntime %d\n%s", time, text);
}

absl::StatusOr<std::uint64_t> TimeOf(ByteView signature) {
  if (signature.size() != kTimeBytes + 64) return InvalidArgument("not a cosignature");
  std::uint64_t time = 0;
  for (const std::uint8_t byte : signature.first(kTimeBytes)) time = time << 8 | byte;
  if (time >> 63 != 0) return InvalidArgument("not a cosignature's time");
  return time;
}

}  // namespace

std::string Checkpoint::ToText() const {
  return absl::StrFormat("%s\n%d\n%s\n", origin, size, Base64Encode(root));
}

absl::StatusOr<Checkpoint> Checkpoint::Parse(std::string_view text) {
  Checkpoint out;
  const std::size_t first = text.find('\n');
  const std::size_t second = first == std::string_view::npos ? first : text.find('\n', first + 1);
  if (second == std::string_view::npos || first == 0)
    return InvalidArgument("checkpoint: not three lines");
  out.origin = text.substr(0, first);
  VEILSUM_ASSIGN_OR_RETURN(out.size, ParseDecimal(text.substr(first + 1, second - first - 1)));
  std::string_view root = text.substr(second + 1);
  if (!root.ends_with('\n')) return InvalidArgument("checkpoint: not three lines");
  root.remove_suffix(1);
  VEILSUM_ASSIGN_OR_RETURN(const Bytes bytes, Base64Decode(root));
  VEILSUM_ASSIGN_OR_RETURN(out.root, ParseFixed<32>("root", bytes));
  return out;
}

Note SignCheckpoint(const Checkpoint& checkpoint, const VerifierKey& key,
                    const Ed25519Signer& signer) {
  VEILSUM_CHECK(key.name() == checkpoint.origin);
  Note note;
  note.text = checkpoint.ToText();
  note.signatures.push_back(SignNote(note.text, key, signer));
  return note;
}

absl::StatusOr<Checkpoint> OpenCheckpoint(const Note& note, const VerifierKey& log) {
  VEILSUM_RETURN_IF_ERROR(VerifyNote(note, log));
  VEILSUM_ASSIGN_OR_RETURN(Checkpoint checkpoint, Checkpoint::Parse(note.text));
  if (checkpoint.origin != log.name())
    return InvalidArgument("checkpoint of %s, must be of %s", checkpoint.origin, log.name());
  return checkpoint;
}

NoteSignature Cosign(const std::string& text, UnixTime time, const VerifierKey& key,
                     const Ed25519Signer& signer) {
  VEILSUM_CHECK(key.type() == KeyType::kCosignature && key.key() == signer.public_key());
  const auto seconds = static_cast<std::uint64_t>(time.time_since_epoch().count());
  NoteSignature out{key.name(), key.id(), Bytes(kTimeBytes)};
  for (std::size_t i = 0; i < kTimeBytes; ++i)
    out.signature[i] = static_cast<std::uint8_t>(seconds >> (8 * (kTimeBytes - 1 - i)));
  const Ed25519Signature signature = signer.Sign(AsBytes(CosignedMessage(text, seconds)));
  out.signature.insert(out.signature.end(), signature.begin(), signature.end());
  return out;
}

absl::StatusOr<UnixTime> VerifyCosignature(const Note& note, const VerifierKey& witness) {
  if (witness.type() != KeyType::kCosignature)
    return InvalidArgument("the key of %s is not a witness's", witness.name());
  const std::vector<const NoteSignature*> own = note.SignaturesOf(witness);
  if (own.empty()) return NotFound("no cosignature of %s", witness.name());
  std::uint64_t latest = 0;
  for (const NoteSignature* one : own) {
    const absl::StatusOr<std::uint64_t> time = TimeOf(one->signature);
    if (!time.ok()) return DataLoss("the cosignature of %s is wrong", witness.name());
    const auto signature = ParseFixed<64>("", ByteView(one->signature).subspan(kTimeBytes));
    if (!Ed25519Verify(witness.key(), AsBytes(CosignedMessage(note.text, *time)), *signature))
      return DataLoss("the cosignature of %s is wrong", witness.name());
    latest = std::max(latest, *time);
  }
  return UnixTime(std::chrono::seconds(latest));
}

}  // namespace veilsum::tlog
