#include "tests/attack/hostile_scheduler.h"

#include <algorithm>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <tuple>

#include "base/crypto/sha256.h"
#include "secure_agg/arith/shamir.h"
#include "secure_agg/crypto/key_agreement.h"
#include "secure_agg/crypto/share_seal.h"
#include "secure_agg/transcripts.h"
#include "secure_agg/wire/advert_codec.h"
#include "secure_agg/wire/certificate_codec.h"
#include "secure_agg/wire/round_codec.h"
#include "secure_agg/wire/share_codec.h"
#include "tests/attack/learnable.h"
#include "tests/attack/wire_world.h"

namespace veilsum::attack {
namespace {

namespace sa = secure_agg;
using Key = ByteArray<32>;

constexpr std::uint16_t kSlots = 2;

struct KnownAdvert {
  std::size_t seat = 0;
  bool corrupt = false;
  sa::Advert advert;
  Key channel{};                         // corrupt only: c_sk
  std::vector<Key> self_secrets, masks;  // corrupt only: b and s_sk, by slot
};

struct RosterView {
  std::vector<std::size_t> adverts;  // by roster index
  sa::VerifiedRoster roster;
  std::map<std::size_t, sa::ShareUpload> dealt;  // by roster index of an honest dealer
  std::optional<std::size_t> IndexOf(std::size_t advert) const {
    const auto at = std::ranges::find(adverts, advert);
    if (at == adverts.end()) return std::nullopt;
    return static_cast<std::size_t>(at - adverts.begin());
  }
};

struct SetupView {
  std::size_t roster = 0;
  MemberSet active;
  Hash32 hash{};
};

struct Honest {
  std::unique_ptr<SecureSum> sum;
  std::uint64_t ledger = 0;
  std::optional<std::size_t> advert, roster, setup, ready;  // where it stands in the batch
  MemberSet held{0};
};

struct SentUpload {
  std::size_t setup = 0;
  RosterIndex self{0};
  sa::SlotContext context;
};

enum class Kind { kSelfSecret, kMaskKey };

class Schedule {
 public:
  Schedule(const Population& population, std::uint64_t seed)
      : random_(seed),
        corrupt_(population.colluders),
        federation_({.members = population.members,
                     .colluders = population.colluders,
                     .slots = kSlots,
                     .sums = {{sa::RingBits::k32, 1}},
                     .seed = seed}),
        honest_(population.members) {
    std::vector<std::size_t> seats(population.members);
    for (std::size_t i = 0; i < seats.size(); ++i) seats[i] = i;
    std::ranges::shuffle(seats, random_);
    corrupt_seats_.insert(seats.begin(), seats.begin() + corrupt_);
    for (std::size_t i = 0; i < honest_.size(); ++i)
      if (!corrupt_seats_.contains(i)) Boot(i);
    zeal_ = Chance(0.5) ? 1 : 0.3;
  }

  HostileCounts Run() {
    const std::uint32_t batches = Chance(0.2) ? 2 : 1;
    for (std::uint32_t batch = 1; batch <= batches; ++batch) {
      SetUp(batch);
      const int attempts = 1 + static_cast<int>(Below(3));
      for (int i = 0; i < attempts; ++i) PlayRound();
    }
    counts_.runs = 1;
    for (const Honest& h : honest_)
      if (h.sum) counts_.refusals += h.sum->refusals().total();
    JudgeShares();
    JudgeSums();
    return counts_;
  }

 private:
  std::size_t Below(std::size_t bound) { return random_() % bound; }
  bool Chance(double p) { return std::uniform_real_distribution<>(0, 1)(random_) < p; }
  // A lie among others: half of the schedules lie little, so that they get far.
  bool Lies(double p) { return Chance(p * zeal_); }
  bool IsCorrupt(std::size_t seat) const { return corrupt_seats_.contains(seat); }
  const sa::SessionParams& params() const { return *federation_.params(); }

  void Boot(std::size_t seat) {
    Honest fresh;
    fresh.ledger = honest_[seat].ledger;
    if (honest_[seat].sum) counts_.refusals += honest_[seat].sum->refusals().total();
    auto session =
        sa::ClientSession::Create(params(), federation_.identity(seat), RoundId(fresh.ledger));
    VEILSUM_CHECK(session.ok());
    fresh.sum =
        std::make_unique<SecureSum>(*std::move(session), federation_.verifier(), federation_.rng());
    honest_[seat] = std::move(fresh);
  }

