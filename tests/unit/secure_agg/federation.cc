#include "tests/unit/secure_agg/federation.h"

#include <algorithm>
#include <map>

#include "secure_agg/wire/advert_codec.h"
#include "secure_agg/wire/certificate_codec.h"
#include "secure_agg/wire/round_codec.h"
#include "secure_agg/wire/share_codec.h"
#include "secure_agg/wire/upload_codec.h"

namespace veilsum::secure_agg {
namespace {

constexpr std::string_view kPrefix = "cert|";

// Serialises and parses the protobuf message, as a network would.
template <class Wire>
Wire Relay(const Wire& wire) {
  Wire out;
  VEILSUM_CHECK(out.ParseFromString(wire.SerializeAsString()));
  return out;
}

WireLimits LimitsOf(const VerifiedRoster& roster, const SessionParams& params) {
  return {roster.size(), params.slots()};
}

bool TakesPart(Drop drop, Drop before) { return drop > before; }

struct Setup {
  Federation& federation;
  const std::vector<Drop>& drops;
  std::map<std::size_t, std::size_t> index = {};  // member to roster index

  RosterIndex At(std::size_t member) const { return Index(index.at(member)); }
};

}  // namespace

Bytes FakeCertificate(std::string_view uri, const Ed25519PublicKey& key) {
  std::string text = std::string(kPrefix) + std::string(uri) + "|";
  text.append(AsText(key));
  const ByteView bytes = AsBytes(text);
  return Bytes(bytes.begin(), bytes.end());
}

absl::StatusOr<SeatIdentity> FakeSeatVerifier::Verify(ByteView der, const Hash32&) const {
  const std::string_view text = AsText(der);
  if (!text.starts_with(kPrefix) || text.size() < kPrefix.size() + 33)
    return Unauthenticated("the certificate does not chain to the CA");
  SeatIdentity identity;
  identity.uri = text.substr(kPrefix.size(), text.size() - kPrefix.size() - 33);
  std::copy(der.end() - 32, der.end(), identity.key.begin());
  return identity;
}

Federation::Federation(const FederationOptions& options) : rng_(options.seed) {
  InitialiseCrypto();
  ContractTerms terms;
  terms.contract_hash.fill(7);
  terms.colluders = options.colluders;
  terms.min_survivors = options.min_survivors;
  terms.slots = options.slots;
  terms.sums = options.sums;
  for (std::size_t i = 0; i < options.members; ++i) {
    terms.members.push_back("spiffe://test/tenant/m" + std::to_string(i) + "/client/a");
  }
  auto params = SessionParams::Create(std::move(terms));
  VEILSUM_CHECK(params.ok());
  params_ = std::make_shared<const SessionParams>(*std::move(params));
  for (const Seat& seat : params_->seats()) {
    auto signer = std::make_shared<const Ed25519Signer>(rng_.NewSecret<32>());
    identities_.push_back({seat.uri, signer, FakeCertificate(seat.uri, signer->public_key())});
    sessions_.push_back(ClientSession::Create(*params_, identities_.back(), RoundId(0)).value());
  }
}

BatchOffer Federation::Offer(std::uint32_t batch) const {
  BatchOffer offer;
  offer.session.fill(3);
  offer.batch = batch;
  offer.slots = params_->slots();
  offer.contract_hash = params_->contract_hash();
  return offer;
}

MemberSet SetOf(std::size_t n, std::initializer_list<std::size_t> members) {
  MemberSet set(n);
  for (const std::size_t member : members) set.Insert(Index(member));
  return set;
}

absl::StatusOr<ReadyBatch> PrepareBatch(Federation& federation, const std::vector<Drop>& drops,
                                        std::uint32_t batch) {
  const SessionParams& params = *federation.params();
  Setup setup{federation, drops};
  const auto taking_part = [&](Drop before) {
    std::vector<std::size_t> members;
    for (std::size_t i = 0; i < federation.size(); ++i) {
      if (TakesPart(drops[i], before)) members.push_back(i);
    }
    return members;
  };

  const BatchOffer offer = federation.Offer(batch);
  KeyPhase keys(federation.params(), BatchId{offer.session, batch}, federation.verifier());
  std::map<std::size_t, BatchAdvertised> advertised;
  for (const std::size_t i : taking_part(Drop::kBeforeAdvert)) {
    VEILSUM_ASSIGN_OR_RETURN(const BatchOffer heard,
                             ParseBatchOffer(Relay(EncodeBatchOffer(keys.Offer()))));
    VEILSUM_ASSIGN_OR_RETURN(
        auto sent, BatchAdvertised::Start(federation.session(i), heard, federation.rng()));
    VEILSUM_ASSIGN_OR_RETURN(Advert advert,
                             ParseAdvert(Relay(EncodeAdvert(sent.message)), params.slots()));
    VEILSUM_RETURN_IF_ERROR(keys.Add(federation.identity(i).uri, std::move(advert)));
    advertised.emplace(i, std::move(sent.next));
  }
  if (!keys.CanClose()) return FailedPrecondition("too few adverts");
  VEILSUM_ASSIGN_OR_RETURN(auto roster_sent, std::move(keys).Close());
  const auto roster_wire = Relay(EncodeRoster(roster_sent.message));
  SharePhase shares = std::move(roster_sent.next);
  const WireLimits limits = LimitsOf(shares.roster(), params);
  for (const auto& [i, phase] : advertised)
    setup.index[i] = shares.roster().IndexOf(federation.identity(i).uri)->value();

  std::map<std::size_t, AwaitingShares> awaiting_shares;
  for (const std::size_t i : taking_part(Drop::kBeforeShares)) {
    VEILSUM_ASSIGN_OR_RETURN(UnverifiedRoster claim,
                             ParseRoster(roster_wire, params.seats().size(), params.slots()));
    VEILSUM_ASSIGN_OR_RETURN(
        auto sent, std::move(advertised.at(i))
                       .OnRoster(std::move(claim), federation.verifier(), federation.rng()));
    VEILSUM_ASSIGN_OR_RETURN(ShareUpload upload,
                             ParseShareUpload(Relay(EncodeShareUpload(sent.message)), limits));
    VEILSUM_RETURN_IF_ERROR(shares.Add(setup.At(i), std::move(upload)));
    awaiting_shares.emplace(i, std::move(sent.next));
  }
  VEILSUM_ASSIGN_OR_RETURN(ReportPhase reports, std::move(shares).Close());

  std::map<std::size_t, AwaitingActiveSet> awaiting_active;
  for (const std::size_t i : taking_part(Drop::kBeforeReport)) {
    VEILSUM_ASSIGN_OR_RETURN(
        const ShareDelivery delivery,
        ParseShareDelivery(Relay(EncodeShareDelivery(reports.DeliveryFor(setup.At(i)))), limits));
    VEILSUM_ASSIGN_OR_RETURN(auto sent, std::move(awaiting_shares.at(i)).OnShares(delivery));
    VEILSUM_ASSIGN_OR_RETURN(const ShareReport report,
                             ParseShareReport(Relay(EncodeShareReport(sent.message)), limits));
    VEILSUM_RETURN_IF_ERROR(reports.Add(setup.At(i), report));
    awaiting_active.emplace(i, std::move(sent.next));
  }
  VEILSUM_ASSIGN_OR_RETURN(auto active_sent, std::move(reports).Close());
  SetupPhase signing = std::move(active_sent.next);

  std::map<std::size_t, AwaitingSetupCertificate> awaiting_certificate;
  for (const std::size_t i : taking_part(Drop::kBeforeSetupSignature)) {
    VEILSUM_ASSIGN_OR_RETURN(const ActiveSet active,
                             ParseActiveSet(Relay(EncodeActiveSet(active_sent.message)), limits));
    VEILSUM_ASSIGN_OR_RETURN(auto sent, std::move(awaiting_active.at(i)).OnActiveSet(active));
    VEILSUM_ASSIGN_OR_RETURN(const SetupSignature signature,
                             ParseSetupSignature(Relay(EncodeSetupSignature(sent.message))));
    VEILSUM_RETURN_IF_ERROR(signing.Add(setup.At(i), signature));
    awaiting_certificate.emplace(i, std::move(sent.next));
  }
  VEILSUM_ASSIGN_OR_RETURN(auto ready, std::move(signing).Close());

  std::vector<std::optional<Batch>> clients(federation.size());
  for (auto& [i, phase] : awaiting_certificate) {
    VEILSUM_ASSIGN_OR_RETURN(const Certificate certificate,
                             ParseCertificate(Relay(EncodeCertificate(ready.message)), limits));
    VEILSUM_ASSIGN_OR_RETURN(Batch client, std::move(phase).OnCertificate(certificate));
    clients[i] = std::move(client);
  }
  return ReadyBatch{std::move(ready.next), std::move(clients)};
}

absl::StatusOr<SlotSum> RunSlot(ReadyBatch& ready, const SlotPlan& plan, const Inputs& inputs,
                                const std::vector<Drop>& drops) {
  const WireLimits limits{ready.server.roster().size(), kMaxSlots};
  SlotRequest request;
  request.slot = plan.slot;
  request.round = RoundId(plan.round);
  request.model_hash.fill(9);
  request.sum = plan.sum;
  request.step = plan.round - 1;
  request.config = {'{', '}'};
  VEILSUM_ASSIGN_OR_RETURN(auto opened, ready.server.OpenSlot(std::move(request)));
  InputPhase inputs_phase = std::move(opened.next);
  const auto present = [&](std::size_t i, Drop before) {
    return ready.clients[i] && TakesPart(drops[i], before);
  };

  std::map<std::size_t, AwaitingInput> accepted;
  std::map<std::size_t, AwaitingCommit> uploaded;
  for (std::size_t i = 0; i < ready.clients.size(); ++i) {
    if (!present(i, Drop::kBeforeUpload)) continue;
    VEILSUM_ASSIGN_OR_RETURN(const RoundStart start,
                             ParseRoundStart(Relay(EncodeRoundStart(opened.message)), limits));
    VEILSUM_ASSIGN_OR_RETURN(AwaitingInput awaiting, ready.clients[i]->Accept(start));
    VEILSUM_ASSIGN_OR_RETURN(auto sent, std::move(awaiting).OnInput(inputs[i]));
    UploadAssembly assembly(inputs_phase.ExpectedBytes());
    VEILSUM_RETURN_IF_ERROR(assembly.Add(Relay(EncodeUploadFrame(sent.message, 0))));
    VEILSUM_ASSIGN_OR_RETURN(const Bytes words, std::move(assembly).Take());
    VEILSUM_RETURN_IF_ERROR(inputs_phase.Add(ready.clients[i]->self(), words));
    uploaded.emplace(i, std::move(sent.next));
  }
  VEILSUM_ASSIGN_OR_RETURN(auto frozen, std::move(inputs_phase).Freeze());
  CommitPhase commits = std::move(frozen.next);

  std::map<std::size_t, AwaitingCertificate> signed_phases;
  for (auto& [i, phase] : uploaded) {
    if (!present(i, Drop::kBeforeCommit)) continue;
    VEILSUM_ASSIGN_OR_RETURN(
        const CommitRequest commit,
        ParseCommitRequest(Relay(EncodeCommitRequest(frozen.message)), limits));
    VEILSUM_ASSIGN_OR_RETURN(auto sent, std::move(phase).OnCommit(commit));
    VEILSUM_ASSIGN_OR_RETURN(const CommitSignature signature,
                             ParseCommitSignature(Relay(EncodeCommitSignature(sent.message))));
    VEILSUM_RETURN_IF_ERROR(commits.Add(ready.clients[i]->self(), signature));
    signed_phases.emplace(i, std::move(sent.next));
  }
  VEILSUM_ASSIGN_OR_RETURN(auto certified, std::move(commits).Close());
  UnmaskPhase unmask = std::move(certified.next);

  for (auto& [i, phase] : signed_phases) {
    if (!present(i, Drop::kBeforeReveal)) continue;
    VEILSUM_ASSIGN_OR_RETURN(
        const CommitCertificate certificate,
        ParseCommitCertificate(Relay(EncodeCommitCertificate(certified.message)), limits));
    VEILSUM_ASSIGN_OR_RETURN(auto sent, std::move(phase).OnCertificate(certificate));
    VEILSUM_ASSIGN_OR_RETURN(Reveal reveal, ParseReveal(Relay(EncodeReveal(sent.message)), limits));
    VEILSUM_RETURN_IF_ERROR(unmask.Add(ready.clients[i]->self(), std::move(reveal)));
    std::move(sent.next).Close();
  }
  return std::move(unmask).Close();
}

void Stages::Advertise(std::uint32_t batch) {
  for (std::size_t i = 0; i < federation.size(); ++i) {
    auto sent =
        BatchAdvertised::Start(federation.session(i), federation.Offer(batch), federation.rng());
    ASSERT_OK(sent);
    adverts.push_back(sent->message);
    advertised.push_back(std::move(sent->next));
  }
}

UnverifiedRoster Stages::HonestRoster() const {
  return {adverts[0].session, adverts[0].batch, federation.params()->colluders(), adverts};
}

void Stages::Deal() {
  for (BatchAdvertised& phase : advertised) {
    auto sent = std::move(phase).OnRoster(HonestRoster(), federation.verifier(), federation.rng());
    ASSERT_OK(sent);
    uploads.push_back(sent->message);
    awaiting_shares.push_back(std::move(sent->next));
  }
}

ShareDelivery Stages::DeliveryFor(std::size_t member) const {
  ShareDelivery delivery;
  for (std::size_t dealer = 0; dealer < uploads.size(); ++dealer) {
    if (dealer == member) continue;
    delivery.boxes.push_back(
        {Index(dealer), uploads[dealer].boxes[member < dealer ? member : member - 1].box});
  }
  return delivery;
}

void Stages::Report() {
  for (std::size_t i = 0; i < awaiting_shares.size(); ++i) {
    auto sent = std::move(awaiting_shares[i]).OnShares(DeliveryFor(i));
    ASSERT_OK(sent);
    EXPECT_EQ(sent->message.held, MemberSet::All(federation.size()));
    awaiting_active.push_back(std::move(sent->next));
  }
}

void Stages::Sign() {
  for (AwaitingActiveSet& phase : awaiting_active) {
    auto sent = std::move(phase).OnActiveSet({MemberSet::All(federation.size())});
    ASSERT_OK(sent);
    signatures.push_back(sent->message);
    awaiting_certificate.push_back(std::move(sent->next));
  }
}

Certificate Stages::HonestCertificate() const {
  Certificate certificate;
  for (std::size_t i = 0; i < signatures.size(); ++i)
    certificate.entries.push_back({Index(i), signatures[i].signature});
  return certificate;
}

void Stages::Certify() {
  for (AwaitingSetupCertificate& phase : awaiting_certificate) {
    auto batch = std::move(phase).OnCertificate(HonestCertificate());
    ASSERT_OK(batch);
    batches.push_back(*std::move(batch));
  }
}

RoundStart Stages::Start(std::uint16_t slot, std::uint64_t round) const {
  RoundStart start;
  start.setup_hash = batches[0].setup_hash();
  start.slot = slot;
  start.round = RoundId(round);
  return start;
}

}  // namespace veilsum::secure_agg
