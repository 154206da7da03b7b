#include "cli/demo/setup/preflight.h"

#include <poll.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/file.h"

namespace veilsum::cli {
namespace {

using Kind = PreflightVerdict::Kind;
constexpr std::chrono::minutes kPatience{5};
constexpr std::size_t kLeastMembers = 3;

std::string TextOf(const nlohmann::json& answer, const char* key) {
  const auto value = answer.find(key);
  return value != answer.end() && value->is_string() ? value->get<std::string>() : std::string();
}

struct Running {
  std::size_t seat;
  Child child;
  std::filesystem::path answer;
};

absl::StatusOr<Running> StartOne(const std::filesystem::path& program, const PreflightSeat& seat,
                                 std::size_t index, const std::filesystem::path& logs) {
  const std::filesystem::path answer = logs / absl::StrFormat("preflight-%s.json", seat.name);
  VEILSUM_ASSIGN_OR_RETURN(Child child,
                           Child::Spawn({.name = "preflight of " + seat.name,
                                         .arguments = {program.string(), "preflight", "--config",
                                                       seat.config.string(), "--json"},
                                         .log = logs / absl::StrFormat("client-%s.log", seat.name),
                                         .output = answer}));
  return Running{index, std::move(child), answer};
}

// Waits until one of `running` has ended, and takes it out. Cancelled, DeadlineExceeded.
absl::StatusOr<Running> TakeEnded(std::vector<Running>& running, int cancel) {
  std::vector<pollfd> fds = {{.fd = cancel, .events = POLLIN, .revents = 0}};
  for (const Running& one : running)
    fds.push_back({.fd = one.child.pidfd(), .events = POLLIN, .revents = 0});
  const auto patience = std::chrono::milliseconds(kPatience);
  if (poll(fds.data(), fds.size(), static_cast<int>(patience.count())) == 0)
    return DeadlineExceeded("a preflight took longer than %d minutes", kPatience.count());
  if (fds[0].revents != 0) return absl::CancelledError("stopped during preflight");
  for (std::size_t i = 0; i < running.size(); ++i) {
    if (fds[i + 1].revents == 0) continue;
    Running ended = std::move(running[i]);
    running.erase(running.begin() + static_cast<std::ptrdiff_t>(i));
    return ended;
  }
  return Internal("preflight: poll returned without an event");
}

}  // namespace

PreflightVerdict ParseVerdict(std::string_view text, const Ending& ending) {
  const nlohmann::json answer = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  const PreflightVerdict failed{
      .kind = Kind::kFailed, .size_class = 0, .reason = "preflight ended with " + ending.Text()};
  if (ending.signal != 0 || !answer.is_object()) return failed;
  const auto eligible = answer.find("eligible");
  if (eligible == answer.end() || !eligible->is_boolean()) return failed;
  if (eligible->get<bool>()) {
    const auto size = answer.find("size_class");
    if (ending.exit_code != 0 || size == answer.end() || !size->is_number_unsigned()) return failed;
    return {.kind = Kind::kEligible, .size_class = size->get<std::uint64_t>(), .reason = ""};
  }
  if (std::string error = TextOf(answer, "data_error"); !error.empty())
    return {.kind = Kind::kDataError, .size_class = 0, .reason = std::move(error)};
  std::string reason = TextOf(answer, "reason");
  if (reason.empty() || (ending.exit_code != 0 && ending.exit_code != 2)) return failed;
  return {.kind = Kind::kTooSmall, .size_class = 0, .reason = std::move(reason)};
}

absl::StatusOr<std::vector<PreflightVerdict>> RunPreflights(const std::filesystem::path& program,
                                                            const std::vector<PreflightSeat>& seats,
                                                            const std::filesystem::path& logs,
                                                            int cancel) {
  const std::size_t at_once = std::max(1u, std::thread::hardware_concurrency());
  std::vector<PreflightVerdict> verdicts(seats.size());
  std::vector<Running> running;
  for (std::size_t next = 0; next < seats.size() || !running.empty();) {
    if (next < seats.size() && running.size() < at_once) {
      VEILSUM_ASSIGN_OR_RETURN(Running started, StartOne(program, seats[next], next, logs));
      running.push_back(std::move(started));
      ++next;
      continue;
    }
    VEILSUM_ASSIGN_OR_RETURN(Running ended, TakeEnded(running, cancel));
    const Ending ending = ended.child.Stop(std::chrono::milliseconds(0));
    VEILSUM_ASSIGN_OR_RETURN(const std::string answer, ReadFile(ended.answer, 1 << 20));
    verdicts[ended.seat] = ParseVerdict(answer, ending);
  }
  return verdicts;
}

absl::Status CheckVerdicts(const std::vector<PreflightSeat>& seats,
                           const std::vector<PreflightVerdict>& verdicts) {
  std::string errors, failures;
  std::size_t eligible = 0;
  for (std::size_t i = 0; i < seats.size(); ++i) {
    const PreflightVerdict& verdict = verdicts[i];
    if (verdict.kind == Kind::kEligible) ++eligible;
    if (verdict.kind == Kind::kDataError)
      errors += absl::StrFormat("\n  %s: %s", seats[i].name, verdict.reason);
    if (verdict.kind == Kind::kFailed)
      failures += absl::StrFormat("\n  %s: %s", seats[i].name, verdict.reason);
  }
  if (!errors.empty())
    return InvalidArgument("the data of these merchants cannot be used, nothing was trained:%s",
                           errors);
  if (!failures.empty())
    return FailedPrecondition("these merchants could not be checked:%s", failures);
  if (eligible < kLeastMembers)
    return FailedPrecondition(
        "only %d merchants have enough customers, a federation needs at least %d; "
        "pool small ones with [[pool]] in the plan",
        eligible, kLeastMembers);
  return absl::OkStatus();
}

std::string DeclinedLine(const std::string& name, const PreflightVerdict& verdict) {
  return absl::StrFormat(
      "%s is left out: %s (small merchants can share a seat: [[pool]] in the plan)", name,
      verdict.reason);
}

}  // namespace veilsum::cli