  // ---- Setup
  void SetUp(std::uint32_t batch) {
    const std::size_t first = adverts_.size(), first_view = views_.size();
    for (std::size_t i = 0; i < honest_.size(); ++i) {
      if (IsCorrupt(i)) {
        for (int k = Chance(0.3) ? 2 : 1; k > 0; --k) ForgeAdvert(i, batch);
        continue;
      }
      OfferTo(i, batch);
      if (Lies(0.15)) {  // crashes and comes back: the older advert can be replayed
        Boot(i);
        OfferTo(i, batch);
      }
    }
    MakeRoster(first, batch, 0.05);
    if (Lies(0.5)) MakeRoster(first, batch, 0.4);
    for (std::size_t i = 0; i < honest_.size(); ++i)
      if (!IsCorrupt(i)) ShowRoster(i, first_view);
    const double loss = Lies(0.5) ? 0.15 : 0;
    for (std::size_t i = 0; i < honest_.size(); ++i)
      if (honest_[i].roster) DeliverTo(i, loss);
    for (std::size_t view = first_view; view < views_.size(); ++view) FixActiveSets(view);
  }

  void OfferTo(std::size_t seat, std::uint32_t batch) {
    Honest& h = honest_[seat];
    h.advert = h.roster = h.setup = h.ready = std::nullopt;
    const auto reply = h.sum->OnOffer(Relay(sa::EncodeBatchOffer(federation_.Offer(batch))));
    if (!reply.ok()) return;
    h.advert = adverts_.size();
    adverts_.push_back({seat, false, sa::ParseAdvert(reply->advert(), kSlots).value(), {}, {}, {}});
  }

  Key NewKey() {
    Key key;
    federation_.rng().Fill(key);
    return key;
  }

  void ForgeAdvert(std::size_t seat, std::uint32_t batch) {
    KnownAdvert known{seat, true, {}, NewKey(), {}, {}};
    const sa::BatchOffer offer = federation_.Offer(batch);
    sa::Advert& advert = known.advert;
    advert.session = offer.session;
    advert.batch = batch;
    advert.contract_hash = offer.contract_hash;
    advert.member_id = params().seats()[seat].id;
    advert.certificate = federation_.identity(seat).certificate;
    advert.certificate_fingerprint = Sha256(advert.certificate);
    advert.channel_key = sa::X25519Public(known.channel);
    for (std::uint16_t slot = 0; slot < kSlots; ++slot) {
      known.self_secrets.push_back(NewKey());
      known.masks.push_back(NewKey());
      advert.self_commitments.push_back(sa::SelfCommitment(slot, known.self_secrets.back()));
      advert.mask_keys.push_back(sa::X25519Public(known.masks.back()));
    }
    advert.signature = federation_.identity(seat).signer->Sign(sa::AdvertStatement(advert).bytes());
    adverts_.push_back(std::move(known));
  }

  // All seats but some honest ones; of a seat with two adverts, either.
  void MakeRoster(std::size_t first, std::uint32_t batch, double left_out) {
    std::map<std::size_t, std::size_t> chosen;  // seat to advert
    for (std::size_t id = first; id < adverts_.size(); ++id) {
      const std::size_t seat = adverts_[id].seat;
      if (!chosen.contains(seat) || Chance(0.6)) chosen[seat] = id;
    }
    std::erase_if(chosen, [&](const auto& c) { return !IsCorrupt(c.first) && Chance(left_out); });
    sa::UnverifiedRoster claim{federation_.Offer(batch).session, batch, params().colluders(), {}};
    std::vector<std::size_t> ids;
    for (const auto& [seat, id] : chosen) {
      claim.adverts.push_back(adverts_[id].advert);
      ids.push_back(id);
    }
    auto roster =
        sa::VerifiedRoster::Verify(claim, params(), {claim.session, batch}, federation_.verifier());
    if (roster.ok()) views_.push_back({std::move(ids), *std::move(roster), {}});
  }

