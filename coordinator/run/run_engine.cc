#include "coordinator/run/run_engine.h"

#include <sys/resource.h>

#include <future>

namespace veilsum::coordinator {

absl::StatusOr<std::unique_ptr<RunEngine>> RunEngine::Start(RunEngineParts parts) {
  std::unique_ptr<RunEngine> engine(new RunEngine(std::move(parts)));
  VEILSUM_ASSIGN_OR_RETURN(const std::optional<RunRecord> unfinished,
                           engine->parts_.store->LatestUnfinishedRun());
  if (unfinished) {
    VEILSUM_ASSIGN_OR_RETURN(engine->machine_,
                             engine->ResumeRun(unfinished->run_id, engine->parts_.clock->Now()));
  }
  engine->thread_ = std::thread([raw = engine.get()] { raw->Loop(); });
  return engine;
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

RunMachine::World RunEngine::World() {
  return {parts_.store, this, parts_.verifier, parts_.rng, parts_.timing};
}

void RunEngine::Post(std::function<void()> task) {
  {
    const std::lock_guard lock(queue_mutex_);
    queue_.push_back(std::move(task));
  }
  queue_filled_.notify_one();
}

void RunEngine::Loop() {
  std::unique_lock lock(queue_mutex_);
  while (!stopping_) {
    const Clock::Time deadline = NextDeadline();
    const auto ready = [&] { return stopping_ || !queue_.empty(); };
    if (deadline == Clock::Time::max())
      queue_filled_.wait(lock, ready);
    else
      queue_filled_.wait_until(lock, deadline, ready);
    std::deque<std::function<void()>> tasks = std::exchange(queue_, {});
    lock.unlock();
    for (const auto& task : tasks) task();
    const Clock::Time now = parts_.clock->Now();
    if (now >= try_again_) TryAgain(now);
    if (machine_) machine_->OnTime(now);
    if (machine_ && !machine_->suspended().ok()) LeaveSuspended(now);
    if (std::exchange(changed_, false)) TellWatchers();
    lock.lock();
  }
}

Clock::Time RunEngine::NextDeadline() const {
  return std::min(try_again_, machine_ ? machine_->next_deadline() : Clock::Time::max());
}

void RunEngine::LeaveSuspended(Clock::Time now) {
  if (try_again_ != Clock::Time::max()) return;
  Log(absl::StrFormat("the run %s; tries again in %d s", machine_->Progress().reason(),
                      std::chrono::duration_cast<std::chrono::seconds>(pause_).count()));
  try_again_ = now + pause_;
  pause_ = std::min(2 * pause_, kLongestPause);
  for (const auto& [seat, link] : std::exchange(links_, {}))
    link->Close(Unavailable("the coordinator cannot store anything now: try again"));
}

absl::StatusOr<std::unique_ptr<RunMachine>> RunEngine::ResumeRun(const std::string& run_id,
                                                                 Clock::Time now) {
  VEILSUM_ASSIGN_OR_RETURN(const RunRecord record, parts_.store->LoadRun(run_id));
  VEILSUM_ASSIGN_OR_RETURN(std::unique_ptr<RunMachine> run,
                           RunMachine::Resume(record, World(), now));
  Log(absl::StrFormat("continues %s after step %d", run_id, run->Progress().step()));
  return run;
}

void RunEngine::TryAgain(Clock::Time now) {
  try_again_ = Clock::Time::max();
  absl::StatusOr<std::unique_ptr<RunMachine>> resumed =
      ResumeRun(machine_->terms().contract().run_id, now);
  if (!resumed.ok())
    return Log(std::string(resumed.status().message()));  // and suspended as before
  machine_ = *std::move(resumed);
  changed_ = true;
}

template <class Result>
Result RunEngine::Ask(std::function<Result()> task) {
  auto answer = std::make_shared<std::promise<Result>>();
  std::future<Result> future = answer->get_future();
  Post([answer, task = std::move(task)] { answer->set_value(task()); });
  if (future.wait_for(std::chrono::seconds(30)) != std::future_status::ready)
    return DeadlineExceeded("the coordinator is busy or shutting down");
  return future.get();
}

// ---- Rounds
// ---------------------------------------------------------------------------------------

void RunEngine::OnConnected(const std::string& seat, std::shared_ptr<ClientLink> link) {
  Post([this, seat, link = std::move(link)]() mutable {
    if (!machine_) return link->Close(Unavailable("no run is open: try again"));
    if (!machine_->suspended().ok())
      return link->Close(Unavailable("the coordinator cannot store anything now: try again"));
    std::shared_ptr<ClientLink>& mine = links_[seat];
    if (mine != nullptr) mine->Close(Aborted("the seat has connected again"));
    mine = std::move(link);
    machine_->OnConnected(seat, parts_.clock->Now());
  });
}

void RunEngine::OnMessage(const std::string& seat, const std::shared_ptr<ClientLink>& link,
                          v1::ClientMessage message) {
  Post([this, seat, link, message = std::move(message)] {
    const auto mine = links_.find(seat);
    // Else it is of a connection that was replaced.
    if (machine_ && mine != links_.end() && mine->second == link)
      machine_->OnMessage(seat, message, parts_.clock->Now());
    link->Consumed();
  });
}

void RunEngine::OnDisconnected(const std::string& seat, const std::shared_ptr<ClientLink>& link) {
  Post([this, seat, link] {
    const auto mine = links_.find(seat);
    if (mine == links_.end() || mine->second != link) return;
    links_.erase(mine);
    if (machine_) machine_->OnDisconnected(seat, parts_.clock->Now());
  });
}

absl::StatusOr<std::size_t> RunEngine::ExpectUpload(const std::string& seat, std::uint64_t round) {
  const std::lock_guard lock(shared_mutex_);
  if (round == 0 || round != gate_.round || !gate_.seats.contains(seat))
    return FailedPrecondition("SA-21: round %d takes no upload from this seat", round);
  gate_.seats.erase(seat);  // SA-20: one upload a member and round
  return gate_.bytes;
}

void RunEngine::OnUpload(const std::string& seat, std::uint64_t round, ByteView words,
                         std::function<void(absl::Status)> done) {
  Post([this, seat, round, words, done = std::move(done)] {
    done(machine_ ? machine_->OnUpload(seat, round, words, parts_.clock->Now())
                  : Unavailable("no run is open"));
  });
}

absl::StatusOr<std::shared_ptr<const Bytes>> RunEngine::ModelBytes(const Hash32& model_hash) {
  const std::lock_guard lock(shared_mutex_);
  if (model_bytes_ == nullptr || model_hash != model_hash_)
    return NotFound("no such model is on offer");
  return model_bytes_;
}

// ---- Operators
// ------------------------------------------------------------------------------------

absl::StatusOr<RunMachine*> RunEngine::RunOf(const std::string& run_id) {
  if (!machine_ || machine_->terms().contract().run_id != run_id)
    return NotFound("no run \"%s\" here", run_id);
  return machine_.get();
}

absl::StatusOr<admin::v1::StartRunResponse> RunEngine::StartRun(
    const admin::v1::StartRunRequest& request) {
  // Calibration takes a moment: not on the loop.
  VEILSUM_ASSIGN_OR_RETURN(RunTerms made, RunTerms::Create(request, parts_.federation));
  auto terms = std::make_shared<RunTerms>(std::move(made));
  return Ask<absl::StatusOr<admin::v1::StartRunResponse>>(
      [this, terms, seed = request.seed()]() -> absl::StatusOr<admin::v1::StartRunResponse> {
        admin::v1::StartRunResponse response;
        response.set_run_id(terms->contract().run_id);
        response.set_contract(terms->contract_json());
        if (machine_ && machine_->terms().contract_json() == terms->contract_json())
          return response;  // idempotent
        if (machine_ && !machine_->ended())
          return FailedPrecondition("run %s is not over", machine_->terms().contract().run_id);
        VEILSUM_ASSIGN_OR_RETURN(machine_,
                                 RunMachine::Start(*terms, seed, World(), parts_.clock->Now()));
        for (const auto& [seat, link] : links_)
          link->Close(Aborted("a new run begins: join again"));
        links_.clear();
        changed_ = true;
        return response;
      });
}

absl::Status RunEngine::StopRun(const std::string& run_id, const std::string& reason) {
  return Ask<absl::Status>([this, run_id, reason]() -> absl::Status {
    VEILSUM_ASSIGN_OR_RETURN(RunMachine* const run, RunOf(run_id));
    if (run->suspended().ok()) run->StopRun(reason, parts_.clock->Now());
    return run->suspended();
  });
}

absl::StatusOr<std::function<void()>> RunEngine::Watch(const std::string& run_id,
                                                       Listener listener) {
  return Ask<absl::StatusOr<std::function<void()>>>(
      [this, run_id, listener = std::move(listener)]() -> absl::StatusOr<std::function<void()>> {
        VEILSUM_RETURN_IF_ERROR(RunOf(run_id).status());
        const std::uint64_t id = next_watcher_++;
        listener(Progress(), machine_->ended());
        if (!machine_->ended()) watchers_[id] = listener;
        return std::function<void()>([this, id] { Post([this, id] { watchers_.erase(id); }); });
      });
}

absl::StatusOr<std::shared_ptr<const Bytes>> RunEngine::Model(const std::string& run_id,
                                                              ByteView model_hash) {
  return Ask<absl::StatusOr<std::shared_ptr<const Bytes>>>(
      [this, run_id, wanted = Bytes(model_hash.begin(), model_hash.end())]()
          -> absl::StatusOr<std::shared_ptr<const Bytes>> {
        VEILSUM_ASSIGN_OR_RETURN(RunMachine* const run, RunOf(run_id));
        if (wanted.empty() || std::ranges::equal(wanted, run->published_hash()))
          return run->published();
        VEILSUM_ASSIGN_OR_RETURN(const Hash32 hash, ParseFixed<32>("model_hash", ByteView(wanted)));
        return parts_.store->LoadModel(run_id, hash);
      });
}

admin::v1::RunProgress RunEngine::Progress() const {
  admin::v1::RunProgress progress = machine_->Progress();
  struct rusage usage;
  if (getrusage(RUSAGE_SELF, &usage) == 0)
    progress.set_peak_rss_bytes(static_cast<std::uint64_t>(usage.ru_maxrss) * 1024);
  return progress;
}

void RunEngine::TellWatchers() {
  if (!machine_ || watchers_.empty()) return;
  const admin::v1::RunProgress progress = Progress();
  const bool ended = machine_->ended();
  for (const auto& [id, listener] : watchers_) listener(progress, ended);
  if (ended) watchers_.clear();
}

// ---- What the run does
// ----------------------------------------------------------------------------

void RunEngine::Send(const std::string& seat, const v1::ServerMessage& message) {
  if (const auto link = links_.find(seat); link != links_.end()) link->second->Send(message);
}

void RunEngine::Disconnect(const std::string& seat, const absl::Status& reason) {
  if (const auto link = links_.find(seat); link != links_.end()) link->second->Close(reason);
}

void RunEngine::AdmitUploads(std::uint64_t round, std::size_t bytes,
                             const std::vector<std::string>& seats) {
  const std::lock_guard lock(shared_mutex_);
  gate_ = Gate{round, bytes, {seats.begin(), seats.end()}};
}

void RunEngine::EndUploads(const std::vector<std::string>& seats) {
  const std::lock_guard lock(shared_mutex_);
  for (const std::string& seat : seats) gate_.seats.erase(seat);
}

void RunEngine::OfferModel(const Hash32& hash, std::shared_ptr<const Bytes> bytes) {
  const std::lock_guard lock(shared_mutex_);
  model_hash_ = hash;
  model_bytes_ = std::move(bytes);
}

}  // namespace veilsum::coordinator
