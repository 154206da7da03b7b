#include "coordinator/cli/serve_command.h"

#include <csignal>
#include <cstdlib>
#include <future>

#include "base/crypto/sha256.h"
#include "base/exit_code.h"
#include "base/file.h"
#include "base/observe/log.h"
#include "base/pki/credentials.h"
#include "base/pki/key_file.h"
#include "base/stop_on_signal.h"
#include "coordinator/cli/config.h"
#include "coordinator/cli/node_metrics.h"
#include "coordinator/cli/own_identity.h"
#include "coordinator/cli/standby.h"
#include "coordinator/identity/identity_office.h"
#include "coordinator/rpc/enroll_server.h"
#include "coordinator/rpc/rpc_server.h"
#include "coordinator/run/run_engine.h"
#include "coordinator/store/archive.h"
#include "coordinator/store/postgres_run_store.h"
#include "model/ledger/ledger_writer.h"
#include "secure_agg/pki/pinned_root_verifier.h"

namespace veilsum::coordinator {
namespace {

absl::StatusOr<OwnIdentity> ReadIdentity(const CoordinatorConfig& config) {
  VEILSUM_ASSIGN_OR_RETURN(OwnIdentity identity, OwnIdentity::Load(config.tls));
  if (identity.tls()->id.domain() != config.federation)
    return InvalidArgument("federation.name is \"%s\", the certificate is of \"%s\"",
                           config.federation, identity.tls()->id.domain());
  return identity;
}

// The key is made with the ledger: later its absence is an error, because another key would be
// another ledger.
absl::StatusOr<LedgerOptions> LedgerOf(const CoordinatorConfig& config, const TlsIdentity& identity,
                                       const std::filesystem::path& config_file, SecureRng& rng,
                                       PostgresLease* lease) {
  absl::StatusOr<Ed25519Signer> key = ReadKeyFile(config.ledger_key);
  if (absl::IsNotFound(key.status())) {
    VEILSUM_ASSIGN_OR_RETURN(const bool begun,
                             lease == nullptr ? HasLedger(config.store) : lease->HasLedger());
    if (!begun) key = MakeKeyFile(config.ledger_key, rng);
  }
  if (!key.ok()) return Annotate(key.status(), "ledger.key");
  LedgerOptions options;
  options.federation = config.federation;
  options.actor = identity.id.ToString();
  options.root_ca = identity.root.Fingerprint();
  options.signer = std::make_shared<const Ed25519Signer>(*std::move(key));
  VEILSUM_ASSIGN_OR_RETURN(const std::string program, ReadFile("/proc/self/exe"));
  options.binary = Sha256(program);
  VEILSUM_ASSIGN_OR_RETURN(const std::string text, ReadFile(config_file));
  options.config = Sha256(text);
  return options;
}

// A ledger that was begun needs its key, which another node has made.
absl::Status FitToLead(const CoordinatorConfig& config, PostgresLease& lease) {
  VEILSUM_ASSIGN_OR_RETURN(const bool begun, lease.HasLedger());
  const absl::Status key = ReadKeyFile(config.ledger_key).status();
  if (!begun && absl::IsNotFound(key)) return absl::OkStatus();
  return Annotate(key, "ledger.key");
}

// Whoever is no longer sure to lead says nothing more: a run that seems to fail here goes on
// elsewhere. What was durable is, and nothing is half done.
void EndAtOnce(Log& log, const absl::Status& why) {
  log.Write("ends at once: " + std::string(why.message()),
            {.level = LogLevel::kError, .event = "lease"});
  std::_Exit(static_cast<int>(ExitCode::kTryAgain));
}

absl::StatusOr<std::unique_ptr<RunStore>> OpenShared(std::unique_ptr<PostgresLease> lease,
                                                     LedgerOptions ledger, NodeMetrics& metrics,
                                                     Log& log) {
  log.Write(absl::StrFormat("leads, in term %d", lease->term()), {.event = "lease"});
  PostgresRunStoreOptions options;
  options.ledger = std::move(ledger);
  options.on_commit = [&metrics](std::chrono::nanoseconds took) { metrics.TransactionTook(took); };
  options.on_lost = [&log](const absl::Status& why) { EndAtOnce(log, why); };
  return OpenPostgresRunStore(std::move(lease), options);
}

absl::StatusOr<Issuer> ReadIssuer(const CoordinatorConfig& config, const Certificate& root) {
  std::optional<SecretText> passphrase;
  if (!config.tls.passphrase.empty()) {
    VEILSUM_ASSIGN_OR_RETURN(passphrase, ReadPassphrase(config.tls.passphrase));
  }
  return Issuer::Load(config.issuer, root, std::chrono::system_clock::now(),
                      passphrase ? &*passphrase : nullptr);
}

// "host:port" with the port that was given out when port 0 was asked for.
std::string WithPort(const std::string& address, int port) {
  return absl::StrFormat("%s:%d", address.substr(0, address.rfind(':')), port);
}

absl::Status TellPort(const CoordinatorConfig& config, const std::string& address) {
  return config.port_file.empty() ? absl::OkStatus() : WriteFile(config.port_file, address + "\n");
}

RpcServerConfig RpcOf(const CoordinatorConfig& config, const OwnIdentity& identity,
                      const std::shared_ptr<const DenyList>& deny, NodeMetrics& metrics) {
  RpcServerConfig rpc;
  rpc.listen = config.listen;
  rpc.tls = identity.tls();
  rpc.reload = identity.Watched();
  rpc.deny = deny;
  rpc.observer = &metrics;
  rpc.limits.uploads_admitted = config.uploads_admitted;
  const auto calls = static_cast<double>(config.tenant_calls);
  rpc.limits.tenant_calls = {calls, 2 * calls};
  rpc.limits.tenant_streams = static_cast<std::size_t>(config.tenant_streams);
  rpc.limits.memory_bytes = static_cast<std::size_t>(config.memory_mib) << 20;
  return rpc;
}

// What only a coordinator with an issuer has: it lets new nodes in.
class Enrolment {
 public:
  static absl::StatusOr<std::unique_ptr<Enrolment>> Open(const CoordinatorConfig& config,
                                                         const TlsIdentity& tls, DenyList& deny) {
    VEILSUM_ASSIGN_OR_RETURN(Issuer issuer, ReadIssuer(config, tls.root));
    OfficeConfig office{.folder = config.records,
                        .root = tls.root,
                        .issuer = std::move(issuer),
                        .coordinator = tls.id,
                        .leaf_lifetime = config.leaf_lifetime};
    auto out = std::make_unique<Enrolment>(config);
    VEILSUM_ASSIGN_OR_RETURN(out->office_,
                             IdentityOffice::Open(std::move(office), deny, out->rng_));
    return out;
  }
  explicit Enrolment(const CoordinatorConfig& config)
      : listen_(config.enroll_listen), advertise_(config.enroll_advertise) {}