  void ShowRoster(std::size_t seat, std::size_t first_view) {
    Honest& h = honest_[seat];
    if (views_.size() == first_view) return;
    const std::size_t view = first_view + Below(views_.size() - first_view);
    RosterView& shown = views_[view];
    sa::UnverifiedRoster claim{shown.roster.advert(RosterIndex(0)).session,
                               shown.roster.advert(RosterIndex(0)).batch,
                               params().colluders(),
                               {}};
    for (const std::size_t id : shown.adverts) claim.adverts.push_back(adverts_[id].advert);
    const auto reply = h.sum->OnRoster(Relay(sa::EncodeRoster(claim)));
    if (!reply.ok()) return;
    h.roster = view;
    const std::size_t self = *shown.IndexOf(*h.advert);
    auto upload = sa::ParseShareUpload(reply->shares(), {shown.adverts.size(), kSlots});
    for (const sa::ShareBox& box : upload->boxes) OpenAsRecipient(view, self, box);
    shown.dealt.emplace(self, *std::move(upload));
  }

  // A corrupt recipient opens its box: one share of each secret of every slot.
  void OpenAsRecipient(std::size_t view, std::size_t dealer, const sa::ShareBox& box) {
    const RosterView& v = views_[view];
    const KnownAdvert& me = adverts_[v.adverts[box.peer.value()]];
    if (!me.corrupt) return;
    const auto agreed = sa::X25519Agree(me.channel, v.roster.advert(Index(dealer)).channel_key);
    const Secret<32> key = sa::ChannelKey(*agreed, v.roster.hash(), Index(dealer), box.peer);
    Bytes shares(kSlots * 64);
    VEILSUM_CHECK(sa::OpenShares(
        key, box.box, sa::ShareBoxContext(v.roster.hash(), Index(dealer), box.peer).bytes(),
        shares));
    for (std::uint16_t slot = 0; slot < kSlots; ++slot) {
      Learn(view, dealer, slot, Kind::kSelfSecret, box.peer, ByteView(shares).subspan(slot * 64));
      Learn(view, dealer, slot, Kind::kMaskKey, box.peer, ByteView(shares).subspan(slot * 64 + 32));
    }
  }

  void Learn(std::size_t view, std::size_t dealer, std::uint16_t slot, Kind kind,
             RosterIndex holder, ByteView share) {
    Key bytes;
    std::ranges::copy(share.first(32), bytes.begin());
    shares_[{view, dealer, slot, kind}].emplace(holder, bytes);
  }

  Bytes SealFor(const RosterView& v, std::size_t dealer, RosterIndex holder) {
    const KnownAdvert& me = adverts_[v.adverts[dealer]];
    Bytes junk(kSlots * 64);
    federation_.rng().Fill(junk);
    const auto agreed = sa::X25519Agree(me.channel, v.roster.advert(holder).channel_key);
    if (!agreed.ok()) return {};
    return sa::SealShares(sa::ChannelKey(*agreed, v.roster.hash(), Index(dealer), holder), junk,
                          sa::ShareBoxContext(v.roster.hash(), Index(dealer), holder).bytes());
  }

  void DeliverTo(std::size_t seat, double loss) {
    Honest& h = honest_[seat];
    const RosterView& v = views_[*h.roster];
    const std::size_t self = *v.IndexOf(*h.advert);
    sa::ShareDelivery delivery;
    for (std::size_t dealer = 0; dealer < v.adverts.size(); ++dealer) {
      if (dealer == self || Chance(loss)) continue;
      if (adverts_[v.adverts[dealer]].corrupt) {
        delivery.boxes.push_back({Index(dealer), SealFor(v, dealer, Index(self))});
      } else if (const auto dealt = v.dealt.find(dealer); dealt != v.dealt.end()) {
        const std::size_t place = self < dealer ? self : self - 1;
        delivery.boxes.push_back({Index(dealer), dealt->second.boxes[place].box});
      } else if (Chance(0.5)) {  // it dealt under another roster, or never: something of the length
        delivery.boxes.push_back({Index(dealer), Bytes(kSlots * 64 + 16)});
      }
    }
    const auto reply = h.sum->OnDelivery(Relay(sa::EncodeShareDelivery(delivery)));
    if (!reply.ok()) return;
    h.held = sa::ParseShareReport(reply->report(), {v.adverts.size(), kSlots})->held;
  }

