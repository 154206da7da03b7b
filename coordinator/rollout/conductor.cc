#include "coordinator/rollout/conductor.h"

#include <cmath>

#include "base/crypto/sha256.h"
#include "base/file.h"
#include "model/release/manifest.h"

namespace veilsum::coordinator {
namespace {

namespace fs = std::filesystem;

// Fewer clients have the release after it.
bool TakesAway(Stage stage) { return stage == Stage::kRolledBack || stage == Stage::kRevoked; }

// A gate that cannot tell has no bounds.
std::string RealText(double value) {
  if (std::isfinite(value)) return release::DecimalOf(value);
  return std::isnan(value) ? "nan" : value > 0 ? "inf" : "-inf";
}

const std::vector<GateResult>* GatesOf(const RolloutEvent& event) {
  if (const auto* validated = std::get_if<Validated>(&event)) return &validated->gates;
  if (const auto* looked = std::get_if<Looked>(&event)) return &looked->gates;
  return nullptr;
}

}  // namespace

std::string GateReportJson(const std::vector<GateResult>& gates) {
  Json list = Json::array();
  for (const GateResult& gate : gates)
    list.push_back({{"name", gate.name},
                    {"verdict", VerdictName(gate.verdict)},
                    {"value", RealText(gate.value)},
                    {"low", RealText(gate.low)},
                    {"high", RealText(gate.high)},
                    {"limit", RealText(gate.limit)},
                    {"detectable", RealText(gate.detectable)},
                    {"why", gate.why}});
  const absl::StatusOr<std::string> text = EncodeCanonical({{"gates", list}});
  VEILSUM_CHECK(text.ok());
  return *text;
}

absl::StatusOr<RolloutConductor> RolloutConductor::Begin(ConductorParts parts,
                                                         const RolloutSpec& spec) {
  std::error_code error;
  if (fs::exists(parts.folder / "rollout.json", error))
    return AlreadyExists("%s has a rollout", parts.folder.string());
  fs::create_directories(parts.folder / "gates", error);
  if (error) return Internal("cannot make %s: %s", parts.folder.string(), error.message());
  Rollout rollout;
  rollout.spec = spec;
  RolloutConductor conductor(std::move(parts), std::move(rollout));
  VEILSUM_RETURN_IF_ERROR(conductor.Save());
  return conductor;
}

absl::StatusOr<RolloutConductor> RolloutConductor::Open(ConductorParts parts) {
  VEILSUM_ASSIGN_OR_RETURN(Rollout rollout, LoadRollout(parts.folder / "rollout.json"));
  return RolloutConductor(std::move(parts), std::move(rollout));
}

absl::Status RolloutConductor::Save() const {
  return SaveRollout(rollout_, parts_.folder / "rollout.json");
}

absl::StatusOr<std::string> RolloutConductor::StoreGates(const RolloutEvent& event) const {
  const std::vector<GateResult>* gates = GatesOf(event);
  if (gates == nullptr || gates->empty()) return std::string();
  const std::string report = GateReportJson(*gates);
  std::string name = HexEncode(Sha256(report));
  VEILSUM_RETURN_IF_ERROR(WriteFile(parts_.folder / "gates" / (name + ".json"), report));
  return name;
}

absl::Status RolloutConductor::Do(const RolloutEvent& event) {
  const EventHead& head = std::visit([](const auto& e) -> const EventHead& { return e; }, event);
  VEILSUM_ASSIGN_OR_RETURN(RolloutStep step, Apply(rollout_, event));
  if (!step.transitions.empty()) {
    VEILSUM_ASSIGN_OR_RETURN(const std::string report, StoreGates(event));
    for (Transition& transition : step.transitions) transition.gate_report = report;
  }
  std::vector<Transition>& untold = step.next.untold;
  untold.insert(untold.end(), step.transitions.begin(), step.transitions.end());
  // What the ledger refused never happened out there: the way back begins where it still stands.
  if (TakesAway(step.next.stage) && untold.size() > step.transitions.size()) {
    Transition straight = untold.back();
    straight.from = untold.front().from;
    untold = {straight};
  }
  rollout_ = std::move(step.next);
  VEILSUM_RETURN_IF_ERROR(Save());
  return Settle(head.now);
}

absl::Status RolloutConductor::Tell() {
  while (!rollout_.untold.empty()) {
    if (parts_.record)
      VEILSUM_RETURN_IF_ERROR(parts_.record(rollout_.spec, rollout_.untold.front()));
    rollout_.untold.erase(rollout_.untold.begin());
    VEILSUM_RETURN_IF_ERROR(Save());
  }
  return absl::OkStatus();
}

absl::Status RolloutConductor::Settle(Seconds now) {
  const auto act = [&] {
    return Reconcile(rollout_, parts_.clients, *parts_.repository, *parts_.signers, now);
  };
  if (!TakesAway(rollout_.stage)) {
    VEILSUM_RETURN_IF_ERROR(Tell());
    return act();
  }
  VEILSUM_RETURN_IF_ERROR(act());
  return Tell();
}

}  // namespace veilsum::coordinator
