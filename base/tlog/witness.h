// A witness of logs (c2sp.org/tlog-witness): remembers the largest head it has seen of each, and
// cosigns a new one only once it is proved to continue that. Pure but for its memory.
#pragma once

#include <memory>
#include <optional>

#include "base/tlog/checkpoint.h"
#include "base/tlog/merkle.h"

namespace veilsum::tlog {

struct SeenHead {
  std::uint64_t size = 0;
  Hash32 root = EmptyRoot();
  friend bool operator==(const SeenHead&, const SeenHead&) = default;
};

// Where a witness remembers. Advance is durable when it returns, and fails with Aborted unless the
// head of `origin` still is `old` (of a log never seen: SeenHead()).
class WitnessMemory {
 public:
  virtual ~WitnessMemory() = default;
  virtual absl::StatusOr<SeenHead> Load(const std::string& origin) = 0;
  virtual absl::Status Advance(const std::string& origin, const SeenHead& old,
                               const SeenHead& seen) = 0;
};

class Witness {
 public:
  // `key` is the public half of `signer`, of type kCosignature. The memory must outlive it.
  Witness(VerifierKey key, std::shared_ptr<const Ed25519Signer> signer, WitnessMemory& memory);

  // A cosignature of `note`, a checkpoint of `log` that continues a tree of `old_size` leaves by
  // `proof`. NotFound: not signed by that log. FailedPrecondition: old_size is not what was seen
  // last: prove again from there (LastSize). DataLoss: a wrong signature or proof, another root for
  // a size that was seen, or a smaller size: a split view or a rollback, of which the message tells
  // the sizes and roots. Nothing is remembered unless it is cosigned.
  absl::StatusOr<NoteSignature> Check(const Note& note, const VerifierKey& log,
                                      std::uint64_t old_size, const Proof& proof, UnixTime now);
  absl::StatusOr<std::uint64_t> LastSize(const std::string& origin);
  const VerifierKey& key() const { return key_; }

 private:
  VerifierKey key_;
  std::shared_ptr<const Ed25519Signer> signer_;
  WitnessMemory& memory_;
};

}  // namespace veilsum::tlog
