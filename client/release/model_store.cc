#include "client/release/model_store.h"

#include "base/file.h"
#include "model/release/refusal.h"

namespace veilsum::client {
namespace {

namespace fs = std::filesystem;
using rollout::Role;

constexpr Role kRoles[] = {Role::kRoot, Role::kTargets, Role::kSnapshot, Role::kTimestamp,
                           Role::kDirector};

Json InstalledJson(const InstalledRelease& r) {
  return {{"digest", r.digest},
          {"model_id", r.model_id},
          {"version", r.version},
          {"release_counter", r.release_counter}};
}

InstalledRelease ReadInstalled(const Json& json) {
  return {json.at("digest").get<std::string>(), json.at("model_id").get<std::string>(),
          json.at("version").get<std::string>(), json.at("release_counter").get<std::uint64_t>()};
}

absl::StatusOr<std::string> StateJson(const StoreState& s) {
  Json versions = Json::object();
  for (const auto& [role, version] : s.versions) versions[std::string(RoleName(role))] = version;
  return EncodeCanonical({{"last_time", s.last_time},
                          {"last_fresh", s.last_fresh},
                          {"versions", versions},
                          {"current", InstalledJson(s.current)},
                          {"previous", InstalledJson(s.previous)}});
}

absl::StatusOr<StoreState> ParseState(std::string_view text) {
  StoreState s;
  try {
    const absl::StatusOr<Json> json = ParseCanonical(text);
    if (!json.ok()) return DataLoss("the model store's state.json is damaged");
    s.last_time = json->at("last_time").get<rollout::Seconds>();
    s.last_fresh = json->at("last_fresh").get<rollout::Seconds>();
    for (const Role role : kRoles)
      if (const auto found = json->at("versions").find(RoleName(role));
          found != json->at("versions").end())
        s.versions[role] = found->get<std::uint64_t>();
    s.current = ReadInstalled(json->at("current"));
    s.previous = ReadInstalled(json->at("previous"));
  } catch (const Json::exception&) {
    return DataLoss("the model store's state.json is damaged");
  }
  return s;
}

}  // namespace

absl::StatusOr<ModelStore> ModelStore::Create(const fs::path& folder, std::string_view root) {
  std::error_code error;
  if (fs::exists(folder / "state.json", error))
    return AlreadyExists("%s has a model store already", folder.string());
  fs::create_directories(folder / "models", error);
  ModelStore out(folder);
  VEILSUM_RETURN_IF_ERROR(out.SaveRoot(root));
  VEILSUM_RETURN_IF_ERROR(out.Save({}));
  return out;
}

absl::StatusOr<ModelStore> ModelStore::Open(const fs::path& folder) {
  ModelStore out(folder);
  VEILSUM_ASSIGN_OR_RETURN(out.root_, ReadFile(folder / "root.json", MaxBytes(Role::kRoot)));
  VEILSUM_ASSIGN_OR_RETURN(const std::string state,
                           ReadFile(folder / "state.json", std::size_t{1} << 20));
  VEILSUM_ASSIGN_OR_RETURN(out.state_, ParseState(state));
  return out;
}

absl::Status ModelStore::SaveRoot(std::string_view file) {
  VEILSUM_RETURN_IF_ERROR(WriteFile(folder_ / "root.json", file));
  root_ = std::string(file);
  return absl::OkStatus();
}

absl::Status ModelStore::Save(StoreState state) {
  VEILSUM_ASSIGN_OR_RETURN(const std::string text, StateJson(state));
  VEILSUM_RETURN_IF_ERROR(WriteFile(folder_ / "state.json", text));
  state_ = std::move(state);
  return absl::OkStatus();
}

// The files first, whole and synced; the state that names them last: its rename is the swap.
absl::Status ModelStore::Install(const std::string& digest, const release::Files& files,
                                 const StoreState& next) {
  std::error_code error;
  if (!fs::exists(PackageFolder(digest), error))
    VEILSUM_RETURN_IF_ERROR(release::WritePackage(files, PackageFolder(digest)));
  VEILSUM_RETURN_IF_ERROR(Save(next));
  RemoveOthers();
  return absl::OkStatus();
}

void ModelStore::RemoveOthers() const {
  std::error_code error;
  std::vector<fs::path> old;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder_ / "models", error))
    if (const std::string name = entry.path().filename().string();
        name != state_.current.digest && name != state_.previous.digest)
      old.push_back(entry.path());
  for (const fs::path& folder : old) fs::remove_all(folder, error);
}

absl::StatusOr<release::Release> ModelStore::LoadCurrent() const {
  if (state_.current.empty()) return NotFound("no release is installed");
  VEILSUM_ASSIGN_OR_RETURN(const std::string payload, rollout::PayloadOf(root_));
  VEILSUM_ASSIGN_OR_RETURN(const rollout::Root root, rollout::ParseRoot(payload));
  VEILSUM_ASSIGN_OR_RETURN(const release::Files files,
                           release::ReadPackage(PackageFolder(state_.current.digest)));
  VEILSUM_ASSIGN_OR_RETURN(release::Release release, OpenByAnyKey(files, root));
  if (HexEncode(release.digest) != state_.current.digest)
    return release::Refuse(release::Refusal::kDigest, "the installed release is another one");
  return release;
}

absl::StatusOr<release::Release> OpenByAnyKey(const release::Files& files,
                                              const rollout::Root& root) {
  absl::Status last = release::Refuse(release::Refusal::kModelSigned, "root names no release key");
  for (const std::string& pem : root.release_keys) {
    VEILSUM_ASSIGN_OR_RETURN(const P256PublicKey key, P256PublicKey::FromPem(pem));
    absl::StatusOr<release::Release> release = release::OpenPackage(files, key);
    if (release.ok()) return release;
    last = release.status();
    if (release::RefusalCode(last) != CodeOf(release::Refusal::kModelSigned)) return last;
  }
  return last;
}

}  // namespace veilsum::client
