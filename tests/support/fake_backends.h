// What stands behind the RPC server in tests: remembers what it was told and answers as it was set
// up. Thread-safe.
#pragma once

#include <condition_variable>
#include <map>
#include <mutex>

#include "coordinator/admin/admin_backend.h"
#include "coordinator/round/rounds_backend.h"

namespace veilsum::coordinator {

class FakeRounds final : public RoundsBackend {
 public:
  void OnConnected(const std::string& seat, std::shared_ptr<ClientLink> link) override {
    Change([&] {
      links[seat] = std::move(link);
      ++connected;
    });
  }
  // Answers every join with an offer that names the seat.
  void OnMessage(const std::string& seat, const std::shared_ptr<ClientLink>& link,
                 v1::ClientMessage message) override {
    bool hold = false;
    Change([&] {
      ++messages;
      ++messages_of[seat];
      hold = hold_messages_of == seat;
      if (hold) ++held_messages;
    });
    if (!hold) link->Consumed();
    v1::ServerMessage answer;
    answer.mutable_contract()->set_contract(seat);
    answer.mutable_contract()->set_plan(std::string(padding, 'x'));
    if (message.has_join()) link->Send(answer);
  }
  void OnDisconnected(const std::string&, const std::shared_ptr<ClientLink>&) override {
    Change([&] { ++disconnected; });
  }
  absl::StatusOr<std::size_t> ExpectUpload(const std::string&, std::uint64_t round) override {
    const std::lock_guard lock(mutex);
    ++expected_asked;
    const auto found = expected.find(round);
    if (found == expected.end())
      return FailedPrecondition("SA-21: round %d takes no upload", round);
    return found->second;
  }
  void OnUpload(const std::string& seat, std::uint64_t, ByteView words,
                std::function<void(absl::Status)> done) override {
    bool hold;
    {
      const std::lock_guard lock(mutex);
      hold = hold_uploads;
      uploads[seat].assign(words.begin(), words.end());
      if (hold) held.push_back(done);
      changed.notify_all();
    }
    if (!hold) done(absl::OkStatus());
  }
  absl::StatusOr<std::shared_ptr<const Bytes>> ModelBytes(const std::string&,
                                                          const Hash32& hash) override {
    const std::lock_guard lock(mutex);
    const auto found = models.find(hash);
    if (found == models.end()) return NotFound("no such model");
    return found->second;
  }

  template <class F>
  void Change(F f) {
    const std::lock_guard lock(mutex);
    f();
    changed.notify_all();
  }
  // False when `condition` does not hold within a minute: long, because sanitizers and a loaded
  // machine are slow.
  template <class F>
  bool Await(F condition) {
    std::unique_lock lock(mutex);
    return changed.wait_for(lock, std::chrono::minutes(1), condition);
  }

  std::mutex mutex;
  std::condition_variable changed;
  std::map<std::string, std::shared_ptr<ClientLink>> links;
  int connected = 0, disconnected = 0, messages = 0, expected_asked = 0;
  std::size_t padding = 0;
  std::map<std::string, int> messages_of;  // by seat
  std::string hold_messages_of;            // whose messages are not dealt with
  int held_messages = 0;
  std::map<std::uint64_t, std::size_t> expected;
  std::map<std::string, Bytes> uploads;
  bool hold_uploads = false;
  std::vector<std::function<void(absl::Status)>> held;
  std::map<Hash32, std::shared_ptr<const Bytes>> models;
};

class FakeAdmin final : public AdminBackend {
 public:
  absl::StatusOr<admin::v1::StartRunResponse> StartRun(
      const admin::v1::StartRunRequest& request) override {
    if (request.plan().empty()) return InvalidArgument("plan is empty");
    if (request.plan() == "broken") return Internal("row 7 of table x");
    admin::v1::StartRunResponse response;
    response.set_run_id("run-" + request.plan());
    return response;
  }
  absl::Status StopRun(const std::string& run_id, const std::string&) override {
    return NotFound("there is no run %s", run_id);
  }
  absl::StatusOr<std::function<void()>> Watch(const std::string& run_id,
                                              Listener listener) override {
    if (run_id != "run-a") return NotFound("there is no run %s", run_id);
    admin::v1::RunProgress progress;
    for (std::uint64_t step = 0; step <= 3; ++step) {
      progress.set_step(step);
      listener(progress, ends && step == 3);
    }
    return [this] { ++unwatched; };
  }
  absl::StatusOr<std::shared_ptr<const Bytes>> Model(const std::string&, ByteView hash) override {
    if (!hash.empty()) return NotFound("no such model");
    return std::make_shared<const Bytes>(model);
  }
  absl::StatusOr<admin::v1::GetRunResponse> GetRun(const std::string& run_id) override {
    if (run_id != "run-a") return NotFound("there is no run %s", run_id);
    admin::v1::GetRunResponse response;
    response.set_plan("a plan");
    return response;
  }
  Bytes model;
  bool ends = true;
  std::atomic<int> unwatched{0};
};

}  // namespace veilsum::coordinator
