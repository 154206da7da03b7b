// Key material as files: what a process presents in TLS, and what it signs with.
#pragma once

#include <filesystem>

#include "base/pki/certificate.h"
#include "base/pki/certificate_chain.h"
#include "base/pki/secret_text.h"

namespace veilsum {

// One end of mutual TLS: the pinned root, the own leaf and its key.
struct TlsIdentity {
  Certificate root;
  Certificate certificate;
  SecretText key_pem;
  SpiffeId id;
  std::optional<Certificate> issuer = std::nullopt;  // between the leaf and the root
  CertificateChain chain() const { return {certificate, issuer}; }
};
// Reads a private key's PEM and decrypts it if it is encrypted. PermissionDenied unless the file
// belongs to us and nobody else may read or write it (0600). InvalidArgument: encrypted and no
// passphrase, or the wrong one.
absl::StatusOr<SecretText> ReadPrivateKey(const std::filesystem::path& file,
                                          const SecretText* passphrase = nullptr);
// 0600; with a passphrase encrypted at rest: PKCS#8 with PBES2, scrypt (RFC 7914) and AES-256-CBC,
// which openssl(1) reads too.
absl::Status WritePrivateKey(const std::filesystem::path& file, const SecretText& key_pem,
                             const SecretText* passphrase = nullptr);
// The first line of a file of mode 0600, at least 12 bytes: a passphrase, or a random key in text.
absl::StatusOr<SecretText> ReadPassphrase(const std::filesystem::path& file);
// Reads the three files, verifies the leaf under the root at `now`, and that the key is the leaf's.
// The certificate's file may hold the issuer after the leaf.
absl::StatusOr<TlsIdentity> LoadTlsIdentity(const std::filesystem::path& root,
                                            const std::filesystem::path& certificate,
                                            const std::filesystem::path& key, WallTime now,
                                            const SecretText* passphrase = nullptr);
// The signer of a PKCS#8 Ed25519 key. InvalidArgument: another kind of key, or malformed.
absl::StatusOr<Ed25519Signer> ReadEd25519Signer(const SecretText& key_pem);
// InvalidArgument unless `key_pem` is the private key of the certificate's public key.
absl::Status CheckKeyMatches(const Certificate& certificate, const SecretText& key_pem);

}  // namespace veilsum
