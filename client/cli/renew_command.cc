#include "client/cli/renew_command.h"

#include "base/config/toml_config.h"
#include "base/file.h"
#include "base/pki/signing_request.h"
#include "client/cli/config.h"
#include "client/enroll/identity_keeper.h"
#include "client/rpc/enroll_client.h"

namespace veilsum::client {

absl::Status RenewNode(const std::filesystem::path& client_toml) {
  VEILSUM_ASSIGN_OR_RETURN(const ClientConfig config, ReadClientConfig(client_toml));
  VEILSUM_ASSIGN_OR_RETURN(const ClientKeys keys,
                           ClientKeys::Load(config.keys, std::chrono::system_clock::now()));
  LinkConfig link;
  link.target = config.coordinator_address;
  link.coordinator_id = config.coordinator_id;
  SystemRng rng;
  IdentityKeeper keeper(config.keys, keys.tls(), link, /*renew=*/false, rng,
                        [](std::string_view) {});
  return keeper.Renew();
}

absl::Status RenewOperator(const std::filesystem::path& operator_toml) {
  VEILSUM_ASSIGN_OR_RETURN(TomlConfig toml, TomlConfig::Read(operator_toml));
  LinkConfig link;
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
  VEILSUM_ASSIGN_OR_RETURN(const Bytes request, MakeSigningRequest(tls.key_pem));
  // The coordinator certifies a pair. An operator signs nothing: the second key is forgotten here.
  VEILSUM_ASSIGN_OR_RETURN(const SecretText unused, NewSigningKey());
  VEILSUM_ASSIGN_OR_RETURN(const Bytes unused_request, MakeSigningRequest(unused));
  link.tls = std::make_shared<const TlsIdentity>(std::move(tls));
  VEILSUM_ASSIGN_OR_RETURN(const IssuedCertificates issued,
                           RenewCertificates(link, request, unused_request));
  return WriteFile(certificate, issued.tls.ToPem());
}

}  // namespace veilsum::client
