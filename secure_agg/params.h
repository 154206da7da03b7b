// What the approved run contract fixes for the secure sum FSA-1, and the thresholds that follow for
// one roster. Nothing that a server sends can change any of it (SA-02, SA-42). docs/protocol.md
// derives the thresholds.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"

namespace veilsum::secure_agg {

using MemberId = Hash32;  // H("fsa/v1/member" | tenant "/" client), SE-03
using SessionId = ByteArray<16>;

inline constexpr std::size_t kMaxMembers = 255;  // Shamir points 1..255 of GF(2^8), SA-44
inline constexpr std::size_t kMaxSlots = 64;     // B
inline constexpr std::size_t kMaxSums = 16;      // sums of one contract
inline constexpr std::size_t kMaxStepConfigBytes = 4096;
inline constexpr std::size_t kMaxCertificateBytes = 4096;

// The ring Z_2^k: one element is one little-endian word of k bits.
enum class RingBits : std::uint8_t { k16 = 16, k32 = 32, k64 = 64 };
// InvalidArgument when `bits` is not 16, 32 or 64.
absl::StatusOr<RingBits> ParseRingBits(std::uint64_t bits);
constexpr std::size_t WordBytes(RingBits bits) { return static_cast<std::size_t>(bits) / 8; }

// One of the contract's sums: `dim` elements of `bits` bits. An upload has exactly UploadBytes()
// bytes.
struct SumShape {
  RingBits bits = RingBits::k32;
  std::uint64_t dim = 0;
  std::size_t UploadBytes() const { return static_cast<std::size_t>(dim) * WordBytes(bits); }
  friend bool operator==(const SumShape&, const SumShape&) = default;
};

// The contract's terms as plain values; SessionParams::Create refuses insecure ones, and clamps
// nothing.
struct ContractTerms {
  Hash32 contract_hash{};  // H("fsa/v1/plan" | canonical contract), opaque here
  std::vector<std::string>
      members;  // SPIFFE URIs spiffe://<domain>/tenant/<tid>/client/<cid>, any order
  std::uint16_t colluders = 1;      // C, over the whole contract; never derived from a roster
  std::uint16_t min_survivors = 0;  // U_min
  std::uint16_t min_members = 0;    // n_min; 0 means max(3, C + 2)
  std::uint16_t slots = 16;         // B
  std::vector<SumShape> sums;
};

struct Seat {
  MemberId id;
  std::string uri;
};

class SessionParams {
 public:
  // InvalidArgument naming the term: C < 1, B outside 1..64, no sum, a sum without elements or
  // above 2^36 bytes (SA-40), a URI that is not a seat's, two seats with one member id, n_min or
  // U_min above the number of members.
  static absl::StatusOr<SessionParams> Create(ContractTerms terms);

  const Hash32& contract_hash() const { return terms_.contract_hash; }
  const std::vector<Seat>& seats() const { return seats_; }  // ascending member id
  std::uint16_t colluders() const { return terms_.colluders; }
  std::uint16_t min_survivors() const { return terms_.min_survivors; }
  std::uint16_t min_members() const { return terms_.min_members; }  // at least max(3, C + 2)
  std::uint16_t slots() const { return terms_.slots; }
  const std::vector<SumShape>& sums() const { return terms_.sums; }
  Hash32 SumsHash() const;                         // SE-06: enters roster_hash
  const Seat* FindSeat(const MemberId& id) const;  // null: not a member of the contract
  const Seat* FindSeat(std::string_view uri) const;

 private:
  explicit SessionParams(ContractTerms terms) : terms_(std::move(terms)) {}
  ContractTerms terms_;
  std::vector<Seat> seats_;
};

// InvalidArgument unless `uri` is spiffe://<domain>/tenant/<tid>/client/<cid>.
absl::StatusOr<MemberId> MemberIdOf(std::string_view uri);

// q = t = floor((n + C) / 2) + 1: any two quorums of one roster share an honest signer, and C < t.
struct Thresholds {
  std::uint16_t n = 0;          // roster size
  std::uint16_t colluders = 0;  // C
  std::uint16_t quorum = 0;     // q, signatures of a certificate
  std::uint16_t shares = 0;     // t, shares that rebuild a secret
  std::uint16_t floor = 0;      // max(q, U_min): the least #V and #U (SA-11, SA-23)
  // InvalidArgument (SA-03): n < max(3, C + 2, n_min), n > 255, q > n, or max(q, U_min) > n.
  static absl::StatusOr<Thresholds> Create(std::size_t n, const SessionParams& params);
};

}  // namespace veilsum::secure_agg
