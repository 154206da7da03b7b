// At most W uploads are read at a time, one of a seat; the others wait under HTTP/2 flow control in
// the order they came (SE-19).
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <string>

#include "base/status.h"

namespace veilsum::coordinator {

// Thread-safe. A ticket names an upload: Enter once, then Leave once if Enter was OK, admitted or
// not.
class UploadAdmission {
 public:
  explicit UploadAdmission(int admitted) : free_(admitted) {}

  // Calls `admit` at once or when a place is free and the seat has no other upload admitted; never
  // under the lock. ResourceExhausted: the seat has kMaxOfASeat uploads open (more than one happens
  // when a broken one is sent again).
  absl::Status Enter(const std::string& seat, const void* ticket, std::function<void()> admit);
  void Leave(const std::string& seat, const void* ticket);

 private:
  static constexpr int kMaxOfASeat = 4;
  struct Waiting {
    std::string seat;
    const void* ticket;
    std::function<void()> admit;
  };
  // Takes the first place that may be taken and returns whom to tell; null when there is none.
  std::function<void()> AdmitNextLocked();

  std::mutex mutex_;
  int free_;
  std::map<std::string, int> open_;              // uploads of a seat, waiting or admitted
  std::map<std::string, const void*> admitted_;  // by seat
  std::deque<Waiting> waiting_;
};

}  // namespace veilsum::coordinator
