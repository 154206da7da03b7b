#include "cli/rollout/rollout_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/file.h"
#include "base/pki/key_file.h"

namespace veilsum::cli {
namespace {

namespace fs = std::filesystem;
using rollout::Role;

constexpr std::size_t kMaxStartBytes = std::size_t{1} << 20;

std::string StartJson(const StartedRollout& started) {
  Json json = {{"number", started.number},
               {"rollout_id", started.rollout_id},
               {"clients", started.clients},
               {"serving_gates", started.serving_gates}};
  if (started.veto_gate) json["veto_gate"] = true;
  const absl::StatusOr<std::string> text = EncodeCanonical(json);
  VEILSUM_CHECK(text.ok());
  return *text;
}

absl::StatusOr<StartedRollout> ParseStart(const fs::path& file) {
  VEILSUM_ASSIGN_OR_RETURN(const std::string text, ReadFile(file, kMaxStartBytes));
  StartedRollout out;
  try {
    const absl::StatusOr<Json> json = ParseCanonical(text);
    if (json.ok()) {
      out.number = json->at("number").get<std::uint64_t>();
      out.rollout_id = json->at("rollout_id").get<std::string>();
      out.clients = json->at("clients").get<std::vector<std::string>>();
      out.serving_gates = json->at("serving_gates").get<bool>();
      out.veto_gate = json->value("veto_gate", false);
    }
  } catch (const Json::exception&) {
    return DataLoss("%s is damaged", file.string());
  }
  if (StartJson(out) != text || file.parent_path().filename() != out.rollout_id)
    return DataLoss("%s is damaged", file.string());
  return out;
}

absl::StatusOr<Ed25519Signer> ReadOrMake(const fs::path& file, SecureRng& rng) {
  absl::StatusOr<Ed25519Signer> key = ReadKeyFile(file);
  return absl::IsNotFound(key.status()) ? MakeKeyFile(file, rng) : std::move(key);
}

}  // namespace

absl::StatusOr<std::vector<StartedRollout>> RolloutFolder::List() const {
  std::vector<StartedRollout> out;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder_ / "rollouts", error)) {
    // rollout.json is written last: without it nothing was begun.
    if (!fs::exists(entry.path() / "rollout.json", error)) continue;
    VEILSUM_ASSIGN_OR_RETURN(StartedRollout started, ParseStart(entry.path() / "start.json"));
    out.push_back(std::move(started));
  }
  std::ranges::sort(out, {}, &StartedRollout::number);
  return out;
}

absl::StatusOr<StartedRollout> RolloutFolder::Present() const {
  VEILSUM_ASSIGN_OR_RETURN(const std::vector<StartedRollout> all, List());
  if (all.empty()) return NotFound("%s has no rollout", folder_.string());
  return all.back();
}

absl::Status RolloutFolder::Save(const StartedRollout& started) const {
  const fs::path place = PlaceOf(started.rollout_id);
  std::error_code error;
  fs::create_directories(place, error);
  if (error) return Unavailable("cannot make %s: %s", place.string(), error.message());
  return WriteFile(place / "start.json", StartJson(started));
}

absl::StatusOr<FolderLock> FolderLock::Take(const fs::path& folder) {
  const int file = open((folder / "lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0) return Unavailable("cannot write in %s: %s", folder.string(), strerror(errno));
  FolderLock lock(file);
  if (flock(file, LOCK_EX | LOCK_NB) != 0)
    return Unavailable("another command works on %s", folder.string());
  return lock;
}

FolderLock::FolderLock(FolderLock&& other) noexcept : file_(std::exchange(other.file_, -1)) {}

FolderLock::~FolderLock() {
  if (file_ >= 0) close(file_);
}

RolloutKeys::RolloutKeys(std::unique_ptr<const Ed25519Signer> offline, Ed25519Signer online)
    : offline_(std::move(offline)), online_(std::move(online)) {
  for (const Role role : {Role::kSnapshot, Role::kTimestamp, Role::kDirector})
    signers_[role] = {&online_};
  if (offline_ == nullptr) return;
  for (const Role role : {Role::kRoot, Role::kTargets}) signers_[role] = {offline_.get()};
}

absl::StatusOr<std::unique_ptr<RolloutKeys>> RolloutKeys::Make(const fs::path& folder,
                                                               SecureRng& rng) {
  VEILSUM_RETURN_IF_ERROR(MakePrivateFolder(folder));
  VEILSUM_ASSIGN_OR_RETURN(Ed25519Signer offline, ReadOrMake(folder / "offline.key", rng));
  VEILSUM_ASSIGN_OR_RETURN(Ed25519Signer online, ReadOrMake(folder / "online.key", rng));
  return std::unique_ptr<RolloutKeys>(new RolloutKeys(
      std::make_unique<const Ed25519Signer>(std::move(offline)), std::move(online)));
}

absl::StatusOr<std::unique_ptr<RolloutKeys>> RolloutKeys::Read(const fs::path& folder) {
  VEILSUM_ASSIGN_OR_RETURN(Ed25519Signer online, ReadKeyFile(folder / "online.key"));
  absl::StatusOr<Ed25519Signer> offline = ReadKeyFile(folder / "offline.key");
  if (!offline.ok() && !absl::IsNotFound(offline.status())) return offline.status();
  return std::unique_ptr<RolloutKeys>(new RolloutKeys(
      offline.ok() ? std::make_unique<const Ed25519Signer>(*std::move(offline)) : nullptr,
      std::move(online)));
}

absl::Status MakeRepository(const fs::path& folder, const std::string& federation,
                            const std::string& release_key_pem, const RolloutKeys& keys,
                            rollout::Seconds now) {
  rollout::Root root;
  root.expires = now + rollout::LifetimeOf(Role::kRoot);
  root.federation_id = federation;
  root.release_keys = {release_key_pem};
  for (const auto& [role, signers] : keys.signers())
    root.roles[role] = {{signers.front()->public_key()}, 1};
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) return Unavailable("cannot make %s: %s", folder.string(), error.message());
  return rollout::Repository::Create(folder, root, keys.signers(), now).status();
}

}  // namespace veilsum::cli
