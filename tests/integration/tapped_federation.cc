#include "tests/integration/tapped_federation.h"

#include <future>
#include <random>

#include "coordinator/run/training_state.h"

namespace veilsum {
namespace {

constexpr std::uint64_t kSizeClass = 16;

// A few customers with one row each; another seed, other customers.
model::Examples SomeExamples(std::uint64_t seed, std::size_t number = 0) {
  std::mt19937_64 random(seed);
  std::uniform_real_distribution<float> value(-1, 1);
  model::Examples examples;
  examples.numeric = 3;
  examples.categorical = 1;
  const std::size_t customers = number != 0 ? number : 6 + random() % 8;
  for (std::size_t i = 0; i < customers; ++i) {
    for (int j = 0; j < 3; ++j) examples.numeric_values.push_back(value(random));
    examples.active_inputs.push_back(3 + static_cast<std::uint32_t>(random() % 4));
    examples.labels.push_back(examples.numeric_values[3 * i] > 0 ? 1.0f : 0.0f);
    examples.first_row.push_back(static_cast<std::uint32_t>(i + 1));
    examples.customer_ids.push_back("u" + std::to_string(i));
    examples.groups.push_back(static_cast<std::uint32_t>(i % 5 == 0 ? 2 : i % 2));
  }
  return examples;
}

Hash32 HashOfSum(const std::vector<std::int64_t>& sum) {
  Transcript transcript("veilsum/v1/sum");
  for (const std::int64_t value : sum) transcript.AddU64(static_cast<std::uint64_t>(value));
  return transcript.Sha256();
}

std::int64_t Centred(std::uint64_t value, std::uint32_t bits) {
  if (bits == 64) return static_cast<std::int64_t>(value);
  const std::uint64_t modulus = std::uint64_t{1} << bits;
  value &= modulus - 1;
  return value < modulus / 2
             ? static_cast<std::int64_t>(value)
             : static_cast<std::int64_t>(value) - static_cast<std::int64_t>(modulus);
}

}  // namespace

// Notes the integers on their way from the noise to the mask.
class TappedContribution final : public client::Contribution {
 public:
  TappedContribution(TappedFederation& federation, std::string seat,
                     const model::RunContract& contract,
                     std::unique_ptr<client::Contribution> inner)
      : federation_(federation),
        seat_(std::move(seat)),
        contract_(contract),
        inner_(std::move(inner)) {}

  absl::StatusOr<dp::NoisedVector> Compute(const model::RoundPurpose& purpose,
                                           const model::ModelVector& model) override {
    VEILSUM_ASSIGN_OR_RETURN(dp::NoisedVector noised, inner_->Compute(purpose, model));
    std::uint64_t round = purpose.attempt;
    for (std::size_t i = 0; i < purpose.sum; ++i) round += contract_.sums[i].attempts_max;
    const std::lock_guard lock(federation_.mutex_);
    const bool first = federation_.taps_.emplace(std::pair(seat_, round), noised.integers()).second;
    EXPECT_TRUE(first) << seat_ << " noised a second vector for round " << round;
    return noised;
  }

