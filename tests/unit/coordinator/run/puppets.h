// A run machine with a recording port, and members that answer as a test tells them to. No thread,
// no clock, no network: time is a number, and nothing moves until Pump.
#pragma once

#include "client/round/secure_sum.h"
#include "coordinator/run/run_machine.h"
#include "tests/support/seeded_rng.h"
#include "tests/unit/coordinator/run/hooked_store.h"
#include "tests/unit/coordinator/run/small_terms.h"
#include "tests/unit/secure_agg/federation.h"

namespace veilsum::coordinator {

class RecordingPort final : public RunPort {
 public:
  void Send(const std::string& seat, const v1::ServerMessage& message) override {
    sent.emplace_back(seat, message);
  }
  void Disconnect(const std::string& seat, const absl::Status& reason) override {
    disconnected.emplace_back(seat, reason);
  }
  void AdmitUploads(std::uint64_t round, std::size_t,
                    const std::vector<std::string>& seats) override {
    admitted_round = round;
    admitted = seats;
  }
  void EndUploads(const std::vector<std::string>& seats) override {
    for (const std::string& seat : seats) std::erase(admitted, seat);
  }
  void OfferModel(const Hash32& hash, std::shared_ptr<const Bytes> bytes) override {
    offered.push_back(hash);
    models[hash] = std::move(bytes);
  }
  void Changed() override { ++changes; }
  void Log(std::string_view line) override { log.emplace_back(line); }
  void RoundEnded(const RoundFigures& round) override { figures.push_back(round); }

  std::deque<std::pair<std::string, v1::ServerMessage>> sent;
  std::vector<std::pair<std::string, absl::Status>> disconnected;
  std::vector<Hash32> offered;
  std::map<Hash32, std::shared_ptr<const Bytes>> models;  // all that were offered
  std::uint64_t admitted_round = 0;
  std::vector<std::string> admitted;
  int changes = 0;
  std::vector<std::string> log;
  std::vector<RoundFigures> figures;
};

class Puppets {
 public:
  explicit Puppets(const model::SmallPlan& plan = QuickPlan(), std::size_t members = 5,
                   const std::optional<LedgerOptions>& ledger = std::nullopt)
      : terms(SmallTerms(plan, members, ledger ? "shop-" : "m")),  // a ledger wants legal tenants
        seats(model::SmallSeats(members, ledger ? "shop-" : "m")),
        memory(ledger ? NewMemoryRunStore(*ledger).value() : NewMemoryRunStore()) {
    InitialiseCrypto();
    for (const std::string& seat : seats) {
      signers[seat] = std::make_shared<const Ed25519Signer>(rng.NewSecret<32>());
      NewSession(seat);
    }
  }

  absl::Status Start() {
    VEILSUM_ASSIGN_OR_RETURN(machine, RunMachine::Start(terms, 1, World(), now));
    return absl::OkStatus();
  }
  absl::Status Resume() {
    VEILSUM_ASSIGN_OR_RETURN(const RunRecord record, store.LoadRun(terms.contract().run_id));
    VEILSUM_ASSIGN_OR_RETURN(machine, RunMachine::Resume(record, World(), now));
    return absl::OkStatus();
  }
  RunMachine::World World() { return {&store, &port, &verifier, &rng, timing}; }

  // A client process that has just begun, with no memory of batches.
  void NewSession(const std::string& seat) {
    const secure_agg::SigningIdentity identity{seat, signers[seat], CertificateOf(seat)};
    auto session = secure_agg::ClientSession::Create(*terms.session(terms.CohortOf(seat)), identity,
                                                     RoundId(0))
                       .value();
    sums.insert_or_assign(seat,
                          std::make_unique<client::SecureSum>(std::move(session), verifier, rng));
  }
  Bytes CertificateOf(const std::string& seat) {
    return secure_agg::FakeCertificate(seat, signers[seat]->public_key());
  }

  void Join(const std::string& seat) {
    machine->OnConnected(seat, now);
    v1::ClientMessage join;
    join.mutable_join()->set_protocol(1);
    if (const auto held = sums[seat]->setup_hash())
      join.mutable_join()->set_setup_hash(std::string(AsText(*held)));
    if (const auto next = sums[seat]->next_setup_hash())
      join.mutable_join()->set_next_setup_hash(std::string(AsText(*next)));
    machine->OnMessage(seat, join, now);
  }
  v1::ClientMessage ApprovalOf(const std::string& seat) {
    v1::ClientMessage message;
    const Transcript statement = Transcript("fsa/v1/approve").Add(terms.contract_hash());
    message.mutable_approval()->set_contract_hash(std::string(AsText(terms.contract_hash())));
    message.mutable_approval()->set_signature(
        std::string(AsText(signers[seat]->Sign(statement.bytes()))));
    message.mutable_approval()->set_certificate(std::string(AsText(CertificateOf(seat))));
    return message;
  }
  void JoinAll() {
    for (const std::string& seat : seats) Join(seat);
  }

