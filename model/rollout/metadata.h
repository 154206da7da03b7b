// Signed statements about which release is whose: five roles after The Update Framework 1.0.34
// section 5 and Uptane. root names the keys; targets, signed offline, says which releases exist and
// which are revoked; snapshot and timestamp pin its version and age; the director, online, says
// which of them one client is to have. Nobody who holds one role alone can make a client take
// anything. Canonical JSON in DSSE envelopes, Ed25519. Pure.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "base/canonical_json.h"
#include "base/crypto/ed25519.h"
#include "model/release/package.h"

namespace veilsum::rollout {

enum class Role { kRoot, kTargets, kSnapshot, kTimestamp, kDirector };
std::string_view RoleName(Role role);
std::size_t MaxBytes(Role role);  // of its signed file

using Seconds = std::int64_t;  // since 1970, UTC

struct Header {
  std::uint64_t version = 1;
  Seconds expires = 0;
};

struct RoleKeys {
  std::vector<Ed25519PublicKey> keys;
  std::size_t threshold = 1;
};

struct Root : Header {
  std::string federation_id;
  std::map<Role, RoleKeys> roles;         // all five
  std::vector<std::string> release_keys;  // P-256, PEM: who signs packages
};

// A file by its content.
struct FileRef {
  std::uint64_t version = 0;
  std::string sha256;
  std::uint64_t bytes = 0;
};
struct Timestamp : Header {
  FileRef snapshot;
};
struct Snapshot : Header {
  FileRef targets;
};

struct TargetFile {
  std::string path, sha256;
  std::uint64_t bytes = 0;
  friend bool operator==(const TargetFile&, const TargetFile&) = default;
};
struct Target {
  std::string model_id, version, digest;  // digest: RootDigest of the package, hex
  std::uint64_t release_counter = 1;
  std::string schema_sha256, preprocess_sha256, min_client;
  std::uint64_t opset = 0;
  Seconds not_after = 0;
  std::vector<TargetFile> files;
  friend bool operator==(const Target&, const Target&) = default;
};
struct Revocation {
  std::string digest, reason;
  Seconds since = 0;
};
struct Targets : Header {
  std::vector<Target> targets;
  std::vector<Revocation> revoked;
  std::map<std::string, std::uint64_t> min_safe;  // model_id -> the lowest counter still safe

  const Target* Find(std::string_view digest) const;
  bool IsRevoked(std::string_view digest) const;
};

enum class Channel { kStable, kCanary, kShadow, kPinned };
std::string_view ChannelName(Channel channel);

struct Director : Header {
  std::string client;  // SPIFFE ID
  Channel channel = Channel::kStable;
  std::string model_id, digest;
  std::uint64_t release_counter = 1;
  bool rollback = false;  // an older release than the client has, on purpose
  std::string shadow;     // digest that scores beside and decides nothing; may be empty
};

std::string ToJson(const Root& root);
std::string ToJson(const Timestamp& timestamp);
std::string ToJson(const Snapshot& snapshot);
std::string ToJson(const Targets& targets);
std::string ToJson(const Director& director);
// Of the payload of an envelope, by role. Refusal T608: anything but what ToJson writes.
absl::StatusOr<Root> ParseRoot(std::string_view json);
absl::StatusOr<Timestamp> ParseTimestamp(std::string_view json);
absl::StatusOr<Snapshot> ParseSnapshot(std::string_view json);
absl::StatusOr<Targets> ParseTargets(std::string_view json);
absl::StatusOr<Director> ParseDirector(std::string_view json);

using Signers = std::vector<const Ed25519Signer*>;
// The signed file.
std::string SignMetadata(std::string_view json, const Signers& signers);
// The payload once a threshold of different keys has signed it. Refusals T607 (larger than the
// role's bound), T608, T603.
absl::StatusOr<std::string> OpenMetadata(Role role, std::string_view file, const RoleKeys& keys);
// As OpenMetadata, without a look at the signatures: for what is trusted already.
absl::StatusOr<std::string> PayloadOf(std::string_view file);
FileRef RefTo(std::uint64_t version, std::string_view file);

// What targets says about a package.
Target TargetOf(const release::Manifest& manifest, const release::Files& files);

// Places in a repository. A client's director file is named by the hash of its id.
std::string MetadataPath(Role role, std::uint64_t version);  // "metadata/3.targets.json"
std::string DirectorPath(std::string_view client);           // "director/<hex>.json"
std::string PackagePath(std::string_view digest, std::string_view file);
// Whether it is a place that these three name: nothing else of a repository's folder is handed out.
// Of a package at most eight names of [A-Za-z0-9_.-], none of them beginning with a dot.
bool IsRepositoryPath(std::string_view path);

}  // namespace veilsum::rollout
