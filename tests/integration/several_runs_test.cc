// Runs beside each other in one engine: each has its own members, sums and end.
#include <future>

#include "tests/integration/tapped_federation.h"

namespace veilsum {
namespace {

using absl::StatusCode;

FederationRunOptions Options(const std::string& tenants, std::uint64_t seed, std::uint32_t steps = 6) {
  FederationRunOptions options;
  options.tenants = tenants;
  options.members = tenants == "m" ? 5 : 4;
  options.plan.statistics = false;
  options.plan.steps = steps;
  options.plan.attempts_max = 4 * steps;
  options.seed = seed;
  return options;
}

void ExpectFinished(TappedFederation& run) {
  const admin::v1::RunProgress progress = run.Progress();
  EXPECT_EQ(progress.state(), "finished") << progress.reason();
  EXPECT_EQ(progress.step(), 6u);
  EXPECT_EQ(run.store().LoadRun(run.run_id())->state, "finished");
  run.ExpectExactSums();
  run.ExpectHonestCharges();
  EXPECT_GE(run.commits().size(), 6u);
}

// Two runs at one coordinator, both begun before anybody has joined.
struct TwoRuns {
  explicit TwoRuns(std::uint32_t steps_of_first = 6) : first(Options("m", 71, steps_of_first)) {
    first.StartCoordinator();
    first.StartRun();
    second.StartRun();
  }
  void StartClients() {
    first.StartClients();
    second.StartClients();
  }
  TappedFederation first;
  TappedFederation second{Options("n", 72), &first};
};

TEST(SeveralRuns, BothSumsAreExact) {
  TwoRuns runs;
  ASSERT_NE(runs.first.run_id(), runs.second.run_id());
  runs.StartClients();
  runs.first.AwaitClients();
  runs.second.AwaitClients();
  ExpectFinished(runs.first);
  ExpectFinished(runs.second);
}

TEST(SeveralRuns, OneIsStoppedAndTheOtherGoesOn) {
  TwoRuns runs(1000);  // far too many to be over before it is stopped, however slow the machine
  runs.StartClients();
  ASSERT_OK(runs.first.engine().StopRun(runs.first.run_id(), "asked to"));
  runs.first.AwaitClients();
  runs.second.AwaitClients();
  EXPECT_EQ(runs.first.Progress().state(), "stopped");
  ExpectFinished(runs.second);
}

TEST(SeveralRuns, OneWaitsForItsStoreAndTheOtherGoesOn) {
  TwoRuns runs;
  runs.first.LetWrite(false);
  runs.StartClients();
  runs.second.AwaitClients();
  ExpectFinished(runs.second);
  EXPECT_EQ(runs.first.commits().size(), 0u);
  EXPECT_NE(runs.first.Progress().state(), "finished");
  runs.first.LetWrite(true);
  runs.first.AwaitClients();
  ExpectFinished(runs.first);
}

TEST(SeveralRuns, ARestartContinuesBoth) {
  TwoRuns runs;
  runs.first.CrashAfter("Commit", 4);  // of both
  runs.StartClients();
  runs.first.AwaitCrash();
  ASSERT_EQ(runs.first.store().UnfinishedRuns()->size(), 2u);
  runs.first.StartCoordinator();
  runs.first.AwaitClients();
  runs.second.AwaitClients();
  ExpectFinished(runs.first);
  ExpectFinished(runs.second);
}

// The members of one run are no hurdle to the next once it is over, and its end can still be asked.
TEST(SeveralRuns, ASeatGoesFromOneRunToTheNext) {
  TappedFederation first(Options("m", 73));
  first.StartCoordinator();
  first.StartRun();
  ASSERT_OK(first.engine().StopRun(first.run_id(), "asked to"));
  TappedFederation second(Options("m", 74), &first);
  second.StartRun();
  second.StartClients();
  second.AwaitClients();
  ExpectFinished(second);
  EXPECT_EQ(first.Progress().state(), "stopped");
}

admin::v1::StartRunRequest RequestOf(const std::vector<std::string>& seats, std::uint64_t seed) {
  model::SmallPlan plan;
  plan.is_private = plan.statistics = false;
  admin::v1::StartRunRequest request;
  request.set_plan(model::PlanToJson(model::MakeSmallPlan(plan)));
  for (const std::string& seat : seats) {
    request.add_members(seat);
    request.add_size_classes(16);
  }
  request.set_seed(seed);
  return request;
}

// An engine without clients: what it takes and refuses.
class Admission : public testing::Test {
 protected:
  void SetUp() override { Start(); }
  void Start(std::size_t max_runs = 2) {
    engine_.reset();
    coordinator::RunEngineParts parts;
    parts.federation = {"fed.test", Hash32{7}};
    parts.store = store_.get();
    parts.verifier = &verifier_;
    parts.rng = &rng_;
    parts.clock = &clock_;
    parts.max_runs = max_runs;
    parts.log = [](std::string_view) {};
    ASSERT_OK_AND_ASSIGN(engine_, coordinator::RunEngine::Start(std::move(parts)));
  }
  // The id of a run among these tenants.
  std::string Run(const std::string& tenants, std::uint64_t seed = 1) {
    const auto started = engine_->StartRun(RequestOf(model::SmallSeats(4, tenants), seed));
    EXPECT_OK(started.status());
    return started.ok() ? started->run_id() : "";
  }
  absl::Status TryRun(const std::string& tenants, std::uint64_t seed = 1) {
    return engine_->StartRun(RequestOf(model::SmallSeats(4, tenants), seed)).status();
  }

