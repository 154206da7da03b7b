// One real participant among puppets, on one thread: reading from its link runs the coordinator's
// machine and the puppets until there is something to read. The test sees, and may change,
// everything between the two.
#pragma once

#include <algorithm>

#include "client/round/local_contribution.h"
#include "client/round/participant.h"
#include "tests/unit/coordinator/run/puppets.h"

namespace veilsum::client {

using coordinator::v1::ClientMessage;
using coordinator::v1::ServerMessage;

// Time that passes only by waiting.
class FakeWaiter final : public Waiter {
 public:
  Clock::Time Now() override { return now; }
  void WaitUntil(Clock::Time time) override {
    ++waits;
    now = std::max(now, time);
  }
  Clock::Time now{std::chrono::seconds(1)};
  int waits = 0;
};

// Counts like the real one, in memory, and notes the order of things.
class FakeOdometer final : public Odometer {
 public:
  explicit FakeOdometer(std::vector<std::string>& events) : events_(events) {}
  absl::Status Approve(const Hash32&, std::uint64_t attempts_max,
                       std::span<const BlockCharge> charges) override {
    entry.attempts_max = attempts_max;
    if (!charges.empty()) charged = charges[0];
    if (charges.size() > 1) charged_holdout = charges[1];
    return approve;
  }
  absl::StatusOr<OdometerEntry> Load(const Hash32&) override { return entry; }
  absl::StatusOr<std::uint64_t> SpentThrough(const Hash32&) override { return entry.spent_through; }
  absl::Status Spend(const Hash32&, std::uint64_t first, std::uint64_t last) override {
    VEILSUM_RETURN_IF_ERROR(spend);
    if (first <= entry.spent_through)
      return FailedPrecondition("SA-15: attempt %d is spent", first);
    events_.push_back(absl::StrFormat("spend %d-%d", first, last));
    entry.spent_through = last;
    entry.attempts += last - first + 1;
    return absl::OkStatus();
  }
  absl::Status CloseContract(const Hash32&) override {
    closed = true;
    return absl::OkStatus();
  }
  absl::StatusOr<Secret<32>> GroupingSecret() override {
    return SeededRngForTests(5).NewSecret<32>();
  }
  absl::StatusOr<std::vector<DataEpoch>> Epochs() override { return epochs; }
  absl::StatusOr<DataEpoch> OpenEpoch(const std::string& reason, std::int64_t now) override {
    epochs.push_back({epochs.size() + 1, reason, now, 0});
    return epochs.back();
  }
  absl::StatusOr<std::vector<bool>> ClaimCustomers(std::span<const std::string> ids) override {
    return std::vector<bool>(ids.size(), true);
  }
  absl::StatusOr<std::vector<std::string>> Blocks() override { return std::vector<std::string>(); }
  absl::StatusOr<dp::BlockBudget> Budget(const std::string& block) override {
    if (!budget) return NotFound("no block %s", block);
    return *budget;
  }
  absl::StatusOr<BlockTotals> Totals(const std::string&) override { return NotFound("no block"); }
  absl::Status KeepVote(const KeptVote& vote) override {
    votes.push_back(vote);
    return absl::OkStatus();
  }
  absl::StatusOr<std::vector<KeptVote>> Votes() override { return votes; }

  std::vector<KeptVote> votes;
  absl::Status approve, spend;            // what to answer
  std::optional<dp::BlockBudget> budget;  // of the block, if it is known
  OdometerEntry entry;
  std::vector<DataEpoch> epochs = {DataEpoch{}};
  std::optional<BlockCharge> charged, charged_holdout;  // of the first block, of the second
  bool closed = false;

 private:
  std::vector<std::string>& events_;
};

class NotingContribution final : public Contribution {
 public:
  NotingContribution(std::size_t size, std::vector<std::string>& events,
                     std::vector<Hash32>& models)
      : size_(size), events_(events), models_(models) {}
  absl::StatusOr<dp::NoisedVector> Compute(const model::RoundPurpose& purpose,
                                           const model::ModelVector& model) override {
    events_.push_back(absl::StrFormat("compute %d", purpose.attempt));
    models_.push_back(model::ModelHash(model));
    return dp::NoiseShare::CreateWithoutPrivacy().AddTo(
        dp::ClippedSum::FromCertifiedContributions(std::vector<std::int64_t>(size_, 1000)), rng_);
  }

 private:
  const std::size_t size_;
  std::vector<std::string>& events_;
  std::vector<Hash32>& models_;
  SeededRngForTests rng_{3};
};

class OneParticipant {
 public:
  explicit OneParticipant(const model::SmallPlan& plan = coordinator::QuickPlan(),
                          std::size_t members = 5,
                          const std::optional<coordinator::LedgerOptions>& ledger = std::nullopt)
      : world(plan, members, ledger), odometer(events) {
    policy.epsilon_cap = 8;
    policy.delta_cap = 1e-5;
    policy.allow_no_privacy = true;
    InitialiseCrypto();
  }

