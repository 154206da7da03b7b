// Members as real clients that only ever see wire bytes, and the stages of an honest run that a
// test may leave at any point to lie. Everything that passes is serialised and parsed, as on a
// network.
#pragma once

#include <map>

#include "client/round/secure_sum.h"
#include "tests/unit/secure_agg/federation.h"

namespace veilsum::attack {

namespace pb = secagg::v1;
using client::SecureSum;
using coordinator::v1::ClientMessage;
using secure_agg::Index;
using secure_agg::MemberSet;
using secure_agg::SetOf;

template <class Wire>
Wire Relay(const Wire& wire) {
  Wire out;
  VEILSUM_CHECK(out.ParseFromString(wire.SerializeAsString()));
  return out;
}

inline std::string Text(ByteView bytes) { return std::string(AsText(bytes)); }
inline const std::vector<std::int64_t> kInput = {1, -2, 3, -4, 5};

class WireWorld {
 public:
  explicit WireWorld(const secure_agg::FederationOptions& options = {.members = 5, .slots = 4});
  std::size_t size() const { return clients_.size(); }
  secure_agg::Federation& federation() { return federation_; }
  SecureSum& client(std::size_t i) { return *clients_[i]; }
  // A client process that has crashed and come back with `last_round` in its ledger.
  void Restart(std::size_t i, std::uint64_t last_round = 0);

  // ---- Honest stages: all members; what they answered is kept.
  void Advertise(std::uint32_t batch = 1);
  void Deal();
  void Report();
  void Sign();
  void Certify();
  void SetUp(std::uint32_t batch = 1);  // all of the above

  pb::BatchOffer OfferOf(std::uint32_t batch) const;
  pb::Roster HonestRoster() const;
  pb::ShareDelivery DeliveryFor(std::size_t member) const;
  pb::ActiveSet ActiveOf(const MemberSet& active) const;
  pb::Certificate SetupCertificate() const;
  // The roster that the honest adverts make, as a liar who reads everything knows it.
  secure_agg::VerifiedRoster Roster() const;
  Ed25519Signature SignAs(std::size_t member, const Transcript& statement) const;
  // Signs the advert again after a change: the member is an accomplice.
  void ResignAdvert(pb::Roster& roster, std::size_t member) const;

  // ---- A round
  // Of the newest batch that client 0 has.
  pb::RoundStart StartOf(std::uint16_t slot, std::uint64_t round);
  absl::Status Open(std::size_t i, const pb::RoundStart& start,
                    Clock::Time deadline = Clock::Time::max());
  // Opens and masks; the upload's bytes.
  Bytes Upload(std::size_t i, const pb::RoundStart& start,
               const std::vector<std::int64_t>& input = kInput);
  absl::StatusOr<ClientMessage> Commit(std::size_t i, std::uint64_t round, const MemberSet& u);
  absl::StatusOr<ClientMessage> Certificate(std::size_t i, const pb::CommitCertificate& wire);
  // Signed by `signers`, all accomplices.
  pb::CommitCertificate CertificateOver(const pb::RoundStart& start, const MemberSet& u,
                                        const std::vector<std::size_t>& signers);

  std::vector<pb::Advert> adverts;
  std::vector<pb::ShareUpload> shares;
  std::vector<pb::ShareReport> reports;
  std::vector<pb::SetupSignature> setup_signatures;

 private:
  secure_agg::Federation federation_;
  std::vector<std::unique_ptr<SecureSum>> clients_;
  std::uint32_t batch_ = 1;
};

// The refusal carries its own status and check, and the client has counted it.
template <class Result>
void ExpectRefused(const SecureSum& client, const Result& result, absl::StatusCode code,
                   std::string_view check) {
  const absl::Status& status = GetStatus(result);
  EXPECT_EQ(status.code(), code) << status;
  EXPECT_EQ(secure_agg::CheckOf(status), check) << status;
  EXPECT_GE(client.refusals().of(check), 1u);
}

}  // namespace veilsum::attack
