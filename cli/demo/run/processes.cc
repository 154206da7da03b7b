#include "cli/demo/run/processes.h"

#include <algorithm>
#include <thread>

#include "cli/demo/process/peak_memory.h"
#include "cli/demo/process/wait_for_file.h"

namespace veilsum::cli {
namespace {

constexpr int kCoordinatorRestarts = 5, kClientRestarts = 3;
constexpr std::chrono::seconds kStartPatience{30};
constexpr std::chrono::seconds kStopPatience{5};
constexpr std::chrono::seconds kEndPatience{5};
constexpr std::chrono::milliseconds kWitnessPatience{500};  // more for each
constexpr const char* kCoordinator = "coordinator";

std::string Trimmed(std::string text) {
  text.erase(text.find_last_not_of(" \r\n\t") + 1);
  return text;
}

}  // namespace

absl::StatusOr<Programs> Programs::Beside(const std::filesystem::path& self) {
  Programs programs{self.parent_path() / "veilsum-coordinator",
                    self.parent_path() / "veilsum-client"};
  for (const auto& program : {programs.coordinator, programs.client})
    if (!std::filesystem::exists(program))
      return NotFound("%s is missing: build all of Veilsum", program.string());
  return programs;
}

DemoProcesses::DemoProcesses(const Programs& programs, std::filesystem::path logs, StopSignal& stop,
                             ProgressLine& line)
    : programs_(programs),
      logs_(std::move(logs)),
      stop_(stop),
      line_(line),
      supervisor_([this](const ProcessEvent& event) { OnEvent(event); }) {}

void DemoProcesses::OnEvent(const ProcessEvent& event) {
  if (event.kind == ProcessEvent::Kind::kFinished) return;
  line_.Say(event.message);
  if (event.kind == ProcessEvent::Kind::kGaveUp && event.name == kCoordinator)
    stop_.Raise(event.message, /*is_failure=*/true);
}

absl::StatusOr<std::string> DemoProcesses::StartCoordinator(const Federation& f) {
  const Command command{.name = kCoordinator,
                        .arguments = {programs_.coordinator.string(), "serve", "--config",
                                      f.coordinator_config.string()},
                        .log = logs_ / "coordinator.log"};
  names_.insert(names_.begin(), command.name);
  VEILSUM_RETURN_IF_ERROR(
      supervisor_.Start({command, kCoordinatorRestarts, /*finish_is_normal=*/false}).status());
  const absl::StatusOr<std::string> address = WaitForFile(f.port_file, kStartPatience, stop_.fd());
  if (address.ok()) return Trimmed(*address);
  if (absl::IsCancelled(address.status())) return FailedPrecondition("%s", stop_.reason());
  return Annotate(address.status(),
                  "the coordinator does not come up; its log is " + command.log.string());
}

absl::Status DemoProcesses::StartClients(const Federation& f) { return StartEach(f, "client "); }

absl::Status DemoProcesses::StartEach(const Federation& f, const std::string& role) {
  for (const SeatFiles& seat : f.seats) {
    const Command command{
        .name = role + seat.name,
        .arguments = {programs_.client.string(), "run", "--config", seat.config.string()},
        .log = logs_ / ("client-" + seat.name + ".log")};
    names_.push_back(command.name);
    VEILSUM_RETURN_IF_ERROR(
        supervisor_.Start({command, kClientRestarts, /*finish_is_normal=*/true}).status());
  }
  return absl::OkStatus();
}

void DemoProcesses::AwaitClients() { AwaitAllButCoordinator(kEndPatience); }

absl::Status DemoProcesses::WitnessAgain(const Federation& f) {
  if (stop_.raised()) return absl::OkStatus();
  VEILSUM_RETURN_IF_ERROR(StartEach(f, "witness "));
  AwaitAllButCoordinator(kEndPatience + f.seats.size() * kWitnessPatience);
  return absl::OkStatus();
}

void DemoProcesses::AwaitAllButCoordinator(std::chrono::milliseconds patience) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  const auto runs = [&](const std::string& name) {
    return name != kCoordinator && supervisor_.PidOf(name) > 0;
  };
  while (std::ranges::any_of(names_, runs) && std::chrono::steady_clock::now() < deadline)
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
}

void DemoProcesses::Stop() { supervisor_.Stop(kStopPatience); }

void DemoProcesses::SampleMemory() {
  for (const std::string& name : names_) {
    const pid_t pid = supervisor_.PidOf(name);
    const std::optional<std::uint64_t> bytes = pid > 0 ? PeakMemoryOf(pid) : std::nullopt;
    const std::lock_guard lock(mutex_);
    if (bytes) peaks_[name] = std::max(peaks_[name], *bytes);
  }
}

std::optional<std::uint64_t> DemoProcesses::Peak(const std::string& name) const {
  const std::lock_guard lock(mutex_);
  const auto peak = peaks_.find(name);
  return peak == peaks_.end() ? std::nullopt : std::optional(peak->second);
}

std::optional<std::uint64_t> DemoProcesses::client_peak() const {
  std::optional<std::uint64_t> largest;
  for (const std::string& name : names_)
    if (name != kCoordinator) largest = std::max(largest, Peak(name));
  return largest;
}

}  // namespace veilsum::cli
