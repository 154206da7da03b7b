// The protocol's messages as values: what codecs in wire/ parse into and phases take and give.
// Parsed does not mean checked: each phase says which SA checks it applies. Senders are never in a
// message (SA-38).
#pragma once

#include <memory>

#include "base/crypto/ed25519.h"
#include "secure_agg/params.h"
#include "secure_agg/roster/member_set.h"

namespace veilsum::secure_agg {

using X25519PublicKey = ByteArray<32>;

// ---- Setup of a batch
// -----------------------------------------------------------------------------
struct BatchOffer {
  SessionId session{};
  std::uint32_t batch = 0;
  std::uint16_t slots = 0;
  Hash32 contract_hash{};
};

struct Advert {
  SessionId session{};
  std::uint32_t batch = 0;
  Hash32 contract_hash{};
  MemberId member_id{};
  Hash32 certificate_fingerprint{};        // SHA-256 of `certificate`
  X25519PublicKey channel_key{};           // c_pk
  std::vector<X25519PublicKey> mask_keys;  // s_pk, one a slot
  std::vector<Hash32> self_commitments;    // hb, one a slot
  Ed25519Signature signature{};
  Bytes certificate;  // DER
  friend bool operator==(const Advert&, const Advert&) = default;
};

// What a server claims to be the roster. Only VerifiedRoster is of any use, and only checks make
// one of it.
struct UnverifiedRoster {
  SessionId session{};
  std::uint32_t batch = 0;
  std::uint16_t colluders = 0;
  std::vector<Advert> adverts;
};

struct ShareBox {
  RosterIndex peer{0};  // the recipient in an upload, the dealer in a delivery
  Bytes box;            // 64 * B + 16 bytes
  friend bool operator==(const ShareBox&, const ShareBox&) = default;
};
struct ShareUpload {
  std::vector<ShareBox> boxes;  // every other member, ascending recipient
  friend bool operator==(const ShareUpload&, const ShareUpload&) = default;
};
struct ShareDelivery {
  std::vector<ShareBox> boxes;  // ascending dealer
};
struct ShareReport {
  MemberSet held;  // dealers whose bundle the sender holds, itself included
};
struct ActiveSet {
  MemberSet members;  // V
};
struct SetupSignature {
  Ed25519Signature signature{};
};
struct CertificateEntry {
  RosterIndex signer{0};
  Ed25519Signature signature{};
};
struct Certificate {
  std::vector<CertificateEntry> entries;
};

// ---- A round: one slot of a batch
// -----------------------------------------------------------------
struct RoundStart {
  Hash32 setup_hash{};
  std::uint16_t slot = 0;
  RoundId round{0};
  Hash32 model_hash{};
  std::uint16_t sum = 0;   // which of the contract's sums
  std::uint64_t step = 0;  // published training rounds so far (SE-05)
  Bytes step_config;
};
// The masked vector, kept so that a transport retry sends the same bytes (SA-18). The last owner
// wipes it.
struct MaskedUpload {
  RoundId round{0};
  std::shared_ptr<const Bytes> words;  // little-endian k-bit words
};
struct CommitRequest {
  RoundId round{0};
  MemberSet members;  // U
};
struct CommitSignature {
  RoundId round{0};
  Ed25519Signature signature{};
};
struct CommitCertificate {
  RoundId round{0};
  MemberSet members;  // U, so that a certificate over another U is recognised as such (SA-30)
  Certificate certificate;
};
struct Reveal {
  RoundId round{0};
  MemberSet held;                     // dealers whose shares follow
  std::vector<ByteArray<32>> shares;  // ascending dealer: of b for dealers in U, of s_sk for V\U
  friend bool operator==(const Reveal&, const Reveal&) = default;
};

}  // namespace veilsum::secure_agg
