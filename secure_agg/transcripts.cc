#include "secure_agg/transcripts.h"

#include <algorithm>

#include "base/crypto/hkdf.h"
#include "base/crypto/sha256.h"

namespace veilsum::secure_agg {

Hash32 SelfCommitment(std::uint16_t slot, std::span<const std::uint8_t, 32> b) {
  Bytes input;
  input.reserve(64);  // no second copy of the secret by growing
  const Transcript head = std::move(Transcript("fsa/v1/b").AddU16(slot));
  input.assign(head.bytes().begin(), head.bytes().end());
  input.insert(input.end(), b.begin(), b.end());
  const Hash32 hash = Sha256(input);
  sodium_memzero(input.data(), input.size());
  return hash;
}

Transcript AdvertStatement(const Advert& advert) {
  Transcript t("fsa/v1/advert");
  t.Add(advert.session).AddU32(advert.batch).Add(advert.contract_hash).Add(advert.member_id);
  t.Add(advert.certificate_fingerprint).AddU16(static_cast<std::uint16_t>(advert.mask_keys.size()));
  t.Add(advert.channel_key);
  for (const X25519PublicKey& key : advert.mask_keys) t.Add(key);
  for (const Hash32& commitment : advert.self_commitments) t.Add(commitment);
  return t;
}

Hash32 SumsHash(const std::vector<SumShape>& sums) {
  Transcript t("fsa/v1/sums");
  t.AddU16(static_cast<std::uint16_t>(sums.size()));
  for (const SumShape& sum : sums) t.AddU8(static_cast<std::uint8_t>(sum.bits)).AddU64(sum.dim);
  return t.Sha256();
}

Hash32 RosterHash(const BatchId& batch, const SessionParams& params, const Thresholds& thresholds,
                  const std::vector<VerifiedAdvert>& adverts) {
  Transcript t("fsa/v1/roster");
  t.Add(batch.session).AddU32(batch.batch).Add(params.contract_hash());
  t.AddU16(thresholds.n)
      .AddU16(thresholds.colluders)
      .AddU16(thresholds.quorum)
      .AddU16(thresholds.shares);
  t.Add(params.SumsHash()).AddU16(params.slots());
  for (const VerifiedAdvert& entry : adverts) {
    t.Add(entry.advert().member_id).Add(entry.advert().certificate_fingerprint).Add(entry.hash());
  }
  return t.Sha256();
}

Transcript ShareBoxContext(const Hash32& roster_hash, RosterIndex dealer, RosterIndex holder) {
  return std::move(
      Transcript("fsa/v1/shares").Add(roster_hash).AddU16(dealer.value()).AddU16(holder.value()));
}

Secret<32> ChannelKey(const Secret<32>& agreed, const Hash32& roster_hash, RosterIndex dealer,
                      RosterIndex holder) {
  return Hkdf(agreed.Expose(), roster_hash,
              Transcript("fsa/v1/chan").AddU16(dealer.value()).AddU16(holder.value()).bytes());
}

Transcript SetupStatement(const Hash32& roster_hash, const MemberSet& active) {
  return std::move(Transcript("fsa/v1/setup").Add(roster_hash).Add(active.SetHash()));
}

Hash32 SetupHash(const Hash32& roster_hash, const MemberSet& active) {
  return Transcript("fsa/v1/setuphash").Add(roster_hash).Add(active.SetHash()).Sha256();
}

Hash32 StepHash(const RoundStart& start) {
  return Transcript("fsa/v1/step")
      .AddU16(start.sum)
      .AddU64(start.round.value())
      .AddU64(start.step)
      .Add(start.step_config)
      .Sha256();
}

SlotContext ContextOf(const RoundStart& start) {
  return {start.setup_hash, start.slot, start.round, start.model_hash, StepHash(start)};
}

Secret<32> PairSeed(const SlotContext& context, const Secret<32>& agreed, RosterIndex a,
                    RosterIndex b) {
  return Hkdf(agreed.Expose(), context.setup_hash,
              Transcript("fsa/v1/pair")
                  .AddU16(context.slot)
                  .AddU64(context.round.value())
                  .AddU16(std::min(a, b).value())
                  .AddU16(std::max(a, b).value())
                  .Add(context.model_hash)
                  .Add(context.step_hash)
                  .bytes());
}

Secret<32> SelfSeed(const SlotContext& context, std::span<const std::uint8_t, 32> b,
                    RosterIndex i) {
  return Hkdf(b, context.setup_hash,
              Transcript("fsa/v1/self")
                  .AddU16(context.slot)
                  .AddU64(context.round.value())
                  .AddU16(i.value())
                  .Add(context.model_hash)
                  .Add(context.step_hash)
                  .bytes());
}

Transcript CommitStatement(const SlotContext& context, const MemberSet& survivors) {
  return std::move(Transcript("fsa/v1/commit")
                       .Add(context.setup_hash)
                       .AddU16(context.slot)
                       .AddU64(context.round.value())
                       .Add(context.model_hash)
                       .Add(context.step_hash)
                       .Add(survivors.SetHash()));
}

}  // namespace veilsum::secure_agg
