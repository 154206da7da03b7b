#include "coordinator/store/archive.h"

#include <algorithm>
#include <thread>

#include "base/canonical_json.h"
#include "base/crypto/sha256.h"
#include "base/file.h"
#include "base/folder.h"
#include "base/sqlite/database.h"
#include "coordinator/store/backup.h"

namespace veilsum::coordinator {
namespace {

namespace fs = std::filesystem;

constexpr char kFormat[] = "veilsum/backup/v1";
constexpr char kStore[] = "coordinator.sqlite";
constexpr char kRecords[] = "records";
constexpr char kRevoked[] = "revoked.txt";
constexpr char kConfig[] = "coordinator.toml";
constexpr char kManifest[] = "manifest.json";
constexpr std::size_t kMostBytes = std::size_t{1} << 36;  // of a file
constexpr std::chrono::seconds kPatience{120};  // with a coordinator that is to copy its store

fs::path RequestOf(fs::path store) { return store += ".backup-request"; }
fs::path AnswerOf(fs::path store) { return store += ".backup-answer"; }
fs::path BesideOf(fs::path place) { return place += ".restoring"; }

// The standard library's own words for a disk that fails.
template <class Work>
absl::StatusOr<StoreCheck> Guarded(const Work& work) {
  try {
    return work();
  } catch (const fs::filesystem_error& error) {
    return Unavailable("%s", error.what());
  }
}

absl::Status CopyDatabase(const fs::path& from, const fs::path& to, bool exclusive) {
  sqlite::Database::Options options;
  options.exclusive = exclusive;
  options.busy_timeout = std::chrono::milliseconds(exclusive ? 100 : 5000);
  VEILSUM_ASSIGN_OR_RETURN(sqlite::Database db, sqlite::Database::Open(from, options));
  return db.BackupTo(to);
}

// The running coordinator has the store for itself, so it is asked: by a file in the store's
// folder, which nobody can write who could not read the store.
absl::Status AskForCopy(const fs::path& store, const fs::path& to) {
  std::error_code ignored;
  fs::remove(AnswerOf(store), ignored);
  VEILSUM_RETURN_IF_ERROR(WriteFile(RequestOf(store), fs::absolute(to).string()));
  const auto end = std::chrono::steady_clock::now() + kPatience;
  while (std::chrono::steady_clock::now() < end) {
    const absl::StatusOr<std::string> answer = ReadFile(AnswerOf(store), 4096);
    if (!answer.ok()) {
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
      continue;
    }
    fs::remove(AnswerOf(store), ignored);
    return *answer == "ok" ? absl::OkStatus() : Unavailable("%s", *answer);
  }
  fs::remove(RequestOf(store), ignored);
  return Unavailable("%s is in use, and nobody answers a request for a copy", store.string());
}

absl::Status CopyStore(const fs::path& store, const fs::path& to) {
  if (!fs::exists(store)) return NotFound("%s: there is no store", store.string());
  const absl::Status copied = CopyDatabase(store, to, /*exclusive=*/true);
  if (!absl::IsUnavailable(copied)) return copied;
  std::error_code ignored;
  fs::remove(to, ignored);
  return AskForCopy(store, to);
}

absl::Status CopyFile(const fs::path& from, const fs::path& to) {
  VEILSUM_ASSIGN_OR_RETURN(const std::string bytes, ReadFile(from, kMostBytes));
  return WriteFile(to, bytes, FileMode::kPrivate);
}

// Makes the folder `to`, with the folders of `from` and a copy of each of its files.
template <class Copy>
absl::Status CopyTree(const fs::path& from, const fs::path& to, const Copy& copy) {
  VEILSUM_RETURN_IF_ERROR(MakeNewFolder(to));
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(from)) {
    const fs::path target = to / fs::relative(entry.path(), from);
    VEILSUM_RETURN_IF_ERROR(entry.is_directory() ? MakeNewFolder(target)
                                                 : copy(entry.path(), target));
  }
  return absl::OkStatus();
}

// Databases of tenants, which several may have open, in the folders that they are in.
absl::Status CopyRecords(const fs::path& from, const fs::path& to) {
  return CopyTree(from, to, [](const fs::path& file, const fs::path& target) {
    return file.extension() == ".sqlite" ? CopyDatabase(file, target, /*exclusive=*/false)
                                         : absl::OkStatus();
  });
}

absl::StatusOr<Json> DigestsOf(const fs::path& folder) {
  Json digests = Json::array();
  std::vector<fs::path> files;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder))
    if (entry.is_regular_file() && entry.path() != folder / kManifest)
      files.push_back(fs::relative(entry.path(), folder));
  std::ranges::sort(files);
  for (const fs::path& file : files) {
    VEILSUM_ASSIGN_OR_RETURN(const std::string bytes, ReadFile(folder / file, kMostBytes));
    digests.push_back({{"name", file.string()}, {"sha256", HexEncode(Sha256(bytes))}});
  }
  return digests;
}

absl::Status WriteManifest(const fs::path& folder, const StoreCheck& check,
                           std::string_view version) {
  VEILSUM_ASSIGN_OR_RETURN(const Json digests, DigestsOf(folder));
  const Json manifest = {{"format", kFormat},
                         {"version", version},
                         {"ledger_size", check.head.size},
                         {"ledger_root", HexEncode(check.head.root)},
                         {"files", digests}};
  VEILSUM_ASSIGN_OR_RETURN(const std::string text, EncodeCanonical(manifest));
  return WriteFile(folder / kManifest, text, FileMode::kPrivate);
}

