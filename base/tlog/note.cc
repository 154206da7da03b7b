#include "base/tlog/note.h"

#include <algorithm>

#include "base/base64.h"
#include "base/canonical_json.h"
#include "base/crypto/sha256.h"

namespace veilsum::tlog {
namespace {

constexpr std::string_view kDash = "\xE2\x80\x94 ";  // U+2014, space
constexpr std::size_t kMaxSignatures = 100, kMaxNoteBytes = 64 * 1024;

// Unicode's other spaces are refused with the rest of what is not ASCII: our names are URLs.
bool IsName(std::string_view name) {
  return !name.empty() &&
         std::ranges::all_of(name, [](char c) { return c > ' ' && c < 0x7f && c != '+'; });
}

bool IsUtf8(std::string_view text) { return EncodeCanonical(Json(text)).ok(); }

ByteArray<33> Typed(KeyType type, const Ed25519PublicKey& key) {
  ByteArray<33> bytes{static_cast<std::uint8_t>(type)};
  std::copy(key.begin(), key.end(), bytes.begin() + 1);
  return bytes;
}

std::uint32_t BigEndian32(ByteView bytes) {
  std::uint32_t value = 0;
  for (const std::uint8_t byte : bytes.first(4)) value = value << 8 | byte;
  return value;
}

ByteArray<4> BigEndian(std::uint32_t value) {
  return {static_cast<std::uint8_t>(value >> 24), static_cast<std::uint8_t>(value >> 16),
          static_cast<std::uint8_t>(value >> 8), static_cast<std::uint8_t>(value)};
}

std::uint32_t KeyId(const std::string& name, KeyType type, const Ed25519PublicKey& key) {
  return BigEndian32(Sha256(name + "\n" + std::string(AsText(Typed(type, key)))));
}

absl::StatusOr<NoteSignature> ParseSignature(std::string_view line) {
  const absl::Status wrong = InvalidArgument("note: not a signature line");
  if (!line.starts_with(kDash)) return wrong;
  line.remove_prefix(kDash.size());
  const std::size_t space = line.find(' ');
  if (space == std::string_view::npos || space == 0) return wrong;
  const absl::StatusOr<Bytes> bytes = Base64Decode(line.substr(space + 1));
  if (!bytes.ok() || bytes->size() < 5) return wrong;
  return NoteSignature{std::string(line.substr(0, space)), BigEndian32(*bytes),
                       Bytes(bytes->begin() + 4, bytes->end())};
}

}  // namespace

VerifierKey::VerifierKey(std::string name, KeyType type, const Ed25519PublicKey& key)
    : name_(std::move(name)), type_(type), key_(key), id_(KeyId(name_, type, key)) {}

absl::StatusOr<VerifierKey> VerifierKey::Create(std::string name, KeyType type,
                                                const Ed25519PublicKey& key) {
  if (!IsName(name)) return InvalidArgument("key name \"%s\" cannot be used in a note", name);
  return VerifierKey(std::move(name), type, key);
}

absl::StatusOr<VerifierKey> VerifierKey::Parse(std::string_view vkey) {
  const absl::Status wrong = InvalidArgument("not a verifier key: <name>+<id>+<base64>");
  const std::size_t first = vkey.find('+');
  if (first == std::string_view::npos || vkey.size() < first + 10 || vkey[first + 9] != '+')
    return wrong;
  const absl::StatusOr<Bytes> bytes = Base64Decode(vkey.substr(first + 10));
  if (!bytes.ok() || bytes->size() != 33) return wrong;
  const auto type = static_cast<KeyType>(bytes->front());
  if (type != KeyType::kEd25519 && type != KeyType::kCosignature)
    return InvalidArgument("verifier key of type %d, must be 1 or 4", bytes->front());
  VEILSUM_ASSIGN_OR_RETURN(const Ed25519PublicKey key,
                           ParseFixed<32>("key", ByteView(*bytes).subspan(1)));
  VEILSUM_ASSIGN_OR_RETURN(VerifierKey out, Create(std::string(vkey.substr(0, first)), type, key));
  if (HexEncode(BigEndian(out.id())) != vkey.substr(first + 1, 8))
    return InvalidArgument("verifier key of %s: the id is not that of the key", out.name());
  return out;
}

std::string VerifierKey::ToString() const {
  return name_ + "+" + HexEncode(BigEndian(id_)) + "+" + Base64Encode(Typed(type_, key_));
}

absl::StatusOr<Note> Note::Parse(std::string_view note) {
  if (note.size() > kMaxNoteBytes)
    return InvalidArgument("note: more than %d bytes", kMaxNoteBytes);
  if (!IsUtf8(note) ||
      std::ranges::any_of(note, [](char c) { return c >= 0 && c < ' ' && c != '\n'; }))
    return InvalidArgument("note: control characters, or not UTF-8");
  const std::size_t end = note.rfind("\n\n");
  if (end == std::string_view::npos || note.back() != '\n')
    return InvalidArgument("note: no signatures after an empty line");
  Note out;
  out.text = note.substr(0, end + 1);
  for (std::string_view lines = note.substr(end + 2); !lines.empty();) {
    const std::size_t newline = lines.find('\n');
    VEILSUM_ASSIGN_OR_RETURN(NoteSignature signature, ParseSignature(lines.substr(0, newline)));
    if (out.signatures.size() == kMaxSignatures)
      return InvalidArgument("note: more than %d signatures", kMaxSignatures);
    out.signatures.push_back(std::move(signature));
    lines.remove_prefix(newline + 1);
  }
  if (out.signatures.empty()) return InvalidArgument("note: no signatures after an empty line");
  return out;
}

std::string Note::ToString() const {
  std::string out = text + "\n";
  for (const NoteSignature& one : signatures) {
    Bytes bytes;
    for (const std::uint8_t byte : BigEndian(one.key_id)) bytes.push_back(byte);
    bytes.insert(bytes.end(), one.signature.begin(), one.signature.end());
    out += std::string(kDash) + one.name + " " + Base64Encode(bytes) + "\n";
  }
  return out;
}

std::vector<const NoteSignature*> Note::SignaturesOf(const VerifierKey& key) const {
  std::vector<const NoteSignature*> out;
  for (const NoteSignature& one : signatures)
    if (one.name == key.name() && one.key_id == key.id()) out.push_back(&one);
  return out;
}

NoteSignature SignNote(const std::string& text, const VerifierKey& key,
                       const Ed25519Signer& signer) {
  VEILSUM_CHECK(key.type() == KeyType::kEd25519 && key.key() == signer.public_key());
  const Ed25519Signature signature = signer.Sign(AsBytes(text));
  return {key.name(), key.id(), Bytes(signature.begin(), signature.end())};
}

absl::Status VerifyNote(const Note& note, const VerifierKey& key) {
  if (key.type() != KeyType::kEd25519)
    return InvalidArgument("the key of %s is a witness's", key.name());
  const std::vector<const NoteSignature*> own = note.SignaturesOf(key);
  if (own.empty()) return NotFound("no signature of %s", key.name());
  for (const NoteSignature* one : own) {
    const absl::StatusOr<Ed25519Signature> signature = ParseFixed<64>("signature", one->signature);
    if (!signature.ok() || !Ed25519Verify(key.key(), AsBytes(note.text), *signature))
      return DataLoss("the signature of %s is wrong", key.name());
  }
  return absl::OkStatus();
}

}  // namespace veilsum::tlog
