#include "cli/operate/operator_config.h"

#include "base/config/toml_config.h"

namespace veilsum::cli {

absl::StatusOr<client::LinkConfig> ReadOperatorConfig(const std::filesystem::path& file) {
  VEILSUM_ASSIGN_OR_RETURN(TomlConfig toml, TomlConfig::Read(file));
  client::LinkConfig link;
  link.target = toml.Text("coordinator.address");
  link.coordinator_id = toml.Text("coordinator.spiffe_id");
  const std::filesystem::path root = toml.Path("tls.root"),
                              certificate = toml.Path("tls.certificate"),
                              key = toml.Path("tls.key"),
                              secret = toml.Path("tls.passphrase_file", {});
  VEILSUM_RETURN_IF_ERROR(toml.Finish());
  std::optional<SecretText> passphrase;
  if (!secret.empty()) {
    VEILSUM_ASSIGN_OR_RETURN(passphrase, ReadPassphrase(secret));
  }
  VEILSUM_ASSIGN_OR_RETURN(TlsIdentity tls,
                           LoadTlsIdentity(root, certificate, key, std::chrono::system_clock::now(),
                                           passphrase ? &*passphrase : nullptr));
  link.tls = std::make_shared<const TlsIdentity>(std::move(tls));
  return link;
}

}  // namespace veilsum::cli
