// Signed notes (c2sp.org/signed-note): text that one or more keys have signed, readable by people.
// Keys are Ed25519 of two types: plain signatures of a log, and a witness's timestamped
// cosignatures (c2sp.org/tlog-cosignature). Signatures of other keys are kept and ignored.
#pragma once

#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/crypto/ed25519.h"

namespace veilsum::tlog {

enum class KeyType : std::uint8_t { kEd25519 = 0x01, kCosignature = 0x04 };

// A public key with the name that it signs under; written "<name>+<id>+<base64(type, key)>".
class VerifierKey {
 public:
  // InvalidArgument: the name is empty or has a space, '+' or control character.
  static absl::StatusOr<VerifierKey> Create(std::string name, KeyType type,
                                            const Ed25519PublicKey& key);
  // InvalidArgument: another form, type or id than the name and key have.
  static absl::StatusOr<VerifierKey> Parse(std::string_view vkey);
  std::string ToString() const;

  const std::string& name() const { return name_; }
  KeyType type() const { return type_; }
  const Ed25519PublicKey& key() const { return key_; }
  std::uint32_t id() const { return id_; }  // not a hash to rely on: it only finds the key

 private:
  VerifierKey(std::string name, KeyType type, const Ed25519PublicKey& key);
  std::string name_;
  KeyType type_;
  Ed25519PublicKey key_;
  std::uint32_t id_;
};

struct NoteSignature {
  std::string name;
  std::uint32_t key_id = 0;
  Bytes signature;  // Ed25519: 64 bytes; cosignature: u64 time, big-endian, before them
};

struct Note {
  // InvalidArgument: not UTF-8, control characters, no signature, more than 100 of them, or larger
  // than 64 KiB. Nothing is verified.
  static absl::StatusOr<Note> Parse(std::string_view note);
  std::string ToString() const;
  // Those under `key`'s name and id.
  std::vector<const NoteSignature*> SignaturesOf(const VerifierKey& key) const;

  std::string text;  // with its last newline
  std::vector<NoteSignature> signatures;
};

// A plain signature by the key whose public half is `key`.
NoteSignature SignNote(const std::string& text, const VerifierKey& key,
                       const Ed25519Signer& signer);
// NotFound: no signature of `key`. DataLoss: one of them is wrong. InvalidArgument: not a plain
// key.
absl::Status VerifyNote(const Note& note, const VerifierKey& key);

}  // namespace veilsum::tlog
