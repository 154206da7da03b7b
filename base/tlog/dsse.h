// DSSE envelopes (secure-systems-lab/dsse, protocol and envelope v1.0): bytes of a stated type with
// signatures over both. Written as JSON in one form only.
#pragma once

#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/crypto/ed25519.h"

namespace veilsum::tlog {

struct Envelope {
  struct Signature {
    std::string key_id;  // a hint of where the key may be found, never a reason to trust it
    Bytes signature;
  };
  std::string payload_type;
  Bytes payload;
  std::vector<Signature> signatures;

  // {"payload":"<base64>","payloadType":"...","signatures":[{"keyid":"...","sig":"<base64>"}]}
  std::string ToJson() const;
  // InvalidArgument: any other bytes than ToJson writes, or no signature. Nothing is verified.
  static absl::StatusOr<Envelope> Parse(std::string_view json);

  void Sign(const std::string& key_id, const Ed25519Signer& signer);
  bool IsSignedBy(const Ed25519PublicKey& key) const;
};

// What is signed: "DSSEv1 <bytes in type> <type> <bytes in payload> <payload>".
std::string PreAuthenticationEncoding(std::string_view payload_type, ByteView payload);

}  // namespace veilsum::tlog
