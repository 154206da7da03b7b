// Certificate signing requests (PKCS#10, RFC 2986): how a key that never leaves its node gets a
// certificate. Only the key and the proof that its holder made the request count; every name in it
// is ignored.
#pragma once

#include <memory>

#include "base/bytes.h"
#include "base/pki/secret_text.h"

struct evp_pkey_st;

namespace veilsum {

// Fresh keys, PKCS#8 PEM: write them with WritePrivateKey.
absl::StatusOr<SecretText> NewTlsKey();      // ECDSA P-256
absl::StatusOr<SecretText> NewSigningKey();  // Ed25519

// DER of a request for the key. InvalidArgument: not a PKCS#8 private key.
absl::StatusOr<Bytes> MakeSigningRequest(const SecretText& key_pem);

enum class KeyKind { kTls, kSigning };  // ECDSA P-256, Ed25519

// The public key of a request whose signature verifies.
struct RequestedKey {
  KeyKind kind;
  Hash32 fingerprint;  // SHA-256 of its SubjectPublicKeyInfo, as Certificate::KeyFingerprint
  std::shared_ptr<evp_pkey_st> key;
};
// InvalidArgument: malformed, over 4096 bytes, another kind of key than `kind`, or not signed by
// the key it asks for.
absl::StatusOr<RequestedKey> ParseSigningRequest(ByteView der, KeyKind kind);

}  // namespace veilsum