  MemberSet RandomSet(std::size_t n, double p) {
    MemberSet set(n);
    for (std::size_t i = 0; i < n; ++i)
      if (Chance(p)) set.Insert(Index(i));
    return set;
  }

  // Shows one or two sets V to the clients of a roster, and certificates of whatever came back.
  void FixActiveSets(std::size_t view) {
    const RosterView& v = views_[view];
    const std::size_t n = v.adverts.size();
    std::vector<MemberSet> sets;
    MemberSet dealt(n);
    for (std::size_t i = 0; i < n; ++i)
      if (adverts_[v.adverts[i]].corrupt || v.dealt.contains(i)) dealt.Insert(Index(i));
    sets.push_back(!Lies(0.4) ? dealt : Chance(0.5) ? MemberSet::All(n) : RandomSet(n, 0.85));
    if (Lies(0.5)) sets.push_back(Chance(0.5) ? RandomSet(n, 0.8) : MemberSet::All(n));
    std::vector<std::map<RosterIndex, Ed25519Signature>> signatures(sets.size());
    std::vector<std::pair<std::size_t, std::size_t>> signers;  // seat, set
    for (std::size_t seat = 0; seat < honest_.size(); ++seat) {
      Honest& h = honest_[seat];
      if (h.roster != view) continue;
      const std::size_t which = Below(sets.size());
      for (std::size_t k = 0; k < 2; ++k) {  // and then the other one too, sometimes (SA-12)
        const std::size_t set = (which + k) % sets.size();
        if (k == 1 && !Chance(0.3)) break;
        const auto reply = h.sum->OnActiveSet(Relay(sa::EncodeActiveSet({sets[set]})));
        if (!reply.ok()) continue;
        signatures[set][Index(*v.IndexOf(*h.advert))] =
            sa::ParseSetupSignature(reply->setup_signature())->signature;
        signers.emplace_back(seat, set);
      }
    }
    std::vector<std::optional<std::size_t>> setups(sets.size());
    std::size_t certified = 0;
    for (std::size_t set = 0; set < sets.size(); ++set) {
      const Transcript statement = sa::SetupStatement(v.roster.hash(), sets[set]);
      SignAsCorrupt(v, sets[set], statement, signatures[set]);
      certified += signatures[set].size() >= v.roster.thresholds().quorum &&
                   (set == 0 || sets[set] != sets[0]);
      setups[set] = setups_.size();
      setups_.push_back({view, sets[set], sa::SetupHash(v.roster.hash(), sets[set])});
    }
    counts_.second_v += certified > 1;
    for (const auto& [seat, set] : signers) {
      const std::size_t stolen = Lies(0.1) ? Below(sets.size()) : set;
      const absl::Status ready = honest_[seat].sum->OnSetupCertificate(
          Relay(sa::EncodeCertificate(CertificateOf(signatures[stolen]))));
      if (ready.ok()) honest_[seat].ready = setups[set];
    }
  }

  void SignAsCorrupt(const RosterView& v, const MemberSet& electorate, const Transcript& statement,
                     std::map<RosterIndex, Ed25519Signature>& signatures) {
    for (const RosterIndex i : electorate.Indices()) {
      const KnownAdvert& known = adverts_[v.adverts[i.value()]];
      if (known.corrupt)
        signatures[i] = federation_.identity(known.seat).signer->Sign(statement.bytes());
    }
  }

  static sa::Certificate CertificateOf(const std::map<RosterIndex, Ed25519Signature>& signatures) {
    sa::Certificate certificate;
    for (const auto& [signer, signature] : signatures)
      certificate.entries.push_back({signer, signature});
    return certificate;
  }

