// What a client does before it serves a release: every check of the specification, in its order
// (audit-rollout-tenancy-operations B5), each with its code. Whatever fails, the present release
// keeps serving; only a revocation takes it away, and then the one before it serves.
#pragma once

#include <functional>
#include <optional>

#include "base/clock.h"
#include "client/release/model_store.h"
#include "client/release/source.h"

namespace veilsum::client {

// This merchant's own rules: stricter than what anybody else decides.
struct ReleasePolicy {
  std::optional<double> epsilon_max;
  std::string pinned;                 // digest; empty: none
  rollout::Seconds frozen_until = 0;  // nothing is installed before
  std::string schema_sha256;          // what the local pipeline delivers; empty: any
  bool require_ledger_proof = false;
};

struct UpdaterConfig {
  std::string client;          // own SPIFFE ID
  std::string client_version;  // "0.1.0"
  ReleasePolicy policy;
  double min_bytes_per_second = 16 * 1024;  // after the first ten seconds of a file
  rollout::Seconds max_offline = 30 * 86'400;
  // Checks ledger.tlog-proof against the manifest's digest; none: a required proof is refused.
  std::function<absl::Status(const std::string& proof, const release::Release&)> ledger_proof;
};

// What to tell upwards: result codes and digests, never data.
struct UpdateReport {
  enum class Kind { kInstalled, kUpToDate, kRefused };
  static std::string_view NameOf(Kind kind);  // "up_to_date"
  Kind kind = Kind::kRefused;
  absl::Status status;         // of a refusal
  std::string code;            // "T605"; empty when nothing was refused
  std::string digest;          // that serves now; empty: the baseline
  std::string wanted;          // that the director names; empty: it was not read
  bool fell_back = false;      // a revocation took the present release away
  bool offline_alarm = false;  // no fresh metadata for max_offline
  std::string shadow;          // digest to score beside; empty: none
  std::string channel;         // in which the director names it; empty: nothing was verified

  std::string ToJson(const std::string& client) const;
};

class Updater {
 public:
  // All outlive the updater.
  Updater(ModelStore& store, ReleaseSource& source, const Clock& clock, UpdaterConfig config)
      : store_(store), source_(source), clock_(clock), config_(std::move(config)) {}

  // One look at `now`. The store changes only by what was verified.
  UpdateReport Check(rollout::Seconds now);

 private:
  absl::StatusOr<std::string> Get(const std::string& path, std::size_t limit, bool declared);
  absl::Status CheckClock(rollout::Seconds now);
  absl::Status FollowRoot(rollout::Seconds now);
  absl::Status ReadMetadata(rollout::Seconds now);
  absl::Status ReadDirector(rollout::Seconds now);
  absl::StatusOr<std::string> Open(rollout::Role role, const std::string& file) const;
  absl::Status CheckVersion(rollout::Role role, const rollout::Header& header,
                            rollout::Seconds now);
  absl::StatusOr<std::string> GetReferenced(rollout::Role role, const rollout::FileRef& ref);
  absl::Status CheckTarget(rollout::Seconds now) const;
  absl::StatusOr<release::Files> Download();
  absl::Status CheckPolicy(const release::Release& release, const release::Files& files) const;
  absl::Status FallBack(UpdateReport& report);
  absl::Status Install(rollout::Seconds now, UpdateReport& report);

  ModelStore& store_;
  ReleaseSource& source_;
  const Clock& clock_;
  UpdaterConfig config_;
  StoreState next_;  // becomes the store's as far as it was verified
  rollout::Root root_;
  std::optional<rollout::Targets> targets_;
  rollout::Director director_;
  const rollout::Target* target_ = nullptr;
};

}  // namespace veilsum::client
