#include "client/keys/client_keys.h"

#include "base/file.h"

namespace veilsum::client {

absl::StatusOr<OpenKeys> OpenKeys::Read(const KeyFiles& files) {
  std::optional<SecretText> passphrase;
  if (!files.passphrase.empty()) {
    VEILSUM_ASSIGN_OR_RETURN(passphrase, ReadPassphrase(files.passphrase));
  }
  const SecretText* open = passphrase ? &*passphrase : nullptr;
  VEILSUM_ASSIGN_OR_RETURN(SecretText tls, ReadPrivateKey(files.tls_key, open));
  VEILSUM_ASSIGN_OR_RETURN(SecretText signing, ReadPrivateKey(files.signing_key, open));
  return OpenKeys{std::move(tls), std::move(signing)};
}

absl::StatusOr<ClientKeys> ClientKeys::Load(const KeyFiles& files, WallTime now) {
  std::optional<SecretText> passphrase;
  if (!files.passphrase.empty()) {
    VEILSUM_ASSIGN_OR_RETURN(passphrase, ReadPassphrase(files.passphrase));
  }
  const SecretText* open = passphrase ? &*passphrase : nullptr;
  VEILSUM_ASSIGN_OR_RETURN(TlsIdentity tls, LoadTlsIdentity(files.root, files.tls_certificate,
                                                            files.tls_key, now, open));
  if (tls.id.role() != SpiffeRole::kClient)
    return InvalidArgument("%s: %s is no client", files.tls_certificate.string(),
                           tls.id.ToString());
  VEILSUM_ASSIGN_OR_RETURN(const std::string pem, ReadFile(files.signing_certificate, kMaxPemText));
  auto signing = CertificateChain::FromPem(pem);
  if (!signing.ok()) return Annotate(signing.status(), files.signing_certificate.string());
  const auto id = VerifyChain(*signing, tls.root, now);
  if (!id.ok()) return Annotate(id.status(), files.signing_certificate.string());
  if (*id != tls.id)
    return InvalidArgument("%s is of %s, the TLS certificate of %s",
                           files.signing_certificate.string(), id->ToString(), tls.id.ToString());
  VEILSUM_ASSIGN_OR_RETURN(const SecretText key, ReadPrivateKey(files.signing_key, open));
  auto signer = ReadEd25519Signer(key);
  if (!signer.ok()) return Annotate(signer.status(), files.signing_key.string());
  VEILSUM_ASSIGN_OR_RETURN(const Ed25519PublicKey certified, signing->leaf().Ed25519Key());
  if (signer->public_key() != certified)
    return InvalidArgument("%s is not the key of %s", files.signing_key.string(),
                           files.signing_certificate.string());
  return ClientKeys(std::make_shared<const TlsIdentity>(std::move(tls)), *std::move(signing),
                    std::make_shared<const Ed25519Signer>(*std::move(signer)));
}

}  // namespace veilsum::client