  std::unique_ptr<coordinator::RunStore> store_ = coordinator::NewMemoryRunStore();
  secure_agg::FakeSeatVerifier verifier_;
  SeededRngForTests rng_{5};
  SteadyClock clock_;
  std::unique_ptr<coordinator::RunEngine> engine_;
};

TEST_F(Admission, ASeatIsInOneRunAtATime) {
  const std::string first = Run("m");
  std::vector<std::string> seats = model::SmallSeats(3, "n");
  seats.push_back(model::SmallSeat(2, "m"));
  std::ranges::sort(seats);
  EXPECT_THAT(engine_->StartRun(RequestOf(seats, 1)).status(),
              StatusIs(StatusCode::kFailedPrecondition,
                       model::SmallSeat(2, "m") + " is in run " + first + ", which is not over"));
  ASSERT_OK(engine_->StopRun(first, ""));
  EXPECT_OK(engine_->StartRun(RequestOf(seats, 1)).status());
}

TEST_F(Admission, NoMoreThanMaxRunsAtATime) {
  const std::string first = Run("m");
  EXPECT_EQ(Run("m"), first);  // the same again
  Run("n");
  EXPECT_THAT(TryRun("o"), StatusIs(StatusCode::kResourceExhausted, "limits.max_runs: 2 runs"));
  ASSERT_OK(engine_->StopRun(first, ""));
  EXPECT_OK(TryRun("o"));
}

TEST_F(Admission, MoreRunsThanMayBeginAreStillContinued) {
  const std::vector<std::string> ids = {Run("m"), Run("n")};
  Start(/*max_runs=*/1);
  for (const std::string& id : ids) EXPECT_OK(engine_->StopRun(id, "")) << id;
  EXPECT_OK(TryRun("o"));
}

TEST_F(Admission, ARunThatIsOverIsNotBegunAgain) {
  const std::string first = Run("m");
  ASSERT_OK(engine_->StopRun(first, "asked to"));
  Start();
  EXPECT_EQ(Run("m"), first);
  EXPECT_EQ(store_->LoadRun(first)->state, "stopped");
  EXPECT_OK(TryRun("m", /*seed=*/2));
}

// As many runs that are over are kept as may be under way.
TEST_F(Admission, TheOldestThatIsOverIsForgotten) {
  std::vector<std::string> ids;
  for (const char* tenants : {"m", "n", "o"}) {
    ids.push_back(Run(tenants));
    ASSERT_OK(engine_->StopRun(ids.back(), ""));
  }
  Run("p");
  const auto watch = [&](const std::string& id) {
    return engine_->Watch(id, [](const admin::v1::RunProgress&, bool) {}).status();
  };
  EXPECT_THAT(watch(ids[0]), StatusIs(StatusCode::kNotFound, ids[0]));
  EXPECT_OK(watch(ids[1]));
  EXPECT_OK(watch(ids[2]));
  // What the store has of it stays.
  for (const std::string& id : {ids[0], ids[2]}) {
    ASSERT_OK_AND_ASSIGN(const admin::v1::GetRunResponse run, engine_->GetRun(id));
    EXPECT_EQ(run.progress().state(), "stopped");
    EXPECT_FALSE(run.plan().empty());
    EXPECT_NE(run.contract().find(id), std::string::npos);
    ASSERT_OK_AND_ASSIGN(const std::shared_ptr<const Bytes> model, engine_->Model(id, {}));
    EXPECT_FALSE(model->empty());
  }
  EXPECT_EQ(engine_->GetRun("run-0000").status().code(), StatusCode::kNotFound);
  EXPECT_EQ(engine_->Model("run-0000", {}).status().code(), StatusCode::kNotFound);
}

TEST_F(Admission, AModelIsOnOfferToItsOwnMembersAlone) {
  Run("m");
  const std::string other = Run("n", /*seed=*/9);
  ASSERT_OK_AND_ASSIGN(const std::shared_ptr<const Bytes> model, engine_->Model(other, {}));
  const Hash32 hash =
      model::ModelHash(model::ParseModelBytes(*model, model->size() / sizeof(float)).value());
  EXPECT_OK(engine_->ModelBytes(model::SmallSeat(0, "n"), hash).status());
  for (const std::string& stranger : {model::SmallSeat(0, "m"), model::SmallSeat(0, "x")})
    EXPECT_THAT(engine_->ModelBytes(stranger, hash).status(),
                StatusIs(StatusCode::kNotFound, "no such model"));
}

// Notes when its messages are dealt with; the first one holds the loop until `go`.
class OrderedLink final : public coordinator::ClientLink {
 public:
  OrderedLink(std::string name, std::vector<std::string>& order, std::shared_future<void> go)
      : name_(std::move(name)), order_(order), go_(std::move(go)) {}
  void Send(const coordinator::v1::ServerMessage&) override {}
  void Close(const absl::Status&) override {}
  void Consumed() override {
    go_.wait();
    order_.push_back(name_);
  }