  absl::Status Run() {
    VEILSUM_RETURN_IF_ERROR(world.Start());
    for (const std::string& seat : world.seats)
      if (seat != mine()) world.Join(seat);
    participant = std::make_unique<Participant>(Config(), World());
    return participant->Run();
  }
  const std::string& mine() const { return world.seats[0]; }
  ParticipantConfig Config() {
    ParticipantConfig config;
    config.own = {mine(), "fed.test", Hash32{7}};
    config.identity = {mine(), world.signers[mine()], world.CertificateOf(mine())};
    config.give_up = std::chrono::seconds(60);
    if (for_ever) config.give_up.reset();
    if (fetches) config.largest_frame = 0;
    return config;
  }
  ParticipantWorld World() {
    ParticipantWorld out;
    out.connect = [this]() -> absl::StatusOr<std::unique_ptr<CoordinatorLink>> {
      ++connections;
      VEILSUM_RETURN_IF_ERROR(connect());
      world.machine->OnConnected(mine(), world.now);
      return std::make_unique<Link>(*this);
    };
    out.prepare = [this](const ApprovedRun& run) -> absl::StatusOr<Prepared> {
      return Prepared{
          std::make_unique<NotingContribution>(run.layout().parameters(), events, models), 12};
    };
    out.identity = identity;
    out.policy = [this] { return policy; };
    out.verifier = &world.verifier;
    out.odometer = &odometer;
    out.ledger = ledger;
    out.rng = &rng;
    out.waiter = &waiter;
    out.log = [this](std::string_view line) { log.emplace_back(line); };
    return out;
  }
  std::vector<std::string> RefusalsOf(std::uint64_t round) const {
    std::vector<std::string> checks;
    for (const ClientMessage& message : written)
      if (message.has_refusal() && message.refusal().round() == round)
        checks.push_back(message.refusal().check());
    return checks;
  }
  std::size_t CountWritten(ClientMessage::MessageCase kind) const {
    return static_cast<std::size_t>(
        std::ranges::count(written, kind, &ClientMessage::message_case));
  }
  bool Computed(std::uint64_t round) const {
    return std::ranges::count(events, absl::StrFormat("compute %d", round)) > 0;
  }

  coordinator::Puppets world;
  Policy policy;
  std::vector<std::string> events;  // spend and compute, in order
  std::vector<Hash32> models;       // trained on
  FakeOdometer odometer;
  LedgerGuard* ledger = nullptr;
  FakeWaiter waiter;
  SeededRngForTests rng{77};
  std::unique_ptr<Participant> participant;
  std::vector<ClientMessage> written;
  std::vector<std::string> log;
  int connections = 0;
  bool for_ever = false;  // never gives up
  bool fetches = false;   // models and uploads in calls of their own, not on the stream
  // Where a test steps in.
  std::function<secure_agg::SigningIdentity()> identity;  // of the node, as it is now
  std::function<bool()> silent = [] { return false; };  // true: this Read finds nothing in a second
  std::function<absl::Status()> connect = [] { return absl::OkStatus(); };
  std::function<absl::Status(ServerMessage&)> before_read = [](ServerMessage&) {
    return absl::OkStatus();
  };
  std::function<void(Bytes&)> tamper_model = [](Bytes&) {};
  std::function<absl::Status(std::uint64_t round)> before_upload = [](std::uint64_t) {
    return absl::OkStatus();
  };

 private:
  class Link final : public CoordinatorLink {
   public:
    explicit Link(OneParticipant& all) : all_(all) {}
    ~Link() override { Close(); }
    absl::StatusOr<ServerMessage> Read() override {
      coordinator::Puppets& world = all_.world;
      if (all_.silent()) {
        all_.waiter.now += std::chrono::seconds(1);
        return absl::DeadlineExceededError("nothing yet");
      }
      for (int idle = 0; idle < 100;) {
        if (closed_) break;
        if (world.port.sent.empty()) {
          ++idle;
          world.WaitForDeadline();
          continue;
        }
        auto [seat, message] = std::move(world.port.sent.front());
        world.port.sent.pop_front();
        if (seat == all_.mine()) {
          TamperWithModel(message);
          VEILSUM_RETURN_IF_ERROR(all_.before_read(message));
          return message;
        }
        world.Deliver(seat, message);
      }
      return absl::CancelledError("the test's coordinator has nothing more to say");
    }
    absl::Status Write(const ClientMessage& message) override {
      if (message.has_upload()) {
        VEILSUM_RETURN_IF_ERROR(all_.before_upload(message.upload().round()));
      }
      all_.written.push_back(message);
      all_.world.machine->OnMessage(all_.mine(), message, all_.world.now);
      return absl::OkStatus();
    }
    absl::Status Upload(std::uint64_t round, ByteView words) override {
      VEILSUM_RETURN_IF_ERROR(all_.before_upload(round));
      return all_.world.machine->OnUpload(all_.mine(), round, words, all_.world.now);
    }
    absl::StatusOr<Bytes> FetchModel(const Hash32& hash, std::size_t limit) override {
      const auto found = all_.world.port.models.find(hash);
      if (found == all_.world.port.models.end()) return NotFound("no such model");
      if (found->second->size() > limit) return ResourceExhausted("too large");
      Bytes bytes = *found->second;
      if (all_.fetches) all_.tamper_model(bytes);
      return bytes;
    }
    void Close() override {
      if (std::exchange(closed_, true)) return;
      auto& sent = all_.world.port.sent;
      std::erase_if(sent, [&](const auto& entry) { return entry.first == all_.mine(); });
      all_.world.machine->OnDisconnected(all_.mine(), all_.world.now);
    }

   private:
    // The model that comes with a start; without one it is fetched.
    void TamperWithModel(ServerMessage& message) {
      if (!message.has_start() || message.model().empty()) return;
      const ByteView view = AsBytes(message.model());
      Bytes bytes(view.begin(), view.end());
      if (all_.fetches) return message.clear_model();
      all_.tamper_model(bytes);
      message.set_model(std::string(AsText(bytes)));
    }
    OneParticipant& all_;
    bool closed_ = false;
  };
};

}  // namespace veilsum::client
