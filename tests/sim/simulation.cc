#include "tests/sim/simulation.h"

#include <functional>
#include <map>
#include <queue>
#include <random>
#include <set>
#include <variant>

#include "client/round/secure_sum.h"
#include "secure_agg/server/key_phase.h"
#include "secure_agg/wire/advert_codec.h"
#include "secure_agg/wire/certificate_codec.h"
#include "secure_agg/wire/round_codec.h"
#include "secure_agg/wire/share_codec.h"
#include "secure_agg/wire/upload_codec.h"
#include "tests/unit/secure_agg/federation.h"

namespace veilsum::sim {
namespace {

namespace sa = secure_agg;
using client::SecureSum;
using coordinator::v1::ClientMessage;
using coordinator::v1::ServerMessage;
using sa::Index;
using sa::MemberSet;

using Ticks = std::uint64_t;  // virtual milliseconds
constexpr Ticks kDelay = 20,
                kDeadline = 1000;  // usual delay; what a phase of the coordinator waits

Clock::Time TimeOf(Ticks t) { return Clock::Time(std::chrono::milliseconds(t)); }

struct Node {
  std::unique_ptr<SecureSum> sum;
  bool lies = false;
  std::uint64_t ledger = 0;
  Ticks unreachable_until = 0;
};

class World {
 public:
  explicit World(const SimulationOptions& options)
      : options_(options),
        random_(options.seed),
        federation_({.members = options.members,
                     .colluders = options.colluders,
                     .slots = options.slots,
                     .sums = {{sa::RingBits::k32, options.dim}},
                     .seed = options.seed}),
        nodes_(options.members) {
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      nodes_[i].lies = i < options.faults.liars;
      Boot(i);
    }
  }

  SimulationCounts Run() {
    while (!done_) {
      Step();
      if (events_.empty() || events_.top().at >= deadline_) {
        now_ = deadline_;
        OnDeadline();
        continue;
      }
      const Event event = events_.top();
      events_.pop();
      now_ = event.at;
      event.happen();
    }
    for (const Node& node : nodes_) Settle(node);
    return counts_;
  }

 private:
  struct Event {
    Ticks at;
    std::uint64_t order;
    std::function<void()> happen;
    bool operator<(const Event& other) const {
      return std::tie(other.at, other.order) < std::tie(at, order);
    }
  };
  bool Chance(double p) { return std::uniform_real_distribution<>(0, 1)(random_) < p; }
  std::size_t Below(std::size_t bound) { return random_() % bound; }

  void Boot(std::size_t i) {
    Settle(nodes_[i]);
    auto session = sa::ClientSession::Create(*federation_.params(), federation_.identity(i),
                                             RoundId(nodes_[i].ledger));
    VEILSUM_CHECK(session.ok());
    nodes_[i].sum =
        std::make_unique<SecureSum>(*std::move(session), federation_.verifier(), federation_.rng());
  }
  void Settle(const Node& node) {
    if (!node.sum) return;
    counts_.refusals += node.sum->refusals().total();
    counts_.alarms += node.sum->alarmed();
  }

  // ---- The network
  void Later(Ticks delay, std::function<void()> happen) {
    events_.push({now_ + delay, order_++, std::move(happen)});
  }
  bool CutOff(std::size_t i) const { return now_ < nodes_[i].unreachable_until; }
  template <class Message>
  void Carry(std::size_t member, const Message& message, std::function<void(Message)> deliver) {
    const int copies = Chance(options_.faults.repeat) ? 2 : 1;
    for (int copy = 0; copy < copies; ++copy) {
      ++counts_.messages;
      if (CutOff(member) || Chance(options_.faults.loss)) {
        ++counts_.lost;
        continue;
      }
      const Ticks delay = 1 + Below(kDelay) * (Chance(options_.faults.slow) ? 10 : 1);
      Later(delay, [this, member, deliver, bytes = message.SerializeAsString()] {
        Message arrived;
        VEILSUM_CHECK(arrived.ParseFromString(bytes));
        if (!CutOff(member)) deliver(std::move(arrived));
      });
    }
  }
  void ToClient(std::size_t i, const ServerMessage& message) {
    Carry<ServerMessage>(i, message, [this, i](ServerMessage m) { OnClient(i, m); });
  }
  void ToCoordinator(std::size_t i, ClientMessage message) {
    if (nodes_[i].lies && Chance(options_.faults.lie)) Lie(message);
    const std::uint64_t life = coordinator_life_;
    Carry<ClientMessage>(i, message, [this, i, life](const ClientMessage& m) {
      if (life == coordinator_life_) OnCoordinator(i, m);
    });
  }

