// The budgets of blocks of data, as rows of the odometer's file: what each contract has reserved
// and spent. Admission is dp::BudgetFilter's, replayed from the rows in the order in which they
// were made, so that the file alone proves that no two runs together exceed a block. Used inside
// the odometer's transactions only.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/sqlite/database.h"
#include "client/policy/odometer.h"
#include "dp/ledger/budget_filter.h"

namespace veilsum::client {

class BlockStore {
 public:
  explicit BlockStore(sqlite::Database& db) : db_(db) {}

  absl::StatusOr<std::vector<std::string>> Names();  // ascending
  // NotFound: no contract has named the block.
  absl::StatusOr<dp::BlockBudget> Budget(std::string_view block);
  // Every sum of `charge`, the first of them beginning at `first_round`; after an error the
  // transaction must be given up. ResourceExhausted with the numbers when the block cannot hold it;
  // InvalidArgument when the block has another budget.
  absl::Status Reserve(const Hash32& contract, const BlockCharge& charge,
                       std::uint64_t first_round);
  // Moves rounds first..last of the contract from reserved to spent; nothing without reservations.
  absl::Status Spend(const Hash32& contract, std::uint64_t first, std::uint64_t last);
  // Gives back what is reserved and not spent, for good.
  absl::Status Close(const Hash32& contract);
  // Whether the contract's reservations are exactly these (nothing: none).
  absl::StatusOr<bool> IsReserved(const Hash32& contract, std::span<const BlockCharge> charges);
  absl::StatusOr<BlockTotals> Totals(std::string_view block);

 private:
  absl::StatusOr<dp::BudgetFilter> Replay(std::string_view block);
  absl::Status Create(const BlockCharge& charge);
  sqlite::Database& db_;
};

}  // namespace veilsum::client
