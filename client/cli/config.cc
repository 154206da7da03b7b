#include "client/cli/config.h"

#include <limits>

#include "base/config/toml_config.h"
#include "dp/mechanism/randomised_response.h"

namespace veilsum::client {
namespace {

absl::StatusOr<VetoMode> VetoModeOf(const std::string& text) {
  if (text == "off") return VetoMode::kOff;
  if (text == "randomised") return VetoMode::kRandomised;
  if (text == "plain") return VetoMode::kPlain;
  return InvalidArgument("veto.mode is \"%s\", must be off, randomised or plain", text);
}

}  // namespace

absl::StatusOr<ClientConfig> ReadClientConfig(const std::filesystem::path& file,
                                              const std::vector<std::string>& settings) {
  VEILSUM_ASSIGN_OR_RETURN(TomlConfig toml, TomlConfig::Read(file, settings));
  ClientConfig config;
  config.federation = toml.Text("federation.name");
  config.coordinator_addresses = toml.Has("coordinator.addresses")
                                     ? toml.Texts("coordinator.addresses", {})
                                     : std::vector{toml.Text("coordinator.address")};
  config.coordinator_id = toml.Text("coordinator.spiffe_id");
  if (const std::int64_t seconds = toml.Integer("coordinator.give_up_seconds", 0, 0, 1'000'000'000))
    config.give_up = std::chrono::seconds(seconds);
  config.keys = {toml.Path("tls.root"), toml.Path("tls.certificate"), toml.Path("tls.key"),
                 toml.Path("signing.certificate"), toml.Path("signing.key")};
  config.keys.passphrase = toml.Path("identity.passphrase_file", {});
  config.renew = toml.Flag("identity.renew", false);
  if (toml.Has("data.folders")) {
    for (const std::string& folder : toml.Texts("data.folders", {}))
      config.folders.push_back(file.parent_path() / folder);
  } else {
    config.folders.push_back(toml.Path("data.folder"));
  }
  config.objections = toml.Path("data.objections", {});
  config.revoked = toml.Path("signing.revoked", {});
  config.odometer = toml.Path("store.odometer");
  config.witness = toml.Path("store.witness", config.odometer.parent_path() / "witness.sqlite");
  config.witness_key = toml.Path("store.witness_key", config.witness.parent_path() / "witness.key");
  config.policy = toml.Path("policy.file");
  config.plan = toml.Path("plan.file", {});
  const std::string veto = toml.Text("veto.mode", "off");
  config.veto.epsilon_millis = static_cast<std::uint32_t>(
      toml.Integer("veto.epsilon_millis", 1000, dp::kLeastResponseMillis, dp::kMostResponseMillis));
  config.devices.names = toml.Texts("train.devices", {});
  config.devices.library = toml.Path("train.library", {}).string();
  config.metrics = toml.Text("metrics.address", "");
  const std::string log = toml.Text("log.format", "text");
  const std::string drop = toml.Text("demo.drop_fraction", "");
  config.drop_seed = static_cast<std::uint64_t>(
      toml.Integer("demo.drop_seed", 0, 0, std::numeric_limits<std::int64_t>::max()));
  VEILSUM_RETURN_IF_ERROR(toml.Finish());
  VEILSUM_ASSIGN_OR_RETURN(config.log, Log::ParseFormat(log));
  VEILSUM_ASSIGN_OR_RETURN(config.veto.mode, VetoModeOf(veto));
  if (!drop.empty()) {
    VEILSUM_ASSIGN_OR_RETURN(config.drop_fraction, Rational::Parse(drop));
  }
  if (config.coordinator_addresses.empty())
    return InvalidArgument("%s: coordinator.addresses is empty", file.string());
  config.coordinator_address = config.coordinator_addresses.front();
  if (config.folders.empty()) return InvalidArgument("%s: data.folders is empty", file.string());
  return config;
}

}  // namespace veilsum::client
