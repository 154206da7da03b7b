// A federation of members with a PKI of plain strings, and the stages of an honest run, so that a
// test can step in anywhere.
#pragma once

#include <optional>

#include "secure_agg/client/setup.h"
#include "secure_agg/server/key_phase.h"
#include "tests/support/seeded_rng.h"
#include "tests/support/status_matchers.h"

namespace veilsum::secure_agg {

// A certificate here is "cert|<uri>|<32 bytes of key>"; one that starts with anything else does not
// chain.
Bytes FakeCertificate(std::string_view uri, const Ed25519PublicKey& key);
class FakeSeatVerifier final : public SeatVerifier {
 public:
  absl::StatusOr<SeatIdentity> Verify(ByteView der, const Hash32& fingerprint) const override;
};

struct FederationOptions {
  std::size_t members = 4;
  std::uint16_t colluders = 1;
  std::uint16_t min_survivors = 0;
  std::uint16_t slots = 2;
  std::vector<SumShape> sums = {{RingBits::k32, 5}};
  std::uint64_t seed = 1;
};

// Members are numbered in roster order (ascending member id), so that number = roster index when
// all take part.
class Federation {
 public:
  explicit Federation(const FederationOptions& options = {});
  std::size_t size() const { return identities_.size(); }
  const std::shared_ptr<const SessionParams>& params() const { return params_; }
  const FakeSeatVerifier& verifier() const { return verifier_; }
  SeededRngForTests& rng() { return rng_; }
  const SigningIdentity& identity(std::size_t member) const { return identities_[member]; }
  const std::shared_ptr<ClientSession>& session(std::size_t member) const {
    return sessions_[member];
  }
  BatchOffer Offer(std::uint32_t batch) const;

 private:
  SeededRngForTests rng_;
  FakeSeatVerifier verifier_;
  std::shared_ptr<const SessionParams> params_;
  std::vector<SigningIdentity> identities_;
  std::vector<std::shared_ptr<ClientSession>> sessions_;
};

inline RosterIndex Index(std::size_t i) { return RosterIndex(static_cast<std::uint16_t>(i)); }
MemberSet SetOf(std::size_t n, std::initializer_list<std::size_t> members);

// Where a member vanishes for good; kNever is the honest member.
enum class Drop {
  kBeforeAdvert,
  kBeforeShares,
  kBeforeReport,
  kBeforeSetupSignature,  // setup
  kBeforeUpload,
  kBeforeCommit,
  kBeforeReveal,  // slot
  kNever
};

// A batch that both sides agree on, or the error that ended its setup at the server. Every message
// goes over the wire.
struct ReadyBatch {
  ServerBatch server;
  std::vector<std::optional<Batch>> clients;  // by member
};
absl::StatusOr<ReadyBatch> PrepareBatch(Federation& federation, const std::vector<Drop>& drops,
                                        std::uint32_t batch = 1);

using Inputs = std::vector<std::vector<std::int64_t>>;  // by member
struct SlotPlan {
  std::uint16_t slot = 0;
  std::uint64_t round = 1;
  std::uint16_t sum = 0;
};
absl::StatusOr<SlotSum> RunSlot(ReadyBatch& ready, const SlotPlan& plan, const Inputs& inputs,
                                const std::vector<Drop>& drops);

// The stages of setup for all members, taken one by one: what a lying server would sit between.
struct Stages {
  explicit Stages(Federation& f) : federation(f) {}
  void Advertise(std::uint32_t batch = 1);
  void Deal();     // after Advertise: everyone takes the honest roster
  void Report();   // after Deal
  void Sign();     // after Report: everyone signs the full set
  void Certify();  // after Sign

  UnverifiedRoster HonestRoster() const;
  ShareDelivery DeliveryFor(std::size_t member) const;
  Certificate HonestCertificate() const;
  RoundStart Start(std::uint16_t slot, std::uint64_t round) const;

  Federation& federation;
  std::vector<Advert> adverts;
  std::vector<BatchAdvertised> advertised;
  std::vector<ShareUpload> uploads;
  std::vector<AwaitingShares> awaiting_shares;
  std::vector<AwaitingActiveSet> awaiting_active;
  std::vector<SetupSignature> signatures;
  std::vector<AwaitingSetupCertificate> awaiting_certificate;
  std::vector<Batch> batches;
};

}  // namespace veilsum::secure_agg