  // ---- Rounds
  void PlayRound() {
    if (next_slot_ > 0 && Lies(0.35)) --next_slot_;  // the same slot once more (SA-15)
    const std::uint16_t slot = static_cast<std::uint16_t>(next_slot_++ % kSlots);
    if (!Lies(0.1)) ++round_;  // else the same number once more
    for (std::size_t setup = 0; setup < setups_.size(); ++setup) {
      std::vector<std::size_t> here;
      for (std::size_t seat = 0; seat < honest_.size(); ++seat)
        if (honest_[seat].ready == setup) here.push_back(seat);
      if (!here.empty()) PlaySlot(setup, slot, here);
    }
  }

  void PlaySlot(std::size_t setup, std::uint16_t slot, const std::vector<std::size_t>& here) {
    sa::RoundStart start;
    start.setup_hash = setups_[setup].hash;
    start.slot = slot;
    start.round = RoundId(round_);
    const RosterView& v = views_[setups_[setup].roster];
    MemberSet named(v.adverts.size());
    for (const RosterIndex i : setups_[setup].active.Indices())
      if (adverts_[v.adverts[i.value()]].corrupt) named.Insert(i);
    std::map<std::size_t, sa::SlotContext> contexts;  // by seat
    const double split = Lies(0.2) ? 0.3 : 0;
    for (const std::size_t seat : here) {
      if (Lies(0.03)) {
        Boot(seat);
        continue;
      }
      sa::RoundStart shown = start;
      shown.model_hash[0] = Chance(split) ? 1 : 0;
      if (Lies(0.05) || !OpenAt(seat, shown)) continue;
      contexts[seat] = sa::ContextOf(shown);
      const RosterIndex self = Index(*v.IndexOf(*honest_[seat].advert));
      if (Lies(0.1)) continue;  // opened, and uploads nothing
      if (!honest_[seat].sum->Mask(std::vector<std::int64_t>{1}).ok()) continue;
      uploads_.push_back({setup, self, contexts[seat]});
      named.Insert(self);
    }
    Commit(setup, slot, contexts, named);
  }

  bool OpenAt(std::size_t seat, const sa::RoundStart& shown) {
    Honest& h = honest_[seat];
    const auto parsed = h.sum->ParseStart(Relay(sa::EncodeRoundStart(shown)));
    if (!parsed.ok() || !h.sum->Open(*parsed).ok()) return false;
    h.ledger = std::max(h.ledger, round_);  // durable before anything leaves (SA-17)
    return true;
  }

  MemberSet Disturbed(MemberSet set) {
    const std::size_t flips = 1 + Below(2);
    for (std::size_t i = 0; i < flips; ++i) {
      const RosterIndex at = Index(Below(set.roster_size()));
      set.Contains(at) ? set.Erase(at) : set.Insert(at);
    }
    return set;
  }

  void Commit(std::size_t setup, std::uint16_t slot,
              const std::map<std::size_t, sa::SlotContext>& contexts, const MemberSet& named) {
    const RosterView& v = views_[setups_[setup].roster];
    std::vector<MemberSet> sets{Lies(0.3) ? Disturbed(named) : named};
    if (Lies(0.6)) sets.push_back(Disturbed(sets[0]));
    std::map<std::pair<std::size_t, std::uint8_t>, std::map<RosterIndex, Ed25519Signature>>
        signatures;  // by set and view of the model
    for (const auto& [seat, context] : contexts) {
      const std::size_t which = Below(sets.size());
      for (std::size_t k = 0; k < sets.size(); ++k) {
        if (k == 1 && !Chance(0.25)) break;  // SA-26
        const std::size_t set = (which + k) % sets.size();
        const auto reply =
            honest_[seat].sum->OnCommit(Relay(sa::EncodeCommitRequest({context.round, sets[set]})));
        if (!reply.ok()) continue;
        signatures[{set, context.model_hash[0]}][Index(*v.IndexOf(*honest_[seat].advert))] =
            sa::ParseCommitSignature(reply->commit_signature())->signature;
      }
    }
    for (auto& [key, signed_by] : signatures) {
      sa::SlotContext context = contexts.begin()->second;
      context.model_hash[0] = key.second;
      SignAsCorrupt(v, setups_[setup].active, sa::CommitStatement(context, sets[key.first]),
                    signed_by);
      if (signed_by.size() < v.roster.thresholds().quorum) continue;
      ++counts_.certificates;
      certified_[{setup, slot}].insert({sets[key.first].bytes(), context.round, key.second});
    }
    Certify(setup, slot, contexts, sets, signatures);
  }

