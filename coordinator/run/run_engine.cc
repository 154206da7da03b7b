#include "coordinator/run/run_engine.h"

#include <algorithm>
#include <future>

#include "coordinator/run/stored_run.h"

namespace veilsum::coordinator {

absl::StatusOr<std::unique_ptr<RunEngine>> RunEngine::Start(RunEngineParts parts) {
  std::unique_ptr<RunEngine> engine(new RunEngine(std::move(parts)));
  VEILSUM_RETURN_IF_ERROR(engine->ResumeAll());
  engine->thread_ = std::thread([raw = engine.get()] { raw->Loop(); });
  return engine;
}

// The newest first: a run of before whose end could not be stored may still name the same seats.
absl::Status RunEngine::ResumeAll() {
  VEILSUM_ASSIGN_OR_RETURN(const std::vector<std::string> unfinished,
                           parts_.store->UnfinishedRuns());
  for (const std::string& run_id : unfinished) {
    absl::StatusOr<std::unique_ptr<HostedRun>> run = HostedRun::Resume(parts_, run_id);
    if (!run.ok()) return Annotate(run.status(), run_id);
    if (const absl::Status free = MayBegin((*run)->terms()); !free.ok())
      parts_.log(absl::StrFormat("%s is left as it is: %s", run_id, free.message()));
    else
      Host(*std::move(run));
  }
  return absl::OkStatus();
}

RunEngine::~RunEngine() { Shutdown(); }

void RunEngine::Shutdown() {
  {
    const std::lock_guard lock(queue_mutex_);
    stopping_ = true;
  }
  queue_filled_.notify_one();
  if (thread_.joinable()) thread_.join();
}

// ---- The loop

void RunEngine::Post(Task task) {
  {
    const std::lock_guard lock(queue_mutex_);
    queue_.push_back(std::move(task));
  }
  queue_filled_.notify_one();
}

void RunEngine::Loop() {
  std::unique_lock lock(queue_mutex_);
  while (!stopping_) {
    AwaitWork(lock);
    std::deque<Task> arrived = std::exchange(queue_, {});
    lock.unlock();
    for (Task& task : arrived) Assign(std::move(task));
    for (const auto& run : runs_) run->Turn();
    lock.lock();
  }
}

void RunEngine::AwaitWork(std::unique_lock<std::mutex>& lock) {
  Clock::Time deadline = Clock::Time::max();
  for (const auto& run : runs_) {
    if (!run->idle()) return;
    deadline = std::min(deadline, run->next_deadline());
  }
  const auto ready = [&] { return stopping_ || !queue_.empty(); };
  if (deadline == Clock::Time::max())
    queue_filled_.wait(lock, ready);
  else
    queue_filled_.wait_until(lock, deadline, ready);
}

// What nobody has to wait for is done at once. A run that is over has little to do, and what waits
// for it comes first: a seat that leaves it keeps its order.
void RunEngine::Assign(Task task) {
  HostedRun* const run = task.seat.empty() ? nullptr : RunOfSeat(task.seat);
  if (run != nullptr && !run->over())
    return run->Queue([work = std::move(task.work)](HostedRun& mine) { work(&mine); });
  if (run != nullptr) run->TakeAllWaiting();
  task.work(run);
}

template <class Result>
Result RunEngine::Ask(std::function<Result()> task) {
  auto answer = std::make_shared<std::promise<Result>>();
  std::future<Result> future = answer->get_future();
  Post({"", [answer, task = std::move(task)](HostedRun*) { answer->set_value(task()); }});
  if (future.wait_for(std::chrono::seconds(30)) != std::future_status::ready)
    return DeadlineExceeded("the coordinator is busy or shutting down");
  return future.get();
}

// ---- Runs and their seats

HostedRun* RunEngine::RunOfSeat(const std::string& seat) {
  const auto found = seats_.find(seat);
  return found == seats_.end() ? nullptr : found->second;
}

absl::StatusOr<HostedRun*> RunEngine::RunOf(const std::string& run_id) {
  const auto found = std::ranges::find(runs_, run_id, [](const auto& run) { return run->id(); });
  if (found == runs_.end()) return NotFound("no run \"%s\" here", run_id);
  return found->get();
}

absl::Status RunEngine::MayBegin(const RunTerms& terms) const {
  for (const auto& [seat, cohort] : terms.members())
    if (const auto found = seats_.find(seat); found != seats_.end() && !found->second->over())
      return FailedPrecondition("%s is in run %s, which is not over", seat, found->second->id());
  return absl::OkStatus();
}

absl::StatusOr<EarlierRelease> RunEngine::EarlierOf(const model::Plan& plan) const {
  const std::string& start = plan.network.start;
  if (start.empty()) return EarlierRelease();
  if (parts_.releases == nullptr)
    return FailedPrecondition(
        "model.start: the plan starts from release %s, and this coordinator has no "
        "[transfer] packages",
        start);
  return parts_.releases->Open(start);
}

absl::Status RunEngine::Begin(const RunTerms& terms, std::uint64_t seed,
                              const absl::StatusOr<EarlierRelease>& earlier) {
  VEILSUM_RETURN_IF_ERROR(MayBegin(terms));
  const auto active = static_cast<std::size_t>(
      std::ranges::count_if(runs_, [](const auto& run) { return !run->over(); }));
  if (active >= parts_.max_runs)
    return ResourceExhausted("limits.max_runs: %d runs are under way, at most %d are", active,
                             parts_.max_runs);
  VEILSUM_ASSIGN_OR_RETURN(std::unique_ptr<HostedRun> run,
                           HostedRun::Start(parts_, terms, seed, earlier));
  Host(std::move(run));
  return absl::OkStatus();
}

void RunEngine::Host(std::unique_ptr<HostedRun> run) {
  for (const auto& [seat, cohort] : run->terms().members()) {
    if (HostedRun* const before = RunOfSeat(seat)) {
      before->TakeAllWaiting();
      before->Release(seat);
    }
    seats_[seat] = run.get();
    const std::lock_guard lock(gates_mutex_);
    gates_[seat] = run->gate();
  }
  runs_.push_back(std::move(run));
  ForgetOldest();
}

// A run that is over stays to be watched to its end, as many as may be under way. Model and GetRun
// have the store for those of before.
void RunEngine::ForgetOldest() {
  const auto over = [](const auto& run) { return run->over(); };
  if (static_cast<std::size_t>(std::ranges::count_if(runs_, over)) <= parts_.max_runs) return;
  const auto oldest = std::ranges::find_if(runs_, over);
  (*oldest)->TakeAllWaiting();
  (*oldest)->Turn();  // its watchers have heard of the end
  for (const auto& [seat, cohort] : (*oldest)->terms().members()) {
    if (RunOfSeat(seat) != oldest->get()) continue;
    (*oldest)->Release(seat);
    seats_.erase(seat);
    const std::lock_guard lock(gates_mutex_);
    gates_.erase(seat);
  }
  runs_.erase(oldest);
}

std::shared_ptr<RunGate> RunEngine::GateOf(const std::string& seat) {
  const std::lock_guard lock(gates_mutex_);
  const auto found = gates_.find(seat);
  return found == gates_.end() ? nullptr : found->second;
}

// ---- Rounds

void RunEngine::OnConnected(const std::string& seat, std::shared_ptr<ClientLink> link) {
  Post({seat, [seat, link = std::move(link)](HostedRun* run) {
          if (run == nullptr)
            return link->Close(Unavailable("no run is open for this seat: try again"));
          run->OnConnected(seat, link);
        }});
}

void RunEngine::OnMessage(const std::string& seat, const std::shared_ptr<ClientLink>& link,
                          v1::ClientMessage message) {
  Post({seat, [seat, link, message = std::move(message)](HostedRun* run) {
          if (run != nullptr) run->OnMessage(seat, link, message);
          link->Consumed();
        }});
}

void RunEngine::OnDisconnected(const std::string& seat, const std::shared_ptr<ClientLink>& link) {
  Post({seat, [seat, link](HostedRun* run) {
          if (run != nullptr) run->OnDisconnected(seat, link);
        }});
}

absl::StatusOr<std::size_t> RunEngine::ExpectUpload(const std::string& seat, std::uint64_t round) {
  const std::shared_ptr<RunGate> gate = GateOf(seat);
  if (gate == nullptr)
    return FailedPrecondition("SA-21: round %d takes no upload from this seat", round);
  return gate->Enter(seat, round);
}

void RunEngine::OnUpload(const std::string& seat, std::uint64_t round, ByteView words,
                         std::function<void(absl::Status)> done) {
  Post({seat, [seat, round, words, done = std::move(done)](HostedRun* run) {
          done(run == nullptr ? Unavailable("no run is open for this seat")
                              : run->OnUpload(seat, round, words));
        }});
}

absl::StatusOr<std::shared_ptr<const Bytes>> RunEngine::ModelBytes(const std::string& seat,
                                                                   const Hash32& model_hash) {
  const std::shared_ptr<RunGate> gate = GateOf(seat);
  if (gate == nullptr) return NotFound("no such model is on offer");
  return gate->Model(model_hash);
}

// ---- Operators

absl::StatusOr<admin::v1::StartRunResponse> RunEngine::StartRun(
    const admin::v1::StartRunRequest& request) {
  // Calibration takes a moment, and so does a package: not on the loop.
  VEILSUM_ASSIGN_OR_RETURN(RunTerms made, RunTerms::Create(request, parts_.federation));
  auto terms = std::make_shared<const RunTerms>(std::move(made));
  return Ask<absl::StatusOr<admin::v1::StartRunResponse>>(
      [this, terms, seed = request.seed(),
       earlier = EarlierOf(terms->plan())]() -> absl::StatusOr<admin::v1::StartRunResponse> {
        admin::v1::StartRunResponse response;
        response.set_run_id(terms->contract().run_id);
        response.set_contract(terms->contract_json());
        if (const auto here = RunOf(response.run_id());
            here.ok() && (*here)->terms().contract_json() == terms->contract_json())
          return response;  // idempotent
        VEILSUM_RETURN_IF_ERROR(Begin(*terms, seed, earlier));
        return response;
      });
}

absl::Status RunEngine::StopRun(const std::string& run_id, const std::string& reason) {
  return Ask<absl::Status>([this, run_id, reason]() -> absl::Status {
    VEILSUM_ASSIGN_OR_RETURN(HostedRun* const run, RunOf(run_id));
    return run->StopRun(reason);
  });
}

absl::StatusOr<std::function<void()>> RunEngine::Watch(const std::string& run_id,
                                                       Listener listener) {
  return Ask<absl::StatusOr<std::function<void()>>>(
      [this, run_id, listener = std::move(listener)]() -> absl::StatusOr<std::function<void()>> {
        VEILSUM_ASSIGN_OR_RETURN(HostedRun* const run, RunOf(run_id));
        const std::uint64_t id = next_watcher_++;
        run->Watch(id, listener);
        return std::function<void()>([this, run_id, id] {
          Post({"", [this, run_id, id](HostedRun*) {
                  if (const auto watched = RunOf(run_id); watched.ok()) (*watched)->Unwatch(id);
                }});
        });
      });
}

absl::StatusOr<std::shared_ptr<const Bytes>> RunEngine::Model(const std::string& run_id,
                                                              ByteView model_hash) {
  return Ask<absl::StatusOr<std::shared_ptr<const Bytes>>>(
      [this, run_id, wanted = Bytes(model_hash.begin(), model_hash.end())]()
          -> absl::StatusOr<std::shared_ptr<const Bytes>> {
        const absl::StatusOr<HostedRun*> run = RunOf(run_id);
        return run.ok() ? (*run)->Model(wanted) : StoredModel(*parts_.store, run_id, wanted);
      });
}

absl::StatusOr<admin::v1::GetRunResponse> RunEngine::GetRun(const std::string& run_id) {
  return Ask<absl::StatusOr<admin::v1::GetRunResponse>>(
      [this, run_id]() -> absl::StatusOr<admin::v1::GetRunResponse> {
        const absl::StatusOr<HostedRun*> run = RunOf(run_id);
        if (!run.ok()) return StoredRun(*parts_.store, run_id);
        admin::v1::GetRunResponse response;
        response.set_plan((*run)->terms().plan_json());
        response.set_contract((*run)->terms().contract_json());
        *response.mutable_progress() = (*run)->Progress();
        return response;
      });
}

absl::Status RunEngine::AppendEntries(const LedgerAppender::Make& make) {
  LedgerAppender* const appender = parts_.store->appender();
  if (appender == nullptr) return FailedPrecondition("this coordinator keeps no ledger");
  return Ask<absl::Status>([appender, make] { return appender->AppendEntries(make); });
}

}  // namespace veilsum::coordinator
