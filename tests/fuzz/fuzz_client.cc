// A client that hears the messages of an honest coordinator in any order, repeated, left out and
// damaged. Three bytes a step: which message, where to damage it, with what (0: not at all). The
// promises that hold whatever comes: one U signed a round, a reveal only after its signature and
// for that U, one upload a round, and never the same round twice.
#include <map>

#include "tests/fuzz/recording.h"
#include "tests/fuzz/target.h"

namespace veilsum::fuzz {
namespace {

using coordinator::v1::ClientMessage;
using coordinator::v1::ServerMessage;

class Client {
 public:
  void Hear(const ServerMessage& message) {
    client::SecureSum& sum = victim_.sum;
    switch (message.message_case()) {
      case ServerMessage::kBatch:
        return Ignore(sum.OnOffer(message.batch()));
      case ServerMessage::kRoster:
        return Ignore(sum.OnRoster(message.roster()));
      case ServerMessage::kDelivery:
        return Ignore(sum.OnDelivery(message.delivery()));
      case ServerMessage::kActive:
        return OnSetupSignature(sum.OnActiveSet(message.active()));
      case ServerMessage::kSetupCertificate:
        return (void)sum.OnSetupCertificate(message.setup_certificate()).ok();
      case ServerMessage::kStart:
        return OnStart(message.start());
      case ServerMessage::kCommit:
        return OnSigned(message.commit(), sum.OnCommit(message.commit()));
      case ServerMessage::kCommitCertificate:
        return OnRevealed(message.commit_certificate(),
                          sum.OnCertificate(message.commit_certificate()));
      case ServerMessage::kClosed:
        return sum.OnClosed(message.closed());
      default:
        return;
    }
  }

 private:
  static void Ignore(const absl::StatusOr<ClientMessage>& reply) {
    Require(reply.ok() || !reply.status().message().empty(), "a refusal says why");
  }
  void OnSetupSignature(const absl::StatusOr<ClientMessage>& reply) {
    if (!reply.ok()) return;
    Require(!signed_setup_, "SA-12: one setup signature a batch");
    signed_setup_ = true;
  }
  void OnStart(const secagg::v1::RoundStart& wire) {
    const auto start = victim_.sum.ParseStart(wire);
    if (!start.ok() || !victim_.sum.Open(*start).ok()) return;
    Require(start->round.value() > round_, "SA-15: rounds increase");
    round_ = start->round.value();
    Require(victim_.sum.Mask(InputOf(0)).ok(), "an opened slot takes an input");
    Require(!victim_.sum.Mask(InputOf(0)).ok(), "SA-18: one vector a slot");
  }
  void OnSigned(const secagg::v1::CommitRequest& wire, const absl::StatusOr<ClientMessage>& reply) {
    if (!reply.ok()) return;
    const auto [known, fresh] = signed_.emplace(wire.round(), wire.members());
    Require(fresh || known->second == wire.members(), "SA-26: one U a round");
  }
  void OnRevealed(const secagg::v1::CommitCertificate& wire,
                  const absl::StatusOr<ClientMessage>& reply) {
    if (!reply.ok()) return;
    const auto known = signed_.find(wire.round());
    Require(known != signed_.end() && known->second == wire.members(),
            "SA-30: a reveal is for the U that was signed");
    const auto [before, fresh] =
        revealed_.emplace(wire.round(), reply->reveal().SerializeAsString());
    Require(fresh || before->second == reply->reveal().SerializeAsString(),
            "SA-30: a repeated reveal is the same");
  }

  Victim victim_;
  bool signed_setup_ = false;
  std::uint64_t round_ = 0;
  std::map<std::uint64_t, std::string> signed_, revealed_;
};

}  // namespace

std::vector<std::string> Seeds() {
  const std::size_t count = TheRecording().to_first.size();
  std::string honest, doubled, damaged_late;
  for (std::size_t i = 0; i < count; ++i) {
    const std::string step = {static_cast<char>(i), 0, 0};
    honest += step;
    doubled += step + step;
    damaged_late += i + 3 < count ? step : std::string{static_cast<char>(i), 5, 1};
  }
  return {honest, doubled, damaged_late, honest + honest};
}

}  // namespace veilsum::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace veilsum::fuzz;  // NOLINT
  const Recording& recording = TheRecording();
  Client client;
  for (std::size_t at = 0; at + 3 <= size && at < 3 * 64; at += 3) {
    const auto& original = recording.to_first[data[at] % recording.to_first.size()];
    if (data[at + 2] == 0) {
      client.Hear(original);
      continue;
    }
    std::string bytes = original.SerializeAsString();
    bytes[bytes.size() * data[at + 1] / 256] ^= static_cast<char>(data[at + 2]);
    veilsum::coordinator::v1::ServerMessage damaged;
    if (damaged.ParseFromString(bytes)) client.Hear(damaged);
  }
  return 0;
}