  IdentityOffice* office() { return office_.get(); }
  absl::Status Listen(const std::shared_ptr<const TlsIdentity>& tls, const std::string& address) {
    server_.reset();  // its port is free again
    VEILSUM_ASSIGN_OR_RETURN(server_, EnrollServer::Start(listen_, tls, *office_));
    listen_ = WithPort(listen_, server_->port());
    office_->Announce(advertise_.empty() ? listen_ : advertise_, address);
    return absl::OkStatus();
  }

 private:
  std::string listen_;
  const std::string advertise_;
  SystemRng rng_;
  std::unique_ptr<IdentityOffice> office_;
  std::unique_ptr<EnrollServer> server_;
};

void CopyIfAsked(const std::filesystem::path& store_file, RunStore& store, Log& log) {
  const std::optional<absl::Status> copied = AnswerBackupRequest(store_file, store);
  if (!copied) return;
  log.Write(copied->ok() ? std::string("its store was copied") : std::string(copied->message()),
            {.level = copied->ok() ? LogLevel::kInfo : LogLevel::kError, .event = "backup"});
}

// Until `stop`; the own leaf is looked at in between.
void WaitAndRenew(const std::future<void>& stop, OwnIdentity& identity, Enrolment* enrolment,
                  const std::string& address, Log& log, NodeMetrics& metrics,
                  const std::function<void()>& every_second) {
  constexpr std::chrono::seconds kLook{1};
  while (stop.wait_for(kLook) == std::future_status::timeout) {
    every_second();
    if (enrolment == nullptr) continue;
    const auto renewed =
        identity.RenewIfDue(*enrolment->office(), std::chrono::system_clock::now());
    if (!renewed.ok()) {
      log.Write(
          "its own certificate could not be renewed: " + std::string(renewed.status().message()),
          {.level = LogLevel::kError, .event = "certificate"});
    } else if (*renewed) {
      log.Write("its own certificate is renewed", {.event = "certificate"});
      metrics.LeafEnds(identity.tls()->chain().not_after());
      if (const absl::Status again = enrolment->Listen(identity.tls(), address); !again.ok())
        log.Write(std::string(again.message()), {.level = LogLevel::kError});
    }
  }
}

}  // namespace

absl::Status CheckConfig(const std::filesystem::path& config_file,
                         const std::vector<std::string>& settings) {
  VEILSUM_ASSIGN_OR_RETURN(const CoordinatorConfig config,
                           ReadCoordinatorConfig(config_file, settings));
  VEILSUM_ASSIGN_OR_RETURN(const OwnIdentity identity, ReadIdentity(config));
  if (!config.issuer.empty())
    VEILSUM_RETURN_IF_ERROR(ReadIssuer(config, identity.tls()->root).status());
  return absl::OkStatus();
}

absl::Status Serve(const std::filesystem::path& config_file,
                   const std::vector<std::string>& settings) {
  std::promise<void> stop;
  const std::future<void> stopped = stop.get_future();
  const StopOnSignal on_signal([&](int) { stop.set_value(); });
  std::signal(SIGHUP, SIG_IGN);  // certificates and revocations are read again without being told
  VEILSUM_ASSIGN_OR_RETURN(const CoordinatorConfig config,
                           ReadCoordinatorConfig(config_file, settings));
  VEILSUM_ASSIGN_OR_RETURN(OwnIdentity identity, ReadIdentity(config));
  Log log("veilsum-coordinator", /*tenant=*/"", config.log);
  NodeMetrics metrics(log);
  metrics.LeafEnds(identity.tls()->chain().not_after());
  SystemRng rng;
  std::shared_ptr<RevocationList> revoked;
  if (!config.revoked.empty()) {
    VEILSUM_ASSIGN_OR_RETURN(revoked, RevocationList::Open(config.revoked));
  }
  const auto deny = std::make_shared<DenyList>(revoked);
  RpcServerConfig rpc = RpcOf(config, identity, deny, metrics);
  std::unique_ptr<RunStore> store;  // goes after what shows it
  std::unique_ptr<HttpServer> shown;
  if (!config.metrics.empty()) {
    VEILSUM_ASSIGN_OR_RETURN(shown, metrics.Serve(config.metrics));
    log.Write(absl::StrFormat("metrics on %s", WithPort(config.metrics, shown->port())),
              {.event = "start"});
  }
  if (config.shared.url.empty()) {
    SqliteRunStoreOptions options;
    options.on_commit = [&metrics](std::chrono::nanoseconds took) {
      metrics.TransactionTook(took);
    };
    VEILSUM_ASSIGN_OR_RETURN(options.ledger,
                             LedgerOf(config, *identity.tls(), config_file, rng, nullptr));
    VEILSUM_ASSIGN_OR_RETURN(store, OpenSqliteRunStore(config.store, options));
  } else {
    metrics.Leads(false);
    StandbyParts parts;
    parts.place = config.shared;
    parts.rpc = rpc;
    parts.advertise = config.advertise;
    parts.fit = [&](PostgresLease& lease) { return FitToLead(config, lease); };
    parts.listening = [&](const std::string& address) { return TellPort(config, address); };
    VEILSUM_ASSIGN_OR_RETURN(std::unique_ptr<PostgresLease> lease,
                             AwaitLease(parts, stopped, log, rpc.listen));
    if (lease == nullptr) return absl::OkStatus();
    VEILSUM_ASSIGN_OR_RETURN(LedgerOptions ledger,
                             LedgerOf(config, *identity.tls(), config_file, rng, lease.get()));
    VEILSUM_ASSIGN_OR_RETURN(store, OpenShared(std::move(lease), std::move(ledger), metrics, log));
    metrics.Leads(true);
  }
  log.Write(absl::StrFormat("ledger %s has %d entries", ledger::LedgerOrigin(config.federation),
                            store->ledger()->Head().size),
            {.event = "start"});
  metrics.Watch(*store, config.store);
  const Certificate root = identity.tls()->root;
  const secure_agg::PinnedRootVerifier verifier(
      root, [] { return std::chrono::system_clock::now(); }, revoked);
  std::unique_ptr<Enrolment> enrolment;
  if (!config.issuer.empty()) {
    VEILSUM_ASSIGN_OR_RETURN(enrolment, Enrolment::Open(config, *identity.tls(), *deny));
  }
  const SteadyClock clock;
  RunEngineParts parts;
  parts.federation = {config.federation, root.Fingerprint()};
  parts.store = store.get();
  parts.verifier = &verifier;
  parts.rng = &rng;
  parts.clock = &clock;
  parts.log = [&log](std::string_view line) { log.Write(line, {.event = "run"}); };
  parts.round_ended = [&](const RoundFigures& figures) {
    metrics.RoundEnded(figures);
    if (config.log == LogFormat::kJson)
      log.Write(figures.committed ? "committed" : "aborted",
                {.event = "round", .round = figures.round});
  };
  VEILSUM_ASSIGN_OR_RETURN(const std::unique_ptr<RunEngine> engine,
                           RunEngine::Start(std::move(parts)));
  rpc.office = enrolment == nullptr ? nullptr : enrolment->office();
  VEILSUM_ASSIGN_OR_RETURN(const std::unique_ptr<RpcServer> server,
                           RpcServer::Start(rpc, *engine, *engine));
  const std::string address = WithPort(config.listen, server->port());
  const std::string& dialled = config.advertise.empty() ? address : config.advertise;
  if (enrolment != nullptr) VEILSUM_RETURN_IF_ERROR(enrolment->Listen(identity.tls(), dialled));
  log.Write("listens on " + address, {.event = "start"});
  VEILSUM_RETURN_IF_ERROR(TellPort(config, address));
  WaitAndRenew(stopped, identity, enrolment.get(), dialled, log, metrics, [&] {
    if (config.shared.url.empty()) CopyIfAsked(config.store, *store, log);
  });
  log.Write("shuts down", {.event = "stop"});
  server->Shutdown(std::chrono::seconds(2));
  engine->Shutdown();
  return absl::OkStatus();
}

absl::StatusOr<IdleCoordinator> OpenIdle(const std::filesystem::path& config_file) {
  VEILSUM_ASSIGN_OR_RETURN(const CoordinatorConfig config, ReadCoordinatorConfig(config_file));
  VEILSUM_ASSIGN_OR_RETURN(OwnIdentity identity, ReadIdentity(config));
  SystemRng rng;
  IdleCoordinator out{identity.tls()->root, nullptr, nullptr};
  if (config.shared.url.empty()) {
    // Opening would make one, and another ledger with another key.
    if (std::error_code error; !std::filesystem::exists(config.store, error))
      return NotFound("there is no store %s", config.store.string());
    SqliteRunStoreOptions options;
    VEILSUM_ASSIGN_OR_RETURN(options.ledger,
                             LedgerOf(config, *identity.tls(), config_file, rng, nullptr));
    VEILSUM_ASSIGN_OR_RETURN(out.store, OpenSqliteRunStore(config.store, options));
  } else {
    VEILSUM_ASSIGN_OR_RETURN(std::unique_ptr<PostgresLease> lease,
                             PostgresLease::Connect(config.shared, "nobody: records are made"));
    VEILSUM_ASSIGN_OR_RETURN(const bool begun, lease->HasLedger());
    if (!begun) return NotFound("there is no ledger in schema %s", config.shared.schema);
    VEILSUM_ASSIGN_OR_RETURN(const bool elected, lease->TryAcquire());
    if (!elected) return Unavailable("a coordinator has the store");
    PostgresRunStoreOptions options;
    VEILSUM_ASSIGN_OR_RETURN(options.ledger,
                             LedgerOf(config, *identity.tls(), config_file, rng, lease.get()));
    VEILSUM_ASSIGN_OR_RETURN(out.store, OpenPostgresRunStore(std::move(lease), options));
  }
  if (!config.revoked.empty()) {
    VEILSUM_ASSIGN_OR_RETURN(out.revoked, RevocationList::Open(config.revoked));
  }
  return out;
}

}  // namespace veilsum::coordinator
