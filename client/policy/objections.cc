#include "client/policy/objections.h"

#include "base/crypto/hkdf.h"
#include "base/file.h"
#include "base/secure_rng.h"
#include "base/sqlite/database.h"

namespace veilsum::client {
namespace {

using sqlite::Database;
using sqlite::Statement;
using sqlite::Transaction;

constexpr std::size_t kMostBytes = std::size_t{256} << 20, kLongestId = 1024;

constexpr sqlite::Migration kMigrations[] = {{1, R"sql(
CREATE TABLE secret(
  one INTEGER PRIMARY KEY CHECK(one = 1),
  value BLOB NOT NULL CHECK(length(value) = 32)
) STRICT;
CREATE TABLE run(contract BLOB PRIMARY KEY CHECK(length(contract) = 32)) STRICT, WITHOUT ROWID;
CREATE TABLE objections(
  customer BLOB PRIMARY KEY CHECK(length(customer) = 16)
) STRICT, WITHOUT ROWID;
)sql"}};

class ObjectionStore {
 public:
  static absl::StatusOr<ObjectionStore> Open(const std::filesystem::path& file) {
    Database::Options options;
    options.exclusive = true;
    VEILSUM_ASSIGN_OR_RETURN(Database db, Database::Open(file, options));
    VEILSUM_RETURN_IF_ERROR(db.Migrate(kMigrations));
    return ObjectionStore(std::move(db));
  }

  absl::StatusOr<std::vector<bool>> Keep(const Hash32& contract, const CustomerIds& listed,
                                         std::span<const std::string> customers) {
    VEILSUM_ASSIGN_OR_RETURN(Transaction transaction, Transaction::Begin(db_));
    VEILSUM_ASSIGN_OR_RETURN(const Secret<32> key, Key());
    VEILSUM_ASSIGN_OR_RETURN(const bool begun, HasBegun(contract));
    if (!begun) VEILSUM_RETURN_IF_ERROR(Fix(contract, listed, key));
    VEILSUM_ASSIGN_OR_RETURN(Statement select,
                             db_.Prepare("SELECT 1 FROM objections WHERE customer = ?"));
    std::vector<bool> keep;
    for (const std::string& id : customers) {
      const Secret<32> name = NameOf(key, id);
      VEILSUM_ASSIGN_OR_RETURN(const bool objected,
                               select.Bind(1, ByteView(name.Expose()).first(16)).Step());
      keep.push_back(!objected);
      select.Reset();
    }
    VEILSUM_RETURN_IF_ERROR(transaction.Commit());
    return keep;
  }

 private:
  explicit ObjectionStore(Database db) : db_(std::move(db)) {}

  static Secret<32> NameOf(const Secret<32>& key, const std::string& id) {
    return Hkdf(key.Expose(), AsBytes("veilsum/client/objection/v1"), AsBytes(id));
  }

  absl::StatusOr<Secret<32>> Key() {
    const Secret<32> fresh = SystemRng().NewSecret<32>();
    VEILSUM_ASSIGN_OR_RETURN(Statement insert,
                             db_.Prepare("INSERT OR IGNORE INTO secret(one, value) VALUES(1, ?)"));
    VEILSUM_RETURN_IF_ERROR(insert.Bind(1, ByteView(fresh.Expose())).Run());
    VEILSUM_ASSIGN_OR_RETURN(Statement select, db_.Prepare("SELECT value FROM secret"));
    VEILSUM_RETURN_IF_ERROR(select.Step().status());
    Bytes value = select.Blob(0);
    if (value.size() != 32) return DataLoss("the store of objections has no key");
    return Secret<32>(std::span<std::uint8_t, 32>(value.data(), 32));
  }

  absl::StatusOr<bool> HasBegun(const Hash32& contract) {
    VEILSUM_ASSIGN_OR_RETURN(Statement select, db_.Prepare("SELECT 1 FROM run WHERE contract = ?"));
    return select.Bind(1, ByteView(contract)).Step();
  }

  // SE-30: from here on the run goes on with this list.
  absl::Status Fix(const Hash32& contract, const CustomerIds& listed, const Secret<32>& key) {
    VEILSUM_RETURN_IF_ERROR(db_.Execute("DELETE FROM run; DELETE FROM objections;"));
    VEILSUM_ASSIGN_OR_RETURN(Statement run, db_.Prepare("INSERT INTO run(contract) VALUES(?)"));
    VEILSUM_RETURN_IF_ERROR(run.Bind(1, ByteView(contract)).Run());
    VEILSUM_ASSIGN_OR_RETURN(Statement insert,
                             db_.Prepare("INSERT OR IGNORE INTO objections(customer) VALUES(?)"));
    for (const std::string& id : listed) {
      const Secret<32> name = NameOf(key, id);
      VEILSUM_RETURN_IF_ERROR(insert.Bind(1, ByteView(name.Expose()).first(16)).Run());
    }
    return absl::OkStatus();
  }

  Database db_;
};

}  // namespace

absl::StatusOr<CustomerIds> ReadObjections(const std::filesystem::path& file) {
  VEILSUM_ASSIGN_OR_RETURN(const std::string text, ReadFile(file, kMostBytes));
  CustomerIds out;
  std::size_t number = 0;
  for (std::string_view rest = text; !rest.empty();) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    ++number;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.size() > kLongestId)
      return InvalidArgument("%s:%d: an id of %d bytes, at most %d (SE-30)",
                             file.filename().string(), number, line.size(), kLongestId);
    if (!line.empty()) out.emplace(line);
  }
  return out;
}

absl::StatusOr<std::vector<bool>> WithoutObjections(const std::filesystem::path& store,
                                                    const Hash32& contract,
                                                    const CustomerIds& listed,
                                                    std::span<const std::string> customers) {
  absl::StatusOr<ObjectionStore> opened = ObjectionStore::Open(store);
  if (!opened.ok()) return Annotate(opened.status(), "objections (SE-30)");
  return opened->Keep(contract, listed, customers);
}

}  // namespace veilsum::client