 private:
  TappedFederation& federation_;
  const std::string seat_;
  const model::RunContract contract_;
  const std::unique_ptr<client::Contribution> inner_;
};

TappedFederation::TappedFederation(FederationRunOptions options, TappedFederation* host)
    : options_(std::move(options)),
      host_(host == nullptr ? *this : *host),
      plan_(model::MakeSmallPlan(options_.plan)),
      seats_(model::SmallSeats(options_.members, options_.tenants)) {
  InitialiseCrypto();
  if (host != nullptr) {
    host->guests_.push_back(this);
    if (host->engine_ != nullptr) loopback_.Attach(*host->engine_);
  }
  store_.committed = [this](const std::string& run_id, const coordinator::RoundCommit& commit) {
    const std::lock_guard lock(mutex_);
    commits_[run_id].push_back(commit);
  };
  store_.allowed = [this](const std::string& run_id) -> absl::Status {
    const std::lock_guard lock(mutex_);
    return refused_.contains(run_id) ? Unavailable("the disk is full") : absl::OkStatus();
  };
}

TappedFederation::~TappedFederation() {
  for (const auto& client : clients_) {
    client->participant->Stop();
    if (client->thread.joinable()) client->thread.join();
  }
  loopback_.Detach();
  std::erase(host_.guests_, this);
  if (testing::Test::HasFailure())
    for (const std::string& line : log_) std::fprintf(stderr, "%s\n", line.c_str());
}

void TappedFederation::StartCoordinator() {
  engine_rng_ = std::make_unique<SeededRngForTests>(1000 * options_.seed + ++starts_);
  coordinator::RunEngineParts parts;
  parts.federation = {"fed.test", Hash32{7}};
  parts.store = &store_;
  parts.verifier = &verifier_;
  parts.rng = engine_rng_.get();
  parts.clock = &clock_;
  parts.store_pause = std::chrono::milliseconds(50);
  parts.timing.regroup = std::chrono::seconds(10);
  parts.timing.patience = std::chrono::seconds(20);
  parts.round_ended = [this](const coordinator::RoundFigures& figures) {
    const std::lock_guard lock(mutex_);
    figures_.push_back(figures);
  };
  parts.setup_ended = [this](const coordinator::SetupFigures& figures) {
    const std::lock_guard lock(mutex_);
    setups_.push_back(figures);
  };
  parts.log = [this](std::string_view line) {
    const std::lock_guard lock(mutex_);
    log_.push_back("coordinator: " + std::string(line));
  };
  ASSERT_OK_AND_ASSIGN(engine_, coordinator::RunEngine::Start(std::move(parts)));
  loopback_.Attach(*engine_);
  for (TappedFederation* guest : guests_) guest->loopback_.Attach(*engine_);
}

void TappedFederation::StartRun() {
  admin::v1::StartRunRequest request;
  request.set_plan(model::PlanToJson(plan_));
  for (const std::string& seat : seats_) {
    request.add_members(seat);
    request.add_size_classes(kSizeClass);
  }
  request.set_seed(options_.seed);
  ASSERT_OK_AND_ASSIGN(const admin::v1::StartRunResponse response, engine().StartRun(request));
  run_id_ = response.run_id();
  contract_ = response.contract();
}

client::ParticipantConfig TappedFederation::ConfigOf(std::size_t member) {
  client::ParticipantConfig config;
  config.own = {seats_[member], "fed.test", Hash32{7}};
  SeededRngForTests keys(500 + member);
  auto signer = std::make_shared<const Ed25519Signer>(keys.NewSecret<32>());
  config.identity = {seats_[member], signer,
                     secure_agg::FakeCertificate(seats_[member], signer->public_key())};
  config.drop_fraction = options_.drop_fraction;
  config.drop_seed = options_.seed;
  config.give_up = std::chrono::seconds(30);
  if (member % 2 == 1) config.largest_frame = 0;  // every other member uploads in a call of its own
  return config;
}

absl::StatusOr<client::Prepared> TappedFederation::Prepare(const client::ApprovedRun& run,
                                                           std::size_t member, Client& client) {
  model::Examples examples = Training(member);
  const std::uint64_t customers = examples.customers();
  std::unique_ptr<client::Contribution> own;
  if (options_.contribution) {
    own = options_.contribution(run);
  } else {
    VEILSUM_ASSIGN_OR_RETURN(const Secret<32> grouping, client.odometer->GroupingSecret());
    VEILSUM_ASSIGN_OR_RETURN(
        own, client::LocalContribution::Create(run, std::move(examples), *client.rng,
                                               Holdout(member), &grouping));
  }
  return client::Prepared{
      std::make_unique<TappedContribution>(*this, seats_[member], run.contract(), std::move(own)),
      customers};
}

model::Examples TappedFederation::Training(std::size_t member) const {
  return SomeExamples(100 * options_.seed + member);
}

model::Examples TappedFederation::Holdout(std::size_t member) const {
  return options_.holdout_customers == 0
             ? model::Examples{}
             : SomeExamples(7000 + 100 * options_.seed + member, options_.holdout_customers);
}

client::ParticipantWorld TappedFederation::WorldOf(std::size_t member, Client& client) {
  client::ParticipantWorld world;
  world.connect = [this, member] { return loopback_.Connect(seats_[member]); };
  world.prepare = [this, member, &client](const client::ApprovedRun& run) {
    return Prepare(run, member, client);
  };
  world.policy = [this] {
    client::Policy policy;
    // In merchant mode the claim is 8 for a merchant, more for its customers.
    policy.epsilon_cap = options_.plan.merchant_steps > 0 ? 32 : 8;
    policy.delta_cap = 1e-5;
    policy.allow_no_privacy = true;
    return policy;
  };
  world.verifier = &verifier_;
  world.odometer = client.odometer.get();
  world.rng = client.rng.get();
  world.waiter = &waiter_;
  world.log = [this, member](std::string_view line) {
    const std::lock_guard lock(mutex_);
    log_.push_back("m" + std::to_string(member) + ": " + std::string(line));
  };
  return world;
}

void TappedFederation::StartClients() {
  for (std::size_t i = 0; i < seats_.size(); ++i) {
    auto client = std::make_unique<Client>();
    client->rng = std::make_unique<SeededRngForTests>(10'000 * options_.seed + i);
    ASSERT_OK_AND_ASSIGN(client->odometer,
                         client::Odometer::Open(folder_.path() / ("spent" + std::to_string(i))));
    client->participant = std::make_unique<client::Participant>(ConfigOf(i), WorldOf(i, *client));
    client->thread = std::thread([raw = client.get()] { raw->end = raw->participant->Run(); });
    clients_.push_back(std::move(client));
  }
}

void TappedFederation::CrashAfter(std::string_view call, int n) {
  crashed_ = false;
  store_.after = [this, call, left = n](std::string_view done) mutable {
    if (done != call || --left != 0) return;
    loopback_.Detach();  // nothing that the engine does from here on reaches anybody
    for (TappedFederation* guest : guests_) guest->loopback_.Detach();
    const std::lock_guard lock(mutex_);
    crashed_ = true;
    crashed_changed_.notify_all();
  };
}

void TappedFederation::FillDiskAt(std::string_view call, int n, int count) {
  store_.before = [call, n, count](std::string_view next) mutable -> absl::Status {
    if (n > 0 && (next != call || --n > 0)) return absl::OkStatus();
    return --count < 0 ? absl::OkStatus() : Unavailable("the disk is full");
  };
}

void TappedFederation::LetWrite(bool let) {
  const std::lock_guard lock(host_.mutex_);
  if (let)
    host_.refused_.erase(run_id_);
  else
    host_.refused_.insert(run_id_);
}

const std::vector<coordinator::RoundCommit>& TappedFederation::commits() const {
  const std::lock_guard lock(host_.mutex_);
  return host_.commits_[run_id_];
}

void TappedFederation::AwaitCrash() {
  {
    std::unique_lock lock(mutex_);
    ASSERT_TRUE(
        crashed_changed_.wait_for(lock, std::chrono::seconds(30), [&] { return crashed_; }));
  }
  engine_.reset();
  store_.after = [](std::string_view) {};
}

void TappedFederation::AwaitClients() {
  for (std::size_t i = 0; i < clients_.size(); ++i) {
    clients_[i]->thread.join();
    EXPECT_OK(clients_[i]->end) << seats_[i];
  }
}

admin::v1::RunProgress TappedFederation::Progress() {
  auto first = std::make_shared<std::promise<admin::v1::RunProgress>>();
  auto told = std::make_shared<bool>(false);  // the listener is called from one thread
  EXPECT_OK(engine().Watch(run_id_, [first, told](const admin::v1::RunProgress& progress, bool) {
    if (!std::exchange(*told, true)) first->set_value(progress);
  }));
  std::future<admin::v1::RunProgress> progress = first->get_future();
  if (progress.wait_for(std::chrono::minutes(2)) == std::future_status::ready)
    return progress.get();
  ADD_FAILURE() << "no progress of run " << run_id_ << " within two minutes";
  return {};
}

std::shared_ptr<const Bytes> TappedFederation::FinalModel() {
  return engine().Model(run_id_, {}).value();
}

std::vector<std::int64_t> TappedFederation::PlainSum(const coordinator::RoundCommit& commit,
                                                     const model::SumSpec& sum) const {
  std::vector<std::uint64_t> total(sum.dimension, 0);
  for (const std::string& seat : commit.survivors) {
    const auto tap = taps_.find({seat, commit.round});
    if (tap == taps_.end() || tap->second.size() != total.size()) {
      ADD_FAILURE() << seat << " is in U of round " << commit.round
                    << " and has put nothing of this size into it";
      continue;
    }
    for (std::size_t i = 0; i < total.size(); ++i)
      total[i] += static_cast<std::uint64_t>(tap->second[i]);
  }
  std::vector<std::int64_t> plain;
  for (const std::uint64_t value : total) plain.push_back(Centred(value, sum.bits));
  return plain;
}

void TappedFederation::ExpectExactSums() const {
  const std::vector<coordinator::RoundCommit>& commits = this->commits();
  const std::lock_guard lock(mutex_);
  ASSERT_OK_AND_ASSIGN(const coordinator::RunTerms terms,
                       coordinator::RunTerms::Restore(model::PlanToJson(plan_), contract_));
  ASSERT_OK_AND_ASSIGN(coordinator::TrainingState state,
                       coordinator::TrainingState::Create(terms, options_.seed));
  for (const coordinator::RoundCommit& commit : commits) {
    ASSERT_OK_AND_ASSIGN(const model::RoundPurpose purpose,
                         model::PurposeOf(terms.contract(), commit.round));
    const std::vector<std::int64_t> plain = PlainSum(commit, terms.contract().sums[purpose.sum]);
    EXPECT_EQ(HashOfSum(plain), commit.sum_hash) << "round " << commit.round;
    ASSERT_OK(state.Apply(terms, purpose, plain, commit.survivors.size()));
    ASSERT_EQ(commit.model.has_value(),
              terms.contract().sums[purpose.sum].purpose != model::kEvaluation);
    if (commit.model) {
      EXPECT_EQ(commit.model->hash, model::ModelHash(state.Published()))
          << "round " << commit.round;
    }
    EXPECT_EQ(commit.engine_state, state.Save()) << "round " << commit.round;
    EXPECT_EQ(commit.step, state.step());
  }
}

void TappedFederation::ExpectHonestCharges() {
  const std::lock_guard lock(mutex_);
  ASSERT_OK_AND_ASSIGN(const std::vector<coordinator::Block> blocks, store().Blocks(run_id_));
  std::uint64_t next = 1;
  for (const coordinator::Block& block : blocks) {
    // Attempts that training did not need are passed over before evaluation, and only there.
    const model::RunContract contract = model::ContractFromJson(contract_).value();
    const bool evaluation =
        contract.sums[model::PurposeOf(contract, block.first)->sum].purpose == model::kEvaluation;
    EXPECT_TRUE(evaluation ? block.first >= next : block.first == next) << block.first;
    next = block.last + 1;
  }
  for (const auto& [round, announcements] : loopback_.Starts())
    EXPECT_EQ(announcements.size(), std::max(1, options_.plan.cohorts))
        << "round " << round << " was announced with two meanings";
  ASSERT_OK_AND_ASSIGN(const coordinator::RunSnapshot snapshot, store().Snapshot(run_id_));
  for (std::size_t i = 0; i < seats_.size(); ++i) {
    std::uint64_t released = 0, last = 0;
    for (const auto& [key, integers] : taps_)
      if (key.first == seats_[i]) {
        ++released;
        last = std::max(last, key.second);
      }
    ASSERT_OK_AND_ASSIGN(const client::OdometerEntry spent,
                         clients_[i]->odometer->Load(model::ContractHash(contract_)));
    EXPECT_GE(spent.attempts, released) << seats_[i];
    EXPECT_GE(spent.spent_through, last) << seats_[i];
    const auto charged = snapshot.charged.find(seats_[i]);
    EXPECT_GE(charged == snapshot.charged.end() ? 0 : charged->second, spent.attempts) << seats_[i];
  }
}

}  // namespace veilsum
