#include "client/policy/odometer.h"

#include <algorithm>
#include <mutex>

#include "base/crypto/hkdf.h"
#include "base/secure_rng.h"
#include "base/sqlite/database.h"
#include "client/policy/block_store.h"
#include "client/policy/blocks.h"

namespace veilsum::client {
namespace {

using sqlite::Database;
using sqlite::Statement;
using sqlite::Transaction;

// Applied migrations are frozen: changes are new ones. In the first one's blocks, amounts were one
// number a contract; no client ever made such a block.
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
)sql"},
                                             {2, R"sql(
CREATE TABLE approvals(
  hash BLOB PRIMARY KEY CHECK(length(hash) = 32),
  attempts_max INTEGER NOT NULL CHECK(attempts_max >= 1),
  spent_through INTEGER NOT NULL DEFAULT 0 CHECK(spent_through <= attempts_max),
  attempts INTEGER NOT NULL DEFAULT 0 CHECK(attempts <= spent_through),
  closed INTEGER NOT NULL DEFAULT 0
) STRICT;
INSERT INTO approvals SELECT hash, attempts_max, spent_through, attempts, closed FROM contracts;
DROP TABLE contracts;
DROP TABLE blocks;
CREATE TABLE blocks(
  name TEXT PRIMARY KEY,
  epsilon TEXT NOT NULL,
  delta TEXT NOT NULL,
  renyi_order INTEGER NOT NULL CHECK(renyi_order >= 2)
) STRICT;
CREATE TABLE reservations(
  id INTEGER PRIMARY KEY,
  contract BLOB NOT NULL REFERENCES approvals(hash),
  block TEXT NOT NULL REFERENCES blocks(name),
  purpose TEXT NOT NULL,
  first_round INTEGER NOT NULL CHECK(first_round >= 1),
  attempts INTEGER NOT NULL CHECK(attempts >= 1),
  spent INTEGER NOT NULL DEFAULT 0 CHECK(spent BETWEEN 0 AND attempts),
  rdp TEXT NOT NULL,
  kl TEXT NOT NULL,
  linear TEXT NOT NULL,
  closed INTEGER NOT NULL DEFAULT 0,
  UNIQUE(contract, purpose)
) STRICT;
)sql"},
                                             {3, R"sql(
CREATE TABLE secrets(
  name TEXT PRIMARY KEY,
  value BLOB NOT NULL CHECK(length(value) = 32)
) STRICT;
CREATE TABLE epochs(
  number INTEGER PRIMARY KEY CHECK(number >= 1),
  reason TEXT NOT NULL,
  opened INTEGER NOT NULL
) STRICT;
INSERT INTO epochs VALUES(1, '', 0);
CREATE TABLE epoch_customers(
  customer BLOB PRIMARY KEY CHECK(length(customer) = 16),
  epoch INTEGER NOT NULL REFERENCES epochs(number)
) STRICT, WITHOUT ROWID;
)sql"},
                                             {4, R"sql(
CREATE TABLE votes(
  id INTEGER PRIMARY KEY,
  release TEXT NOT NULL,
  stage TEXT NOT NULL,
  bit INTEGER NOT NULL CHECK(bit IN (0, 1)),
  epsilon_millis INTEGER NOT NULL CHECK(epsilon_millis >= 0),
  UNIQUE(release, stage)
) STRICT;
)sql"}};

constexpr std::size_t kLongestReason = 1024;

struct Contract {
  OdometerEntry entry;
  bool closed = false;
};

absl::Status CheckCharges(std::uint64_t attempts_max, std::span<const BlockCharge> charges) {
  if (charges.empty()) return absl::OkStatus();
  std::uint64_t attempts = 0;
  for (const BlockCharge& charge : charges) {
    if (charge.block.empty()) return InvalidArgument("a block's name cannot be empty");
    for (const SumCharge& sum : charge.sums) attempts += sum.attempts;
  }
  if (attempts != attempts_max)
    return InvalidArgument("the charge is for %d attempts, the contract has %d", attempts,
                           attempts_max);
  return absl::OkStatus();
}

class SqliteOdometer final : public Odometer {
 public:
  explicit SqliteOdometer(Database db) : db_(std::move(db)) {}

