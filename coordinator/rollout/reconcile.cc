#include "coordinator/rollout/reconcile.h"

#include "base/file.h"
#include "model/rollout/cohort.h"

namespace veilsum::coordinator {
namespace {

using rollout::Channel;

struct Wanted {
  Channel channel = Channel::kStable;
  std::string digest, shadow;
  bool rollback = false;
};

Wanted WantedBy(const Rollout& r, const Desired& desired, const RolloutClient& client,
                const std::string& has) {
  Wanted out;
  const bool inside =
      !client.veto && rollout::IsInCohort(r.spec.rollout_id, client.id, desired.percent);
  out.digest = inside ? r.spec.digest : r.spec.baseline;
  out.channel = inside && desired.percent < 100 ? Channel::kCanary : Channel::kStable;
  out.rollback = !inside && has == r.spec.digest;
  if (desired.shadow && !client.veto) out.shadow = r.spec.digest;
  return out;
}

}  // namespace

absl::Status Reconcile(const Rollout& r, const std::vector<RolloutClient>& clients,
                       rollout::Repository& repository, const rollout::RoleSigners& signers,
                       Seconds now) {
  const Desired desired = DesiredOf(r);
  if (desired.revoked)
    VEILSUM_RETURN_IF_ERROR(repository.Revoke(r.spec.digest, r.reason, signers, now));
  for (const RolloutClient& client : clients) {
    const absl::StatusOr<rollout::Director> last = repository.AssignedTo(client.id);
    if (!last.ok() && !absl::IsNotFound(last.status())) return last.status();
    Wanted wanted = WantedBy(r, desired, client, last.ok() ? last->digest : "");
    if (wanted.digest.empty()) continue;
    const bool same = last.ok() && last->digest == wanted.digest &&
                      last->channel == wanted.channel && last->shadow == wanted.shadow;
    if (same && last->expires - now > rollout::LifetimeOf(rollout::Role::kDirector) / 2) continue;
    // The roll back stays one while it is renewed: a client may have missed the first.
    if (same) wanted.rollback = last->rollback;
    VEILSUM_RETURN_IF_ERROR(repository.Assign(client.id, wanted.channel, wanted.digest,
                                              wanted.rollback, signers, now, wanted.shadow));
  }
  return absl::OkStatus();
}

absl::Status SaveRollout(const Rollout& rollout, const std::filesystem::path& file) {
  return WriteFile(file, RolloutJson(rollout));
}

absl::StatusOr<Rollout> LoadRollout(const std::filesystem::path& file) {
  VEILSUM_ASSIGN_OR_RETURN(const std::string text, ReadFile(file, std::size_t{1} << 20));
  return ParseRollout(text);
}

}  // namespace veilsum::coordinator