  void Spoil(std::string& bytes) {
    if (!bytes.empty()) bytes[Below(bytes.size())] ^= static_cast<char>(1 + Below(255));
  }
  void Lie(ClientMessage& message) {
    ++counts_.lies;
    switch (message.message_case()) {
      case ClientMessage::kAdvert:
        return Spoil(*message.mutable_advert()->mutable_channel_key());
      case ClientMessage::kShares:
        for (auto& box : *message.mutable_shares()->mutable_boxes())
          if (Chance(0.3)) Spoil(*box.mutable_box());
        return;
      case ClientMessage::kReport:
        return Spoil(*message.mutable_report()->mutable_held());
      case ClientMessage::kSetupSignature:
        return Spoil(*message.mutable_setup_signature()->mutable_signature());
      case ClientMessage::kCommitSignature:
        return Spoil(*message.mutable_commit_signature()->mutable_signature());
      case ClientMessage::kReveal:
        for (auto& share : *message.mutable_reveal()->mutable_shares())
          if (Chance(0.3)) Spoil(share);
        return;
      default:
        return;  // what it uploads is its input, whatever it is
    }
  }

  // ---- Clients
  std::vector<std::int64_t> InputOf(std::size_t i, std::uint64_t round) const {
    std::mt19937_64 random(options_.seed * 1000003 + round * 1009 + i);
    std::vector<std::int64_t> values(options_.dim);
    for (std::int64_t& value : values)
      value = static_cast<std::int64_t>(random() % (1 << 24)) - (1 << 23);
    return values;
  }

  void OnClient(std::size_t i, const ServerMessage& message) {
    if (Chance(options_.faults.client_crash)) {
      ++counts_.client_crashes;
      return Boot(i);
    }
    SecureSum& sum = *nodes_[i].sum;
    sum.Expire(TimeOf(now_));
    absl::StatusOr<ClientMessage> reply = FailedPrecondition("nothing to say");
    switch (message.message_case()) {
      case ServerMessage::kBatch:
        reply = sum.OnOffer(message.batch());
        break;
      case ServerMessage::kRoster:
        reply = sum.OnRoster(message.roster());
        break;
      case ServerMessage::kDelivery:
        reply = sum.OnDelivery(message.delivery());
        break;
      case ServerMessage::kActive:
        reply = sum.OnActiveSet(message.active());
        break;
      case ServerMessage::kSetupCertificate:
        (void)sum.OnSetupCertificate(message.setup_certificate()).ok();
        break;
      case ServerMessage::kStart:
        reply = OnStart(i, message.start());
        break;
      case ServerMessage::kCommit:
        reply = sum.OnCommit(message.commit());
        break;
      case ServerMessage::kCommitCertificate:
        reply = sum.OnCertificate(message.commit_certificate());
        break;
      default:
        sum.OnClosed(message.closed());
    }
    if (reply.ok()) ToCoordinator(i, *std::move(reply));
  }

