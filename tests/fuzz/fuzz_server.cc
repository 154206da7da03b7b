// The coordinator's phases under the messages of honest members in any order, repeated, left out
// and damaged. Four bytes a step: what to do (a member's next message, one of its messages, or
// closing the phase), whose and which, where to damage it, with what (0: not at all). The promise:
// a sum is that of the survivors' inputs, or there is none.
#include <variant>

#include "secure_agg/server/key_phase.h"
#include "secure_agg/wire/advert_codec.h"
#include "secure_agg/wire/certificate_codec.h"
#include "secure_agg/wire/round_codec.h"
#include "secure_agg/wire/share_codec.h"
#include "secure_agg/wire/upload_codec.h"
#include "tests/fuzz/recording.h"
#include "tests/fuzz/target.h"

namespace veilsum::fuzz {
namespace {

namespace sa = secure_agg;
using coordinator::v1::ClientMessage;

class Server {
 public:
  Server()
      : recording_(TheRecording()),
        phase_(sa::KeyPhase(recording_.federation.params(),
                            {recording_.federation.Offer(1).session, 1},
                            recording_.federation.verifier())) {}

  void Hear(std::size_t member, const ClientMessage& m, bool damaged) {
    const sa::WireLimits limits{kMembers, kFuzzSlots};
    if (auto* keys = std::get_if<sa::KeyPhase>(&phase_)) {
      auto advert = sa::ParseAdvert(m.advert(), kFuzzSlots);
      if (advert.ok())
        (void)keys->Add(recording_.federation.identity(member).uri, *std::move(advert)).ok();
      return;
    }
    const auto add = [&](auto* phase, auto parsed) {
      if (parsed.ok()) (void)phase->Add(sa::Index(member), *std::move(parsed)).ok();
    };
    if (auto* shares = std::get_if<sa::SharePhase>(&phase_))
      add(shares, sa::ParseShareUpload(m.shares(), limits));
    if (auto* reports = std::get_if<sa::ReportPhase>(&phase_))
      add(reports, sa::ParseShareReport(m.report(), limits));
    if (auto* setup = std::get_if<sa::SetupPhase>(&phase_))
      add(setup, sa::ParseSetupSignature(m.setup_signature()));
    if (auto* inputs = std::get_if<sa::InputPhase>(&phase_)) Upload(*inputs, member, m, damaged);
    if (auto* commits = std::get_if<sa::CommitPhase>(&phase_))
      add(commits, sa::ParseCommitSignature(m.commit_signature()));
    if (auto* unmask = std::get_if<sa::UnmaskPhase>(&phase_))
      add(unmask, sa::ParseReveal(m.reveal(), limits));
  }

  void Close() {
    if (auto* keys = std::get_if<sa::KeyPhase>(&phase_)) return Next(std::move(*keys).Close());
    if (auto* shares = std::get_if<sa::SharePhase>(&phase_)) {
      auto reports = std::move(*shares).Close();
      if (!reports.ok()) return Stop();
      phase_.emplace<sa::ReportPhase>(*std::move(reports));
      return;
    }
    if (auto* reports = std::get_if<sa::ReportPhase>(&phase_))
      return Next(std::move(*reports).Close());
    if (auto* setup = std::get_if<sa::SetupPhase>(&phase_)) {
      auto sent = std::move(*setup).Close();
      if (!sent.ok()) return Stop();
      batch_.emplace(std::move(sent->next));
      return OpenSlot();
    }
    if (auto* inputs = std::get_if<sa::InputPhase>(&phase_))
      return Next(std::move(*inputs).Freeze());
    if (auto* commits = std::get_if<sa::CommitPhase>(&phase_))
      return Next(std::move(*commits).Close());
    if (auto* unmask = std::get_if<sa::UnmaskPhase>(&phase_)) Judge(std::move(*unmask).Close());
  }

  // The message that a member would send in this phase.
  std::size_t ExpectedMessage() const {
    const std::size_t place = phase_.index();  // 1 keys .. 4 setup, 5 inputs .. 7 unmasking
    return place <= 4 ? place - 1 : place - 1 + 3 * slot_;
  }
  bool over() const { return phase_.index() == 0; }

