// A repository of releases as a folder of static files: what a web server hands out, and what is
// carried to a place without a network. Every change is made so that a reader sees the old state or
// the new one: packages first, then targets, snapshot, and timestamp last.
#pragma once

#include <filesystem>

#include "model/rollout/metadata.h"

namespace veilsum::rollout {

// Who signs, by role; offline roles are present only where that is done. What needs a role without
// any signer is FailedPrecondition, and nothing has changed.
using RoleSigners = std::map<Role, Signers>;

// For how long a signature is good (SPEC B3): root 365 d, targets 90 d, snapshot 7 d, timestamp and
// director 24 h.
Seconds LifetimeOf(Role role);

class Repository {
 public:
  // Makes the folder with root as its version 1, and targets, snapshot and timestamp that name no
  // release. `signers` has all roles but the director.
  static absl::StatusOr<Repository> Create(const std::filesystem::path& folder, const Root& root,
                                           const RoleSigners& signers, Seconds now);
  // Reads what Create made. It is our own folder: signatures are not checked.
  static absl::StatusOr<Repository> Open(const std::filesystem::path& folder);

  // Adds a signed package. AlreadyExists: that digest is there. FailedPrecondition: its counter is
  // not above every other of the model, or it is revoked. `signers`: targets, snapshot, timestamp.
  absl::Status Publish(const release::Files& files, const RoleSigners& signers, Seconds now);
  // No client may serve it from now on. NotFound: no such release.
  absl::Status Revoke(std::string_view digest, const std::string& reason,
                      const RoleSigners& signers, Seconds now);
  // Clients refuse releases of the model below `counter`.
  absl::Status RequireCounter(const std::string& model_id, std::uint64_t counter,
                              const RoleSigners& signers, Seconds now);
  // A fresh timestamp over what is there, and a fresh snapshot when it is past half of its life.
  // `signers`: snapshot, timestamp.
  absl::Status Refresh(const RoleSigners& signers, Seconds now);
  // Names the next root; `signers` reach the thresholds of the present and of the next one.
  absl::Status Rotate(Root next, const Signers& signers);

  // What one client is to have; the version is one above its last. NotFound: no such release.
  // FailedPrecondition: it is revoked.
  absl::Status Assign(const std::string& client, Channel channel, std::string_view digest,
                      bool rollback, const RoleSigners& signers, Seconds now,
                      std::string_view shadow = {});
  absl::StatusOr<Director> AssignedTo(const std::string& client) const;

  const Root& root() const { return root_; }
  const Targets& targets() const { return targets_; }  // List
  // By digest or by version. NotFound.
  absl::StatusOr<Target> Resolve(std::string_view model_id, std::string_view what) const;

 private:
  explicit Repository(std::filesystem::path folder) : folder_(std::move(folder)) {}
  absl::Status Write(const std::string& path, std::string_view bytes) const;
  absl::Status WriteTargets(const RoleSigners& signers, Seconds now);
  absl::Status WriteSnapshot(std::string_view targets_file, const RoleSigners& signers,
                             Seconds now);
  absl::Status WriteTimestamp(const RoleSigners& signers, Seconds now);

  std::filesystem::path folder_;
  Root root_;
  Targets targets_;
  Snapshot snapshot_;
  Timestamp timestamp_;
};

}  // namespace veilsum::rollout