  template <class Signatures>
  void Certify(std::size_t setup, std::uint16_t slot,
               const std::map<std::size_t, sa::SlotContext>& contexts,
               const std::vector<MemberSet>& sets, const Signatures& signatures) {
    const RosterView& v = views_[setups_[setup].roster];
    for (const auto& [seat, context] : contexts) {
      for (const auto& [key, signed_by] : signatures) {
        if (!Chance(0.8)) continue;  // any of them, also with too few signatures, or another view's
        sa::CommitCertificate certificate{context.round, sets[key.first], CertificateOf(signed_by)};
        const auto reply =
            honest_[seat].sum->OnCertificate(Relay(sa::EncodeCommitCertificate(certificate)));
        if (!reply.ok()) continue;
        const auto reveal = sa::ParseReveal(reply->reveal(), {v.adverts.size(), kSlots}).value();
        const RosterIndex holder = Index(*v.IndexOf(*honest_[seat].advert));
        std::size_t place = 0;
        for (const RosterIndex dealer : reveal.held.Indices())
          Learn(setups_[setup].roster, dealer.value(), slot,
                sets[key.first].Contains(dealer) ? Kind::kSelfSecret : Kind::kMaskKey, holder,
                reveal.shares[place++]);
      }
    }
  }

  // ---- What was learned
  // The secret is rebuilt from the attacker's shares, and compared with what the advert commits to.
  void JudgeShares() {
    for (const auto& [key, held] : shares_) {
      const auto& [view, dealer, slot, kind] = key;
      const RosterView& v = views_[view];
      const KnownAdvert& advert = adverts_[v.adverts[dealer]];
      const Kind other = kind == Kind::kMaskKey ? Kind::kSelfSecret : Kind::kMaskKey;
      if (const auto theirs = shares_.find({view, dealer, slot, other}); theirs != shares_.end())
        for (const auto& [holder, share] : held)
          counts_.both_by_one += kind == Kind::kMaskKey && theirs->second.contains(holder) &&
                                 !adverts_[v.adverts[holder.value()]].corrupt;
      if (advert.corrupt || held.size() < v.roster.thresholds().shares) continue;
      std::vector<RosterIndex> holders;
      std::vector<const Key*> bytes;
      for (const auto& [holder, share] : held) {
        if (holders.size() == v.roster.thresholds().shares) break;
        holders.push_back(holder);
        bytes.push_back(&share);
      }
      const Secret<32> secret = sa::Interpolation::Create(holders)->Combine(bytes);
      const bool right =
          kind == Kind::kSelfSecret
              ? sa::SelfCommitment(slot, secret.Expose()) == advert.advert.self_commitments[slot]
              : sa::X25519Public(secret.Expose()) == advert.advert.mask_keys[slot];
      counts_.wrong_secrets += !right;
      known_.insert({v.adverts[dealer], slot, kind});
    }
    for (const auto& [advert, slot, kind] : known_)
      counts_.both_shares +=
          kind == Kind::kMaskKey && known_.contains({advert, slot, Kind::kSelfSecret});
    for (const auto& [where, sets] : certified_) {
      std::set<Bytes> distinct;
      for (const auto& [bytes, round, model] : sets) distinct.insert(bytes);
      counts_.second_u += distinct.size() > 1;
    }
  }

  bool Knows(std::size_t advert, std::uint16_t slot, Kind kind) const {
    return adverts_[advert].corrupt || known_.contains({advert, slot, kind});
  }

  static std::string ContextName(const sa::SlotContext& c) {
    return Text(c.setup_hash) + std::to_string(c.slot) + "/" + std::to_string(c.round.value()) +
           "/" + std::to_string(c.model_hash[0]);
  }

