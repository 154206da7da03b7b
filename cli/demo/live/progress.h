// What a person sees on stderr while a run goes on: one line redrawn on a terminal, a plain line
// every few seconds elsewhere.
#pragma once

#include <cstdint>
#include <cstdio>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "base/clock.h"

namespace veilsum::cli {

struct ProgressState {
  std::string state;  // as RunProgress: approving | keying | statistics | training | ...
  std::uint64_t round = 0, step = 0, steps = 0, aborted = 0;
  std::uint32_t survivors = 0, members = 0;
  std::optional<double> epsilon = {};  // none: no noise
  std::optional<double> rounds_per_second = {}, loss = {};
};

// At most `width` columns, with a bar when there is room; 0: as long as it is, without a bar.
std::string ProgressText(const ProgressState& state, int width);

// Thread-safe.
class ProgressLine {
 public:
  // `clock` must outlive it. Whether `out` is a terminal is asked once.
  ProgressLine(std::FILE* out, const Clock& clock);
  void Show(const ProgressState& state);  // redraws, or prints when it is time
  // A whole line that stays, above the redrawn one.
  void Say(const std::string& text);
  void Finish();  // ends the redrawn line

 private:
  void Print(const ProgressState& state);
  std::mutex mutex_;
  std::FILE* out_;
  const Clock& clock_;
  bool terminal_;
  bool drawn_ = false;
  std::optional<Clock::Time> last_;
  std::string last_state_;
};

// Rounds per second over the last three seconds.
class RateMeter {
 public:
  explicit RateMeter(const Clock& clock) : clock_(clock) {}
  void Add(std::uint64_t round);
  std::optional<double> PerSecond() const;  // none until it has seen half a second

 private:
  const Clock& clock_;
  std::deque<std::pair<Clock::Time, std::uint64_t>> samples_;
};

}  // namespace veilsum::cli
