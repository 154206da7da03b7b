// At most W uploads are read at a time; the others wait under HTTP/2 flow control, first come first served (SE-19).
#pragma once

#include <deque>
#include <functional>
#include <mutex>
#include <set>
#include <string>

#include "base/status.h"

namespace veilsum::coordinator {

// Thread-safe. One ticket an upload: Enter, then Leave exactly once, admitted or not.
class UploadAdmission {
 public:
  explicit UploadAdmission(int admitted) : free_(admitted) {}

  // Calls `admit` at once or when a place is free, never under the lock. ResourceExhausted: this seat has an upload open
  // already, so that no seat takes two places; then there is no ticket.
  absl::Status Enter(const std::string& seat, const void* ticket, std::function<void()> admit);
  void Leave(const std::string& seat, const void* ticket);

 private:
  struct Waiting {
    const void* ticket;
    std::function<void()> admit;
  };
  std::mutex mutex_;
  int free_;
  std::set<std::string> seats_;
  std::set<const void*> admitted_;
  std::deque<Waiting> waiting_;
};

}  // namespace veilsum::coordinator
