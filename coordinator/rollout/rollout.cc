#include "coordinator/rollout/rollout.h"

#include <algorithm>

namespace veilsum::coordinator {
namespace {

constexpr std::size_t kEventsKept = 256;
constexpr std::string_view kStages[] = {"draft",  "validated", "shadow",      "canary",
                                        "stable", "paused",    "rolled_back", "revoked"};

bool IsOver(Stage stage) { return stage == Stage::kRolledBack || stage == Stage::kRevoked; }
bool IsWatched(Stage stage) { return stage == Stage::kShadow || stage == Stage::kCanary; }

// Runs one event against a rollout.
class Machine {
 public:
  Machine(Rollout& rollout, std::vector<Transition>& transitions)
      : r_(rollout), transitions_(transitions) {}

  absl::Status operator()(const Validated& e) {
    VEILSUM_RETURN_IF_ERROR(Require(r_.stage == Stage::kDraft, "validated"));
    for (const GateResult& gate : e.gates)
      if (gate.verdict != Verdict::kPass)
        return FailedPrecondition("gate %s: %s; the release stays a draft", gate.name,
                                  VerdictName(gate.verdict));
    Enter(Stage::kValidated, e.now, "offline gates passed");
    Enter(Stage::kShadow, e.now, "");
    return absl::OkStatus();
  }

  absl::Status operator()(const Looked& e) {
    VEILSUM_RETURN_IF_ERROR(
        Require(IsWatched(r_.stage) || r_.stage == Stage::kStable, "looked at"));
    ++r_.looks;
    for (const GateResult& gate : e.gates)
      if (gate.verdict == Verdict::kBreach) return Breach(gate, e.now);
    if (r_.stage == Stage::kStable) return absl::OkStatus();
    // No numbers are no good news: a gate that cannot tell stops the rollout, and so does a look
    // without gates.
    for (const GateResult& gate : e.gates)
      if (gate.verdict == Verdict::kInconclusive)
        return Pause(e.now, absl::StrFormat("gate %s is inconclusive%s%s", gate.name,
                                            gate.why.empty() ? "" : ": ", gate.why));
    if (e.gates.empty()) return Pause(e.now, "there is nothing to judge by");
    ++r_.successes;
    return Advance(e.now);
  }

  absl::Status operator()(const Approved& e) {
    VEILSUM_RETURN_IF_ERROR(Require(!IsOver(r_.stage), "approved"));
    if (e.who.empty()) return InvalidArgument("an approval needs a name");
    (e.revoke ? r_.approved_revoke : r_.approved_stable).insert(e.who);
    return e.revoke ? TryRevoke(e.now) : Advance(e.now);
  }

  absl::Status operator()(const PausedByHand& e) {
    VEILSUM_RETURN_IF_ERROR(Require(
        !IsOver(r_.stage) && r_.stage != Stage::kPaused && r_.stage != Stage::kStable, "paused"));
    return Pause(e.now, "paused by " + e.who);
  }

  absl::Status operator()(const Resumed& e) {
    VEILSUM_RETURN_IF_ERROR(Require(r_.stage == Stage::kPaused, "resumed"));
    Enter(r_.resumes, e.now, "resumed by " + e.who);
    return absl::OkStatus();
  }

  absl::Status operator()(const RolledBackByHand& e) {
    VEILSUM_RETURN_IF_ERROR(Require(!IsOver(r_.stage), "rolled back"));
    Enter(Stage::kRolledBack, e.now, "rolled back by " + e.who);
    return absl::OkStatus();
  }

  absl::Status operator()(const RevokeAsked& e) {
    VEILSUM_RETURN_IF_ERROR(Require(r_.stage != Stage::kRevoked, "revoked"));
    r_.approved_revoke.insert(e.who);
    r_.reason = e.reason;
    return TryRevoke(e.now);
  }

 private:
  absl::Status Require(bool condition, const char* what) const {
    if (condition) return absl::OkStatus();
    return FailedPrecondition("rollout %s is %s: it cannot be %s", r_.spec.rollout_id,
                              StageName(r_.stage), what);
  }