  absl::Status Approve(const Hash32& contract, std::uint64_t attempts_max,
                       std::span<const BlockCharge> charges) override {
    const std::lock_guard lock(mutex_);
    if (attempts_max == 0 || attempts_max >= std::uint64_t{1} << 53)
      return InvalidArgument("attempts_max is %d, must be 1 to 2^53 - 1", attempts_max);
    VEILSUM_RETURN_IF_ERROR(CheckCharges(attempts_max, charges));
    VEILSUM_ASSIGN_OR_RETURN(Transaction transaction, Transaction::Begin(db_));
    VEILSUM_RETURN_IF_ERROR(CheckEpochs(charges));
    if (const auto old = Find(contract); old.ok())
      return CheckSame(contract, *old, attempts_max, charges);
    else if (!absl::IsNotFound(old.status()))
      return old.status();
    VEILSUM_ASSIGN_OR_RETURN(Statement insert,
                             db_.Prepare("INSERT INTO approvals(hash, attempts_max) VALUES(?, ?)"));
    VEILSUM_RETURN_IF_ERROR(insert.Bind(1, ByteView(contract)).Bind(2, attempts_max).Run());
    std::uint64_t first_round = 1;
    for (const BlockCharge& charge : charges) {
      VEILSUM_RETURN_IF_ERROR(blocks_.Reserve(contract, charge, first_round));
      for (const SumCharge& sum : charge.sums) first_round += sum.attempts;
    }
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
    VEILSUM_RETURN_IF_ERROR(blocks_.Spend(contract, first, last));
    VEILSUM_ASSIGN_OR_RETURN(
        Statement update,
        db_.Prepare(
            "UPDATE approvals SET spent_through = ?, attempts = attempts + ? WHERE hash = ?"));
    VEILSUM_RETURN_IF_ERROR(
        update.Bind(1, last).Bind(2, last - first + 1).Bind(3, ByteView(contract)).Run());
    return transaction.Commit();
  }

  absl::Status CloseContract(const Hash32& contract) override {
    const std::lock_guard lock(mutex_);
    VEILSUM_ASSIGN_OR_RETURN(Transaction transaction, Transaction::Begin(db_));
    VEILSUM_ASSIGN_OR_RETURN(const Contract found, Find(contract));
    if (found.closed) return absl::OkStatus();
    VEILSUM_RETURN_IF_ERROR(blocks_.Close(contract));
    VEILSUM_ASSIGN_OR_RETURN(Statement update,
                             db_.Prepare("UPDATE approvals SET closed = 1 WHERE hash = ?"));
    VEILSUM_RETURN_IF_ERROR(update.Bind(1, ByteView(contract)).Run());
    return transaction.Commit();
  }

  absl::StatusOr<Secret<32>> GroupingSecret() override {
    const std::lock_guard lock(mutex_);
    return SecretForGood("groups");
  }

  absl::StatusOr<std::vector<DataEpoch>> Epochs() override {
    const std::lock_guard lock(mutex_);
    return ReadEpochs();
  }

  absl::StatusOr<DataEpoch> OpenEpoch(const std::string& reason, std::int64_t now) override {
    const std::lock_guard lock(mutex_);
    if (reason.empty() || reason.size() > kLongestReason)
      return InvalidArgument("a reason of %d bytes, must be 1 to %d (SE-32)", reason.size(),
                             kLongestReason);
    VEILSUM_ASSIGN_OR_RETURN(Transaction transaction, Transaction::Begin(db_));
    for (const char* close :
         {"UPDATE reservations SET closed = 1", "UPDATE approvals SET closed = 1"}) {
      VEILSUM_ASSIGN_OR_RETURN(Statement update, db_.Prepare(close));
      VEILSUM_RETURN_IF_ERROR(update.Run());
    }
    VEILSUM_ASSIGN_OR_RETURN(
        Statement insert,
        db_.Prepare("INSERT INTO epochs SELECT max(number) + 1, ?, ? FROM epochs"));
    VEILSUM_RETURN_IF_ERROR(insert.Bind(1, reason).Bind(2, static_cast<std::uint64_t>(now)).Run());
    VEILSUM_ASSIGN_OR_RETURN(const std::vector<DataEpoch> epochs, ReadEpochs());
    VEILSUM_RETURN_IF_ERROR(transaction.Commit());
    return epochs.back();
  }

