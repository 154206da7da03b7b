#include "coordinator/cli/serve_command.h"

#include <csignal>
#include <cstdio>
#include <future>

#include "base/config/toml_config.h"
#include "base/crypto/sha256.h"
#include "base/file.h"
#include "base/pki/credentials.h"
#include "base/pki/key_file.h"
#include "base/stop_on_signal.h"
#include "coordinator/cli/own_identity.h"
#include "coordinator/identity/identity_office.h"
#include "coordinator/rpc/enroll_server.h"
#include "coordinator/rpc/rpc_server.h"
#include "coordinator/run/run_engine.h"
#include "model/ledger/ledger_writer.h"
#include "secure_agg/pki/pinned_root_verifier.h"

namespace veilsum::coordinator {
namespace {

struct Config {
  std::string federation, listen, advertise, enroll_listen, enroll_advertise;
  std::filesystem::path port_file, store, ledger_key, revoked, issuer, records;
  IdentityFiles tls;
  std::chrono::seconds leaf_lifetime{};
  int uploads_admitted = 4;
};

absl::StatusOr<Config> ReadConfig(const std::filesystem::path& file,
                                  const std::vector<std::string>& settings) {
  VEILSUM_ASSIGN_OR_RETURN(TomlConfig toml, TomlConfig::Read(file, settings));
  Config config;
  config.federation = toml.Text("federation.name");
  config.listen = toml.Text("listen.address");
  config.advertise = toml.Text("listen.advertise", "");
  config.port_file = toml.Path("listen.port_file", {});
  config.tls = {toml.Path("tls.root"), toml.Path("tls.certificate"), toml.Path("tls.key"),
                toml.Path("tls.passphrase_file", {})};
  config.store = toml.Path("store.path");
  config.ledger_key = toml.Path("ledger.key", config.store.parent_path() / "ledger.key");
  config.revoked = toml.Path("signing.revoked", {});
  config.uploads_admitted = static_cast<int>(toml.Integer("limits.uploads_admitted", 4, 1, 64));
  config.issuer = toml.Path("identity.issuer", {});
  if (!config.issuer.empty()) {
    config.records = toml.Path("identity.records");
    config.enroll_listen = toml.Text("identity.enroll_address");
    config.enroll_advertise = toml.Text("identity.enroll_advertise", "");
    config.leaf_lifetime = std::chrono::seconds(
        toml.Integer("identity.leaf_seconds", 24 * 3600, 10, std::int64_t{90} * 24 * 3600));
  }
  VEILSUM_RETURN_IF_ERROR(toml.Finish());
  return config;
}

absl::StatusOr<OwnIdentity> ReadIdentity(const Config& config) {
  VEILSUM_ASSIGN_OR_RETURN(OwnIdentity identity, OwnIdentity::Load(config.tls));
  if (identity.tls()->id.domain() != config.federation)
    return InvalidArgument("federation.name is \"%s\", the certificate is of \"%s\"",
                           config.federation, identity.tls()->id.domain());
  return identity;
}

// The key is made with the ledger: later its absence is an error, because another key would be
// another ledger.
absl::StatusOr<LedgerOptions> LedgerOf(const Config& config, const TlsIdentity& identity,
                                       const std::filesystem::path& config_file, SecureRng& rng) {
  absl::StatusOr<Ed25519Signer> key = ReadKeyFile(config.ledger_key);
  if (absl::IsNotFound(key.status())) {
    VEILSUM_ASSIGN_OR_RETURN(const bool begun, HasLedger(config.store));
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

absl::StatusOr<Issuer> ReadIssuer(const Config& config, const Certificate& root) {
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

void LogLine(std::string_view line) {
  std::fprintf(stderr, "veilsum-coordinator: %.*s\n", static_cast<int>(line.size()), line.data());
}

// What only a coordinator with an issuer has: it lets new nodes in.
class Enrolment {
 public:
  static absl::StatusOr<std::unique_ptr<Enrolment>> Open(const Config& config,
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
  explicit Enrolment(const Config& config)
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

// Until `stop`; the own leaf is looked at in between.
void WaitAndRenew(std::future<void> stop, OwnIdentity& identity, Enrolment* enrolment,
                  const std::string& address) {
  constexpr std::chrono::seconds kLook{1};
  while (stop.wait_for(kLook) == std::future_status::timeout) {
    if (enrolment == nullptr) continue;
    const auto renewed =
        identity.RenewIfDue(*enrolment->office(), std::chrono::system_clock::now());
    if (!renewed.ok()) {
      LogLine("its own certificate could not be renewed: " +
              std::string(renewed.status().message()));
    } else if (*renewed) {
      LogLine("its own certificate is renewed");
      if (const absl::Status again = enrolment->Listen(identity.tls(), address); !again.ok())
        LogLine(std::string(again.message()));
    }
  }
}

}  // namespace

absl::Status CheckConfig(const std::filesystem::path& config_file,
                         const std::vector<std::string>& settings) {
  VEILSUM_ASSIGN_OR_RETURN(const Config config, ReadConfig(config_file, settings));
  VEILSUM_ASSIGN_OR_RETURN(const OwnIdentity identity, ReadIdentity(config));
  if (!config.issuer.empty())
    VEILSUM_RETURN_IF_ERROR(ReadIssuer(config, identity.tls()->root).status());
  return absl::OkStatus();
}

absl::Status Serve(const std::filesystem::path& config_file,
                   const std::vector<std::string>& settings) {
  std::promise<void> stop;
  const StopOnSignal on_signal([&](int) { stop.set_value(); });
  std::signal(SIGHUP, SIG_IGN);  // certificates and revocations are read again without being told
  VEILSUM_ASSIGN_OR_RETURN(const Config config, ReadConfig(config_file, settings));
  VEILSUM_ASSIGN_OR_RETURN(OwnIdentity identity, ReadIdentity(config));
  SystemRng rng;
  SqliteRunStoreOptions options;
  VEILSUM_ASSIGN_OR_RETURN(options.ledger, LedgerOf(config, *identity.tls(), config_file, rng));
  VEILSUM_ASSIGN_OR_RETURN(const std::unique_ptr<RunStore> store,
                           OpenSqliteRunStore(config.store, options));
  LogLine(absl::StrFormat("ledger %s has %d entries", ledger::LedgerOrigin(config.federation),
                          store->ledger()->Head().size));
  std::shared_ptr<RevocationList> revoked;
  if (!config.revoked.empty()) {
    VEILSUM_ASSIGN_OR_RETURN(revoked, RevocationList::Open(config.revoked));
  }
  const Certificate root = identity.tls()->root;
  const secure_agg::PinnedRootVerifier verifier(
      root, [] { return std::chrono::system_clock::now(); }, revoked);
  const auto deny = std::make_shared<DenyList>(revoked);
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
  parts.log = LogLine;
  VEILSUM_ASSIGN_OR_RETURN(const std::unique_ptr<RunEngine> engine,
                           RunEngine::Start(std::move(parts)));
  RpcServerConfig rpc;
  rpc.listen = config.listen;
  rpc.tls = identity.tls();
  rpc.reload = identity.Watched();
  rpc.deny = deny;
  rpc.office = enrolment == nullptr ? nullptr : enrolment->office();
  rpc.limits.uploads_admitted = config.uploads_admitted;
  VEILSUM_ASSIGN_OR_RETURN(const std::unique_ptr<RpcServer> server,
                           RpcServer::Start(rpc, *engine, *engine));
  const std::string address = WithPort(config.listen, server->port());
  const std::string& dialled = config.advertise.empty() ? address : config.advertise;
  if (enrolment != nullptr) VEILSUM_RETURN_IF_ERROR(enrolment->Listen(identity.tls(), dialled));
  LogLine("listens on " + address);
  if (!config.port_file.empty())
    VEILSUM_RETURN_IF_ERROR(WriteFile(config.port_file, address + "\n"));
  WaitAndRenew(stop.get_future(), identity, enrolment.get(), dialled);
  server->Shutdown(std::chrono::seconds(2));
  engine->Shutdown();
  return absl::OkStatus();
}

absl::StatusOr<IdleCoordinator> OpenIdle(const std::filesystem::path& config_file) {
  VEILSUM_ASSIGN_OR_RETURN(const Config config, ReadConfig(config_file, {}));
  VEILSUM_ASSIGN_OR_RETURN(OwnIdentity identity, ReadIdentity(config));
  SystemRng rng;
  SqliteRunStoreOptions options;
  VEILSUM_ASSIGN_OR_RETURN(options.ledger, LedgerOf(config, *identity.tls(), config_file, rng));
  IdleCoordinator out{identity.tls()->root, nullptr, nullptr};
  VEILSUM_ASSIGN_OR_RETURN(out.store, OpenSqliteRunStore(config.store, options));
  if (!config.revoked.empty()) {
    VEILSUM_ASSIGN_OR_RETURN(out.revoked, RevocationList::Open(config.revoked));
  }
  return out;
}

}  // namespace veilsum::coordinator
