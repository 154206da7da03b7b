#include "client/cli/run_command.h"

#include <algorithm>
#include <cstdio>

#include "base/pki/key_file.h"
#include "base/stop_on_signal.h"
#include "client/cli/config.h"
#include "client/data/dataset.h"
#include "client/data/select_customers.h"
#include "client/enroll/identity_keeper.h"
#include "client/round/local_contribution.h"
#include "client/round/participant.h"
#include "client/rpc/grpc_coordinator_link.h"
#include "secure_agg/pki/pinned_root_verifier.h"

namespace veilsum::client {
namespace {

void LogLine(std::string_view line) {
  std::fprintf(stderr, "veilsum-client: %.*s\n", static_cast<int>(line.size()), line.data());
}

// SE-32: whoever was used in a closed epoch stays there.
absl::Status KeepOpenEpoch(Odometer& odometer, model::Examples& examples) {
  VEILSUM_ASSIGN_OR_RETURN(const std::vector<bool> mine,
                           odometer.ClaimCustomers(examples.customer_ids));
  if (std::ranges::find(mine, false) != mine.end()) examples = SelectCustomers(examples, mine);
  return absl::OkStatus();
}

// This merchant's customers for the plan that was offered. The declared size class is public;
// exceeding it is refused here, before the contract is signed (SE-15).
absl::StatusOr<Prepared> Prepare(const ApprovedRun& run, const ClientConfig& config,
                                 const std::string& seat, SecureRng& rng, Odometer& odometer) {
  VEILSUM_ASSIGN_OR_RETURN(Dataset dataset, LoadDataset(run.plan(), config.folders));
  VEILSUM_RETURN_IF_ERROR(KeepOpenEpoch(odometer, dataset.training));
  VEILSUM_RETURN_IF_ERROR(KeepOpenEpoch(odometer, dataset.holdout));
  VEILSUM_RETURN_IF_ERROR(CheckPopulation(run.plan(), dataset.training, seat));
  const std::uint64_t customers = dataset.training.customers();
  if (customers > run.size_class())
    return PermissionDenied(
        "POLICY_CUSTOMERS: the declared size class of %d is too small for this merchant",
        run.size_class());
  VEILSUM_ASSIGN_OR_RETURN(const Secret<32> grouping, odometer.GroupingSecret());
  VEILSUM_ASSIGN_OR_RETURN(std::unique_ptr<Contribution> contribution,
                           LocalContribution::Create(run, std::move(dataset.training), rng,
                                                     std::move(dataset.holdout), &grouping));
  return Prepared{std::move(contribution), customers};
}

// A witness that has seen a ledger keeps its key: without it, it would vouch as somebody else.
absl::StatusOr<std::shared_ptr<const Ed25519Signer>> WitnessKey(const ClientConfig& config,
                                                                SecureRng& rng) {
  absl::StatusOr<Ed25519Signer> key = ReadKeyFile(config.witness_key);
  if (absl::IsNotFound(key.status()) && !std::filesystem::exists(config.witness))
    key = MakeKeyFile(config.witness_key, rng);
  if (!key.ok()) return Annotate(key.status(), "store.witness_key");
  return std::make_shared<const Ed25519Signer>(*std::move(key));
}

ParticipantConfig ConfigOf(const ClientConfig& config, const ClientKeys& keys, Policy policy) {
  ParticipantConfig out;
  out.own = {keys.id().ToString(), config.federation, keys.root().Fingerprint()};
  out.identity = {keys.id().ToString(), keys.shared_signer(), keys.signing_chain().der()};
  out.policy = std::move(policy);
  out.drop_fraction = config.drop_fraction;
  out.drop_seed = config.drop_seed;
  return out;
}

}  // namespace

absl::Status RunClient(const ClientConfig& config) {
  VEILSUM_ASSIGN_OR_RETURN(const ClientKeys keys,
                           ClientKeys::Load(config.keys, std::chrono::system_clock::now()));
  VEILSUM_ASSIGN_OR_RETURN(Policy policy, LoadPolicy(config.policy));
  VEILSUM_ASSIGN_OR_RETURN(const std::unique_ptr<Odometer> odometer,
                           Odometer::Open(config.odometer));
  SystemRng rng;
  VEILSUM_ASSIGN_OR_RETURN(const auto witness_key, WitnessKey(config, rng));
  VEILSUM_ASSIGN_OR_RETURN(const std::unique_ptr<WitnessStore> witnessed,
                           WitnessStore::Open(config.witness));
  VEILSUM_ASSIGN_OR_RETURN(const std::unique_ptr<LedgerGuard> ledger,
                           LedgerGuard::Create({keys.id().ToString(), config.federation,
                                                keys.root().Fingerprint(), keys.shared_signer()},
                                               witness_key, *witnessed));
  std::shared_ptr<RevocationList> revoked;
  if (!config.revoked.empty()) {
    VEILSUM_ASSIGN_OR_RETURN(revoked, RevocationList::Open(config.revoked));
  }
  const secure_agg::PinnedRootVerifier verifier(
      keys.root(), [] { return std::chrono::system_clock::now(); }, revoked);
  const std::string seat = keys.id().ToString();
  LinkConfig link;
  link.target = config.coordinator_address;
  link.coordinator_id = config.coordinator_id;
  link.tls = keys.tls();
  RealWaiter waiter;
  IdentityKeeper keeper(config.keys, keys.tls(), link, config.renew, rng, LogLine);
  link.current = [&keeper] { return keeper.Current(); };
  ParticipantWorld world;
  world.connect = [&] {
    link.tls = keeper.Current();
    return ConnectToCoordinator(link);
  };
  world.prepare = [&](const ApprovedRun& run) {
    return Prepare(run, config, seat, rng, *odometer);
  };
  world.verifier = &verifier;
  world.odometer = odometer.get();
  world.ledger = ledger.get();
  world.rng = &rng;
  world.waiter = &waiter;
  world.log = LogLine;
  Participant participant(ConfigOf(config, keys, std::move(policy)), std::move(world));
  const StopOnSignal stop([&](int) { participant.Stop(); });
  const absl::Status ended = participant.Run();
  return absl::IsCancelled(ended) ? absl::OkStatus() : ended;
}

}  // namespace veilsum::client
