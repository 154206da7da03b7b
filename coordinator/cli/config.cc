#include "coordinator/cli/config.h"

#include "base/config/toml_config.h"
#include "base/http/span_exporter.h"

namespace veilsum::coordinator {

absl::StatusOr<CoordinatorConfig> ReadCoordinatorConfig(const std::filesystem::path& file,
                                                        const std::vector<std::string>& settings) {
  VEILSUM_ASSIGN_OR_RETURN(TomlConfig toml, TomlConfig::Read(file, settings));
  CoordinatorConfig config;
  config.file = file;
  config.federation = toml.Text("federation.name");
  config.listen = toml.Text("listen.address");
  config.advertise = toml.Text("listen.advertise", "");
  config.port_file = toml.Path("listen.port_file", {});
  config.tls = {toml.Path("tls.root"), toml.Path("tls.certificate"), toml.Path("tls.key"),
                toml.Path("tls.passphrase_file", {})};
  if (toml.Has("store.url")) {
    config.shared.url = toml.Text("store.url");
    config.shared.passfile = toml.Path("store.passfile", {});
    config.shared.schema = toml.Text("store.schema", config.shared.schema);
    config.ledger_key = toml.Path("ledger.key");
  } else {
    config.store = toml.Path("store.path");
    config.ledger_key = toml.Path("ledger.key", config.store.parent_path() / "ledger.key");
  }
  config.revoked = toml.Path("signing.revoked", {});
  config.releases = toml.Path("rollout.repository", {});
  config.transfer_packages = toml.Path("transfer.packages", {});
  if (!config.transfer_packages.empty()) config.transfer_key = toml.Path("transfer.release_key");
  config.uploads_admitted = static_cast<int>(toml.Integer("limits.uploads_admitted", 4, 1, 64));
  config.max_runs = static_cast<std::size_t>(toml.Integer("limits.max_runs", 4, 1, 64));
  config.tenant_calls = toml.Integer("limits.tenant_calls_per_second", 200, 1, 1'000'000);
  config.tenant_streams = toml.Integer("limits.tenant_streams", 64, 1, 100'000);
  config.memory_mib = toml.Integer("limits.memory_mib", 1024, 64, 1 << 20);
  config.issuer = toml.Path("identity.issuer", {});
  if (!config.issuer.empty()) {
    config.records = config.shared.url.empty() ? toml.Path("identity.records")
                                               : toml.Path("identity.records", {});
    config.enroll_listen = toml.Text("identity.enroll_address");
    config.enroll_advertise = toml.Text("identity.enroll_advertise", "");
    config.leaf_lifetime = std::chrono::seconds(
        toml.Integer("identity.leaf_seconds", 24 * 3600, 10, std::int64_t{90} * 24 * 3600));
  }
  config.metrics = toml.Text("metrics.address", "");
  config.traces = toml.Text("traces.endpoint", "");
  const std::string log = toml.Text("log.format", "text");
  VEILSUM_RETURN_IF_ERROR(toml.Finish());
  VEILSUM_ASSIGN_OR_RETURN(config.log, Log::ParseFormat(log));
  if (!config.shared.url.empty()) VEILSUM_RETURN_IF_ERROR(CheckPostgresPlace(config.shared));
  if (!config.traces.empty())
    if (const absl::Status fit = CheckTraceEndpoint(config.traces); !fit.ok())
      return Annotate(fit, "traces.endpoint");
  return config;
}

}  // namespace veilsum::coordinator