  absl::StatusOr<ClientMessage> OnStart(std::size_t i, const secagg::v1::RoundStart& wire) {
    SecureSum& sum = *nodes_[i].sum;
    VEILSUM_ASSIGN_OR_RETURN(const sa::RoundStart start, sum.ParseStart(wire));
    VEILSUM_RETURN_IF_ERROR(sum.Open(start, TimeOf(now_ + 4 * kDeadline)));
    nodes_[i].ledger = start.round.value();
    VEILSUM_ASSIGN_OR_RETURN(const sa::MaskedUpload masked,
                             sum.Mask(InputOf(i, start.round.value())));
    ClientMessage message;
    *message.mutable_upload() = sa::EncodeUploadFrame(masked, 0);
    return message;
  }

  // ---- The coordinator
  using Phase = std::variant<std::monostate, sa::KeyPhase, sa::SharePhase, sa::ReportPhase,
                             sa::SetupPhase, sa::InputPhase, sa::CommitPhase, sa::UnmaskPhase>;
  template <class P>
  void Enter(P phase) {
    phase_.emplace<P>(std::move(phase));
    deadline_ = now_ + kDeadline;
  }

  // Goes on as soon as nobody is missing.
  void Step() {
    if (std::holds_alternative<std::monostate>(phase_)) return Idle();
    const bool complete = std::visit(
        [](const auto& phase) {
          if constexpr (std::is_same_v<std::decay_t<decltype(phase)>, std::monostate>)
            return false;
          else if constexpr (std::is_same_v<std::decay_t<decltype(phase)>, sa::KeyPhase>)
            return phase.Missing().empty();
          else
            return phase.Missing().size() == 0;
        },
        phase_);
    if (complete) OnDeadline();
  }

  void Idle() {
    if (now_ < resume_at_) {
      deadline_ = resume_at_;
      return;
    }
    done_ = counts_.rounds >= options_.rounds || counts_.failed_setups > 1000 + options_.rounds;
    if (done_) return;
    if (Chance(options_.faults.partition))
      for (Node& node : nodes_)
        if (Chance(0.3)) node.unreachable_until = now_ + Below(3 * kDeadline);
    if (batch_ && batch_->remaining_slots() > 0 && thin_ < 3) return OpenRound();
    batch_.reset();
    thin_ = 0;
    sa::KeyPhase keys(federation_.params(), {session_, ++batch_number_}, federation_.verifier());
    ServerMessage message;
    *message.mutable_batch() = sa::EncodeBatchOffer(keys.Offer());
    for (std::size_t i = 0; i < nodes_.size(); ++i) ToClient(i, message);
    Enter(std::move(keys));
  }

  void CrashCoordinator() {
    ++counts_.coordinator_crashes;
    ++coordinator_life_;
    federation_.rng().Fill(session_);
    batch_number_ = 0;
    batch_.reset();
  }

  void FailSetup() {
    ++counts_.failed_setups;
    phase_.emplace<std::monostate>();
  }
  void FailRound() {
    ++counts_.unpublished;
    ++thin_;
    phase_.emplace<std::monostate>();
  }

  void OpenRound() {
    sa::SlotRequest request;
    request.slot = batch_->next_slot();
    request.round = RoundId(++round_);
    ++counts_.rounds;
    auto opened = batch_->OpenSlot(std::move(request)).value();
    ServerMessage message;
    *message.mutable_start() = sa::EncodeRoundStart(opened.message);
    ToRoster(batch_->active(), message);
    Enter(std::move(opened.next));
  }

  // Member numbers are roster places only when all advertised: the roster tells.
  void ToRoster(const MemberSet& set, const ServerMessage& message) {
    for (const RosterIndex i : set.Indices()) ToClient(members_[i.value()], message);
  }

