// ECDSA over P-256 with SHA-256 (FIPS 186-5), by OpenSSL: what signs released models, because the
// OpenSSF's model signing knows no Ed25519. A signature is DER and, as OpenSSL 3.0 draws a fresh
// nonce for it, not repeatable.
#pragma once

#include <memory>
#include <string>

#include "base/bytes.h"
#include "base/pki/secret_text.h"

struct evp_pkey_st;

namespace veilsum {

// Immutable; copies share the parsed key; thread-safe.
class P256PublicKey {
 public:
  // SubjectPublicKeyInfo in PEM. InvalidArgument: malformed, or a key of another kind.
  static absl::StatusOr<P256PublicKey> FromPem(std::string_view pem);
  const std::string& pem() const { return pem_; }
  // Lower-case hex of SHA-256 over pem(): how a sigstore bundle names the key.
  std::string Hint() const;
  bool Verify(ByteView message, ByteView signature) const;

 private:
  friend class P256Signer;
  explicit P256PublicKey(std::shared_ptr<evp_pkey_st> key);
  std::shared_ptr<evp_pkey_st> key_;
  std::string pem_;
};

class P256Signer {
 public:
  static absl::StatusOr<P256Signer> Generate();
  // PKCS#8 or SEC1. InvalidArgument: malformed, or a key of another kind.
  static absl::StatusOr<P256Signer> FromPem(const SecretText& pem);
  absl::StatusOr<SecretText> PrivatePem() const;  // PKCS#8
  const P256PublicKey& public_key() const { return public_key_; }
  absl::StatusOr<Bytes> Sign(ByteView message) const;

 private:
  explicit P256Signer(std::shared_ptr<evp_pkey_st> key) : public_key_(std::move(key)) {}
  P256PublicKey public_key_;  // holds the private half too
};

}  // namespace veilsum