  absl::StatusOr<std::vector<bool>> ClaimCustomers(std::span<const std::string> ids) override {
    const std::lock_guard lock(mutex_);
    VEILSUM_ASSIGN_OR_RETURN(const Secret<32> key, SecretForGood("customers"));
    // Before the transaction, for which others may wait.
    std::vector<ByteArray<16>> names;
    for (const std::string& id : ids) names.push_back(CustomerName(key, id));
    VEILSUM_ASSIGN_OR_RETURN(Transaction transaction, Transaction::Begin(db_));
    VEILSUM_ASSIGN_OR_RETURN(
        Statement insert, db_.Prepare("INSERT OR IGNORE INTO epoch_customers SELECT ?, max(number) "
                                      "FROM epochs"));
    VEILSUM_ASSIGN_OR_RETURN(
        Statement select,
        db_.Prepare("SELECT epoch = (SELECT max(number) FROM epochs) FROM epoch_customers "
                    "WHERE customer = ?"));
    std::vector<bool> mine;
    for (const ByteArray<16>& name : names) {
      VEILSUM_RETURN_IF_ERROR(insert.Bind(1, ByteView(name)).Run());
      VEILSUM_ASSIGN_OR_RETURN(const bool found, select.Bind(1, ByteView(name)).Step());
      if (!found) return Internal("a customer of no epoch");
      mine.push_back(select.Int(0) != 0);
      select.Reset();
    }
    VEILSUM_RETURN_IF_ERROR(transaction.Commit());
    return mine;
  }

  absl::StatusOr<std::vector<std::string>> Blocks() override {
    const std::lock_guard lock(mutex_);
    return blocks_.Names();
  }

  absl::StatusOr<dp::BlockBudget> Budget(const std::string& block) override {
    const std::lock_guard lock(mutex_);
    return blocks_.Budget(block);
  }

  absl::StatusOr<BlockTotals> Totals(const std::string& block) override {
    const std::lock_guard lock(mutex_);
    return blocks_.Totals(block);
  }

  absl::Status KeepVote(const KeptVote& vote) override {
    const std::lock_guard lock(mutex_);
    VEILSUM_ASSIGN_OR_RETURN(Transaction transaction, Transaction::Begin(db_));
    VEILSUM_ASSIGN_OR_RETURN(const std::vector<KeptVote> votes, ReadVotes());
    for (const KeptVote& old : votes)
      if (old.release == vote.release && old.stage == vote.stage)
        return old == vote ? absl::OkStatus()
                           : AlreadyExists("another vote on release %s in stage %s was kept",
                                           vote.release, vote.stage);
    VEILSUM_ASSIGN_OR_RETURN(
        Statement insert,
        db_.Prepare("INSERT INTO votes(release, stage, bit, epsilon_millis) VALUES(?, ?, ?, ?)"));
    VEILSUM_RETURN_IF_ERROR(insert.Bind(1, vote.release)
                                .Bind(2, vote.stage)
                                .Bind(3, std::uint32_t{vote.bit})
                                .Bind(4, vote.epsilon_millis)
                                .Run());
    return transaction.Commit();
  }

  absl::StatusOr<std::vector<KeptVote>> Votes() override {
    const std::lock_guard lock(mutex_);
    return ReadVotes();
  }

 private:
  absl::StatusOr<std::vector<KeptVote>> ReadVotes() {
    VEILSUM_ASSIGN_OR_RETURN(
        Statement rows,
        db_.Prepare("SELECT release, stage, bit, epsilon_millis FROM votes ORDER BY id"));
    std::vector<KeptVote> votes;
    while (true) {
      VEILSUM_ASSIGN_OR_RETURN(const bool found, rows.Step());
      if (!found) return votes;
      votes.push_back({rows.Text(0), rows.Text(1), rows.Int(2) != 0,
                       static_cast<std::uint32_t>(rows.Unsigned(3))});
    }
  }

  static ByteArray<16> CustomerName(const Secret<32>& key, const std::string& id) {
    const Secret<32> hash =
        Hkdf(key.Expose(), AsBytes("veilsum/client/epoch-customer/v1"), AsBytes(id));
    ByteArray<16> name;
    std::ranges::copy(ByteView(hash.Expose()).first(16), name.begin());
    return name;
  }

  absl::StatusOr<Secret<32>> SecretForGood(const char* name) {
    VEILSUM_ASSIGN_OR_RETURN(Transaction transaction, Transaction::Begin(db_));
    VEILSUM_ASSIGN_OR_RETURN(Secret<32> secret, SecretOf(name));
    VEILSUM_RETURN_IF_ERROR(transaction.Commit());
    return secret;
  }

