#include "client/cli/run_command.h"

#include <algorithm>
#include <mutex>

#include "absl/strings/str_join.h"
#include "absl/synchronization/notification.h"
#include "base/pki/key_file.h"
#include "base/stop_on_signal.h"
#include "base/uniform.h"
#include "client/cli/config.h"
#include "client/cli/node_metrics.h"
#include "client/data/dataset.h"
#include "client/data/select_customers.h"
#include "client/enroll/identity_keeper.h"
#include "client/policy/objections.h"
#include "client/round/local_contribution.h"
#include "client/round/participant.h"
#include "client/rpc/grpc_coordinator_link.h"
#include "secure_agg/pki/pinned_root_verifier.h"

namespace veilsum::client {
namespace {

// For a connection to one of several coordinators: one that is down must not keep us from the
// others, and a machine that is slow must not be taken for one that is down.
constexpr std::chrono::milliseconds kHasty{1000}, kPatient{4000};

// SE-32: whoever was used in a closed epoch stays there.
absl::Status KeepOpenEpoch(Odometer& odometer, model::Examples& examples) {
  VEILSUM_ASSIGN_OR_RETURN(const std::vector<bool> mine,
                           odometer.ClaimCustomers(examples.customer_ids));
  if (std::ranges::find(mine, false) != mine.end()) examples = SelectCustomers(examples, mine);
  return absl::OkStatus();
}

// SE-30: whoever objected before this run began is not in it; whoever objects later is in the next
// one no more.
absl::Status LeaveOutObjections(const Hash32& contract, const ClientConfig& config,
                                Dataset& dataset) {
  const std::filesystem::path store = config.odometer.parent_path() / "objections.sqlite";
  if (config.objections.empty() && !std::filesystem::exists(store)) return absl::OkStatus();
  CustomerIds listed;
  if (!config.objections.empty()) {
    VEILSUM_ASSIGN_OR_RETURN(listed, ReadObjections(config.objections));
  }
  for (model::Examples* part : {&dataset.training, &dataset.holdout}) {
    VEILSUM_ASSIGN_OR_RETURN(const std::vector<bool> keep,
                             WithoutObjections(store, contract, listed, part->customer_ids));
    if (std::ranges::find(keep, false) != keep.end()) *part = SelectCustomers(*part, keep);
  }
  return absl::OkStatus();
}

// This merchant's customers for the plan that was offered. The declared size class is public;
// exceeding it is refused here, before the contract is signed (SE-15).
absl::StatusOr<Prepared> Prepare(const ApprovedRun& run, const ClientConfig& config,
                                 const std::string& seat, SecureRng& rng, Odometer& odometer) {
  absl::StatusOr<Dataset> loaded = LoadDataset(run.plan(), config.folders);
  // What is wrong with a row is for `preflight` to show, not for a log.
  if (!loaded.ok()) return WithoutQuotations(loaded.status());
  Dataset dataset = *std::move(loaded);
  VEILSUM_RETURN_IF_ERROR(LeaveOutObjections(run.contract_hash(), config, dataset));
  VEILSUM_RETURN_IF_ERROR(KeepOpenEpoch(odometer, dataset.training));
  VEILSUM_RETURN_IF_ERROR(KeepOpenEpoch(odometer, dataset.holdout));
  VEILSUM_RETURN_IF_ERROR(CheckPopulation(run.plan(), dataset.training, seat));
  const std::uint64_t customers = dataset.training.customers();
  if (customers > run.size_class())
    return PermissionDenied(
        "POLICY_CUSTOMERS: the declared size class of %d is too small for this merchant",
        run.size_class());
  VEILSUM_ASSIGN_OR_RETURN(const Secret<32> grouping, odometer.GroupingSecret());
  VEILSUM_ASSIGN_OR_RETURN(
      std::unique_ptr<Contribution> contribution,
      LocalContribution::Create(run, std::move(dataset.training), rng, std::move(dataset.holdout),
                                &grouping, config.devices));
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

// What signals do to a client, from before there is one.
class Signals {
 public:
  Signals()
      : signals_([this](int) { Do(stop_, stopped_); },
                 [this] {
                   bool later = false;
                   Do(reload_, later);
                 }) {}
  ~Signals() { On(nullptr, nullptr); }
  // From now on these are called; `stop` at once if it was asked for already.
  void On(std::function<void()> stop, std::function<void()> reload) {
    const std::lock_guard lock(mutex_);
    stop_ = std::move(stop);
    reload_ = std::move(reload);
    if (stopped_ && stop_) stop_();
  }

 private:
  void Do(const std::function<void()>& what, bool& noted) {
    const std::lock_guard lock(mutex_);
    noted = true;
    if (what) what();
  }
  std::mutex mutex_;
  bool stopped_ = false;
  std::function<void()> stop_, reload_;
  StopOnSignal signals_;  // last: its thread uses the rest
};

// The policy's file as it was when it was last good.
class PolicyFile {
 public:
  PolicyFile(std::filesystem::path file, Policy policy)
      : file_(std::move(file)), policy_(std::move(policy)) {}
  Policy Now() const {
    const std::lock_guard lock(mutex_);
    return policy_;
  }
  absl::Status Reload() {
    VEILSUM_ASSIGN_OR_RETURN(Policy policy, LoadPolicy(file_));
    const std::lock_guard lock(mutex_);
    policy_ = std::move(policy);
    return absl::OkStatus();
  }

 private:
  const std::filesystem::path file_;
  mutable std::mutex mutex_;
  Policy policy_;
};

void ReadAgain(IdentityKeeper& keeper, PolicyFile& policy, Log& log) {
  const absl::Status identity = keeper.Reload(), rules = policy.Reload();
  for (const absl::Status& status : {identity, rules})
    if (!status.ok())
      log.Write("what was read before stays in use: " + std::string(status.message()),
                {.level = LogLevel::kError, .event = "reload"});
  if (identity.ok() && rules.ok())
    log.Write("certificates and policy were read again", {.event = "reload"});
}

ParticipantConfig ConfigOf(const ClientConfig& config, const ClientKeys& keys) {
  ParticipantConfig out;
  out.own = {keys.id().ToString(), config.federation, keys.root().Fingerprint()};
  out.identity = {keys.id().ToString(), keys.shared_signer(), keys.signing_chain().der()};
  out.give_up = config.give_up;
  out.drop_fraction = config.drop_fraction;
  out.drop_seed = config.drop_seed;
  return out;
}

// Each coordinator, beginning with the one after that which was had last; `link` then says which.
absl::StatusOr<std::unique_ptr<CoordinatorLink>> ConnectToOneOf(
    const std::vector<std::string>& addresses, std::size_t& next, LinkConfig& link) {
  if (addresses.size() == 1) return ConnectToCoordinator(link);
  absl::Status failed;
  for (const std::chrono::milliseconds timeout : {kHasty, kPatient})
    for (std::size_t i = 0; i < addresses.size(); ++i) {
      link.target = addresses[next++ % addresses.size()];
      LinkConfig attempt = link;
      attempt.connect_timeout = timeout;
      auto connected = ConnectToCoordinator(attempt);
      if (connected.ok()) return connected;
      failed = connected.status();
    }
  return failed;
}

// Until the next run is looked for: an ended one is told of to whoever joins. Not all at once.
absl::Duration UntilNextRun(SecureRng& rng) {
  return absl::Milliseconds(1000 + UniformBelow(2000, rng));
}

}  // namespace

absl::Status RunClient(const ClientConfig& config, bool stay) {
  Signals signals;
  VEILSUM_ASSIGN_OR_RETURN(const ClientKeys keys,
                           ClientKeys::Load(config.keys, std::chrono::system_clock::now()));
  VEILSUM_ASSIGN_OR_RETURN(Policy loaded, LoadPolicy(config.policy));
  PolicyFile policy(config.policy, std::move(loaded));
  VEILSUM_ASSIGN_OR_RETURN(const FileLock trains, LockForTraining(config.odometer));
  VEILSUM_ASSIGN_OR_RETURN(const std::unique_ptr<Odometer> odometer,
                           Odometer::Open(config.odometer));
  Log log("veilsum-client", std::string(keys.id().tenant()), config.log);
  const auto log_line = [&log](std::string_view line) { log.Write(line); };
  NodeMetrics metrics(*odometer);
  metrics.CertificatesEnd(keys.tls()->chain().not_after(), keys.signing_chain().not_after());
  std::unique_ptr<HttpServer> shown;
  if (!config.metrics.empty()) {
    VEILSUM_ASSIGN_OR_RETURN(shown, metrics.Serve(config.metrics));
    log.Write(absl::StrFormat("metrics on port %d", shown->port()), {.event = "start"});
  }
  if (!config.devices.names.empty())
    log.Write("trains on " + absl::StrJoin(config.devices.names, ", "), {.event = "start"});
  SystemRng rng;
  VEILSUM_ASSIGN_OR_RETURN(const auto witness_key, WitnessKey(config, rng));
  VEILSUM_ASSIGN_OR_RETURN(const std::unique_ptr<WitnessStore> witnessed,
                           WitnessStore::Open(config.witness));
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
  IdentityKeeper keeper(config.keys, keys, link, config.renew, rng, log_line);
  link.current = [&keeper] { return keeper.Current(); };
  std::size_t next_coordinator = 0;
  absl::Notification stopped;
  std::string said;  // between runs the end of the last one is heard again and again
  const auto log_once = [&](std::string_view line) {
    if (line != said) log.Write(line);
    said = line;
  };
  for (;;) {
    VEILSUM_ASSIGN_OR_RETURN(
        const std::unique_ptr<LedgerGuard> ledger,
        LedgerGuard::Create(
            {seat, config.federation, keys.root().Fingerprint(), keeper.CurrentSigning().signer},
            witness_key, *witnessed));
    ParticipantWorld world;
    world.connect = [&] {
      link.tls = keeper.Current();
      auto connected = ConnectToOneOf(config.coordinator_addresses, next_coordinator, link);
      if (connected.ok()) keeper.RenewAt(link.target);
      return connected;
    };
    world.prepare = [&](const ApprovedRun& run) {
      return Prepare(run, config, seat, rng, *odometer);
    };
    world.identity = [&]() -> secure_agg::SigningIdentity {
      IdentityKeeper::Signing signing = keeper.CurrentSigning();
      return {seat, std::move(signing.signer), signing.chain.der()};
    };
    world.policy = [&] { return policy.Now(); };
    world.verifier = &verifier;
    world.odometer = odometer.get();
    world.ledger = ledger.get();
    world.rng = &rng;
    world.waiter = &waiter;
    world.log = log_once;
    world.observe = [&](ParticipantEvent event) {
      metrics.On(event);
      metrics.LedgerSeen(ledger->size());
      metrics.CertificatesEnd(keeper.Current()->chain().not_after(),
                              keeper.CurrentSigning().chain.not_after());
    };
    Participant participant(ConfigOf(config, keys), std::move(world));
    const auto stop = [&stopped] {
      if (!stopped.HasBeenNotified()) stopped.Notify();
    };
    const auto reload = [&] { ReadAgain(keeper, policy, log); };
    signals.On(
        [&] {
          stop();
          participant.Stop();
        },
        reload);
    const absl::Status ended = participant.Run();
    signals.On(stop, reload);  // of the pause
    const bool over =
        !ended.ok() || !stay || stopped.WaitForNotificationWithTimeout(UntilNextRun(rng));
    signals.On(nullptr, nullptr);
    if (over) return absl::IsCancelled(ended) ? absl::OkStatus() : ended;
  }
}

}  // namespace veilsum::client
