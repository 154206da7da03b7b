#include "cli/rollout/rollout_folder.h"

#include <algorithm>

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
  for (const coordinator::EvaluationGate gate : started.evaluation_gates)
    json["evaluation_gates"].push_back(EvaluationGateName(gate));
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
      for (const Json& name : json->value("evaluation_gates", Json::array())) {
        const auto gate = coordinator::ParseEvaluationGate(name.get<std::string>());
        if (gate.ok()) out.evaluation_gates.insert(*gate);
      }
    }
  } catch (const Json::exception&) {
    return DataLoss("%s is damaged", file.string());
  }
  if (StartJson(out) != text || file.parent_path().filename() != out.rollout_id)
    return DataLoss("%s is damaged", file.string());
  return out;
}

constexpr Role kRoles[] = {Role::kRoot, Role::kTargets, Role::kSnapshot, Role::kTimestamp,
                           Role::kDirector};
bool IsOffline(Role role) { return role == Role::kRoot || role == Role::kTargets; }

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

absl::StatusOr<FileLock> RolloutFolder::Lock() const {
  return FileLock::Take(folder_ / "lock", "another command works on " + folder_.string());
}

fs::path RolloutKeyFiles::Of(Role role) const {
  const auto found = files.find(role);
  if (found != files.end()) return found->second;
  return folder / (IsOffline(role) ? "offline.key" : "online.key");
}

void RolloutKeys::Use(Role role, const fs::path& file) {
  signers_[role] = {&keys_.find(file)->second};
}

absl::StatusOr<std::unique_ptr<RolloutKeys>> RolloutKeys::Make(const RolloutKeyFiles& files,
                                                               SecureRng& rng) {
  VEILSUM_RETURN_IF_ERROR(MakePrivateFolder(files.folder));
  std::unique_ptr<RolloutKeys> out(new RolloutKeys);
  for (const Role role : kRoles) {
    const fs::path file = files.Of(role);
    if (!out->keys_.contains(file)) {
      VEILSUM_ASSIGN_OR_RETURN(Ed25519Signer key, ReadOrMake(file, rng));
      out->keys_.emplace(file, std::move(key));
    }
    out->Use(role, file);
  }
  return out;
}

absl::StatusOr<std::unique_ptr<RolloutKeys>> RolloutKeys::Read(const RolloutKeyFiles& files) {
  std::unique_ptr<RolloutKeys> out(new RolloutKeys);
  for (const Role role : kRoles) {
    const fs::path file = files.Of(role);
    if (!out->keys_.contains(file)) {
      absl::StatusOr<Ed25519Signer> key = ReadKeyFile(file);
      if (absl::IsNotFound(key.status()) && IsOffline(role)) continue;
      VEILSUM_RETURN_IF_ERROR(key.status());
      out->keys_.emplace(file, *std::move(key));
    }
    out->Use(role, file);
  }
  return out;
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