  // The phase is over, complete or not.
  void OnDeadline() {
    Phase phase = std::exchange(phase_, std::monostate());
    if (phase.index() != 0 && Chance(options_.faults.coordinator_crash / 4)) {
      counts_.unpublished += phase.index() >= 5;  // from uploads on: the slot is spent
      return CrashCoordinator();
    }
    if (auto* keys = std::get_if<sa::KeyPhase>(&phase)) return CloseKeys(*keys);
    if (auto* shares = std::get_if<sa::SharePhase>(&phase)) return CloseShares(*shares);
    if (auto* reports = std::get_if<sa::ReportPhase>(&phase)) return CloseReports(*reports);
    if (auto* setup = std::get_if<sa::SetupPhase>(&phase)) return CloseSetup(*setup);
    if (auto* inputs = std::get_if<sa::InputPhase>(&phase)) return CloseInputs(*inputs);
    if (auto* commits = std::get_if<sa::CommitPhase>(&phase)) return CloseCommits(*commits);
    if (auto* unmask = std::get_if<sa::UnmaskPhase>(&phase)) return CloseUnmask(*unmask);
  }

  void CloseKeys(sa::KeyPhase& keys) {
    auto sent = std::move(keys).Close();
    if (!sent.ok()) return FailSetup();
    members_.clear();
    for (const sa::Advert& advert : sent->message.adverts)
      members_.push_back(static_cast<std::size_t>(federation_.params()->FindSeat(advert.member_id) -
                                                  federation_.params()->seats().data()));
    ServerMessage message;
    *message.mutable_roster() = sa::EncodeRoster(sent->message);
    ToRoster(MemberSet::All(members_.size()), message);
    Enter(std::move(sent->next));
  }
  void CloseShares(sa::SharePhase& shares) {
    auto reports = std::move(shares).Close();
    if (!reports.ok()) return FailSetup();
    for (const RosterIndex i : reports->dealt().Indices()) {
      ServerMessage message;
      *message.mutable_delivery() = sa::EncodeShareDelivery(reports->DeliveryFor(i));
      ToClient(members_[i.value()], message);
    }
    Enter(*std::move(reports));
  }
  void CloseReports(sa::ReportPhase& reports) {
    auto sent = std::move(reports).Close();
    if (!sent.ok()) return FailSetup();
    ServerMessage message;
    *message.mutable_active() = sa::EncodeActiveSet(sent->message);
    ToRoster(sent->message.members, message);
    Enter(std::move(sent->next));
  }
  void CloseSetup(sa::SetupPhase& setup) {
    auto sent = std::move(setup).Close();
    if (!sent.ok()) return FailSetup();
    ++counts_.batches;
    batch_.emplace(std::move(sent->next));
    ServerMessage message;
    *message.mutable_setup_certificate() = sa::EncodeCertificate(sent->message);
    ToRoster(batch_->active(), message);
    resume_at_ = now_ + 2 * kDelay;  // most have it before the first round
  }
  void CloseInputs(sa::InputPhase& inputs) {
    auto sent = std::move(inputs).Freeze();
    if (!sent.ok()) return FailRound();
    ServerMessage message;
    *message.mutable_commit() = sa::EncodeCommitRequest(sent->message);
    ToRoster(batch_->active(), message);
    Enter(std::move(sent->next));
  }
  void CloseCommits(sa::CommitPhase& commits) {
    auto sent = std::move(commits).Close();
    if (!sent.ok()) return FailRound();
    ServerMessage message;
    *message.mutable_commit_certificate() = sa::EncodeCommitCertificate(sent->message);
    ToRoster(batch_->active(), message);
    Enter(std::move(sent->next));
  }
  void CloseUnmask(sa::UnmaskPhase& unmask) {
    const absl::StatusOr<sa::SlotSum> sum = std::move(unmask).Close();
    if (!sum.ok()) return FailRound();
    thin_ = 0;
    ++counts_.published;
    std::vector<std::int64_t> expected(options_.dim);
    for (const RosterIndex i : sum->survivors.Indices()) {
      const std::vector<std::int64_t> input = InputOf(members_[i.value()], sum->round.value());
      for (std::size_t e = 0; e < expected.size(); ++e) expected[e] += input[e];
    }
    counts_.wrong += sum->values != expected;
    ServerMessage message;
    *message.mutable_closed() = sa::EncodeRoundClosed(sum->round);
    ToRoster(batch_->active(), message);
  }

