// X.509 certificates as Veilsum accepts them: X509-SVID.md (one URI SAN, no CA bit,
// digitalSignature) and SE-03. One pinned root, leaves below it or below an issuer of its own.
// Parsing and signatures are OpenSSL's; what to accept is decided here.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "base/bytes.h"
#include "base/crypto/ed25519.h"
#include "base/pki/spiffe_id.h"

struct x509_st;

namespace veilsum {

inline constexpr std::size_t kMaxCertificateDer = 4096;  // the wire's bound on Advert.certificate
inline constexpr std::size_t kMaxPemText = 16 * 1024;

using WallTime = std::chrono::system_clock::time_point;

// A parsed, immutable certificate. Nothing is verified yet: VerifyLeaf does that. Copies share the
// parsed form; thread-safe.
class Certificate {
 public:
  // Exactly one certificate and no trailing bytes. InvalidArgument: malformed or over the bounds
  // above.
  static absl::StatusOr<Certificate> FromDer(ByteView der);
  static absl::StatusOr<Certificate> FromPem(std::string_view pem);

  const Bytes& der() const { return *der_; }
  std::string ToPem() const;
  Hash32 Fingerprint() const;  // SHA-256 of the DER bytes
  WallTime not_before() const;
  WallTime not_after() const;
  bool is_ca() const;
  // The subject's key in DER (SubjectPublicKeyInfo), hashed: one key, whatever certificate it is
  // in.
  Hash32 KeyFingerprint() const;
  std::string SerialHex() const;  // lower case, as long as it is
  // The text of the single URI SAN, whatever it says. InvalidArgument: none, or more than one.
  absl::StatusOr<std::string> Uri() const;
  // The single URI SAN. InvalidArgument: none, more than one (X509-SVID section 2), or not a
  // SpiffeId. Never the CN.
  absl::StatusOr<SpiffeId> Identity() const;
  // InvalidArgument when the subject's key is not Ed25519.
  absl::StatusOr<Ed25519PublicKey> Ed25519Key() const;
  x509_st* handle() const { return x509_.get(); }  // for base/pki only

 private:
  Certificate(std::shared_ptr<x509_st> x509, Bytes der)
      : x509_(std::move(x509)), der_(std::make_shared<const Bytes>(std::move(der))) {}
  std::shared_ptr<x509_st> x509_;
  std::shared_ptr<const Bytes> der_;
};

// The identity of a leaf that `root` itself signed, or, with `issuer`, that `issuer` signed, which
// `root` signed: valid at `now`, with exactly one URI SAN, cA = false and a key usage of
// digitalSignature without keyCertSign. An issuer speaks only for what its own URI SAN names: the
// domain (spiffe://<domain>), or one tenant's seats (spiffe://<domain>/tenant/<tenant>); one
// without a URI is an external authority's and is bound by its root alone. Unauthenticated, saying
// which of these fails, otherwise.
absl::StatusOr<SpiffeId> VerifyLeaf(const Certificate& leaf, const Certificate& root, WallTime now,
                                    const Certificate* issuer = nullptr);

}  // namespace veilsum
