#include "tests/fuzz/recording.h"

#include <cstdio>
#include <cstdlib>

#include "secure_agg/server/key_phase.h"
#include "secure_agg/wire/advert_codec.h"
#include "secure_agg/wire/certificate_codec.h"
#include "secure_agg/wire/round_codec.h"
#include "secure_agg/wire/share_codec.h"
#include "secure_agg/wire/upload_codec.h"
#include "tests/fuzz/target.h"

namespace veilsum::fuzz {
namespace {

namespace sa = secure_agg;
using client::SecureSum;
using coordinator::v1::ClientMessage;
using coordinator::v1::ServerMessage;

const sa::FederationOptions kOptions{.members = kMembers, .slots = kFuzzSlots};

std::uint64_t SeedOf(std::size_t member) { return 100 + member; }

struct Recorder {
  explicit Recorder(Recording& r) : recording(r) {
    for (std::size_t i = 0; i < kMembers; ++i) {
      rngs.push_back(std::make_unique<SeededRngForTests>(SeedOf(i)));
      clients.push_back(std::make_unique<SecureSum>(r.federation.session(i),
                                                    r.federation.verifier(), *rngs.back()));
    }
  }
  void Note(std::size_t i, absl::StatusOr<ClientMessage> reply) {
    RequireOk(reply.status());
    recording.from[i].push_back(*std::move(reply));
  }
  void Heard(std::size_t i, const ServerMessage& message) {
    if (i == 0) recording.to_first.push_back(message);
  }
  const ClientMessage& Last(std::size_t i) const { return recording.from[i].back(); }

  Recording& recording;
  std::vector<std::unique_ptr<SeededRngForTests>> rngs;
  std::vector<std::unique_ptr<SecureSum>> clients;
};

sa::ServerBatch RecordSetup(Recorder& r) {
  const sa::WireLimits limits{kMembers, kFuzzSlots};
  sa::Federation& federation = r.recording.federation;
  sa::KeyPhase keys(federation.params(), {federation.Offer(1).session, 1}, federation.verifier());
  for (std::size_t i = 0; i < kMembers; ++i) {
    ServerMessage message;
    *message.mutable_batch() = sa::EncodeBatchOffer(keys.Offer());
    r.Heard(i, message);
    r.Note(i, r.clients[i]->OnOffer(message.batch()));
    RequireOk(keys.Add(federation.identity(i).uri,
                       sa::ParseAdvert(r.Last(i).advert(), kFuzzSlots).value()));
  }
  auto roster = std::move(keys).Close().value();
  for (std::size_t i = 0; i < kMembers; ++i) {
    ServerMessage message;
    *message.mutable_roster() = sa::EncodeRoster(roster.message);
    r.Heard(i, message);
    r.Note(i, r.clients[i]->OnRoster(message.roster()));
    RequireOk(
        roster.next.Add(sa::Index(i), sa::ParseShareUpload(r.Last(i).shares(), limits).value()));
  }
  sa::ReportPhase reports = std::move(roster.next).Close().value();
  for (std::size_t i = 0; i < kMembers; ++i) {
    ServerMessage message;
    *message.mutable_delivery() = sa::EncodeShareDelivery(reports.DeliveryFor(sa::Index(i)));
    r.Heard(i, message);
    r.Note(i, r.clients[i]->OnDelivery(message.delivery()));
    RequireOk(reports.Add(sa::Index(i), sa::ParseShareReport(r.Last(i).report(), limits).value()));
  }
  auto active = std::move(reports).Close().value();
  for (std::size_t i = 0; i < kMembers; ++i) {
    ServerMessage message;
    *message.mutable_active() = sa::EncodeActiveSet(active.message);
    r.Heard(i, message);
    r.Note(i, r.clients[i]->OnActiveSet(message.active()));
    RequireOk(active.next.Add(sa::Index(i),
                              sa::ParseSetupSignature(r.Last(i).setup_signature()).value()));
  }
  auto ready = std::move(active.next).Close().value();
  for (std::size_t i = 0; i < kMembers; ++i) {
    ServerMessage message;
    *message.mutable_setup_certificate() = sa::EncodeCertificate(ready.message);
    r.Heard(i, message);
    RequireOk(r.clients[i]->OnSetupCertificate(message.setup_certificate()));
  }
  return std::move(ready.next);
}

void RecordRound(Recorder& r, sa::ServerBatch& batch, std::uint16_t slot) {
  sa::SlotRequest request;
  request.slot = slot;
  request.round = RoundId(slot + 1u);
  auto opened = batch.OpenSlot(std::move(request)).value();
  for (std::size_t i = 0; i < kMembers; ++i) {
    ServerMessage message;
    *message.mutable_start() = sa::EncodeRoundStart(opened.message);
    r.Heard(i, message);
    const auto start = r.clients[i]->ParseStart(message.start());
    RequireOk(r.clients[i]->Open(*start));
    const auto masked = r.clients[i]->Mask(InputOf(i));
    ClientMessage upload;
    *upload.mutable_upload() = sa::EncodeUploadFrame(*masked, 0);
    r.Note(i, upload);
    RequireOk(opened.next.Add(sa::Index(i), *masked->words));
  }
  auto frozen = std::move(opened.next).Freeze().value();
  for (std::size_t i = 0; i < kMembers; ++i) {
    ServerMessage message;
    *message.mutable_commit() = sa::EncodeCommitRequest(frozen.message);
    r.Heard(i, message);
    r.Note(i, r.clients[i]->OnCommit(message.commit()));
    RequireOk(frozen.next.Add(sa::Index(i),
                              sa::ParseCommitSignature(r.Last(i).commit_signature()).value()));
  }
  auto certified = std::move(frozen.next).Close().value();
  for (std::size_t i = 0; i < kMembers; ++i) {
    ServerMessage message;
    *message.mutable_commit_certificate() = sa::EncodeCommitCertificate(certified.message);
    r.Heard(i, message);
    r.Note(i, r.clients[i]->OnCertificate(message.commit_certificate()));
    ServerMessage closed;
    *closed.mutable_closed() = sa::EncodeRoundClosed(certified.message.round);
    r.Heard(i, closed);
    r.clients[i]->OnClosed(closed.closed());
  }
}

}  // namespace

void Require(bool condition, const char* promise) {
  if (condition) return;
  std::fprintf(stderr, "broken: %s\n", promise);
  std::abort();
}

void RequireOk(const absl::Status& status) {
  if (!status.ok()) Require(false, std::string(status.message()).c_str());
}

const std::vector<std::int64_t>& InputOf(std::size_t member) {
  static const std::vector<std::vector<std::int64_t>> inputs = {
      {1, 20, -3, 4, 5}, {-7, 1, 1, 1, 9}, {100, 0, 0, -1, 2}, {3, 3, 3, 3, 1000}};
  return inputs[member];
}

const Recording& TheRecording() {
  static const Recording* const recording = [] {
    auto* const made = new Recording{sa::Federation(kOptions), {}, {}};
    made->from.resize(kMembers);
    Recorder recorder(*made);
    sa::ServerBatch batch = RecordSetup(recorder);
    for (std::uint16_t slot = 0; slot < kFuzzSlots; ++slot) RecordRound(recorder, batch, slot);
    return made;
  }();
  return *recording;
}

Victim::Victim()
    : rng(SeedOf(0)),
      sum(sa::ClientSession::Create(*TheRecording().federation.params(),
                                    TheRecording().federation.identity(0), RoundId(0))
              .value(),
          TheRecording().federation.verifier(), rng) {}

}  // namespace veilsum::fuzz