  // Delivers everything that was sent, and the answers, until nothing is left or `enough` holds.
  void Pump(const std::function<bool()>& enough = [] { return false; }) {
    while (!port.sent.empty() && !enough()) {
      const auto [seat, message] = std::move(port.sent.front());
      port.sent.pop_front();
      Deliver(seat, message);
    }
  }
  void Deliver(const std::string& seat, const v1::ServerMessage& message) {
    delivered.emplace_back(seat, message);
    if (!deaf(seat, message)) Answer(seat, message);
  }
  void Wait(Clock::Duration duration) {
    now += duration;
    machine->OnTime(now);
  }
  void WaitForDeadline() {
    if (machine->next_deadline() != Clock::Time::max())
      now = std::max(now, machine->next_deadline());
    machine->OnTime(now);
  }
  void Finish() {
    for (int i = 0; i < 1000 && !machine->ended(); ++i) {
      Pump();
      if (!machine->ended()) WaitForDeadline();
    }
  }

  std::string state() { return machine->Progress().state(); }
  std::string reason() { return machine->Progress().reason(); }
  std::vector<std::string> ReceiversOfStart(std::uint64_t round) {
    std::vector<std::string> receivers;
    for (const auto& [seat, message] : delivered)
      if (message.has_start() && message.start().round() == round) receivers.push_back(seat);
    return receivers;
  }

  RunTerms terms;
  std::vector<std::string> seats;
  SeededRngForTests rng{5};
  secure_agg::FakeSeatVerifier verifier;
  std::unique_ptr<RunStore> memory;
  HookedStore store{*memory};
  RecordingPort port;
  RunMachineTiming timing;
  Clock::Time now{std::chrono::seconds(100)};
  std::unique_ptr<RunMachine> machine;
  std::map<std::string, std::shared_ptr<const Ed25519Signer>> signers;
  std::map<std::string, std::unique_ptr<client::SecureSum>> sums;
  // True: the member does not answer this.
  std::function<bool(const std::string& seat, const v1::ServerMessage& message)> deaf =
      [](const auto&, const auto&) { return false; };
  std::deque<std::pair<std::string, v1::ServerMessage>> delivered;
  std::vector<absl::Status> uploads;

 private:
  void Answer(const std::string& seat, const v1::ServerMessage& message) {
    client::SecureSum& sum = *sums[seat];
    absl::StatusOr<v1::ClientMessage> reply = absl::CancelledError("nothing to say");
    if (message.has_contract()) reply = ApprovalOf(seat);
    if (message.has_batch()) reply = sum.OnOffer(message.batch());
    if (message.has_roster()) reply = sum.OnRoster(message.roster());
    if (message.has_delivery()) reply = sum.OnDelivery(message.delivery());
    if (message.has_active()) reply = sum.OnActiveSet(message.active());
    if (message.has_setup_certificate()) {
      EXPECT_OK(sum.OnSetupCertificate(message.setup_certificate()));
    }
    if (message.has_start()) return Upload(seat, message.start());
    if (message.has_commit()) reply = sum.OnCommit(message.commit());
    if (message.has_commit_certificate()) reply = sum.OnCertificate(message.commit_certificate());
    if (message.has_closed()) sum.OnClosed(message.closed());
    if (reply.ok()) machine->OnMessage(seat, *reply, now);
  }
  void Upload(const std::string& seat, const secagg::v1::RoundStart& wire) {
    const auto start = sums[seat]->ParseStart(wire);
    ASSERT_OK(start);
    ASSERT_OK(sums[seat]->Open(*start));
    const std::vector<std::int64_t> numbers(terms.contract().sums[start->sum].dimension, 1000);
    ASSERT_OK_AND_ASSIGN(const secure_agg::MaskedUpload masked, sums[seat]->Mask(numbers));
    uploads.push_back(machine->OnUpload(seat, start->round.value(), *masked.words, now));
  }
};

}  // namespace veilsum::coordinator
