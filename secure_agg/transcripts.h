// Every hash, signed statement and key derivation of FSA-1, in one place: byte layouts are
// normative (docs/protocol.md). A label is ASCII followed by one zero byte; integers are
// little-endian; fields have fixed widths, so none is prefixed.
#pragma once

#include "secure_agg/messages.h"
#include "secure_agg/roster/roster.h"

namespace veilsum::secure_agg {

// hb = H("fsa/v1/b" | slot u16 | b)
Hash32 SelfCommitment(std::uint16_t slot, std::span<const std::uint8_t, 32> b);

// "fsa/v1/advert" | session 16 | batch u32 | contract_hash | member_id | cert_fp | B u16 | c_pk |
// s_pk[B] | hb[B]
Transcript AdvertStatement(const Advert& advert);

// H("fsa/v1/sums" | count u16 | count times (k u8 | d u64))
Hash32 SumsHash(const std::vector<SumShape>& sums);

// H("fsa/v1/roster" | session | batch u32 | contract_hash | n u16 | C u16 | q u16 | t u16 |
// sums_hash | B u16
//   | n times (member_id | cert_fp | advert_hash))
Hash32 RosterHash(const BatchId& batch, const SessionParams& params, const Thresholds& thresholds,
                  const std::vector<VerifiedAdvert>& adverts);

// AAD of a share box: "fsa/v1/shares" | roster_hash | dealer u16 | holder u16
Transcript ShareBoxContext(const Hash32& roster_hash, RosterIndex dealer, RosterIndex holder);
// chan(dealer -> holder) = HKDF(X25519, salt roster_hash, "fsa/v1/chan" | dealer u16 | holder u16)
Secret<32> ChannelKey(const Secret<32>& agreed, const Hash32& roster_hash, RosterIndex dealer,
                      RosterIndex holder);

// "fsa/v1/setup" | roster_hash | set_hash(V), what a member signs; and H("fsa/v1/setuphash" | the
// same fields)
Transcript SetupStatement(const Hash32& roster_hash, const MemberSet& active);
Hash32 SetupHash(const Hash32& roster_hash, const MemberSet& active);

// H("fsa/v1/step" | sum u16 | r u64 | step u64 | config), SE-06: config comes last, so its length
// needs no field.
Hash32 StepHash(const RoundStart& start);

// What one slot's keys and signatures are bound to.
struct SlotContext {
  Hash32 setup_hash{};
  std::uint16_t slot = 0;
  RoundId round{0};
  Hash32 model_hash{};
  Hash32 step_hash{};
};
SlotContext ContextOf(const RoundStart& start);

// HKDF(X25519, salt setup_hash, "fsa/v1/pair" | slot u16 | r u64 | lo u16 | hi u16 | model_hash |
// step_hash)
Secret<32> PairSeed(const SlotContext& context, const Secret<32>& agreed, RosterIndex a,
                    RosterIndex b);
// HKDF(b, salt setup_hash, "fsa/v1/self" | slot u16 | r u64 | i u16 | model_hash | step_hash)
Secret<32> SelfSeed(const SlotContext& context, std::span<const std::uint8_t, 32> b, RosterIndex i);
// "fsa/v1/commit" | setup_hash | slot u16 | r u64 | model_hash | step_hash | set_hash(U)
Transcript CommitStatement(const SlotContext& context, const MemberSet& survivors);

}  // namespace veilsum::secure_agg
