// A whole federation in one process: a real run engine, real participants on threads, and taps that
// only a test can have: what every seat handed to its mask, and what the store was told. The sums
// must agree with the taps, number by number.
#pragma once

#include <condition_variable>
#include <thread>

#include "client/round/local_contribution.h"
#include "client/round/participant.h"
#include "coordinator/run/run_engine.h"
#include "tests/integration/loopback.h"
#include "tests/support/seeded_rng.h"
#include "tests/support/test_pki.h"
#include "tests/unit/coordinator/run/hooked_store.h"
#include "tests/unit/model/small_plan.h"
#include "tests/unit/secure_agg/federation.h"

namespace veilsum {

struct FederationRunOptions {
  model::SmallPlan plan;
  std::size_t members = 5;
  std::string tenants = "m";
  std::optional<Rational> drop_fraction;
  std::uint64_t seed = 1;
  std::size_t holdout_customers = 0;  // of each merchant
  // Instead of the merchant's own contribution, before the tap.
  std::function<std::unique_ptr<client::Contribution>(const client::ApprovedRun&)> contribution;
};

class TappedFederation {
 public:
  // With a host: its members are in a run of their own at the host's coordinator, which must have
  // others, and is started, taken away and asked to crash there alone. The host must outlive it.
  explicit TappedFederation(FederationRunOptions options, TappedFederation* host = nullptr);
  ~TappedFederation();

  // One after another: a coordinator, the run, and all clients until they return.
  void StartCoordinator();
  void StartRun();
  void StartClients();
  // Takes the coordinator away as a crash does, when the n-th write of this name has succeeded.
  // Call before StartClients.
  void CrashAfter(std::string_view call, int n);
  void AwaitCrash();  // and destroys the engine
  // From the n-th write of this name on, `count` writes of any name are refused as by a full disk.
  void FillDiskAt(std::string_view call, int n, int count);
  // Until they are let again, writes of this run are refused as by a full disk.
  void LetWrite(bool let);
  void AwaitClients();  // each must return OK
  admin::v1::RunProgress Progress();

  // Every committed sum is the plain sum of what its survivors had put in, and every committed
  // model follows from the committed sums alone.
  void ExpectExactSums() const;
  // No attempt is opened twice, and nobody released more than it was charged for.
  void ExpectHonestCharges();

  coordinator::RunStore& store() { return *host_.memory_; }
  coordinator::RunEngine& engine() { return *host_.engine_; }
  // Of this run, while none is committed.
  const std::vector<coordinator::RoundCommit>& commits() const;
  // Of all rounds that ended, once no engine runs rounds any more.
  const std::vector<coordinator::RoundFigures>& figures() const { return figures_; }
  const std::vector<coordinator::SetupFigures>& setups() const { return setups_; }
  const std::string& run_id() const { return run_id_; }
  std::shared_ptr<const Bytes> FinalModel();
  model::Examples Training(std::size_t member) const;
  model::Examples Holdout(std::size_t member) const;
  const model::Plan& plan() const { return plan_; }
  const std::vector<std::string>& seats() const { return seats_; }
  const std::string& contract() const { return contract_; }
  client::Odometer& odometer(std::size_t member) { return *clients_[member]->odometer; }

 private:
  friend class TappedContribution;
  using Taps = std::map<std::pair<std::string, std::uint64_t>,
                        std::vector<std::int64_t>>;  // by seat and round
  struct Client {
    std::unique_ptr<SeededRngForTests> rng;
    std::unique_ptr<client::Odometer> odometer;
    std::unique_ptr<client::Participant> participant;
    std::thread thread;
    absl::Status end;
  };
  client::ParticipantConfig ConfigOf(std::size_t member);
  client::ParticipantWorld WorldOf(std::size_t member, Client& client);
  absl::StatusOr<client::Prepared> Prepare(const client::ApprovedRun& run, std::size_t member,
                                           Client& client);
  std::vector<std::int64_t> PlainSum(const coordinator::RoundCommit& commit,
                                     const model::SumSpec& sum) const;

  FederationRunOptions options_;
  TappedFederation& host_;  // itself, when the coordinator is its own
  model::Plan plan_;
  std::vector<std::string> seats_;
  secure_agg::FakeSeatVerifier verifier_;
  TestFolder folder_;
  std::unique_ptr<coordinator::RunStore> memory_ = coordinator::NewMemoryRunStore();
  coordinator::HookedStore store_{*memory_};
  SteadyClock clock_;
  client::RealWaiter waiter_;
  Loopback loopback_;
  std::uint64_t starts_ = 0;  // of coordinators
  std::unique_ptr<SeededRngForTests> engine_rng_;
  std::unique_ptr<coordinator::RunEngine> engine_;
  std::string run_id_, contract_;
  std::vector<std::unique_ptr<Client>> clients_;
  std::vector<TappedFederation*> guests_;

  mutable std::mutex mutex_;
  std::condition_variable crashed_changed_;
  bool crashed_ = false;
  Taps taps_;
  std::map<std::string, std::vector<coordinator::RoundCommit>> commits_;  // by run
  std::set<std::string> refused_;                                         // runs
  std::vector<std::string> log_;
  std::vector<coordinator::RoundFigures> figures_;
  std::vector<coordinator::SetupFigures> setups_;
};

}  // namespace veilsum
