// The folder of a federation's rollouts, which one model has:
//   metadata/ director/ packages/    the repository, which clients are served from
//   (docs/rollout.md) reports/                         what clients say, written by the coordinator
//   rollouts/<id>/start.json         its number and the clients that it is for
//   rollouts/<id>/rollout.json, gates/
// The one with the highest number is the present one; those before it are history.
#pragma once

#include <filesystem>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/crypto/ed25519.h"
#include "base/file_lock.h"
#include "base/secure_rng.h"
#include "coordinator/rollout/evaluation_gates.h"
#include "model/rollout/repository.h"

namespace veilsum::cli {

struct StartedRollout {
  std::uint64_t number = 1;  // 1 for the first
  std::string rollout_id;
  std::vector<std::string> clients;  // SPIFFE IDs, ascending
  bool serving_gates = false;        // errors and latency are asked for besides
  bool veto_gate = false;            // so are the merchants' votes
  std::set<coordinator::EvaluationGate> evaluation_gates;  // so is what hold-outs said
};

class RolloutFolder {
 public:
  explicit RolloutFolder(std::filesystem::path folder) : folder_(std::move(folder)) {}

  const std::filesystem::path& path() const { return folder_; }
  std::filesystem::path PlaceOf(const std::string& rollout_id) const {
    return folder_ / "rollouts" / rollout_id;
  }
  // Those that were begun, by number. DataLoss: a start.json that Save did not write.
  absl::StatusOr<std::vector<StartedRollout>> List() const;
  // The present one. NotFound: none was begun.
  absl::StatusOr<StartedRollout> Present() const;
  absl::Status Save(const StartedRollout& started) const;
  // One command at a time. Unavailable: another one works on the folder.
  absl::StatusOr<FileLock> Lock() const;

 private:
  std::filesystem::path folder_;
};

// Where the keys of roles are. `files` says it role by role, several roles may share one; the
// others' are in `folder`: offline.key (root, targets), needed to publish and to revoke alone and
// kept elsewhere in between, and online.key (snapshot, timestamp, director).
struct RolloutKeyFiles {
  RolloutKeyFiles(std::filesystem::path keys)  // NOLINT: a folder is enough
      : folder(std::move(keys)) {}
  std::filesystem::path Of(rollout::Role role) const;
  std::filesystem::path folder;
  std::map<rollout::Role, std::filesystem::path> files;
};

class RolloutKeys {
 public:
  // What is not there yet is made.
  static absl::StatusOr<std::unique_ptr<RolloutKeys>> Make(const RolloutKeyFiles& files,
                                                           SecureRng& rng);
  // NotFound: a key of snapshot, timestamp or director is not there.
  static absl::StatusOr<std::unique_ptr<RolloutKeys>> Read(const RolloutKeyFiles& files);

  const rollout::RoleSigners& signers() const { return signers_; }  // of the keys that are there
  bool can_revoke() const { return signers_.contains(rollout::Role::kTargets); }

 private:
  RolloutKeys() = default;
  void Use(rollout::Role role, const std::filesystem::path& file);
  std::map<std::filesystem::path, const Ed25519Signer> keys_;
  rollout::RoleSigners signers_;  // of keys_, which stay where they are
};

// A repository that names no release, in `folder`. AlreadyExists: it has one.
absl::Status MakeRepository(const std::filesystem::path& folder, const std::string& federation,
                            const std::string& release_key_pem, const RolloutKeys& keys,
                            rollout::Seconds now);

}  // namespace veilsum::cli