  void Enter(Stage stage, Seconds now, const std::string& reason) {
    const Stage from = r_.stage;
    r_.stage = stage;
    r_.entered = now;
    r_.successes = 0;
    r_.reason = reason;
    transitions_.push_back({from, stage, DesiredOf(r_).percent, reason, ""});
  }

  absl::Status Pause(Seconds now, const std::string& reason) {
    r_.resumes = r_.stage;
    Enter(Stage::kPaused, now, reason);
    return absl::OkStatus();
  }

  absl::Status Breach(const GateResult& gate, Seconds now) {
    const std::string reason =
        absl::StrFormat("gate %s: %.4g, limit %.4g", gate.name, gate.value, gate.limit);
    if (gate.on_breach == OnBreach::kPause)
      return r_.stage == Stage::kStable ? absl::OkStatus() : Pause(now, reason);
    // A release that clients cannot verify is taken out of use at once; naming it revoked needs
    // its approvals.
    ++r_.failures;
    r_.successes = 0;
    if (gate.on_breach == OnBreach::kRevoke || r_.failures >= r_.spec.failure_limit)
      Enter(Stage::kRolledBack, now, reason);
    return absl::OkStatus();
  }

  absl::Status TryRevoke(Seconds now) {
    if (r_.approved_revoke.size() >= r_.spec.approvals_revoke)
      Enter(Stage::kRevoked, now, r_.reason.empty() ? "revoked" : r_.reason);
    return absl::OkStatus();
  }

  // On to the next step when the present one has passed often and long enough.
  absl::Status Advance(Seconds now) {
    if (!IsWatched(r_.stage) || r_.successes < r_.spec.success_limit) return absl::OkStatus();
    const Seconds bake = r_.stage == Stage::kShadow ? r_.spec.shadow : r_.spec.steps[r_.step].bake;
    if (now - r_.entered < bake) return absl::OkStatus();
    if (r_.stage == Stage::kShadow && !r_.spec.steps.empty()) {
      r_.step = 0;
      Enter(Stage::kCanary, now, "shadow passed");
    } else if (r_.stage == Stage::kCanary && r_.step + 1 < r_.spec.steps.size()) {
      ++r_.step;
      Enter(Stage::kCanary, now, "step passed");
    } else if (r_.approved_stable.size() >= r_.spec.approvals_stable) {
      Enter(Stage::kStable, now, "all steps passed and approved");
    }
    return absl::OkStatus();
  }