 private:
  using Phase = std::variant<std::monostate, sa::KeyPhase, sa::SharePhase, sa::ReportPhase,
                             sa::SetupPhase, sa::InputPhase, sa::CommitPhase, sa::UnmaskPhase>;
  void Stop() { phase_.emplace<std::monostate>(); }
  template <class Sent>
  void Next(absl::StatusOr<Sent> sent) {
    if (!sent.ok()) return Stop();
    using NextPhase = std::decay_t<decltype(sent->next)>;
    phase_.emplace<NextPhase>(std::move(sent->next));
  }
  void OpenSlot() {
    if (batch_->remaining_slots() == 0) return Stop();
    sa::SlotRequest request;
    slot_ = request.slot = batch_->next_slot();
    request.round = RoundId(request.slot + 1u);
    spoilt_ = sa::MemberSet(batch_->roster().size());
    phase_.emplace<sa::InputPhase>(std::move(batch_->OpenSlot(std::move(request))->next));
  }
  // A damaged vector is an input like any other, only that nobody knows which: such sums are not
  // judged.
  void Upload(sa::InputPhase& inputs, std::size_t member, const ClientMessage& m, bool damaged) {
    sa::UploadAssembly assembly(inputs.ExpectedBytes());
    const auto round = sa::ParseUploadRound(m.upload());
    if (!round.ok() || *round != inputs.round() || !assembly.Add(m.upload()).ok()) return;
    const auto words = std::move(assembly).Take();
    if (!words.ok() || !inputs.Add(sa::Index(member), *words).ok()) return;
    if (damaged) spoilt_.Insert(sa::Index(member));
  }
  void Judge(const absl::StatusOr<sa::SlotSum>& sum) {
    if (!sum.ok()) return Stop();
    std::vector<std::int64_t> expected(InputOf(0).size());
    for (const RosterIndex i : sum->survivors.Indices())
      for (std::size_t e = 0; e < expected.size(); ++e) expected[e] += InputOf(i.value())[e];
    if (spoilt_.size() == 0) Require(sum->values == expected, "a sum is exact or absent");
    OpenSlot();
  }

  const Recording& recording_;
  Phase phase_;
  std::optional<sa::ServerBatch> batch_;
  std::size_t slot_ = 0;
  sa::MemberSet spoilt_{kMembers};
};

}  // namespace

// Steps: what (0 next, 1 any, 2 close), member and message, place, damage.
std::vector<std::string> Seeds() {
  std::string honest, with_a_liar;
  for (std::size_t phase = 0; phase < 10; ++phase) {
    for (std::size_t member = 0; member < kMembers; ++member) {
      honest += std::string{0, static_cast<char>(member), 0, 0};
      with_a_liar +=
          std::string{0, static_cast<char>(member), '\x70', static_cast<char>(member == 3)};
    }
    honest += std::string{2, 0, 0, 0};
    with_a_liar += std::string{2, 0, 0, 0};
  }
  return {honest, with_a_liar, honest.substr(0, honest.size() / 2) + with_a_liar};
}

}  // namespace veilsum::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace veilsum::fuzz;  // NOLINT
  const Recording& recording = TheRecording();
  Server server;
  for (std::size_t at = 0; at + 4 <= size && at < 4 * 100 && !server.over(); at += 4) {
    if (data[at] % 3 == 2) {
      server.Close();
      continue;
    }
    const std::size_t member = data[at + 1] % kMembers;
    const auto& sent = recording.from[member];
    const std::size_t which =
        data[at] % 3 == 0 ? server.ExpectedMessage() : data[at + 1] / kMembers;
    const auto& original = sent[which % sent.size()];
    if (data[at + 3] == 0) {
      server.Hear(member, original, false);
      continue;
    }
    std::string bytes = original.SerializeAsString();
    bytes[bytes.size() * data[at + 2] / 256] ^= static_cast<char>(data[at + 3]);
    veilsum::coordinator::v1::ClientMessage damaged;
    if (damaged.ParseFromString(bytes)) server.Hear(member, damaged, true);
  }
  return 0;
}
