#include "client/release/updater.h"

#include <charconv>

#include "base/crypto/sha256.h"
#include "model/release/refusal.h"

namespace veilsum::client {
namespace {

using release::Refusal;
using release::Refuse;
using rollout::Role;
using rollout::Seconds;

constexpr std::uint64_t kMaxRootSteps = 64;  // roots followed in one look
constexpr std::chrono::seconds kGrace{10};
constexpr std::uint64_t kMinOpset = 22, kMaxOpset = 22;

}  // namespace

std::string_view UpdateReport::NameOf(Kind kind) {
  constexpr std::string_view kNames[] = {"installed", "up_to_date", "refused"};
  return kNames[static_cast<int>(kind)];
}

std::string UpdateReport::ToJson(const std::string& client) const {
  const absl::StatusOr<std::string> text = EncodeCanonical({{"client", client},
                                                            {"result", NameOf(kind)},
                                                            {"code", code},
                                                            {"digest", digest},
                                                            {"wanted", wanted},
                                                            {"fell_back", fell_back},
                                                            {"offline_alarm", offline_alarm},
                                                            {"shadow", shadow}});
  VEILSUM_CHECK(text.ok());
  return *text;
}

// At most `limit` bytes, at the least rate. `declared`: the length was stated by signed metadata.
absl::StatusOr<std::string> Updater::Get(const std::string& path, std::size_t limit,
                                         bool declared) {
  std::string out;
  const Clock::Time start = clock_.Now();
  const absl::Status status = source_.Fetch(path, [&](std::string_view chunk) -> absl::Status {
    if (chunk.size() > limit - out.size())
      return Refuse(declared ? Refusal::kEndlessData : Refusal::kOversize,
                    "%s has more than %d bytes", path, limit);
    out.append(chunk);
    const std::chrono::duration<double> spent = clock_.Now() - start;
    if (spent > kGrace &&
        static_cast<double>(out.size()) < config_.min_bytes_per_second * spent.count())
      return Refuse(Refusal::kTooSlow, "%s comes at less than %d bytes a second", path,
                    static_cast<std::int64_t>(config_.min_bytes_per_second));
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  return out;
}

// Step 1. A clock that was set back would make expired metadata fresh.
absl::Status Updater::CheckClock(Seconds now) {
  if (now < next_.last_time)
    return Refuse(Refusal::kClock, "the clock is %d s behind what it was", next_.last_time - now);
  next_.last_time = now;
  return absl::OkStatus();
}

// Step 2. Each root is signed by thresholds of its own keys and of those before it.
absl::Status Updater::FollowRoot(Seconds now) {
  VEILSUM_ASSIGN_OR_RETURN(const std::string trusted, rollout::PayloadOf(store_.root_file()));
  VEILSUM_ASSIGN_OR_RETURN(root_, rollout::ParseRoot(trusted));
  for (std::uint64_t step = 0; step < kMaxRootSteps; ++step) {
    const absl::StatusOr<std::string> file =
        Get(MetadataPath(Role::kRoot, root_.version + 1), MaxBytes(Role::kRoot), false);
    if (absl::IsNotFound(file.status())) break;
    if (!file.ok()) return file.status();
    VEILSUM_ASSIGN_OR_RETURN(const std::string payload, Open(Role::kRoot, *file));
    VEILSUM_ASSIGN_OR_RETURN(rollout::Root next, rollout::ParseRoot(payload));
    if (next.version != root_.version + 1 || next.federation_id != root_.federation_id)
      return Refuse(Refusal::kRoot, "a root that does not follow version %d", root_.version);
    if (!rollout::OpenMetadata(Role::kRoot, *file, next.roles[Role::kRoot]).ok())
      return Refuse(Refusal::kRoot, "root %d is not signed by its own keys", next.version);
    root_ = std::move(next);
    VEILSUM_RETURN_IF_ERROR(store_.SaveRoot(*file));
  }
  if (root_.expires <= now) return Refuse(Refusal::kExpired, "root is past its date");
  return absl::OkStatus();
}

absl::StatusOr<std::string> Updater::Open(Role role, const std::string& file) const {
  absl::StatusOr<std::string> payload = rollout::OpenMetadata(role, file, root_.roles.at(role));
  if (role == Role::kRoot && !payload.ok())
    return Refuse(Refusal::kRoot, "%s", std::string(payload.status().message()));
  return payload;
}

absl::Status Updater::CheckVersion(Role role, const rollout::Header& header, Seconds now) {
  std::uint64_t& seen = next_.versions[role];
  if (header.version < seen)
    return Refuse(Refusal::kRollback, "%s is version %d, %d was seen before", RoleName(role),
                  header.version, seen);
  if (header.expires <= now)
    return Refuse(Refusal::kExpired, "%s is past its date", RoleName(role));
  seen = header.version;
  return absl::OkStatus();
}

absl::StatusOr<std::string> Updater::GetReferenced(Role role, const rollout::FileRef& ref) {
  absl::StatusOr<std::string> file = Get(MetadataPath(role, ref.version), MaxBytes(role), false);
  if (!file.ok()) return file;
  const rollout::FileRef have = rollout::RefTo(ref.version, *file);
  if (have.sha256 != ref.sha256 || have.bytes != ref.bytes)
    return Refuse(Refusal::kMixAndMatch, "%s is not the one that is referred to", RoleName(role));
  return file;
}

// Steps 3 to 5.
absl::Status Updater::ReadMetadata(Seconds now) {
  VEILSUM_ASSIGN_OR_RETURN(
      const std::string timestamp_file,
      Get(MetadataPath(Role::kTimestamp, 0), MaxBytes(Role::kTimestamp), false));
  VEILSUM_ASSIGN_OR_RETURN(std::string payload, Open(Role::kTimestamp, timestamp_file));
  VEILSUM_ASSIGN_OR_RETURN(const rollout::Timestamp timestamp, rollout::ParseTimestamp(payload));
  VEILSUM_RETURN_IF_ERROR(CheckVersion(Role::kTimestamp, timestamp, now));
  if (timestamp.snapshot.version < next_.versions[Role::kSnapshot])
    return Refuse(Refusal::kRollback, "timestamp refers to an older snapshot than was seen");
  VEILSUM_ASSIGN_OR_RETURN(const std::string snapshot_file,
                           GetReferenced(Role::kSnapshot, timestamp.snapshot));
  VEILSUM_ASSIGN_OR_RETURN(payload, Open(Role::kSnapshot, snapshot_file));
  VEILSUM_ASSIGN_OR_RETURN(const rollout::Snapshot snapshot, rollout::ParseSnapshot(payload));
  if (snapshot.version != timestamp.snapshot.version)
    return Refuse(Refusal::kMixAndMatch, "snapshot has another version than timestamp says");
  VEILSUM_RETURN_IF_ERROR(CheckVersion(Role::kSnapshot, snapshot, now));
  if (snapshot.targets.version < next_.versions[Role::kTargets])
    return Refuse(Refusal::kRollback, "snapshot refers to older targets than were seen");
  VEILSUM_ASSIGN_OR_RETURN(const std::string targets_file,
                           GetReferenced(Role::kTargets, snapshot.targets));
  VEILSUM_ASSIGN_OR_RETURN(payload, Open(Role::kTargets, targets_file));
  VEILSUM_ASSIGN_OR_RETURN(rollout::Targets targets, rollout::ParseTargets(payload));
  if (targets.version != snapshot.targets.version)
    return Refuse(Refusal::kMixAndMatch, "targets have another version than snapshot says");
  VEILSUM_RETURN_IF_ERROR(CheckVersion(Role::kTargets, targets, now));
  targets_ = std::move(targets);
  return absl::OkStatus();
}

// Step 6. The director may name only what targets has, and only to us.
absl::Status Updater::ReadDirector(Seconds now) {
  VEILSUM_ASSIGN_OR_RETURN(const std::string file, Get(rollout::DirectorPath(config_.client),
                                                       MaxBytes(Role::kDirector), false));
  VEILSUM_ASSIGN_OR_RETURN(const std::string payload, Open(Role::kDirector, file));
  VEILSUM_ASSIGN_OR_RETURN(director_, rollout::ParseDirector(payload));
  if (director_.client != config_.client)
    return Refuse(Refusal::kWrongClient, "the director addresses %s", director_.client);
  VEILSUM_RETURN_IF_ERROR(CheckVersion(Role::kDirector, director_, now));
  target_ = targets_->Find(director_.digest);
  if (target_ == nullptr || target_->model_id != director_.model_id ||
      target_->release_counter != director_.release_counter)
    return Refuse(Refusal::kWrongTarget, "the director names a release that is not among targets");
  if (!director_.shadow.empty() && targets_->Find(director_.shadow) == nullptr)
    return Refuse(Refusal::kWrongTarget, "the director names a shadow that is not among targets");
  return absl::OkStatus();
}

// Steps 7 to 9. An older release is taken only on the director's word that it is a roll back, only
// when this client had it before (or had none before), and only from the safe ones on.
absl::Status Updater::CheckTarget(Seconds now) const {
  const InstalledRelease& current = next_.current;
  const auto safe = targets_->min_safe.find(target_->model_id);
  if (safe != targets_->min_safe.end() && target_->release_counter < safe->second)
    return Refuse(Refusal::kCounter, "release %d is below the lowest safe one, %d",
                  target_->release_counter, safe->second);
  const bool older =
      current.model_id == target_->model_id && target_->release_counter < current.release_counter;
  const bool had = next_.previous.empty() || target_->digest == next_.previous.digest;
  if (older && !(director_.rollback && had))
    return Refuse(Refusal::kCounter, "release %d is older than the present one, %d",
                  target_->release_counter, current.release_counter);
  if (targets_->IsRevoked(target_->digest))
    return Refuse(Refusal::kRevoked, "release %s is revoked", target_->version);
  if (target_->not_after <= now)
    return Refuse(Refusal::kOutOfDate, "release %s is past its not_after", target_->version);
  const auto mine = release::ParseVersion(config_.client_version);
  const auto least = release::ParseVersion(target_->min_client);
  if (!mine.ok() || !least.ok() || *mine < *least)
    return Refuse(Refusal::kIncompatible, "release %s needs client %s", target_->version,
                  target_->min_client);
  if (target_->opset < kMinOpset || target_->opset > kMaxOpset)
    return Refuse(Refusal::kIncompatible, "release %s has opset %d", target_->version,
                  target_->opset);
  if (!config_.policy.schema_sha256.empty() &&
      target_->schema_sha256 != config_.policy.schema_sha256)
    return Refuse(Refusal::kIncompatible, "release %s is for other columns than the local ones",
                  target_->version);
  return absl::OkStatus();
}

// Steps 10 and 11.
absl::StatusOr<release::Files> Updater::Download() {
  release::Files files;
  for (const rollout::TargetFile& file : target_->files) {
    absl::StatusOr<std::string> bytes =
        Get(rollout::PackagePath(target_->digest, file.path), file.bytes, true);
    if (absl::IsNotFound(bytes.status()))
      return Refuse(Refusal::kDigest, "%s is missing", file.path);
    if (!bytes.ok()) return bytes.status();
    if (HexEncode(Sha256(*bytes)) != file.sha256)
      return Refuse(Refusal::kDigest, "%s is not what targets say", file.path);
    files[file.path] = *std::move(bytes);
  }
  if (HexEncode(release::RootDigest(files)) != target_->digest)
    return Refuse(Refusal::kDigest, "the files are not the release that targets name");
  const std::string proof(release::kLedgerProofFile);
  absl::StatusOr<std::string> bytes =
      Get(rollout::PackagePath(target_->digest, proof), std::size_t{64} << 10, true);
  if (bytes.ok()) files[proof] = *std::move(bytes);
  return files;
}

// Steps 12 and 13.
absl::Status Updater::CheckPolicy(const release::Release& release,
                                  const release::Files& files) const {
  const ReleasePolicy& policy = config_.policy;
  if (policy.require_ledger_proof) {
    const auto proof = files.find(std::string(release::kLedgerProofFile));
    if (proof == files.end()) return Refuse(Refusal::kLedgerProof, "there is no ledger proof");
    if (!config_.ledger_proof)
      return Refuse(Refusal::kLedgerProof, "this client has no way to check the ledger's proof");
    VEILSUM_RETURN_IF_ERROR(
        release::RefuseAs(Refusal::kLedgerProof, config_.ledger_proof(proof->second, release)));
  }
  double epsilon = 0;
  const std::string text = release.privacy.at("epsilon").get<std::string>();
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), epsilon);
  if (policy.epsilon_max && !(error == std::errc() && epsilon <= *policy.epsilon_max))
    return Refuse(Refusal::kPolicy, "the release's epsilon is %s, this merchant's limit %s", text,
                  release::DecimalOf(*policy.epsilon_max));
  return absl::OkStatus();
}

// The present release is revoked: the one before it, unless that is revoked too.
absl::Status Updater::FallBack(UpdateReport& report) {
  if (!targets_ || next_.current.empty() || !targets_->IsRevoked(next_.current.digest))
    return absl::OkStatus();
  const bool previous = !next_.previous.empty() && !targets_->IsRevoked(next_.previous.digest);
  next_.current = previous ? next_.previous : InstalledRelease();
  next_.previous = {};
  report.fell_back = true;
  return absl::OkStatus();
}

// Steps 7 to 15.
absl::Status Updater::Install(Seconds now, UpdateReport& report) {
  VEILSUM_RETURN_IF_ERROR(CheckTarget(now));
  if (target_->digest == next_.current.digest) {
    report.kind = UpdateReport::Kind::kUpToDate;
    return absl::OkStatus();
  }
  const ReleasePolicy& policy = config_.policy;
  if (!policy.pinned.empty() && policy.pinned != target_->digest)
    return Refuse(Refusal::kPolicy, "this merchant is pinned to another release");
  if (now < policy.frozen_until)
    return Refuse(Refusal::kPolicy, "this merchant takes no release now");
  VEILSUM_ASSIGN_OR_RETURN(const release::Files files, Download());
  VEILSUM_ASSIGN_OR_RETURN(const release::Release release, OpenByAnyKey(files, root_));
  if (rollout::TargetOf(release.manifest, files) != *target_)
    return Refuse(Refusal::kPackage, "manifest.json contradicts targets");
  VEILSUM_RETURN_IF_ERROR(CheckPolicy(release, files));
  StoreState after = next_;
  if (!after.current.empty()) after.previous = after.current;
  after.current = {target_->digest, target_->model_id, target_->version, target_->release_counter};
  VEILSUM_RETURN_IF_ERROR(store_.Install(target_->digest, files, after));
  next_ = std::move(after);
  report.kind = UpdateReport::Kind::kInstalled;
  return absl::OkStatus();
}

UpdateReport Updater::Check(Seconds now) {
  UpdateReport report;
  next_ = store_.state();
  targets_.reset();
  target_ = nullptr;
  absl::Status status = CheckClock(now);
  if (status.ok()) status = FollowRoot(now);
  if (status.ok()) status = ReadMetadata(now);
  if (status.ok()) status = FallBack(report);
  if (status.ok()) status = ReadDirector(now);
  if (status.ok()) {
    next_.last_fresh = now;
    status = Install(now, report);
  }
  if (const absl::Status saved = store_.Save(next_); status.ok()) status = saved;
  if (!status.ok()) report.kind = UpdateReport::Kind::kRefused;
  report.status = status;
  report.code = std::string(release::RefusalCode(status));
  report.digest = store_.state().current.digest;
  if (target_ != nullptr) report.wanted = target_->digest;
  report.shadow = status.ok() ? director_.shadow : "";
  if (status.ok()) report.channel = ChannelName(director_.channel);
  report.offline_alarm = now - store_.state().last_fresh > config_.max_offline;
  return report;
}

}  // namespace veilsum::client
