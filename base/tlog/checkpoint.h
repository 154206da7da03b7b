// A log's signed statement of its size and root (c2sp.org/tlog-checkpoint), and a witness's
// statement that it has seen the log grow up to there and never otherwise
// (c2sp.org/tlog-cosignature, Ed25519).
#pragma once

#include <chrono>

#include "base/tlog/note.h"

namespace veilsum::tlog {

struct Checkpoint {
  std::string origin;  // the log's name, and that of its key
  std::uint64_t size = 0;
  Hash32 root{};
  friend bool operator==(const Checkpoint&, const Checkpoint&) = default;

  // The note's text: three lines.
  std::string ToText() const;
  // InvalidArgument: another form. Extension lines are refused: nobody audits what they say.
  static absl::StatusOr<Checkpoint> Parse(std::string_view text);
};

// The note with the log's own signature. `key`'s name is the origin.
Note SignCheckpoint(const Checkpoint& checkpoint, const VerifierKey& key,
                    const Ed25519Signer& signer);
// What the note says, once the log's signature holds. As VerifyNote and Checkpoint::Parse;
// InvalidArgument also when the origin is not the key's name.
absl::StatusOr<Checkpoint> OpenCheckpoint(const Note& note, const VerifierKey& log);

using UnixTime = std::chrono::sys_seconds;

// `text` is a checkpoint's, which the witness has checked; `key` of type kCosignature.
NoteSignature Cosign(const std::string& text, UnixTime time, const VerifierKey& key,
                     const Ed25519Signer& signer);
// When the witness cosigned; the latest, if it did so often. NotFound: it did not. DataLoss: a
// cosignature of it is wrong. InvalidArgument: not a witness's key.
absl::StatusOr<UnixTime> VerifyCosignature(const Note& note, const VerifierKey& witness);

}  // namespace veilsum::tlog
