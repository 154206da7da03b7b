// The keys of a seat: a TLS leaf to be let in with, an Ed25519 signing certificate to sign the
// protocol with (SE-03).
#pragma once

#include <filesystem>
#include <memory>

#include "base/crypto/ed25519.h"
#include "base/pki/credentials.h"

namespace veilsum::client {

struct KeyFiles {
  std::filesystem::path root;  // the pinned CA, PEM
  std::filesystem::path tls_certificate, tls_key;
  std::filesystem::path signing_certificate, signing_key;
  std::filesystem::path passphrase = {};  // opens encrypted keys; empty: they are not
};

// The private keys alone, decrypted.
struct OpenKeys {
  SecretText tls, signing;
  static absl::StatusOr<OpenKeys> Read(const KeyFiles& files);
};

// Loaded, verified and consistent: both certificates are of the same seat under the same root, keys
// match.
class ClientKeys {
 public:
  // PermissionDenied: a key file that others may read. Unauthenticated: a certificate that does not
  // verify at `now`.
  static absl::StatusOr<ClientKeys> Load(const KeyFiles& files, WallTime now);

  const SpiffeId& id() const { return tls_->id; }
  const Certificate& root() const { return tls_->root; }
  std::shared_ptr<const TlsIdentity> tls() const { return tls_; }
  const Certificate& signing_certificate() const { return signing_.leaf(); }
  // What peers verify it by: the leaf, and its issuer if the root did not sign it itself.
  const CertificateChain& signing_chain() const { return signing_; }
  const Ed25519Signer& signer() const { return *signer_; }
  std::shared_ptr<const Ed25519Signer> shared_signer() const { return signer_; }

 private:
  ClientKeys(std::shared_ptr<const TlsIdentity> tls, CertificateChain signing,
             std::shared_ptr<const Ed25519Signer> signer)
      : tls_(std::move(tls)), signing_(std::move(signing)), signer_(std::move(signer)) {}
  std::shared_ptr<const TlsIdentity> tls_;
  CertificateChain signing_;
  std::shared_ptr<const Ed25519Signer> signer_;
};

}  // namespace veilsum::client
