#include "coordinator/cli/serve_command.h"

#include <cstdio>
#include <future>

#include "base/config/toml_config.h"
#include "base/crypto/sha256.h"
#include "base/file.h"
#include "base/pki/credentials.h"
#include "base/pki/key_file.h"
#include "base/stop_on_signal.h"
#include "coordinator/rpc/rpc_server.h"
#include "coordinator/run/run_engine.h"
#include "model/ledger/ledger_writer.h"
#include "secure_agg/pki/pinned_root_verifier.h"

namespace veilsum::coordinator {
namespace {

struct Config {
  std::string federation, listen;
  std::filesystem::path port_file, certificate, key, root, store, ledger_key, revoked;
  int uploads_admitted = 4;
};

absl::StatusOr<Config> ReadConfig(const std::filesystem::path& file) {
  VEILSUM_ASSIGN_OR_RETURN(TomlConfig toml, TomlConfig::Read(file));
  Config config;
  config.federation = toml.Text("federation.name");
  config.listen = toml.Text("listen.address");
  config.port_file = toml.Path("listen.port_file", {});
  config.certificate = toml.Path("tls.certificate");
  config.key = toml.Path("tls.key");
  config.root = toml.Path("tls.root");
  config.store = toml.Path("store.path");
  config.ledger_key = toml.Path("ledger.key", config.store.parent_path() / "ledger.key");
  config.revoked = toml.Path("signing.revoked", {});
  config.uploads_admitted = static_cast<int>(toml.Integer("limits.uploads_admitted", 4, 1, 64));
  VEILSUM_RETURN_IF_ERROR(toml.Finish());
  return config;
}

absl::StatusOr<TlsIdentity> ReadIdentity(const Config& config) {
  VEILSUM_ASSIGN_OR_RETURN(TlsIdentity identity,
                           LoadTlsIdentity(config.root, config.certificate, config.key,
                                           std::chrono::system_clock::now()));
  if (identity.id.domain() != config.federation)
    return InvalidArgument("federation.name is \"%s\", the certificate is of \"%s\"",
                           config.federation, identity.id.domain());
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

void LogLine(std::string_view line) {
  std::fprintf(stderr, "veilsum-coordinator: %.*s\n", static_cast<int>(line.size()), line.data());
}

}  // namespace

absl::Status CheckConfig(const std::filesystem::path& config_file) {
  VEILSUM_ASSIGN_OR_RETURN(const Config config, ReadConfig(config_file));
  return ReadIdentity(config).status();
}

absl::Status Serve(const std::filesystem::path& config_file) {
  std::promise<void> stop;
  const StopOnSignal on_signal([&](int) { stop.set_value(); });
  VEILSUM_ASSIGN_OR_RETURN(const Config config, ReadConfig(config_file));
  VEILSUM_ASSIGN_OR_RETURN(TlsIdentity identity, ReadIdentity(config));
  SystemRng rng;
  SqliteRunStoreOptions options;
  VEILSUM_ASSIGN_OR_RETURN(options.ledger, LedgerOf(config, identity, config_file, rng));
  VEILSUM_ASSIGN_OR_RETURN(const std::unique_ptr<RunStore> store,
                           OpenSqliteRunStore(config.store, options));
  LogLine(absl::StrFormat("ledger %s has %d entries", ledger::LedgerOrigin(config.federation),
                          store->ledger()->Head().size));
  std::shared_ptr<RevocationList> revoked;
  if (!config.revoked.empty()) {
    VEILSUM_ASSIGN_OR_RETURN(revoked, RevocationList::Open(config.revoked));
  }
  const secure_agg::PinnedRootVerifier verifier(
      identity.root, [] { return std::chrono::system_clock::now(); }, revoked);
  const SteadyClock clock;
  RunEngineParts parts;
  parts.federation = {config.federation, identity.root.Fingerprint()};
  parts.store = store.get();
  parts.verifier = &verifier;
  parts.rng = &rng;
  parts.clock = &clock;
  parts.log = LogLine;
  VEILSUM_ASSIGN_OR_RETURN(const std::unique_ptr<RunEngine> engine,
                           RunEngine::Start(std::move(parts)));
  RpcServerConfig rpc;
  rpc.listen = config.listen;
  rpc.tls = std::make_shared<const TlsIdentity>(std::move(identity));
  rpc.limits.uploads_admitted = config.uploads_admitted;
  VEILSUM_ASSIGN_OR_RETURN(const std::unique_ptr<RpcServer> server,
                           RpcServer::Start(rpc, *engine, *engine));
  const std::string host = config.listen.substr(0, config.listen.rfind(':'));
  const std::string address = absl::StrFormat("%s:%d", host, server->port());
  LogLine("listens on " + address);
  if (!config.port_file.empty())
    VEILSUM_RETURN_IF_ERROR(WriteFile(config.port_file, address + "\n"));
  stop.get_future().wait();
  server->Shutdown(std::chrono::seconds(2));
  engine->Shutdown();
  return absl::OkStatus();
}

}  // namespace veilsum::coordinator
