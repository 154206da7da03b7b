// The client's own count of what it has spent, kept apart from everything a coordinator says
// (SE-07, SE-09, SE-10; SA-17). One SQLite file, synchronous=FULL: an attempt is on disk as spent
// before the first byte that depends on it leaves.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "base/bytes.h"

namespace veilsum::client {

// What one contract may take from a block of data, in Renyi divergence at the block's order a*
// (differential-privacy review, section 4). Decimal texts such as "0.0125"; held as integers of
// 1e-18, what is charged rounded up.
struct BlockCharge {
  std::string block;        // the name of the block: data epoch and purpose
  std::string cap;          // B: the block's total; fixed when the block is first named
  std::string per_attempt;  // r
};
struct BlockTotals {
  std::string cap, reserved, spent;  // reserved: approved and not yet spent
};

struct OdometerEntry {
  std::uint64_t attempts_max = 0;
  std::uint64_t spent_through = 0;  // the highest attempt spent; 0: none
  std::uint64_t attempts =
      0;  // how many are spent: at most spent_through, since a client may miss batches
};

// Thread-safe; calls are serialised inside. NotFound: the contract was never approved here.
class Odometer {
 public:
  // Opens or creates the file. Unavailable: another process of this merchant has it open. DataLoss:
  // corrupt.
  static absl::StatusOr<std::unique_ptr<Odometer>> Open(const std::filesystem::path& file);
  virtual ~Odometer() = default;

  // Durable. The same approval again is OK; another attempts_max or charge for the same contract is
  // AlreadyExists. ResourceExhausted: the block cannot hold attempts_max more. InvalidArgument:
  // attempts_max is 0, or a bad amount.
  virtual absl::Status Approve(const Hash32& contract, std::uint64_t attempts_max,
                               const std::optional<BlockCharge>& charge = std::nullopt) = 0;
  virtual absl::StatusOr<OdometerEntry> Load(const Hash32& contract) = 0;
  virtual absl::StatusOr<std::uint64_t> SpentThrough(const Hash32& contract) = 0;
  // Marks first..last as spent, durably, before it returns OK. FailedPrecondition: first <=
  // spent_through, so that no attempt is ever used twice (SA-15). ResourceExhausted: last >
  // attempts_max, or the contract is closed.
  virtual absl::Status Spend(const Hash32& contract, std::uint64_t first, std::uint64_t last) = 0;
  // No more spending under the contract; what its reservation has left returns to the block, what
  // is spent stays.
  virtual absl::Status CloseContract(const Hash32& contract) = 0;
  // NotFound: no contract has named the block.
  virtual absl::StatusOr<BlockTotals> Totals(const std::string& block) = 0;
};

}  // namespace veilsum::client
