// Clients and a coordinator in one process, joined by queues instead of gRPC. Every message is
// serialised and parsed on its way; uploads pass the same admission as on the network. A
// coordinator can be taken away and another one put there.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <shared_mutex>

#include "client/round/coordinator_link.h"
#include "coordinator/round/rounds_backend.h"

namespace veilsum {

class Loopback {
 public:
  class Pipe;

  void Attach(coordinator::RoundsBackend& backend);
  // Every link is closed as Unavailable; afterwards nobody calls the backend any more. From any
  // thread.
  void Detach();
  // Unavailable when no coordinator is attached.
  absl::StatusOr<std::unique_ptr<client::CoordinatorLink>> Connect(const std::string& seat);
  // By round number, every distinct announcement that a coordinator has sent.
  std::map<std::uint64_t, std::set<std::string>> Starts() const;

 private:
  friend class Pipe;
  friend class LoopbackLink;
  // Calls f(backend) if `generation` is still attached.
  template <class F>
  absl::Status WithBackend(std::uint64_t generation, F f) {
    const std::shared_lock lock(attached_mutex_);
    if (backend_ == nullptr || generation != generation_)
      return Unavailable("the coordinator has gone");
    return f(*backend_);
  }
  void NoteStart(std::uint64_t round, const std::string& announcement);

  std::shared_mutex attached_mutex_;
  coordinator::RoundsBackend* backend_ = nullptr;
  std::uint64_t generation_ = 0;
  mutable std::mutex notes_mutex_;
  std::vector<std::weak_ptr<Pipe>> pipes_;
  std::map<std::uint64_t, std::set<std::string>> starts_;
};

}  // namespace veilsum
