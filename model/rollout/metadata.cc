#include "model/rollout/metadata.h"

#include <algorithm>

#include "base/crypto/sha256.h"
#include "base/tlog/dsse.h"
#include "model/release/refusal.h"

namespace veilsum::rollout {
namespace {

using release::Refusal;
using release::Refuse;

constexpr char kPayloadType[] = "application/vnd.veilsum.rollout+json";
constexpr Role kRoles[] = {Role::kRoot, Role::kTargets, Role::kSnapshot, Role::kTimestamp,
                           Role::kDirector};
constexpr Channel kChannels[] = {Channel::kStable, Channel::kCanary, Channel::kShadow,
                                 Channel::kPinned};

Json HeaderJson(Role role, const Header& header) {
  return {{"type", RoleName(role)}, {"version", header.version}, {"expires", header.expires}};
}

std::string Canonical(const Json& json) {
  const absl::StatusOr<std::string> text = EncodeCanonical(json);
  VEILSUM_CHECK(text.ok());
  return *text;
}

Json RefJson(const FileRef& ref) {
  return {{"version", ref.version}, {"sha256", ref.sha256}, {"bytes", ref.bytes}};
}

Json TargetJson(const Target& t) {
  Json files = Json::array();
  for (const TargetFile& f : t.files)
    files.push_back({{"path", f.path}, {"sha256", f.sha256}, {"bytes", f.bytes}});
  return {{"model_id", t.model_id},
          {"version", t.version},
          {"digest", t.digest},
          {"release_counter", t.release_counter},
          {"schema_sha256", t.schema_sha256},
          {"preprocess_sha256", t.preprocess_sha256},
          {"min_client", t.min_client},
          {"opset", t.opset},
          {"not_after", t.not_after},
          {"files", files}};
}

// Reading: every member by name and type; nlohmann's exceptions for what is missing or of another
// type end here. That nothing else was there is shown by writing it again.
template <class T>
absl::StatusOr<T> Read(Role role, std::string_view text, void (*read)(const Json&, T&)) {
  const auto wrong = [&] {
    return Refuse(Refusal::kMalformed, "%s metadata has another form", RoleName(role));
  };
  const absl::StatusOr<Json> json = ParseCanonical(text);
  if (!json.ok()) return wrong();
  T out;
  try {
    if (json->at("type") != RoleName(role)) return wrong();
    out.version = json->at("version").get<std::uint64_t>();
    out.expires = json->at("expires").get<Seconds>();
    read(*json, out);
    if (out.version == 0 || ToJson(out) != text) return wrong();
  } catch (const Json::exception&) {
    return wrong();
  }
  return out;
}

// Numbers must be whole and not negative; get<> alone would take -1 or 1.5 for something else.
FileRef ReadRef(const Json& json) {
  return {json.at("version").get<std::uint64_t>(), json.at("sha256").get<std::string>(),
          json.at("bytes").get<std::uint64_t>()};
}

Target ReadTarget(const Json& json) {
  Target t;
  t.model_id = json.at("model_id").get<std::string>();
  t.version = json.at("version").get<std::string>();
  t.digest = json.at("digest").get<std::string>();
  t.release_counter = json.at("release_counter").get<std::uint64_t>();
  t.schema_sha256 = json.at("schema_sha256").get<std::string>();
  t.preprocess_sha256 = json.at("preprocess_sha256").get<std::string>();
  t.min_client = json.at("min_client").get<std::string>();
  t.opset = json.at("opset").get<std::uint64_t>();
  t.not_after = json.at("not_after").get<Seconds>();
  for (const Json& f : json.at("files"))
    t.files.push_back({f.at("path").get<std::string>(), f.at("sha256").get<std::string>(),
                       f.at("bytes").get<std::uint64_t>()});
  return t;
}

// A key that is malformed makes the document another one when it is written again.
Ed25519PublicKey ReadKey(const Json& json) {
  Ed25519PublicKey key{};
  const absl::StatusOr<Bytes> bytes = HexDecode(json.get<std::string>());
  if (bytes.ok() && bytes->size() == key.size()) std::ranges::copy(*bytes, key.begin());
  return key;
}

bool IsHash(std::string_view text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

// Relative, plain names only: a path must never lead out of the package's folder.
bool IsPlainPath(std::string_view path) {
  return !path.empty() && path.size() <= 128 && path.front() != '/' && path.back() != '/' &&
         path.find("..") == std::string_view::npos && path.find("//") == std::string_view::npos &&
         path.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789._-/") ==
             std::string_view::npos;
}

}  // namespace

std::string_view RoleName(Role role) {
  constexpr std::string_view kNames[] = {"root", "targets", "snapshot", "timestamp", "director"};
  return kNames[static_cast<std::size_t>(role)];
}

std::size_t MaxBytes(Role role) {
  constexpr std::size_t kKib = 1024;
  constexpr std::size_t kBounds[] = {256 * kKib, 4096 * kKib, 16 * kKib, 16 * kKib, 16 * kKib};
  return kBounds[static_cast<std::size_t>(role)];
}

std::string_view ChannelName(Channel channel) {
  constexpr std::string_view kNames[] = {"stable", "canary", "shadow", "pinned"};
  return kNames[static_cast<std::size_t>(channel)];
}

const Target* Targets::Find(std::string_view digest) const {
  const auto found = std::ranges::find(targets, digest, &Target::digest);
  return found == targets.end() ? nullptr : &*found;
}

bool Targets::IsRevoked(std::string_view digest) const {
  return std::ranges::find(revoked, digest, &Revocation::digest) != revoked.end();
}

std::string ToJson(const Root& root) {
  Json json = HeaderJson(Role::kRoot, root), roles = Json::object();
  for (const auto& [role, keys] : root.roles) {
    Json list = Json::array();
    for (const Ed25519PublicKey& key : keys.keys) list.push_back(HexEncode(key));
    roles[std::string(RoleName(role))] = {{"keys", list}, {"threshold", keys.threshold}};
  }
  json["federation_id"] = root.federation_id;
  json["roles"] = roles;
  json["release_keys"] = root.release_keys;
  return Canonical(json);
}

std::string ToJson(const Timestamp& timestamp) {
  Json json = HeaderJson(Role::kTimestamp, timestamp);
  json["snapshot"] = RefJson(timestamp.snapshot);
  return Canonical(json);
}

std::string ToJson(const Snapshot& snapshot) {
  Json json = HeaderJson(Role::kSnapshot, snapshot);
  json["targets"] = RefJson(snapshot.targets);
  return Canonical(json);
}

std::string ToJson(const Targets& targets) {
  Json json = HeaderJson(Role::kTargets, targets);
  json["targets"] = Json::array();
  for (const Target& target : targets.targets) json["targets"].push_back(TargetJson(target));
  json["revoked"] = Json::array();
  for (const Revocation& r : targets.revoked)
    json["revoked"].push_back({{"digest", r.digest}, {"reason", r.reason}, {"since", r.since}});
  json["min_safe"] = Json::array();  // model ids may have a '-', which keys may not
  for (const auto& [model_id, counter] : targets.min_safe)
    json["min_safe"].push_back({{"model_id", model_id}, {"counter", counter}});
  return Canonical(json);
}

std::string ToJson(const Director& director) {
  Json json = HeaderJson(Role::kDirector, director);
  json["client"] = director.client;
  json["channel"] = ChannelName(director.channel);
  json["model_id"] = director.model_id;
  json["digest"] = director.digest;
  json["release_counter"] = director.release_counter;
  json["rollback"] = director.rollback;
  json["shadow"] = director.shadow;
  return Canonical(json);
}

absl::StatusOr<Root> ParseRoot(std::string_view json) {
  VEILSUM_ASSIGN_OR_RETURN(Root root, Read<Root>(Role::kRoot, json, [](const Json& j, Root& out) {
                             out.federation_id = j.at("federation_id").get<std::string>();
                             out.release_keys =
                                 j.at("release_keys").get<std::vector<std::string>>();
                             for (const Role role : kRoles) {
                               const Json& keys = j.at("roles").at(std::string(RoleName(role)));
                               RoleKeys& to = out.roles[role];
                               to.threshold = keys.at("threshold").get<std::size_t>();
                               for (const Json& key : keys.at("keys"))
                                 to.keys.push_back(ReadKey(key));
                             }
                           }));
  for (const auto& [role, keys] : root.roles) {
    std::vector<Ed25519PublicKey> sorted = keys.keys;
    std::ranges::sort(sorted);
    if (keys.threshold == 0 || keys.threshold > sorted.size() ||
        std::ranges::adjacent_find(sorted) != sorted.end())
      return Refuse(Refusal::kMalformed, "root: a threshold of %d among %d keys of %s",
                    keys.threshold, sorted.size(), RoleName(role));
  }
  return root;
}

absl::StatusOr<Timestamp> ParseTimestamp(std::string_view json) {
  return Read<Timestamp>(Role::kTimestamp, json, [](const Json& j, Timestamp& out) {
    out.snapshot = ReadRef(j.at("snapshot"));
  });
}

absl::StatusOr<Snapshot> ParseSnapshot(std::string_view json) {
  return Read<Snapshot>(Role::kSnapshot, json, [](const Json& j, Snapshot& out) {
    out.targets = ReadRef(j.at("targets"));
  });
}

absl::StatusOr<Targets> ParseTargets(std::string_view json) {
  VEILSUM_ASSIGN_OR_RETURN(
      Targets targets, Read<Targets>(Role::kTargets, json, [](const Json& j, Targets& out) {
        for (const Json& t : j.at("targets")) out.targets.push_back(ReadTarget(t));
        for (const Json& r : j.at("revoked"))
          out.revoked.push_back({r.at("digest").get<std::string>(),
                                 r.at("reason").get<std::string>(), r.at("since").get<Seconds>()});
        for (const Json& m : j.at("min_safe"))
          out.min_safe[m.at("model_id").get<std::string>()] = m.at("counter").get<std::uint64_t>();
      }));
  for (const Target& target : targets.targets) {
    bool good = IsHash(target.digest) && target.files.size() <= release::kMaxPackageFiles;
    for (const TargetFile& file : target.files) good &= IsPlainPath(file.path);
    if (!good) return Refuse(Refusal::kMalformed, "targets: a release of another form");
  }
  return targets;
}

absl::StatusOr<Director> ParseDirector(std::string_view json) {
  return Read<Director>(Role::kDirector, json, [](const Json& j, Director& out) {
    out.client = j.at("client").get<std::string>();
    const std::string channel = j.at("channel").get<std::string>();
    for (const Channel each : kChannels)
      if (ChannelName(each) == channel) out.channel = each;
    out.model_id = j.at("model_id").get<std::string>();
    out.digest = j.at("digest").get<std::string>();
    out.release_counter = j.at("release_counter").get<std::uint64_t>();
    out.rollback = j.at("rollback").get<bool>();
    out.shadow = j.at("shadow").get<std::string>();
  });
}

std::string SignMetadata(std::string_view json, const Signers& signers) {
  tlog::Envelope envelope;
  envelope.payload_type = kPayloadType;
  envelope.payload.assign(json.begin(), json.end());
  for (const Ed25519Signer* signer : signers)
    envelope.Sign(HexEncode(signer->public_key()), *signer);
  return envelope.ToJson();
}

absl::StatusOr<std::string> OpenMetadata(Role role, std::string_view file, const RoleKeys& keys) {
  if (file.size() > MaxBytes(role))
    return Refuse(Refusal::kOversize, "%s metadata of %d bytes, at most %d are accepted",
                  RoleName(role), file.size(), MaxBytes(role));
  const absl::StatusOr<tlog::Envelope> envelope = tlog::Envelope::Parse(file);
  if (!envelope.ok() || envelope->payload_type != kPayloadType)
    return Refuse(Refusal::kMalformed, "%s metadata is no envelope of ours", RoleName(role));
  const auto signs = [&](const Ed25519PublicKey& key) { return envelope->IsSignedBy(key); };
  const auto signatures = static_cast<std::size_t>(std::ranges::count_if(keys.keys, signs));
  if (signatures < keys.threshold || keys.threshold == 0)
    return Refuse(Refusal::kSignature, "%s metadata has %d good signatures, needs %d",
                  RoleName(role), signatures, keys.threshold);
  return std::string(AsText(envelope->payload));
}

absl::StatusOr<std::string> PayloadOf(std::string_view file) {
  VEILSUM_ASSIGN_OR_RETURN(const tlog::Envelope envelope, tlog::Envelope::Parse(file));
  return std::string(AsText(envelope.payload));
}

FileRef RefTo(std::uint64_t version, std::string_view file) {
  return {version, HexEncode(Sha256(file)), file.size()};
}

Target TargetOf(const release::Manifest& m, const release::Files& files) {
  Target t;
  t.model_id = m.model_id;
  t.version = m.version;
  t.digest = HexEncode(release::RootDigest(files));
  t.release_counter = m.release_counter;
  t.schema_sha256 = m.schema_sha256;
  t.preprocess_sha256 = m.preprocess_sha256;
  t.min_client = m.min_client;
  t.opset = m.opset;
  t.not_after = m.not_after;
  for (const auto& [path, bytes] : files)
    if (path != release::kLedgerProofFile)
      t.files.push_back({path, HexEncode(Sha256(bytes)), bytes.size()});
  return t;
}

std::string MetadataPath(Role role, std::uint64_t version) {
  if (role == Role::kTimestamp) return "metadata/timestamp.json";
  return absl::StrFormat("metadata/%d.%s.json", version, RoleName(role));
}

std::string DirectorPath(std::string_view client) {
  return absl::StrFormat("director/%s.json", HexEncode(Sha256(client)));
}

std::string PackagePath(std::string_view digest, std::string_view file) {
  return absl::StrFormat("packages/%s/%s", digest, file);
}

namespace {

constexpr std::size_t kLongestPath = 256, kDeepestFile = 8, kLongestName = 100;
constexpr std::size_t kDigestDigits = 64;

bool TakePrefix(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

bool TakeDigest(std::string_view& text) {
  if (text.size() < kDigestDigits) return false;
  for (const char c : text.substr(0, kDigestDigits))
    if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) return false;
  text.remove_prefix(kDigestDigits);
  return true;
}

// "3.targets.json", with no zero in front; "timestamp.json".
bool IsMetadataName(std::string_view name) {
  std::size_t digits = 0;
  while (digits < name.size() && name[digits] >= '0' && name[digits] <= '9') ++digits;
  if (digits == 0) return name == "timestamp.json";
  const std::string_view rest = name.substr(digits);
  return digits <= 16 && name[0] != '0' &&
         (rest == ".root.json" || rest == ".targets.json" || rest == ".snapshot.json");
}

bool IsFileName(std::string_view name) {
  if (name.empty() || name.size() > kLongestName || name[0] == '.') return false;
  for (const char c : name)
    if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
          c == '.' || c == '-'))
      return false;
  return true;
}

bool AreFileNames(std::string_view path) {
  for (std::size_t depth = 0; depth < kDeepestFile; ++depth) {
    const std::size_t slash = path.find('/');
    if (!IsFileName(path.substr(0, slash))) return false;
    if (slash == std::string_view::npos) return true;
    path.remove_prefix(slash + 1);
  }
  return false;
}

}  // namespace

bool IsRepositoryPath(std::string_view path) {
  if (path.size() > kLongestPath) return false;
  if (TakePrefix(path, "metadata/")) return IsMetadataName(path);
  if (TakePrefix(path, "director/")) return TakeDigest(path) && path == ".json";
  return TakePrefix(path, "packages/") && TakeDigest(path) && TakePrefix(path, "/") &&
         AreFileNames(path);
}

}  // namespace veilsum::rollout
