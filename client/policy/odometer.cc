#include "client/policy/odometer.h"

#include <mutex>

#include "base/sqlite/database.h"
#include "client/policy/amount.h"

namespace veilsum::client {
namespace {

using sqlite::Database;
using sqlite::Statement;
using sqlite::Transaction;

// Applied migrations are frozen: changes are new ones. Amounts are decimal text
// (client/policy/amount.h).
constexpr sqlite::Migration kMigrations[] = {{1, R"sql(
CREATE TABLE blocks(
  name TEXT PRIMARY KEY,
  cap TEXT NOT NULL,
  reserved TEXT NOT NULL,
  spent TEXT NOT NULL
) STRICT;
CREATE TABLE contracts(
  hash BLOB PRIMARY KEY CHECK(length(hash) = 32),
  attempts_max INTEGER NOT NULL CHECK(attempts_max >= 1),
  spent_through INTEGER NOT NULL DEFAULT 0 CHECK(spent_through <= attempts_max),
  attempts INTEGER NOT NULL DEFAULT 0 CHECK(attempts <= spent_through),
  closed INTEGER NOT NULL DEFAULT 0,
  block TEXT REFERENCES blocks(name),
  per_attempt TEXT
) STRICT;
)sql"}};

struct Contract {
  OdometerEntry entry;
  bool closed = false;
  std::string block;  // empty: none
  std::string per_attempt;
};

struct Block {
  Amount cap, reserved, spent;
};

class SqliteOdometer final : public Odometer {
 public:
  explicit SqliteOdometer(Database db) : db_(std::move(db)) {}

  absl::Status Approve(const Hash32& contract, std::uint64_t attempts_max,
                       const std::optional<BlockCharge>& charge) override {
    const std::lock_guard lock(mutex_);
    if (attempts_max == 0 || attempts_max >= std::uint64_t{1} << 53)
      return InvalidArgument("attempts_max is %d, must be 1 to 2^53 - 1", attempts_max);
    if (charge && charge->block.empty()) return InvalidArgument("a block's name cannot be empty");
    VEILSUM_ASSIGN_OR_RETURN(Transaction transaction, Transaction::Begin(db_));
    if (const auto old = Find(contract); old.ok()) return CheckSame(*old, attempts_max, charge);
    std::string per_attempt;
    if (charge) {
      VEILSUM_ASSIGN_OR_RETURN(const Amount each,
                               Amount::Parse(charge->per_attempt, Amount::Rounding::kUp));
      VEILSUM_RETURN_IF_ERROR(Reserve(*charge, each, attempts_max));
      per_attempt = each.ToString();
    }
    VEILSUM_ASSIGN_OR_RETURN(
        Statement insert,
        db_.Prepare(
            "INSERT INTO contracts(hash, attempts_max, block, per_attempt) VALUES(?, ?, ?, ?)"));
    insert.Bind(1, ByteView(contract)).Bind(2, attempts_max);
    if (charge) insert.Bind(3, charge->block).Bind(4, per_attempt);
    VEILSUM_RETURN_IF_ERROR(insert.Run());
    return transaction.Commit();
  }

  absl::StatusOr<OdometerEntry> Load(const Hash32& contract) override {
    const std::lock_guard lock(mutex_);
    VEILSUM_ASSIGN_OR_RETURN(const Contract found, Find(contract));
    return found.entry;
  }

  absl::StatusOr<std::uint64_t> SpentThrough(const Hash32& contract) override {
    VEILSUM_ASSIGN_OR_RETURN(const OdometerEntry entry, Load(contract));
    return entry.spent_through;
  }

  absl::Status Spend(const Hash32& contract, std::uint64_t first, std::uint64_t last) override {
    const std::lock_guard lock(mutex_);
    if (first == 0 || last < first)
      return InvalidArgument("attempts %d to %d are no range from 1", first, last);
    VEILSUM_ASSIGN_OR_RETURN(Transaction transaction, Transaction::Begin(db_));
    VEILSUM_ASSIGN_OR_RETURN(const Contract found, Find(contract));
    if (found.closed) return ResourceExhausted("SA-17: the contract is closed here");
    if (first <= found.entry.spent_through)
      return FailedPrecondition("SA-15: attempt %d was spent before (through %d)", first,
                                found.entry.spent_through);
    if (last > found.entry.attempts_max)
      return ResourceExhausted("SA-17: attempt %d is beyond the contract's %d", last,
                               found.entry.attempts_max);
    if (!found.block.empty()) VEILSUM_RETURN_IF_ERROR(MoveToSpent(found, last - first + 1));
    VEILSUM_ASSIGN_OR_RETURN(
        Statement update,
        db_.Prepare(
            "UPDATE contracts SET spent_through = ?, attempts = attempts + ? WHERE hash = ?"));
    VEILSUM_RETURN_IF_ERROR(
        update.Bind(1, last).Bind(2, last - first + 1).Bind(3, ByteView(contract)).Run());
    return transaction.Commit();
  }

  absl::Status CloseContract(const Hash32& contract) override {
    const std::lock_guard lock(mutex_);
    VEILSUM_ASSIGN_OR_RETURN(Transaction transaction, Transaction::Begin(db_));
    VEILSUM_ASSIGN_OR_RETURN(const Contract found, Find(contract));
    if (found.closed) return absl::OkStatus();
    if (!found.block.empty()) {
      VEILSUM_ASSIGN_OR_RETURN(Block block, FindBlock(found.block));
      VEILSUM_ASSIGN_OR_RETURN(const Amount left,
                               CostOf(found, found.entry.attempts_max - found.entry.attempts));
      block.reserved = block.reserved - left;
      VEILSUM_RETURN_IF_ERROR(Save(found.block, block));
    }
    VEILSUM_ASSIGN_OR_RETURN(Statement update,
                             db_.Prepare("UPDATE contracts SET closed = 1 WHERE hash = ?"));
    VEILSUM_RETURN_IF_ERROR(update.Bind(1, ByteView(contract)).Run());
    return transaction.Commit();
  }

  absl::StatusOr<BlockTotals> Totals(const std::string& name) override {
    const std::lock_guard lock(mutex_);
    VEILSUM_ASSIGN_OR_RETURN(const Block block, FindBlock(name));
    return BlockTotals{block.cap.ToString(), block.reserved.ToString(), block.spent.ToString()};
  }

 private:
  absl::StatusOr<Contract> Find(const Hash32& hash) {
    VEILSUM_ASSIGN_OR_RETURN(
        Statement select,
        db_.Prepare("SELECT attempts_max, spent_through, attempts, closed, block, per_attempt "
                    "FROM contracts WHERE hash = ?"));
    VEILSUM_ASSIGN_OR_RETURN(const bool found, select.Bind(1, ByteView(hash)).Step());
    if (!found) return NotFound("contract %s was never approved here", HexEncode(hash));
    return Contract{{select.Unsigned(0), select.Unsigned(1), select.Unsigned(2)},
                    select.Int(3) != 0,
                    select.Text(4),
                    select.Text(5)};
  }

  absl::StatusOr<Block> FindBlock(const std::string& name) {
    VEILSUM_ASSIGN_OR_RETURN(Statement select,
                             db_.Prepare("SELECT cap, reserved, spent FROM blocks WHERE name = ?"));
    VEILSUM_ASSIGN_OR_RETURN(const bool found, select.Bind(1, name).Step());
    if (!found) return NotFound("no contract has named block %s", name);
    const auto read = [&](int column) {
      return Amount::Parse(select.Text(column), Amount::Rounding::kUp);
    };
    VEILSUM_ASSIGN_OR_RETURN(const Amount cap, read(0));
    VEILSUM_ASSIGN_OR_RETURN(const Amount reserved, read(1));
    VEILSUM_ASSIGN_OR_RETURN(const Amount spent, read(2));
    return Block{cap, reserved, spent};
  }

  absl::Status Save(const std::string& name, const Block& block) {
    VEILSUM_ASSIGN_OR_RETURN(
        Statement save,
        db_.Prepare("INSERT INTO blocks(name, cap, reserved, spent) VALUES(?, ?, ?, ?) "
                    "ON CONFLICT(name) DO UPDATE SET reserved = excluded.reserved, spent = "
                    "excluded.spent"));
    save.Bind(1, name).Bind(2, block.cap.ToString()).Bind(3, block.reserved.ToString());
    return save.Bind(4, block.spent.ToString()).Run();
  }

  static absl::StatusOr<Amount> CostOf(const Contract& contract, std::uint64_t attempts) {
    VEILSUM_ASSIGN_OR_RETURN(const Amount each,
                             Amount::Parse(contract.per_attempt, Amount::Rounding::kUp));
    return each.Times(attempts);
  }

  static absl::Status CheckSame(const Contract& old, std::uint64_t attempts_max,
                                const std::optional<BlockCharge>& charge) {
    std::string block, per_attempt;
    if (charge) {
      VEILSUM_ASSIGN_OR_RETURN(const Amount each,
                               Amount::Parse(charge->per_attempt, Amount::Rounding::kUp));
      block = charge->block;
      per_attempt = each.ToString();
    }
    if (old.entry.attempts_max == attempts_max && old.block == block &&
        old.per_attempt == per_attempt)
      return absl::OkStatus();
    return AlreadyExists("the contract was approved with %d attempts and other charges",
                         old.entry.attempts_max);
  }

  absl::Status Reserve(const BlockCharge& charge, Amount each, std::uint64_t attempts) {
    VEILSUM_ASSIGN_OR_RETURN(const Amount cap, Amount::Parse(charge.cap, Amount::Rounding::kDown));
    VEILSUM_ASSIGN_OR_RETURN(const Amount needed, each.Times(attempts));
    Block block{cap, Amount(), Amount()};
    if (auto known = FindBlock(charge.block); known.ok())
      block = *known;
    else if (known.status().code() != absl::StatusCode::kNotFound)
      return known.status();
    if (block.cap != cap)
      return InvalidArgument("block %s has a cap of %s, not %s", charge.block, block.cap.ToString(),
                             cap.ToString());
    if (block.spent + block.reserved + needed > block.cap)
      return ResourceExhausted(
          "block %s holds %s, of which %s is spent and %s reserved: %s more does not fit",
          charge.block, block.cap.ToString(), block.spent.ToString(), block.reserved.ToString(),
          needed.ToString());
    block.reserved = block.reserved + needed;
    return Save(charge.block, block);
  }

  absl::Status MoveToSpent(const Contract& contract, std::uint64_t attempts) {
    VEILSUM_ASSIGN_OR_RETURN(Block block, FindBlock(contract.block));
    VEILSUM_ASSIGN_OR_RETURN(const Amount cost, CostOf(contract, attempts));
    block.reserved = block.reserved - cost;
    block.spent = block.spent + cost;
    return Save(contract.block, block);
  }

  std::mutex mutex_;
  Database db_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Odometer>> Odometer::Open(const std::filesystem::path& file) {
  Database::Options options;
  options.exclusive = true;
  options.busy_timeout = std::chrono::milliseconds(1000);  // a dying predecessor may still have it
  VEILSUM_ASSIGN_OR_RETURN(Database db, Database::Open(file, options));
  VEILSUM_RETURN_IF_ERROR(db.Migrate(kMigrations));
  return std::make_unique<SqliteOdometer>(std::move(db));
}

}  // namespace veilsum::client
