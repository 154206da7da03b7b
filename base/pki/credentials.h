// Key material as files: what a process presents in TLS, and what it signs with.
#pragma once

#include <filesystem>

#include "base/pki/certificate.h"
#include "base/pki/secret_text.h"

namespace veilsum {

// One end of mutual TLS: the pinned root, the own leaf and its key.
struct TlsIdentity {
  Certificate root;
  Certificate certificate;
  SecretText key_pem;
  SpiffeId id;
};
// Reads a private key's PEM. PermissionDenied unless the file belongs to us and nobody else may
// read or write it (0600).
absl::StatusOr<SecretText> ReadPrivateKey(const std::filesystem::path& file);
// Reads the three files, verifies the leaf under the root at `now`, and that the key is the leaf's.
absl::StatusOr<TlsIdentity> LoadTlsIdentity(const std::filesystem::path& root,
                                            const std::filesystem::path& certificate,
                                            const std::filesystem::path& key, WallTime now);
// The signer of a PKCS#8 Ed25519 key. InvalidArgument: another kind of key, or malformed.
absl::StatusOr<Ed25519Signer> ReadEd25519Signer(const SecretText& key_pem);
// InvalidArgument unless `key_pem` is the private key of the certificate's public key.
absl::Status CheckKeyMatches(const Certificate& certificate, const SecretText& key_pem);

}  // namespace veilsum
