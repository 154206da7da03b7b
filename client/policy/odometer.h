// The client's own count of what it has spent, kept apart from everything a coordinator says
// (SE-07, SE-09, SE-10; SA-17). One SQLite file, synchronous=FULL: an attempt is on disk as spent
// before the first byte that depends on it leaves. Processes of one merchant may have it open side
// by side: every call that changes it reads what it goes by in the same transaction, and nothing is
// remembered in between. Who trains holds LockForTraining besides.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/file_lock.h"
#include "base/secret.h"
#include "dp/ledger/budget_filter.h"

namespace veilsum::client {

// What one contract takes from a block of data (merchant x customers x data epoch): its sums in the
// order of their rounds, round 1 being the first attempt of the first sum of the first block
// (differential-privacy review, section 4).
struct SumCharge {
  std::string purpose;            // unique in the contract
  dp::AttemptCharge per_attempt;  // at the block's order a*
  std::uint64_t attempts = 0;     // attempts_max of the sum
};
struct BlockCharge {
  std::string block;
  dp::BlockBudget budget;       // fixed when the block is first named
  std::vector<SumCharge> sums;  // over all blocks, their attempts add up to the contract's
};
struct BlockTotals {
  dp::BlockBudget budget;
  double limit, reserved, spent;  // Renyi divergence at a*; reserved: approved and not yet spent
  double epsilon_spent;           // what is spent gives this epsilon at the budget's delta
};

// A data epoch (SE-32): new data of which nobody has been charged yet, with blocks of their own.
// Rule: a customer's rows belong to the epoch in which the customer was first used, and never to
// another.
struct DataEpoch {
  std::uint64_t number = 1;
  std::string reason;           // why the merchant opened it; empty for the first
  std::int64_t opened = 0;      // seconds since 1970; 0 for the first
  std::uint64_t customers = 0;  // that belong to it
};

// A merchant's bit on a release, once it is drawn (docs/rollout.md, "The merchant's veto").
struct KeptVote {
  std::string release, stage;
  bool bit = false;                  // as it is sent
  std::uint32_t epsilon_millis = 0;  // of the randomised response; 0: sent as it is, unprotected
  friend bool operator==(const KeptVote&, const KeptVote&) = default;
};

struct OdometerEntry {
  std::uint64_t attempts_max = 0;
  std::uint64_t spent_through = 0;  // the highest attempt spent; 0: none
  std::uint64_t attempts =
      0;  // how many are spent: at most spent_through, since a client may miss batches
};

// One process of a merchant trains, or opens a data epoch, at a time: <odometer>.lock is held for
// as long. Unavailable: another one does.
absl::StatusOr<FileLock> LockForTraining(const std::filesystem::path& odometer);

// Thread-safe; calls are serialised inside. NotFound: the contract was never approved here.
class Odometer {
 public:
  // Opens or creates the file. Unavailable: another process writes for longer than half a minute.
  // DataLoss: corrupt. `vfs`: a registered SQLite VFS by name, for fault tests.
  static absl::StatusOr<std::unique_ptr<Odometer>> Open(const std::filesystem::path& file,
                                                        const char* vfs = nullptr);
  virtual ~Odometer() = default;

  // Durable before it returns OK: what `charges` need is then reserved, and no other contract can
  // have it. The same approval again is OK; another attempts_max or other charges for the same
  // contract are AlreadyExists. ResourceExhausted: a block cannot hold its part (nothing is
  // reserved in any). InvalidArgument: attempts_max is 0, the charges' attempts are others, a block
  // has another budget, or a number has no meaning. FailedPrecondition: a block is of a data epoch
  // that is not the open one.
  virtual absl::Status Approve(const Hash32& contract, std::uint64_t attempts_max,
                               std::span<const BlockCharge> charges) = 0;
  // Without a charge, or with one.
  absl::Status Approve(const Hash32& contract, std::uint64_t attempts_max,
                       const std::optional<BlockCharge>& charge = std::nullopt) {
    return charge ? Approve(contract, attempts_max, std::span(&*charge, 1))
                  : Approve(contract, attempts_max, std::span<const BlockCharge>());
  }
  virtual absl::StatusOr<OdometerEntry> Load(const Hash32& contract) = 0;
  virtual absl::StatusOr<std::uint64_t> SpentThrough(const Hash32& contract) = 0;
  // Marks first..last as spent, durably, before it returns OK. FailedPrecondition: first <=
  // spent_through, so that no attempt is ever used twice (SA-15). ResourceExhausted: last >
  // attempts_max, or the contract is closed.
  virtual absl::Status Spend(const Hash32& contract, std::uint64_t first, std::uint64_t last) = 0;
  // No more spending under the contract; what its reservation has left returns to the block, what
  // is spent stays.
  virtual absl::Status CloseContract(const Hash32& contract) = 0;
  // This merchant's own secret for dividing its customers into groups (DP-15), made when it is
  // first asked for and the same ever after, so that a restart moves nobody. Not noise and not a
  // coin: whoever has it learns groups only.
  virtual absl::StatusOr<Secret<32>> GroupingSecret() = 0;
  // In the order of their numbers; there is always the first. The last one is open, the others are
  // closed for good.
  virtual absl::StatusOr<std::vector<DataEpoch>> Epochs() = 0;
  // Opens the next epoch, durably, by this merchant's own decision. All contracts are closed with
  // it: nothing is ever spent in an older epoch again. Not while another process trains: it may
  // have chosen its customers already. InvalidArgument: no reason, or more than
  // 1024 bytes of it.
  virtual absl::StatusOr<DataEpoch> OpenEpoch(const std::string& reason, std::int64_t now) = 0;
  // Which of these customers' rows belong to the open epoch: those of nobody yet do from now on,
  // durably; those of a closed epoch never will. Kept as keyed hashes of the ids.
  virtual absl::StatusOr<std::vector<bool>> ClaimCustomers(std::span<const std::string> ids) = 0;
  // The blocks that contracts have named, by name.
  virtual absl::StatusOr<std::vector<std::string>> Blocks() = 0;
  // Both NotFound: no contract has named the block.
  virtual absl::StatusOr<dp::BlockBudget> Budget(const std::string& block) = 0;
  virtual absl::StatusOr<BlockTotals> Totals(const std::string& block) = 0;
  // Durable before it returns. The same vote again is OK; another on the same release and stage is
  // AlreadyExists.
  virtual absl::Status KeepVote(const KeptVote& vote) = 0;
  virtual absl::StatusOr<std::vector<KeptVote>>
  Votes() = 0;  // in the order in which they were kept
};

}  // namespace veilsum::client
