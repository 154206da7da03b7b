#include "client/cli/renew_command.h"

#include "base/file.h"
#include "base/pki/signing_request.h"
#include "client/cli/config.h"
#include "client/enroll/identity_keeper.h"
#include "client/enroll/operator_config.h"
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
  IdentityKeeper keeper(config.keys, keys, link, /*renew=*/false, rng, [](std::string_view) {});
  return keeper.Renew();
}

absl::Status RenewOperator(const std::filesystem::path& operator_toml) {
  VEILSUM_ASSIGN_OR_RETURN(const OperatorConfig config, ReadOperatorConfig(operator_toml));
  VEILSUM_ASSIGN_OR_RETURN(const Bytes request, MakeSigningRequest(config.link.tls->key_pem));
  // The coordinator certifies a pair. An operator signs nothing: the second key is forgotten here.
  VEILSUM_ASSIGN_OR_RETURN(const SecretText unused, NewSigningKey());
  VEILSUM_ASSIGN_OR_RETURN(const Bytes unused_request, MakeSigningRequest(unused));
  VEILSUM_ASSIGN_OR_RETURN(const IssuedCertificates issued,
                           RenewCertificates(config.link, request, unused_request));
  return WriteFile(config.certificate, issued.tls.ToPem());
}

}  // namespace veilsum::client