// Every file that the manifest names is as it was, and no other is there.
absl::Status CheckManifest(const fs::path& folder) {
  VEILSUM_ASSIGN_OR_RETURN(const std::string text, ReadFile(folder / kManifest, 1 << 20));
  VEILSUM_ASSIGN_OR_RETURN(const Json manifest, ParseCanonical(text));
  if (!manifest.is_object() || manifest.value("format", "") != kFormat)
    return DataLoss("%s: not a manifest of a backup", (folder / kManifest).string());
  VEILSUM_ASSIGN_OR_RETURN(const Json digests, DigestsOf(folder));
  if (manifest.value("files", Json()) != digests)
    return DataLoss("%s: its files are not those that its manifest names", folder.string());
  return absl::OkStatus();
}

// What was made beside a place, into it. An empty folder may be there.
absl::Status MoveIn(const fs::path& place) {
  std::error_code error;
  fs::rename(BesideOf(place), place, error);
  if (error) return Unavailable("%s: %s", place.string(), error.message());
  return SyncFolder(FolderOf(place));
}

// An earlier attempt may have ended in the middle.
absl::Status ClearBeside(const fs::path& place) {
  std::error_code error;
  for (const char* suffix : {"", "-wal", "-shm", "-journal", ".part"}) {
    fs::path left = BesideOf(place);
    fs::remove_all(left += suffix, error);
    if (error) return Unavailable("%s: %s", left.string(), error.message());
  }
  return absl::OkStatus();
}

// True: the records are in their place already, which an earlier attempt has done.
absl::StatusOr<bool> RecordsAreThere(const fs::path& records, const fs::path& backup) {
  if (!fs::exists(records) || fs::is_empty(records)) return false;
  VEILSUM_ASSIGN_OR_RETURN(const Json there, DigestsOf(records));
  if (fs::exists(backup)) {
    VEILSUM_ASSIGN_OR_RETURN(const Json wanted, DigestsOf(backup));
    if (there == wanted) return true;
  }
  return AlreadyExists("%s is there: move it away first", records.string());
}

absl::StatusOr<StoreCheck> Backup(const StorePlaces& places, const fs::path& out,
                                  std::string_view version) {
  VEILSUM_RETURN_IF_ERROR(MakeNewFolder(out));
  // Records first: a tenant that the store knows is then at worst missing a token that came later.
  if (!places.records.empty() && fs::exists(places.records))
    VEILSUM_RETURN_IF_ERROR(CopyRecords(places.records, out / kRecords));
  VEILSUM_RETURN_IF_ERROR(CopyStore(places.store, out / kStore));
  if (!places.revoked.empty()) VEILSUM_RETURN_IF_ERROR(CopyFile(places.revoked, out / kRevoked));
  VEILSUM_RETURN_IF_ERROR(CopyFile(places.config, out / kConfig));
  VEILSUM_ASSIGN_OR_RETURN(StoreCheck check, CheckStore(out / kStore));
  if (!check.passed()) return check;
  VEILSUM_RETURN_IF_ERROR(WriteManifest(out, check, version));
  VEILSUM_RETURN_IF_ERROR(WriteFile(BackupMark(places.store), ""));
  return check;
}

absl::StatusOr<StoreCheck> Restore(const StorePlaces& places, const fs::path& from) {
  VEILSUM_RETURN_IF_ERROR(CheckManifest(from));
  for (const char* suffix : {"", "-wal"})
    if (fs::path there = places.store; fs::exists(there += suffix))
      return AlreadyExists("%s is there: move it away first", there.string());
  bool records = !places.records.empty() && fs::exists(from / kRecords);
  if (!places.records.empty()) {
    VEILSUM_ASSIGN_OR_RETURN(const bool there, RecordsAreThere(places.records, from / kRecords));
    records = records && !there;
  }
  const bool revoked =
      !places.revoked.empty() && !fs::exists(places.revoked) && fs::exists(from / kRevoked);
  VEILSUM_RETURN_IF_ERROR(ClearBeside(places.store));
  VEILSUM_RETURN_IF_ERROR(CopyFile(from / kStore, BesideOf(places.store)));
  VEILSUM_ASSIGN_OR_RETURN(StoreCheck check, CheckStore(BesideOf(places.store)));
  if (!check.passed()) return check;
  if (records) {
    VEILSUM_RETURN_IF_ERROR(ClearBeside(places.records));
    VEILSUM_RETURN_IF_ERROR(CopyTree(from / kRecords, BesideOf(places.records), CopyFile));
    VEILSUM_RETURN_IF_ERROR(MoveIn(places.records));
  }
  if (revoked) VEILSUM_RETURN_IF_ERROR(CopyFile(from / kRevoked, places.revoked));
  VEILSUM_RETURN_IF_ERROR(MoveIn(places.store));
  return check;
}

}  // namespace

absl::StatusOr<StoreCheck> WriteBackup(const StorePlaces& places, const fs::path& out,
                                       std::string_view version) {
  return Guarded([&] { return Backup(places, out, version); });
}

absl::StatusOr<StoreCheck> RestoreBackup(const StorePlaces& places, const fs::path& from) {
  return Guarded([&] { return Restore(places, from); });
}

std::optional<absl::Status> AnswerBackupRequest(const fs::path& store_file, RunStore& store) {
  const fs::path request = RequestOf(store_file);
  const absl::StatusOr<std::string> to = ReadFile(request, 4096);
  if (!to.ok()) return std::nullopt;
  std::error_code ignored;
  fs::remove(request, ignored);
  const absl::Status copied = store.BackupTo(*to);
  const absl::Status told =
      WriteFile(AnswerOf(store_file), copied.ok() ? "ok" : std::string(copied.message()));
  return copied.ok() ? told : copied;
}

}  // namespace veilsum::coordinator