  std::optional<RosterIndex> PlaceOf(std::size_t member) const {
    const auto at = std::ranges::find(members_, member);
    if (at == members_.end()) return std::nullopt;
    return Index(static_cast<std::size_t>(at - members_.begin()));
  }

  void OnCoordinator(std::size_t i, const ClientMessage& m) {
    if (auto* keys = std::get_if<sa::KeyPhase>(&phase_)) {
      if (!m.has_advert()) return;
      auto advert = sa::ParseAdvert(m.advert(), options_.slots);
      if (advert.ok()) (void)keys->Add(federation_.identity(i).uri, *std::move(advert)).ok();
      return;
    }
    const std::optional<RosterIndex> place = PlaceOf(i);
    if (!place) return;
    const sa::WireLimits limits{members_.size(), options_.slots};
    // What does not parse, or comes too late, is dropped; what a phase refuses, too.
    const auto add = [&](auto* phase, auto parsed) {
      if (parsed.ok()) (void)phase->Add(*place, *std::move(parsed)).ok();
    };
    if (auto* shares = std::get_if<sa::SharePhase>(&phase_); shares != nullptr && m.has_shares())
      return add(shares, sa::ParseShareUpload(m.shares(), limits));
    if (auto* reports = std::get_if<sa::ReportPhase>(&phase_); reports != nullptr && m.has_report())
      return add(reports, sa::ParseShareReport(m.report(), limits));
    if (auto* setup = std::get_if<sa::SetupPhase>(&phase_);
        setup != nullptr && m.has_setup_signature())
      return add(setup, sa::ParseSetupSignature(m.setup_signature()));
    if (auto* inputs = std::get_if<sa::InputPhase>(&phase_); inputs != nullptr && m.has_upload())
      return OnUpload(*inputs, *place, m.upload());
    if (auto* commits = std::get_if<sa::CommitPhase>(&phase_);
        commits != nullptr && m.has_commit_signature())
      return add(commits, sa::ParseCommitSignature(m.commit_signature()));
    if (auto* unmask = std::get_if<sa::UnmaskPhase>(&phase_); unmask != nullptr && m.has_reveal())
      return add(unmask, sa::ParseReveal(m.reveal(), limits));
  }

  void OnUpload(sa::InputPhase& inputs, RosterIndex place, const secagg::v1::UploadFrame& frame) {
    const auto round = sa::ParseUploadRound(frame);
    if (!round.ok() || *round != inputs.round()) return;
    sa::UploadAssembly assembly(inputs.ExpectedBytes());
    if (!assembly.Add(frame).ok()) return;
    const auto words = std::move(assembly).Take();
    if (words.ok()) (void)inputs.Add(place, *words).ok();
  }

  const SimulationOptions options_;
  std::mt19937_64 random_;
  sa::Federation federation_;
  std::vector<Node> nodes_;
  std::priority_queue<Event> events_;
  Ticks now_ = 0, deadline_ = 0, resume_at_ = 0;
  bool done_ = false;
  std::uint64_t order_ = 0;
  Phase phase_;
  std::optional<sa::ServerBatch> batch_;
  std::vector<std::size_t> members_;  // by roster index
  sa::SessionId session_{1};
  std::uint32_t batch_number_ = 0;
  std::uint64_t round_ = 0, coordinator_life_ = 0;
  int thin_ = 0;  // rounds without a sum, one after another
  SimulationCounts counts_;
};

}  // namespace

std::string SimulationCounts::ToString() const {
  return absl::StrFormat(
      "%d rounds, %d sums, %d wrong, %d spent without a sum; %d batches, %d failed setups; %d "
      "messages, %d lost, %d lies; %d client and %d coordinator crashes; %d refusals, %d alarms",
      rounds, published, wrong, unpublished, batches, failed_setups, messages, lost, lies,
      client_crashes, coordinator_crashes, refusals, alarms);
}

SimulationCounts Simulate(const SimulationOptions& options) { return World(options).Run(); }

}  // namespace veilsum::sim
