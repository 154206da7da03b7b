#include "tests/attack/wire_world.h"

#include "secure_agg/transcripts.h"
#include "secure_agg/wire/advert_codec.h"
#include "secure_agg/wire/certificate_codec.h"
#include "secure_agg/wire/round_codec.h"
#include "secure_agg/wire/share_codec.h"

namespace veilsum::attack {

WireWorld::WireWorld(const secure_agg::FederationOptions& options) : federation_(options) {
  for (std::size_t i = 0; i < federation_.size(); ++i)
    clients_.push_back(std::make_unique<SecureSum>(federation_.session(i), federation_.verifier(),
                                                   federation_.rng()));
}

void WireWorld::Restart(std::size_t i, std::uint64_t last_round) {
  auto session = secure_agg::ClientSession::Create(*federation_.params(), federation_.identity(i),
                                                   RoundId(last_round));
  VEILSUM_CHECK(session.ok());
  clients_[i] =
      std::make_unique<SecureSum>(*std::move(session), federation_.verifier(), federation_.rng());
}

pb::BatchOffer WireWorld::OfferOf(std::uint32_t batch) const {
  return secure_agg::EncodeBatchOffer(federation_.Offer(batch));
}

void WireWorld::Advertise(std::uint32_t batch) {
  batch_ = batch;
  adverts.clear();
  for (auto& client : clients_) {
    const auto reply = client->OnOffer(Relay(OfferOf(batch)));
    ASSERT_OK(reply);
    adverts.push_back(Relay(reply->advert()));
  }
}

pb::Roster WireWorld::HonestRoster() const {
  pb::Roster roster;
  roster.set_session(OfferOf(batch_).session());
  roster.set_batch(batch_);
  roster.set_colluders(federation_.params()->colluders());
  for (const pb::Advert& advert : adverts) *roster.add_adverts() = advert;
  return roster;
}

void WireWorld::Deal() {
  shares.clear();
  for (auto& client : clients_) {
    const auto reply = client->OnRoster(Relay(HonestRoster()));
    ASSERT_OK(reply);
    shares.push_back(Relay(reply->shares()));
  }
}

pb::ShareDelivery WireWorld::DeliveryFor(std::size_t member) const {
  pb::ShareDelivery delivery;
  for (std::size_t dealer = 0; dealer < shares.size(); ++dealer) {
    if (dealer == member) continue;
    pb::DeliveredBox* const box = delivery.add_boxes();
    box->set_dealer(static_cast<std::uint32_t>(dealer));
    box->set_box(
        shares[dealer].boxes(static_cast<int>(member < dealer ? member : member - 1)).box());
  }
  return delivery;
}

void WireWorld::Report() {
  reports.clear();
  for (std::size_t i = 0; i < size(); ++i) {
    const auto reply = clients_[i]->OnDelivery(Relay(DeliveryFor(i)));
    ASSERT_OK(reply);
    reports.push_back(Relay(reply->report()));
  }
}

pb::ActiveSet WireWorld::ActiveOf(const MemberSet& active) const {
  return secure_agg::EncodeActiveSet({active});
}

void WireWorld::Sign() {
  setup_signatures.clear();
  for (auto& client : clients_) {
    const auto reply = client->OnActiveSet(Relay(ActiveOf(MemberSet::All(size()))));
    ASSERT_OK(reply);
    setup_signatures.push_back(Relay(reply->setup_signature()));
  }
}

pb::Certificate WireWorld::SetupCertificate() const {
  pb::Certificate certificate;
  for (std::size_t i = 0; i < setup_signatures.size(); ++i) {
    pb::Certificate::Entry* const entry = certificate.add_entries();
    entry->set_signer(static_cast<std::uint32_t>(i));
    entry->set_signature(setup_signatures[i].signature());
  }
  return certificate;
}

void WireWorld::Certify() {
  for (auto& client : clients_) ASSERT_OK(client->OnSetupCertificate(Relay(SetupCertificate())));
}

void WireWorld::SetUp(std::uint32_t batch) {
  Advertise(batch);
  Deal();
  Report();
  Sign();
  Certify();
}

secure_agg::VerifiedRoster WireWorld::Roster() const {
  const secure_agg::SessionParams& params = *federation_.params();
  auto claim = secure_agg::ParseRoster(HonestRoster(), params.seats().size(), params.slots());
  VEILSUM_CHECK(claim.ok());
  auto roster = secure_agg::VerifiedRoster::Verify(*std::move(claim), params,
                                                   {federation_.Offer(batch_).session, batch_},
                                                   federation_.verifier());
  VEILSUM_CHECK(roster.ok());
  return *std::move(roster);
}

Ed25519Signature WireWorld::SignAs(std::size_t member, const Transcript& statement) const {
  return federation_.identity(member).signer->Sign(statement.bytes());
}

void WireWorld::ResignAdvert(pb::Roster& roster, std::size_t member) const {
  pb::Advert& wire = *roster.mutable_adverts(static_cast<int>(member));
  auto advert = secure_agg::ParseAdvert(wire, static_cast<std::size_t>(wire.mask_keys_size()));
  VEILSUM_CHECK(advert.ok());
  wire.set_signature(Text(SignAs(member, secure_agg::AdvertStatement(*advert))));
}

pb::RoundStart WireWorld::StartOf(std::uint16_t slot, std::uint64_t round) {
  secure_agg::RoundStart start;
  const std::optional<Hash32> next = clients_[0]->next_setup_hash();
  start.setup_hash = next ? *next : clients_[0]->setup_hash().value_or(Hash32{});
  start.slot = slot;
  start.round = RoundId(round);
  start.step_config = {'{', '}'};
  return secure_agg::EncodeRoundStart(start);
}

absl::Status WireWorld::Open(std::size_t i, const pb::RoundStart& wire, Clock::Time deadline) {
  VEILSUM_ASSIGN_OR_RETURN(const secure_agg::RoundStart start,
                           clients_[i]->ParseStart(Relay(wire)));
  return clients_[i]->Open(start, deadline);
}

Bytes WireWorld::Upload(std::size_t i, const pb::RoundStart& start,
                        const std::vector<std::int64_t>& input) {
  EXPECT_OK(Open(i, start));
  const auto masked = clients_[i]->Mask(input);
  EXPECT_OK(masked);
  return masked.ok() ? *masked->words : Bytes();
}

absl::StatusOr<ClientMessage> WireWorld::Commit(std::size_t i, std::uint64_t round,
                                                const MemberSet& u) {
  return clients_[i]->OnCommit(Relay(secure_agg::EncodeCommitRequest({RoundId(round), u})));
}

absl::StatusOr<ClientMessage> WireWorld::Certificate(std::size_t i,
                                                     const pb::CommitCertificate& wire) {
  return clients_[i]->OnCertificate(Relay(wire));
}

pb::CommitCertificate WireWorld::CertificateOver(const pb::RoundStart& wire, const MemberSet& u,
                                                 const std::vector<std::size_t>& signers) {
  const auto start =
      secure_agg::ParseRoundStart(wire, {size(), federation_.params()->slots()}).value();
  const Transcript statement = secure_agg::CommitStatement(secure_agg::ContextOf(start), u);
  secure_agg::CommitCertificate certificate{start.round, u, {}};
  for (const std::size_t i : signers)
    certificate.certificate.entries.push_back({Index(i), SignAs(i, statement)});
  return secure_agg::EncodeCommitCertificate(certificate);
}

}  // namespace veilsum::attack
