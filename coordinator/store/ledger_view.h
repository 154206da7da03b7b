// What the coordinator shows of its ledger: the head, entries with their proofs, cosignatures of
// witnesses. The store behind it appends an entry in the transaction of the change that it tells
// of.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "base/tlog/checkpoint.h"
#include "base/tlog/merkle.h"

namespace veilsum::coordinator {

// Who writes the ledger of which federation.
struct LedgerOptions {
  std::string federation;                       // trust domain
  std::string actor;                            // SPIFFE URI of the coordinator
  Hash32 root_ca{};                             // SHA-256 of the root's DER
  std::shared_ptr<const Ed25519Signer> signer;  // of entries and checkpoints
  Hash32 binary{}, config{};                    // SHA-256 of the program and of its configuration
  std::function<std::chrono::system_clock::time_point()> now = std::chrono::system_clock::now;
};

struct ProvedLeaf {
  std::uint64_t index = 0;
  Bytes leaf;
  tlog::Proof proof;
};

// Thread-safe. Errors besides those named are the store's.
class LedgerView {
 public:
  virtual ~LedgerView() = default;
  virtual tlog::Checkpoint Head() = 0;
  // The head as signed, with the cosignatures of exactly this head that are known.
  virtual absl::StatusOr<tlog::Note> SignedHead() = 0;
  virtual absl::StatusOr<Bytes> Leaf(std::uint64_t index) = 0;
  // The last entry of `type` about `subject` (ledger_entries.h). NotFound: there is none.
  virtual absl::StatusOr<std::uint64_t> Find(const std::string& type,
                                             const std::string& subject) = 0;
  // In the tree of the first `size` entries. InvalidArgument: index >= size.
  virtual absl::StatusOr<ProvedLeaf> Prove(std::uint64_t index, std::uint64_t size) = 0;
  // InvalidArgument: old_size > size.
  virtual absl::StatusOr<tlog::Proof> ProveConsistency(std::uint64_t old_size,
                                                       std::uint64_t size) = 0;
  // A plan, a contract or a list of names. NotFound: no such blob.
  virtual absl::StatusOr<std::string> Blob(const Hash32& sha256) = 0;
  virtual absl::StatusOr<std::vector<Hash32>> Blobs() = 0;  // ascending
  // Takes a witness's latest cosignature, which the caller has verified. Durable with the next
  // entry or after KeepCosignatures; one that a crash loses is still in its witness's own store.
  virtual void AddCosignature(std::uint64_t size, const tlog::VerifierKey& witness,
                              const tlog::NoteSignature& signature) = 0;
  virtual absl::Status KeepCosignatures() = 0;
};

// Whether a coordinator's database has a ledger, before its key is needed. False: no such file, or
// one of a time before there was a ledger.
absl::StatusOr<bool> HasLedger(const std::filesystem::path& store);

}  // namespace veilsum::coordinator
