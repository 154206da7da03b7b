#include "cli/demo/live/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>

#include "absl/strings/str_format.h"

namespace veilsum::cli {
namespace {

constexpr std::chrono::milliseconds kRedraw{100};
constexpr std::chrono::seconds kPlain{5};
constexpr std::chrono::seconds kRateWindow{3};
constexpr std::chrono::milliseconds kLeastWindow{500};

int WidthOf(std::FILE* out) {
  winsize size{};
  if (ioctl(fileno(out), TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
  return size.ws_col;
}

std::string Bar(double share, int cells) {
  const int full = static_cast<int>(std::clamp(share, 0.0, 1.0) * cells + 0.5);
  return "[" + std::string(static_cast<std::size_t>(full), '#') +
         std::string(static_cast<std::size_t>(cells - full), '.') + "]";
}

}  // namespace

std::string ProgressText(const ProgressState& s, int width) {
  std::string text = absl::StrFormat("%s %d/%d", s.state, s.step, s.steps);
  if (s.round != s.step) absl::StrAppendFormat(&text, " round %d", s.round);
  if (s.rounds_per_second) absl::StrAppendFormat(&text, "  %.1f rounds/s", *s.rounds_per_second);
  if (s.loss) absl::StrAppendFormat(&text, "  loss %.4f", *s.loss);
  if (s.epsilon) absl::StrAppendFormat(&text, "  epsilon %.3f", *s.epsilon);
  if (s.survivors > 0) absl::StrAppendFormat(&text, "  %d/%d clients", s.survivors, s.members);
  if (s.aborted > 0) absl::StrAppendFormat(&text, "  %d lost", s.aborted);
  if (width <= 0) return text;
  const int room = width - static_cast<int>(text.size()) - 4;
  const double share = s.steps > 0 ? static_cast<double>(s.step) / static_cast<double>(s.steps) : 0;
  if (room >= 8) text = Bar(share, std::min(room, 24)) + " " + text;
  if (static_cast<int>(text.size()) > width) text.resize(static_cast<std::size_t>(width));
  return text;
}

ProgressLine::ProgressLine(std::FILE* out, const Clock& clock)
    : out_(out), clock_(clock), terminal_(isatty(fileno(out)) == 1) {}

void ProgressLine::Show(const ProgressState& state) {
  const std::lock_guard lock(mutex_);
  const auto interval = terminal_ ? Clock::Duration(kRedraw) : Clock::Duration(kPlain);
  const auto now = clock_.Now();
  if (last_ && now - *last_ < interval && state.state == last_state_) return;
  last_ = now;
  last_state_ = state.state;
  Print(state);
}

void ProgressLine::Print(const ProgressState& state) {
  if (terminal_)
    std::fprintf(out_, "\r\033[K%s", ProgressText(state, WidthOf(out_) - 1).c_str());
  else
    std::fprintf(out_, "%s\n", ProgressText(state, 0).c_str());
  std::fflush(out_);
  drawn_ = terminal_;
}

void ProgressLine::Say(const std::string& text) {
  const std::lock_guard lock(mutex_);
  std::fprintf(out_, "%s%s\n", drawn_ ? "\r\033[K" : "", text.c_str());
  std::fflush(out_);
  drawn_ = false;
}

void ProgressLine::Finish() {
  const std::lock_guard lock(mutex_);
  if (drawn_) std::fprintf(out_, "\n");
  std::fflush(out_);
  drawn_ = false;
}

void RateMeter::Add(std::uint64_t round) {
  const auto now = clock_.Now();
  samples_.emplace_back(now, round);
  while (now - samples_.front().first > kRateWindow) samples_.pop_front();
}

std::optional<double> RateMeter::PerSecond() const {
  if (samples_.empty()) return std::nullopt;
  const std::chrono::duration<double> time = samples_.back().first - samples_.front().first;
  if (time < kLeastWindow) return std::nullopt;
  return static_cast<double>(samples_.back().second - samples_.front().second) / time.count();
}

}  // namespace veilsum::cli
