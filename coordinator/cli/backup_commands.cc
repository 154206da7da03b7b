#include "coordinator/cli/backup_commands.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <thread>

#include "base/canonical_json.h"
#include "base/crypto/sha256.h"
#include "base/file.h"
#include "base/sqlite/database.h"
#include "coordinator/cli/config.h"
#include "coordinator/store/backup.h"
#include "coordinator/store/store_check.h"

namespace veilsum::coordinator {
namespace {

namespace fs = std::filesystem;

constexpr char kFormat[] = "veilsum/backup/v1";
constexpr char kStore[] = "coordinator.sqlite";
constexpr char kConfig[] = "coordinator.toml";
constexpr char kManifest[] = "manifest.json";
constexpr std::chrono::seconds kPatience{120};  // with a coordinator that is to copy its store

fs::path RequestOf(fs::path store) { return store += ".backup-request"; }
fs::path AnswerOf(fs::path store) { return store += ".backup-answer"; }

ExitCode Failed(const absl::Status& status) {
  std::fprintf(stderr, "veilsum-coordinator: %s\n", std::string(status.message()).c_str());
  const bool configuration = absl::IsInvalidArgument(status) || absl::IsNotFound(status);
  return configuration ? ExitCode::kConfiguration : ExitCodeOf(status);
}

absl::Status MakeFolder(const fs::path& folder) {
  if (mkdir(folder.c_str(), 0700) == 0) return absl::OkStatus();
  return errno == EEXIST ? AlreadyExists("%s is there already", folder.string())
                         : Unavailable("%s: cannot be made", folder.string());
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

// Databases of tenants, which several may have open.
absl::Status CopyRecords(const fs::path& from, const fs::path& to) {
  VEILSUM_RETURN_IF_ERROR(MakeFolder(to));
  std::error_code error;
  for (const fs::directory_entry& file : fs::directory_iterator(from, error))
    if (file.path().extension() == ".sqlite")
      VEILSUM_RETURN_IF_ERROR(
          CopyDatabase(file.path(), to / file.path().filename(), /*exclusive=*/false));
  return error ? Unavailable("%s: cannot be read", from.string()) : absl::OkStatus();
}

absl::StatusOr<Json> DigestsOf(const fs::path& folder) {
  Json digests = Json::array();
  std::vector<fs::path> files;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder))
    if (entry.is_regular_file() && entry.path() != folder / kManifest)
      files.push_back(fs::relative(entry.path(), folder));
  std::ranges::sort(files);
  for (const fs::path& file : files) {
    VEILSUM_ASSIGN_OR_RETURN(const std::string bytes,
                             ReadFile(folder / file, std::size_t{1} << 36));
    digests.push_back({{"name", file.string()}, {"sha256", HexEncode(Sha256(bytes))}});
  }
  return digests;
}

void PrintFaults(const StoreCheck& check) {
  for (const std::string& fault : check.faults) std::printf("FAULT  %s\n", fault.c_str());
}

absl::StatusOr<StoreCheck> Whole(const fs::path& store) {
  VEILSUM_ASSIGN_OR_RETURN(StoreCheck check, CheckStore(store));
  if (check.passed()) return check;
  PrintFaults(check);
  return DataLoss("%s has %d faults", store.string(), check.faults.size());
}

absl::Status WriteManifest(const fs::path& folder, const StoreCheck& check) {
  VEILSUM_ASSIGN_OR_RETURN(const Json digests, DigestsOf(folder));
  const Json manifest = {{"format", kFormat},
                         {"version", VEILSUM_VERSION},
                         {"ledger_size", check.head.size},
                         {"ledger_root", HexEncode(check.head.root)},
                         {"files", digests}};
  VEILSUM_ASSIGN_OR_RETURN(const std::string text, EncodeCanonical(manifest));
  return WriteFile(folder / kManifest, text, FileMode::kPrivate);
}

absl::StatusOr<StoreCheck> Backup(const fs::path& config_file, const fs::path& out) {
  VEILSUM_ASSIGN_OR_RETURN(const CoordinatorConfig config, ReadCoordinatorConfig(config_file));
  VEILSUM_RETURN_IF_ERROR(MakeFolder(out));
  // Records first: a tenant that the store knows is then at worst missing a token that came later.
  if (!config.records.empty() && fs::exists(config.records))
    VEILSUM_RETURN_IF_ERROR(CopyRecords(config.records, out / "records"));
  VEILSUM_RETURN_IF_ERROR(CopyStore(config.store, out / kStore));
  VEILSUM_ASSIGN_OR_RETURN(const std::string text, ReadFile(config_file));
  VEILSUM_RETURN_IF_ERROR(WriteFile(out / kConfig, text, FileMode::kPrivate));
  VEILSUM_ASSIGN_OR_RETURN(StoreCheck check, Whole(out / kStore));
  VEILSUM_RETURN_IF_ERROR(WriteManifest(out, check));
  VEILSUM_RETURN_IF_ERROR(WriteFile(BackupMark(config.store), ""));
  return check;
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

absl::Status CopyFile(const fs::path& from, const fs::path& to) {
  VEILSUM_ASSIGN_OR_RETURN(const std::string bytes, ReadFile(from, std::size_t{1} << 36));
  return WriteFile(to, bytes, FileMode::kPrivate);
}

absl::StatusOr<StoreCheck> Restore(const fs::path& config_file, const fs::path& from) {
  VEILSUM_ASSIGN_OR_RETURN(const CoordinatorConfig config, ReadCoordinatorConfig(config_file));
  VEILSUM_RETURN_IF_ERROR(CheckManifest(from));
  for (const char* suffix : {"", "-wal"})
    if (fs::path there = config.store; fs::exists(there += suffix))
      return AlreadyExists("%s is there: move it away first", there.string());
  if (!config.records.empty() && fs::exists(config.records) && !fs::is_empty(config.records))
    return AlreadyExists("%s is there: move it away first", config.records.string());
  // Beside its place, checked there, and only then in it: a crash leaves no half store.
  fs::path beside = config.store;
  beside += ".restoring";
  VEILSUM_RETURN_IF_ERROR(CopyFile(from / kStore, beside));
  VEILSUM_ASSIGN_OR_RETURN(StoreCheck check, Whole(beside));
  if (!config.records.empty() && fs::exists(from / "records")) {
    if (!fs::exists(config.records)) VEILSUM_RETURN_IF_ERROR(MakeFolder(config.records));
    for (const fs::directory_entry& file : fs::directory_iterator(from / "records"))
      VEILSUM_RETURN_IF_ERROR(CopyFile(file.path(), config.records / file.path().filename()));
  }
  std::error_code error;
  fs::rename(beside, config.store, error);
  if (error) return Unavailable("%s: %s", config.store.string(), error.message());
  return check;
}

// The standard library's own words for a disk that fails.
template <class Work>
absl::StatusOr<StoreCheck> Guarded(const Work& work) {
  try {
    return work();
  } catch (const fs::filesystem_error& error) {
    return Unavailable("%s", error.what());
  }
}

void PrintHead(const char* what, const StoreCheck& check) {
  std::printf("%s: %d runs, %d rounds, ledger of %d entries, root %s\n", what,
              static_cast<int>(check.runs), static_cast<int>(check.rounds),
              static_cast<int>(check.head.size), HexEncode(check.head.root).c_str());
}

}  // namespace

ExitCode RunBackup(const fs::path& config_file, const fs::path& out) {
  const absl::StatusOr<StoreCheck> check = Guarded([&] { return Backup(config_file, out); });
  if (!check.ok()) return Failed(check.status());
  PrintHead("backup", *check);
  return ExitCode::kDone;
}

ExitCode RunRestore(const fs::path& config_file, const fs::path& from) {
  const absl::StatusOr<StoreCheck> check = Guarded([&] { return Restore(config_file, from); });
  if (!check.ok()) return Failed(check.status());
  PrintHead("restored", *check);
  std::printf(
      "A merchant who has witnessed a longer ledger will refuse this one, and stays right to.\n");
  return ExitCode::kDone;
}

ExitCode RunFsck(const fs::path& config_file) {
  const absl::StatusOr<CoordinatorConfig> config = ReadCoordinatorConfig(config_file);
  const absl::StatusOr<StoreCheck> check =
      config.ok() ? CheckStore(config->store) : absl::StatusOr<StoreCheck>(config.status());
  if (!check.ok()) return Failed(check.status());
  PrintFaults(*check);
  PrintHead(check->passed() ? "sound" : "faulty", *check);
  return check->passed() ? ExitCode::kDone : ExitCode::kFindings;
}

void AnswerBackupRequest(const fs::path& store_file, RunStore& store, Log& log) {
  const fs::path request = RequestOf(store_file);
  const absl::StatusOr<std::string> to = ReadFile(request, 4096);
  if (!to.ok()) return;
  std::error_code ignored;
  fs::remove(request, ignored);
  const absl::Status copied = store.BackupTo(*to);
  log.Write(copied.ok() ? std::string("its store was copied") : std::string(copied.message()),
            {.level = copied.ok() ? LogLevel::kInfo : LogLevel::kError, .event = "backup"});
  if (const absl::Status told =
          WriteFile(AnswerOf(store_file), copied.ok() ? "ok" : std::string(copied.message()));
      !told.ok())
    log.Write(std::string(told.message()), {.level = LogLevel::kError, .event = "backup"});
}

}  // namespace veilsum::coordinator
