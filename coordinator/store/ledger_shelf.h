// Where a ledger's bytes are kept, as part of a store. Writes belong to the store's transaction.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/tlog/merkle.h"

namespace veilsum::coordinator {

// A witness's cosignature of the head of `size` entries.
struct StoredCosignature {
  std::uint64_t size = 0;
  std::string witness;  // verifier key
  Bytes signature;
};

// HashReader: of complete subtrees, which AddHash has added.
class LedgerShelf : public tlog::HashReader {
 public:
  virtual absl::StatusOr<std::uint64_t> Count() = 0;
  virtual absl::StatusOr<Bytes> Leaf(std::uint64_t index) = 0;
  virtual absl::StatusOr<std::uint64_t> Find(const std::string& name) = 0;  // the last of that name
  virtual absl::StatusOr<std::string> Blob(const Hash32& sha256) = 0;
  virtual absl::StatusOr<std::vector<Hash32>> Blobs() = 0;  // ascending
  virtual absl::StatusOr<std::string> Head() = 0;           // NotFound before the first
  virtual absl::StatusOr<std::vector<StoredCosignature>> Cosignatures(std::uint64_t size) = 0;

  virtual absl::Status AddLeaf(std::uint64_t index, const std::string& name, ByteView leaf) = 0;
  virtual absl::Status AddHash(int level, std::uint64_t index, const Hash32& hash) = 0;
  virtual absl::Status AddBlob(const Hash32& sha256, const std::string& text) = 0;  // again: OK
  virtual absl::Status SetHead(const std::string& note) = 0;
  virtual absl::Status SetCosignature(const StoredCosignature& cosignature) = 0;  // one a witness
  // For writes outside of the store's own transactions: all of them or none.
  virtual absl::Status InTransaction(const std::function<absl::Status()>& writes) {
    return writes();
  }
  virtual void Keep() {}  // the transaction is durable
  virtual void Drop() {}  // it was given up
};

// Forgets on destruction; what is added shows at once and goes again with Drop.
class MemoryLedgerShelf final : public LedgerShelf {
 public:
  absl::StatusOr<Hash32> Read(int level, std::uint64_t index) override;
  absl::StatusOr<std::uint64_t> Count() override { return now_.leaves.size(); }
  absl::StatusOr<Bytes> Leaf(std::uint64_t index) override;
  absl::StatusOr<std::uint64_t> Find(const std::string& name) override;
  absl::StatusOr<std::string> Blob(const Hash32& sha256) override;
  absl::StatusOr<std::vector<Hash32>> Blobs() override;
  absl::StatusOr<std::string> Head() override;
  absl::StatusOr<std::vector<StoredCosignature>> Cosignatures(std::uint64_t size) override;
  absl::Status AddLeaf(std::uint64_t index, const std::string& name, ByteView leaf) override;
  absl::Status AddHash(int level, std::uint64_t index, const Hash32& hash) override;
  absl::Status AddBlob(const Hash32& sha256, const std::string& text) override;
  absl::Status SetHead(const std::string& note) override;
  absl::Status SetCosignature(const StoredCosignature& cosignature) override;
  void Keep() override;
  void Drop() override;

 private:
  struct Contents {
    std::vector<Bytes> leaves;
    std::map<std::string, std::uint64_t> names;
    std::map<std::pair<int, std::uint64_t>, Hash32> hashes;
    std::map<Hash32, std::string> blobs;
    std::string head;
    std::map<std::string, StoredCosignature> cosignatures;
  };
  Contents& Changing();  // remembers what was, once a transaction
  Contents now_;
  std::optional<Contents> before_;
};

}  // namespace veilsum::coordinator
