// What would flood a log is said once in a while.
#pragma once

#include <chrono>
#include <map>
#include <mutex>
#include <string>

namespace veilsum {

// Thread-safe. Keeps a moment for each subject: these must not be a peer's to invent.
class OncePer {
 public:
  using Time = std::chrono::steady_clock::time_point;
  explicit OncePer(std::chrono::seconds pause) : pause_(pause) {}

  // True: nothing was due for this subject within the pause before `now`.
  bool IsDue(const std::string& subject, Time now) {
    const std::lock_guard lock(mutex_);
    const auto [last, first] = last_.try_emplace(subject, now);
    if (!first && now - last->second < pause_) return false;
    last->second = now;
    return true;
  }

 private:
  const std::chrono::seconds pause_;
  std::mutex mutex_;
  std::map<std::string, Time> last_;
};

}  // namespace veilsum