  void JudgeSums() {
    LearnableSpace space(uploads_.size());
    for (std::size_t row = 0; row < uploads_.size(); ++row) {
      const SentUpload& upload = uploads_[row];
      const RosterView& v = views_[setups_[upload.setup].roster];
      const std::size_t mine = v.adverts[upload.self.value()];
      const std::uint16_t slot = upload.context.slot;
      const std::string context = ContextName(upload.context);
      if (!Knows(mine, slot, Kind::kSelfSecret))
        space.AddMask(row, context + "self" + std::to_string(mine), 1);
      for (const RosterIndex peer : setups_[upload.setup].active.Indices()) {
        const std::size_t theirs = v.adverts[peer.value()];
        if (peer == upload.self || Knows(mine, slot, Kind::kMaskKey) ||
            Knows(theirs, slot, Kind::kMaskKey))
          continue;
        space.AddMask(row,
                      context + "pair" + std::to_string(std::min(mine, theirs)) + "," +
                          std::to_string(std::max(mine, theirs)),
                      peer < upload.self ? 1 : -1);
      }
    }
    space.Solve();
    for (const auto& [where, sets] : certified_)
      for (const auto& certified : sets) AllowCertified(where, certified, space);
    counts_.with_a_sum += space.dimension() > 0;
    counts_.isolations += space.Isolated();
    counts_.sub_sums += space.HasMoreThanAllowed();
  }

  template <class Certified>
  void AllowCertified(const std::pair<std::size_t, std::uint16_t>& where,
                      const Certified& certified, LearnableSpace& space) {
    const auto& [bytes, round, model] = certified;
    const RosterView& v = views_[setups_[where.first].roster];
    const auto u = MemberSet::Parse("u", v.adverts.size(), bytes).value();
    std::vector<bool> rows(uploads_.size());
    std::size_t inputs = 0;
    for (std::size_t row = 0; row < uploads_.size(); ++row) {
      const SentUpload& upload = uploads_[row];
      rows[row] = upload.setup == where.first && upload.context.slot == where.second &&
                  upload.context.round == round && upload.context.model_hash[0] == model &&
                  u.Contains(upload.self);
      inputs += rows[row];
    }
    if (!space.Allow(rows)) return;  // it is not learnable: somebody of U never uploaded
    counts_.below_floor += inputs + corrupt_ < v.roster.thresholds().floor;
  }

  std::mt19937_64 random_;
  std::size_t corrupt_;
  sa::Federation federation_;
  std::set<std::size_t> corrupt_seats_;
  std::vector<Honest> honest_;  // by seat; corrupt places are empty
  std::vector<KnownAdvert> adverts_;
  std::vector<RosterView> views_;
  std::vector<SetupView> setups_;
  std::vector<SentUpload> uploads_;
  std::map<std::tuple<std::size_t, std::size_t, std::uint16_t, Kind>, std::map<RosterIndex, Key>>
      shares_;  // by roster, dealer, slot and kind: what each holder gave
  std::set<std::tuple<std::size_t, std::uint16_t, Kind>> known_;
  std::map<std::pair<std::size_t, std::uint16_t>,
           std::set<std::tuple<Bytes, RoundId, std::uint8_t>>>
      certified_;  // by setup and slot: U, round, view of the model
  std::uint16_t next_slot_ = 0;
  std::uint64_t round_ = 0;
  double zeal_ = 1;
  HostileCounts counts_;
};

}  // namespace

void HostileCounts::Add(const HostileCounts& other) {
  runs += other.runs;
  with_a_sum += other.with_a_sum;
  refusals += other.refusals;
  certificates += other.certificates;
  isolations += other.isolations;
  sub_sums += other.sub_sums;
  below_floor += other.below_floor;
  both_shares += other.both_shares;
  both_by_one += other.both_by_one;
  second_u += other.second_u;
  second_v += other.second_v;
  wrong_secrets += other.wrong_secrets;
}

std::string HostileCounts::ToString() const {
  return absl::StrFormat(
      "%d schedules, %d with a sum, %d certificates, %d refusals; isolations %d, sub-sums %d, "
      "below "
      "the floor %d, both secrets %d, both kinds by one %d, second U %d, second V %d, wrong "
      "secrets "
      "%d",
      runs, with_a_sum, certificates, refusals, isolations, sub_sums, below_floor, both_shares,
      both_by_one, second_u, second_v, wrong_secrets);
}

HostileCounts RunHostileSchedule(const Population& population, std::uint64_t seed) {
  return Schedule(population, seed).Run();
}

}  // namespace veilsum::attack
