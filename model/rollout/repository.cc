#include "model/rollout/repository.h"

#include <algorithm>

#include "base/file.h"

namespace veilsum::rollout {
namespace {

namespace fs = std::filesystem;
constexpr Seconds kHour = 3600, kDay = 24 * kHour;

const Signers& SignersOf(const RoleSigners& signers, Role role) {
  static const Signers none;
  const auto found = signers.find(role);
  return found == signers.end() ? none : found->second;
}

std::string Signed(Role role, const std::string& json, const RoleSigners& signers) {
  return SignMetadata(json, SignersOf(signers, role));
}

absl::Status CheckSigners(const RoleSigners& signers, std::initializer_list<Role> roles) {
  for (const Role role : roles)
    if (SignersOf(signers, role).empty())
      return FailedPrecondition("the key of %s is not here", RoleName(role));
  return absl::OkStatus();
}

}  // namespace

Seconds LifetimeOf(Role role) {
  constexpr Seconds kLifetimes[] = {365 * kDay, 90 * kDay, 7 * kDay, 24 * kHour, 24 * kHour};
  return kLifetimes[static_cast<std::size_t>(role)];
}

absl::Status Repository::Write(const std::string& path, std::string_view bytes) const {
  std::error_code error;
  fs::create_directories((folder_ / path).parent_path(), error);
  return WriteFile(folder_ / path, bytes);
}

absl::StatusOr<Repository> Repository::Create(const fs::path& folder, const Root& root,
                                              const RoleSigners& signers, Seconds now) {
  std::error_code error;
  if (fs::exists(folder / "metadata", error))
    return AlreadyExists("%s has a repository already", folder.string());
  Repository out(folder);
  out.root_ = root;
  out.targets_.version = out.snapshot_.version = out.timestamp_.version = 0;
  VEILSUM_RETURN_IF_ERROR(out.Write(MetadataPath(Role::kRoot, root.version),
                                    Signed(Role::kRoot, ToJson(root), signers)));
  VEILSUM_RETURN_IF_ERROR(out.WriteTargets(signers, now));
  return out;
}

absl::StatusOr<Repository> Repository::Open(const fs::path& folder) {
  Repository out(folder);
  const auto payload = [&](Role role, std::uint64_t version) -> absl::StatusOr<std::string> {
    VEILSUM_ASSIGN_OR_RETURN(const std::string file,
                             ReadFile(folder / MetadataPath(role, version), MaxBytes(role)));
    return PayloadOf(file);
  };
  std::uint64_t version = 1;
  std::error_code error;
  while (fs::exists(folder / MetadataPath(Role::kRoot, version + 1), error)) ++version;
  VEILSUM_ASSIGN_OR_RETURN(const std::string root, payload(Role::kRoot, version));
  VEILSUM_ASSIGN_OR_RETURN(out.root_, ParseRoot(root));
  VEILSUM_ASSIGN_OR_RETURN(const std::string timestamp, payload(Role::kTimestamp, 0));
  VEILSUM_ASSIGN_OR_RETURN(out.timestamp_, ParseTimestamp(timestamp));
  VEILSUM_ASSIGN_OR_RETURN(const std::string snapshot,
                           payload(Role::kSnapshot, out.timestamp_.snapshot.version));
  VEILSUM_ASSIGN_OR_RETURN(out.snapshot_, ParseSnapshot(snapshot));
  VEILSUM_ASSIGN_OR_RETURN(const std::string targets,
                           payload(Role::kTargets, out.snapshot_.targets.version));
  VEILSUM_ASSIGN_OR_RETURN(out.targets_, ParseTargets(targets));
  return out;
}

absl::Status Repository::WriteTargets(const RoleSigners& signers, Seconds now) {
  ++targets_.version;
  targets_.expires = now + LifetimeOf(Role::kTargets);
  const std::string file = Signed(Role::kTargets, ToJson(targets_), signers);
  VEILSUM_RETURN_IF_ERROR(Write(MetadataPath(Role::kTargets, targets_.version), file));
  return WriteSnapshot(file, signers, now);
}

absl::Status Repository::WriteSnapshot(std::string_view targets_file, const RoleSigners& signers,
                                       Seconds now) {
  ++snapshot_.version;
  snapshot_.expires = now + LifetimeOf(Role::kSnapshot);
  snapshot_.targets = RefTo(targets_.version, targets_file);
  const std::string file = Signed(Role::kSnapshot, ToJson(snapshot_), signers);
  VEILSUM_RETURN_IF_ERROR(Write(MetadataPath(Role::kSnapshot, snapshot_.version), file));
  timestamp_.snapshot = RefTo(snapshot_.version, file);
  return WriteTimestamp(signers, now);
}

absl::Status Repository::WriteTimestamp(const RoleSigners& signers, Seconds now) {
  ++timestamp_.version;
  timestamp_.expires = now + LifetimeOf(Role::kTimestamp);
  return Write(MetadataPath(Role::kTimestamp, timestamp_.version),
               Signed(Role::kTimestamp, ToJson(timestamp_), signers));
}

absl::Status Repository::Publish(const release::Files& files, const RoleSigners& signers,
                                 Seconds now) {
  VEILSUM_RETURN_IF_ERROR(
      CheckSigners(signers, {Role::kTargets, Role::kSnapshot, Role::kTimestamp}));
  const auto text = files.find("manifest.json");
  if (text == files.end()) return InvalidArgument("there is no manifest.json");
  VEILSUM_ASSIGN_OR_RETURN(const release::Manifest manifest,
                           release::Manifest::Parse(text->second));
  const Target target = TargetOf(manifest, files);
  if (targets_.Find(target.digest) != nullptr)
    return AlreadyExists("release %s is published already", target.digest);
  if (targets_.IsRevoked(target.digest))
    return FailedPrecondition("release %s is revoked", target.digest);
  for (const Target& other : targets_.targets)
    if (other.model_id == target.model_id && other.release_counter >= target.release_counter)
      return FailedPrecondition("release_counter is %d, must be above %d of version %s",
                                target.release_counter, other.release_counter, other.version);
  for (const auto& [path, bytes] : files)
    VEILSUM_RETURN_IF_ERROR(Write(PackagePath(target.digest, path), bytes));
  targets_.targets.push_back(target);
  std::uint64_t& safe = targets_.min_safe[target.model_id];
  safe = std::max(safe, manifest.min_safe_counter);
  return WriteTargets(signers, now);
}

absl::Status Repository::Revoke(std::string_view digest, const std::string& reason,
                                const RoleSigners& signers, Seconds now) {
  if (targets_.Find(digest) == nullptr) return NotFound("there is no release %s", digest);
  if (targets_.IsRevoked(digest)) return absl::OkStatus();
  VEILSUM_RETURN_IF_ERROR(
      CheckSigners(signers, {Role::kTargets, Role::kSnapshot, Role::kTimestamp}));
  targets_.revoked.push_back({std::string(digest), reason, now});
  return WriteTargets(signers, now);
}

absl::Status Repository::RequireCounter(const std::string& model_id, std::uint64_t counter,
                                        const RoleSigners& signers, Seconds now) {
  VEILSUM_RETURN_IF_ERROR(
      CheckSigners(signers, {Role::kTargets, Role::kSnapshot, Role::kTimestamp}));
  std::uint64_t& safe = targets_.min_safe[model_id];
  if (counter < safe)
    return FailedPrecondition("min_safe of %s is %d and never falls", model_id, safe);
  safe = counter;
  return WriteTargets(signers, now);
}

absl::Status Repository::Refresh(const RoleSigners& signers, Seconds now) {
  VEILSUM_RETURN_IF_ERROR(CheckSigners(signers, {Role::kTimestamp}));
  if (snapshot_.expires - now > LifetimeOf(Role::kSnapshot) / 2)
    return WriteTimestamp(signers, now);
  VEILSUM_RETURN_IF_ERROR(CheckSigners(signers, {Role::kSnapshot}));
  VEILSUM_ASSIGN_OR_RETURN(
      const std::string targets,
      ReadFile(folder_ / MetadataPath(Role::kTargets, targets_.version), MaxBytes(Role::kTargets)));
  return WriteSnapshot(targets, signers, now);
}

absl::Status Repository::Rotate(Root next, const Signers& signers) {
  next.version = root_.version + 1;
  VEILSUM_RETURN_IF_ERROR(
      Write(MetadataPath(Role::kRoot, next.version), SignMetadata(ToJson(next), signers)));
  root_ = std::move(next);
  return absl::OkStatus();
}

absl::StatusOr<Director> Repository::AssignedTo(const std::string& client) const {
  VEILSUM_ASSIGN_OR_RETURN(const std::string file,
                           ReadFile(folder_ / DirectorPath(client), MaxBytes(Role::kDirector)));
  VEILSUM_ASSIGN_OR_RETURN(const std::string payload, PayloadOf(file));
  return ParseDirector(payload);
}

absl::Status Repository::Assign(const std::string& client, Channel channel, std::string_view digest,
                                bool rollback, const RoleSigners& signers, Seconds now,
                                std::string_view shadow) {
  const Target* target = targets_.Find(digest);
  if (target == nullptr) return NotFound("there is no release %s", digest);
  if (targets_.IsRevoked(digest)) return FailedPrecondition("release %s is revoked", digest);
  VEILSUM_RETURN_IF_ERROR(CheckSigners(signers, {Role::kDirector}));
  Director next;
  const absl::StatusOr<Director> last = AssignedTo(client);
  if (!last.ok() && !absl::IsNotFound(last.status())) return last.status();
  next.version = last.ok() ? last->version + 1 : 1;
  next.expires = now + LifetimeOf(Role::kDirector);
  next.client = client;
  next.channel = channel;
  next.model_id = target->model_id;
  next.digest = target->digest;
  next.release_counter = target->release_counter;
  next.rollback = rollback;
  next.shadow = std::string(shadow);
  return Write(DirectorPath(client), Signed(Role::kDirector, ToJson(next), signers));
}

absl::StatusOr<Target> Repository::Resolve(std::string_view model_id, std::string_view what) const {
  for (const Target& target : targets_.targets)
    if (target.model_id == model_id && (target.digest == what || target.version == what))
      return target;
  return NotFound("there is no release %s of %s", what, model_id);
}

}  // namespace veilsum::rollout
