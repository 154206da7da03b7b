#include "client/enroll/operator_config.h"

#include "base/config/toml_config.h"

namespace veilsum::client {

absl::StatusOr<OperatorConfig> ReadOperatorConfig(const std::filesystem::path& file) {
  VEILSUM_ASSIGN_OR_RETURN(TomlConfig toml, TomlConfig::Read(file));
  OperatorConfig out;
  out.link.target = toml.Text("coordinator.address");
  out.link.coordinator_id = toml.Text("coordinator.spiffe_id");
  out.certificate = toml.Path("tls.certificate");
  const std::filesystem::path root = toml.Path("tls.root"), key = toml.Path("tls.key"),
                              secret = toml.Path("tls.passphrase_file", {});
  VEILSUM_RETURN_IF_ERROR(toml.Finish());
  std::optional<SecretText> passphrase;
  if (!secret.empty()) {
    VEILSUM_ASSIGN_OR_RETURN(passphrase, ReadPassphrase(secret));
  }
  VEILSUM_ASSIGN_OR_RETURN(
      TlsIdentity tls, LoadTlsIdentity(root, out.certificate, key, std::chrono::system_clock::now(),
                                       passphrase ? &*passphrase : nullptr));
  out.link.tls = std::make_shared<const TlsIdentity>(std::move(tls));
  return out;
}

}  // namespace veilsum::client