 private:
  const std::string name_;
  std::vector<std::string>& order_;
  const std::shared_future<void> go_;
};

TEST_F(Admission, AFloodInOneRunDoesNotDelayAnother) {
  Run("m");
  const std::string quiet = Run("n");
  std::vector<std::string> order;  // of the loop
  std::promise<void> go;
  const std::shared_future<void> posted = go.get_future().share();
  const auto flood = std::make_shared<OrderedLink>("flood", order, posted);
  const auto calm = std::make_shared<OrderedLink>("calm", order, posted);
  for (int i = 0; i < 1000; ++i) engine_->OnMessage(model::SmallSeat(0, "m"), flood, {});
  engine_->OnMessage(model::SmallSeat(0, "n"), calm, {});
  go.set_value();
  while (true) {  // an operator's question is answered between two messages
    std::size_t dealt_with = 0;
    ASSERT_OK_AND_ASSIGN(
        const std::function<void()> unwatch,
        engine_->Watch(quiet, [&](const auto&, bool) { dealt_with = order.size(); }));
    unwatch();
    if (dealt_with == 1001) break;
  }
  const auto turn = std::ranges::find(order, "calm") - order.begin();
  EXPECT_LE(turn, 2) << "after the message that was under way, and one more";
}

}  // namespace
}  // namespace veilsum