  // SE-32: whoever chose these blocks may have done so before another process opened an epoch.
  absl::Status CheckEpochs(std::span<const BlockCharge> charges) {
    VEILSUM_ASSIGN_OR_RETURN(Statement last, db_.Prepare("SELECT max(number) FROM epochs"));
    VEILSUM_RETURN_IF_ERROR(last.Step().status());
    for (const BlockCharge& charge : charges)
      if (const auto epoch = EpochOfBlock(charge.block); epoch && *epoch != last.Unsigned(0))
        return FailedPrecondition("SE-32: block %s is of data epoch %d, the open one is %d",
                                  charge.block, *epoch, last.Unsigned(0));
    return absl::OkStatus();
  }

  // One of this file's own secrets, made when it is first asked for; in a transaction.
  absl::StatusOr<Secret<32>> SecretOf(const char* name) {
    const Secret<32> fresh = SystemRng().NewSecret<32>();
    VEILSUM_ASSIGN_OR_RETURN(
        Statement insert, db_.Prepare("INSERT OR IGNORE INTO secrets(name, value) VALUES(?, ?)"));
    VEILSUM_RETURN_IF_ERROR(insert.Bind(1, name).Bind(2, ByteView(fresh.Expose())).Run());
    VEILSUM_ASSIGN_OR_RETURN(Statement select,
                             db_.Prepare("SELECT value FROM secrets WHERE name = ?"));
    VEILSUM_ASSIGN_OR_RETURN(const bool found, select.Bind(1, name).Step());
    if (!found) return Internal("the odometer has no secret for %s", name);
    Bytes value = select.Blob(0);
    if (value.size() != 32) return DataLoss("the odometer's secret has %d bytes", value.size());
    return Secret<32>(std::span<std::uint8_t, 32>(value.data(), 32));
  }

  absl::StatusOr<std::vector<DataEpoch>> ReadEpochs() {
    VEILSUM_ASSIGN_OR_RETURN(
        Statement rows,
        db_.Prepare("SELECT number, reason, opened, (SELECT count(*) FROM epoch_customers WHERE "
                    "epoch = number) FROM epochs ORDER BY number"));
    std::vector<DataEpoch> epochs;
    while (true) {
      VEILSUM_ASSIGN_OR_RETURN(const bool found, rows.Step());
      if (!found) return epochs;
      epochs.push_back({rows.Unsigned(0), rows.Text(1), rows.Int(2), rows.Unsigned(3)});
    }
  }

  absl::StatusOr<Contract> Find(const Hash32& hash) {
    VEILSUM_ASSIGN_OR_RETURN(
        Statement select,
        db_.Prepare(
            "SELECT attempts_max, spent_through, attempts, closed FROM approvals WHERE hash = ?"));
    VEILSUM_ASSIGN_OR_RETURN(const bool found, select.Bind(1, ByteView(hash)).Step());
    if (!found) return NotFound("contract %s was never approved here", HexEncode(hash));
    return Contract{{select.Unsigned(0), select.Unsigned(1), select.Unsigned(2)},
                    select.Int(3) != 0};
  }

  absl::Status CheckSame(const Hash32& contract, const Contract& old, std::uint64_t attempts_max,
                         std::span<const BlockCharge> charges) {
    VEILSUM_ASSIGN_OR_RETURN(const bool same, blocks_.IsReserved(contract, charges));
    if (same && old.entry.attempts_max == attempts_max) return absl::OkStatus();
    return AlreadyExists("the contract was approved with %d attempts and other charges",
                         old.entry.attempts_max);
  }

  std::mutex mutex_;
  Database db_;
  BlockStore blocks_{db_};
};

}  // namespace

absl::StatusOr<FileLock> LockForTraining(const std::filesystem::path& odometer) {
  constexpr std::chrono::milliseconds kDying{1000};  // a predecessor that has not quite gone
  std::error_code error;                             // by whatever symbolic link it is named
  std::filesystem::path file = std::filesystem::weakly_canonical(odometer, error);
  if (error) file = odometer;
  return FileLock::Take(file.string() + ".lock",
                        "another process of this merchant trains with " + odometer.string(),
                        kDying);
}

absl::StatusOr<std::unique_ptr<Odometer>> Odometer::Open(const std::filesystem::path& file,
                                                         const char* vfs) {
  Database::Options options;
  options.busy_timeout = std::chrono::seconds(30);  // while millions of customers are claimed
  options.vfs = vfs;
  VEILSUM_ASSIGN_OR_RETURN(Database db, Database::Open(file, options));
  VEILSUM_RETURN_IF_ERROR(db.Migrate(kMigrations));
  return std::make_unique<SqliteOdometer>(std::move(db));
}

}  // namespace veilsum::client
