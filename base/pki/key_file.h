// The Ed25519 key of a process that makes its own: a ledger's, a witness's. A PKCS#8 PEM file that
// its owner alone can read, beside the state that it belongs to and never in a database.
#pragma once

#include <filesystem>

#include "base/pki/credentials.h"
#include "base/secure_rng.h"

namespace veilsum {

// The key in `file`. NotFound: there is none. As ReadPrivateKey and ReadEd25519Signer.
absl::StatusOr<Ed25519Signer> ReadKeyFile(const std::filesystem::path& file);
// Makes a new key in `file`, durably. AlreadyExists: something is there.
absl::StatusOr<Ed25519Signer> MakeKeyFile(const std::filesystem::path& file, SecureRng& rng);

// A folder for keys, with those above it, that only its owner may enter. Unavailable with the
// reason.
absl::Status MakePrivateFolder(const std::filesystem::path& folder);

}  // namespace veilsum