  Rollout& r_;
  std::vector<Transition>& transitions_;
};

}  // namespace

std::string_view StageName(Stage stage) { return kStages[static_cast<std::size_t>(stage)]; }

absl::StatusOr<RolloutStep> Apply(Rollout rollout, const RolloutEvent& event) {
  const EventHead& head = std::visit([](const auto& e) -> const EventHead& { return e; }, event);
  if (head.term < rollout.term)
    return Aborted("term %d was replaced by term %d", head.term, rollout.term);
  RolloutStep out;
  if (head.id.empty()) return InvalidArgument("an event needs an id");
  if (std::ranges::find(rollout.events, head.id) == rollout.events.end()) {
    VEILSUM_RETURN_IF_ERROR(std::visit(Machine(rollout, out.transitions), event));
    rollout.events.push_back(head.id);
    if (rollout.events.size() > kEventsKept) rollout.events.erase(rollout.events.begin());
  }
  rollout.term = head.term;
  out.next = std::move(rollout);
  return out;
}

Desired DesiredOf(const Rollout& r) {
  const Stage stage = r.stage == Stage::kPaused ? r.resumes : r.stage;
  Desired out;
  out.shadow = stage == Stage::kShadow;
  out.percent = stage == Stage::kStable   ? 100
                : stage == Stage::kCanary ? r.spec.steps[r.step].percent
                                          : 0;
  out.back = IsOver(stage);
  out.revoked = stage == Stage::kRevoked;
  return out;
}

std::string RolloutJson(const Rollout& r) {
  Json steps = Json::array();
  for (const CanaryStep& s : r.spec.steps)
    steps.push_back({{"percent", s.percent}, {"bake", s.bake}});
  Json untold = Json::array();
  for (const Transition& t : r.untold)
    untold.push_back({{"from", StageName(t.from)},
                      {"to", StageName(t.to)},
                      {"percent", t.percent},
                      {"reason", t.reason},
                      {"gate_report", t.gate_report}});
  const absl::StatusOr<std::string> text =
      EncodeCanonical({{"spec",
                        {{"rollout_id", r.spec.rollout_id},
                         {"model_id", r.spec.model_id},
                         {"digest", r.spec.digest},
                         {"baseline", r.spec.baseline},
                         {"shadow", r.spec.shadow},
                         {"steps", steps},
                         {"failure_limit", r.spec.failure_limit},
                         {"success_limit", r.spec.success_limit},
                         {"approvals_stable", r.spec.approvals_stable},
                         {"approvals_revoke", r.spec.approvals_revoke}}},
                       {"stage", StageName(r.stage)},
                       {"resumes", StageName(r.resumes)},
                       {"step", r.step},
                       {"entered", r.entered},
                       {"looks", r.looks},
                       {"failures", r.failures},
                       {"successes", r.successes},
                       {"term", r.term},
                       {"approved_stable", r.approved_stable},
                       {"approved_revoke", r.approved_revoke},
                       {"events", r.events},
                       {"reason", r.reason},
                       {"untold", untold}});
  VEILSUM_CHECK(text.ok());
  return *text;
}

absl::StatusOr<Rollout> ParseRollout(std::string_view text) {
  const absl::Status damaged = DataLoss("the rollout's state is damaged");
  Rollout r;
  try {
    const absl::StatusOr<Json> json = ParseCanonical(text);
    if (!json.ok()) return damaged;
    const Json& spec = json->at("spec");
    const auto stage_in = [](const Json& object, const char* key) {
      const auto found = std::ranges::find(kStages, object.at(key).get<std::string>());
      return static_cast<Stage>(std::min<std::ptrdiff_t>(found - kStages, 7));
    };
    const auto stage = [&](const char* key) { return stage_in(*json, key); };
    r.spec.rollout_id = spec.at("rollout_id").get<std::string>();
    r.spec.model_id = spec.at("model_id").get<std::string>();
    r.spec.digest = spec.at("digest").get<std::string>();
    r.spec.baseline = spec.at("baseline").get<std::string>();
    r.spec.shadow = spec.at("shadow").get<Seconds>();
    r.spec.steps.clear();
    for (const Json& s : spec.at("steps"))
      r.spec.steps.push_back({s.at("percent").get<std::uint32_t>(), s.at("bake").get<Seconds>()});
    r.spec.failure_limit = spec.at("failure_limit").get<std::uint32_t>();
    r.spec.success_limit = spec.at("success_limit").get<std::uint32_t>();
    r.spec.approvals_stable = spec.at("approvals_stable").get<std::uint32_t>();
    r.spec.approvals_revoke = spec.at("approvals_revoke").get<std::uint32_t>();
    r.stage = stage("stage");
    r.resumes = stage("resumes");
    r.step = json->at("step").get<std::uint32_t>();
    r.entered = json->at("entered").get<Seconds>();
    r.looks = json->at("looks").get<std::uint32_t>();
    r.failures = json->at("failures").get<std::uint32_t>();
    r.successes = json->at("successes").get<std::uint32_t>();
    r.term = json->at("term").get<std::uint64_t>();
    r.approved_stable = json->at("approved_stable").get<std::set<std::string>>();
    r.approved_revoke = json->at("approved_revoke").get<std::set<std::string>>();
    r.events = json->at("events").get<std::vector<std::string>>();
    r.reason = json->at("reason").get<std::string>();
    for (const Json& t : json->at("untold"))
      r.untold.push_back({stage_in(t, "from"), stage_in(t, "to"),
                          t.at("percent").get<std::uint32_t>(), t.at("reason").get<std::string>(),
                          t.at("gate_report").get<std::string>()});
  } catch (const Json::exception&) {
    return damaged;
  }
  if ((r.step >= r.spec.steps.size() && r.step != 0) || RolloutJson(r) != text) return damaged;
  return r;
}

}  // namespace veilsum::coordinator
