#include "cli/rollout/rollout_status.h"

#include "cli/rollout/rollout_folder.h"
#include "cli/rollout/veto_tally.h"
#include "coordinator/rollout/client_report.h"
#include "coordinator/rollout/reconcile.h"

namespace veilsum::cli {
namespace {

using Object = nlohmann::ordered_json;
using coordinator::Rollout;

absl::StatusOr<Rollout> RolloutOf(const RolloutFolder& folder, const StartedRollout& started) {
  return coordinator::LoadRollout(folder.PlaceOf(started.rollout_id) / "rollout.json");
}

std::string VersionOf(const rollout::Repository& repository, const std::string& digest) {
  const rollout::Target* target = repository.targets().Find(digest);
  return target == nullptr ? "" : target->version;
}

Object ClientJson(const std::string& client, const rollout::Repository& repository,
                  const std::map<std::string, coordinator::ClientReport>& reports) {
  Object out = {{"client", client}, {"to_have", ""}, {"channel", ""}, {"has", ""},
                {"result", ""},     {"code", ""},    {"reported", 0}};
  if (const auto says = repository.AssignedTo(client); says.ok()) {
    out["to_have"] = says->digest;
    out["channel"] = rollout::ChannelName(says->channel);
  }
  if (const auto found = reports.find(client); found != reports.end()) {
    const coordinator::ClientReport& r = found->second;
    out["has"] = r.digest;
    out["result"] = r.result;
    out["code"] = r.code;
    out["reported"] = r.time;
  }
  return out;
}

// Null where the rollout does not ask for votes.
absl::StatusOr<Object> VetoJson(const std::filesystem::path& path, const StartedRollout& started,
                                const Rollout& rollout) {
  if (!started.veto_gate || rollout.spec.baseline.empty()) return Object();
  VEILSUM_ASSIGN_OR_RETURN(const coordinator::VetoCounts counts, VotesOn(path, started, rollout));
  const coordinator::GateResult gate = coordinator::VetoGate(counts, {}, rollout.looks + 1);
  std::uint64_t votes = 0, raised = 0;
  for (const auto& [epsilon, group] : counts) {
    votes += group.votes;
    raised += group.raised;
  }
  return Object({{"votes", votes},
                 {"bits_raised", raised},
                 {"verdict", VerdictName(gate.verdict)},
                 {"share", gate.value},
                 {"low", gate.low},
                 {"high", gate.high},
                 {"limit", gate.limit},
                 {"detectable", gate.detectable},
                 {"why", gate.why}});
}

std::string VetoText(const Object& veto) {
  if (veto.is_null()) return "";
  const std::string why = veto["why"].get<std::string>();
  return absl::StrFormat(
      "veto: %s, %d bits of %d votes; %.0f to %.0f %% object, at most %.0f %% may%s%s\n",
      veto["verdict"].get<std::string>(), veto["bits_raised"].get<int>(), veto["votes"].get<int>(),
      100 * veto["low"].get<double>(), 100 * veto["high"].get<double>(),
      100 * veto["limit"].get<double>(), why.empty() ? "" : "; ", why);
}

}  // namespace

absl::StatusOr<Object> RolloutStatus(const std::filesystem::path& path) {
  const RolloutFolder folder(path);
  VEILSUM_ASSIGN_OR_RETURN(const StartedRollout started, folder.Present());
  VEILSUM_ASSIGN_OR_RETURN(const Rollout r, RolloutOf(folder, started));
  VEILSUM_ASSIGN_OR_RETURN(const rollout::Repository repository, rollout::Repository::Open(path));
  VEILSUM_ASSIGN_OR_RETURN(const auto reports, coordinator::LoadReports(path));
  Object clients = Object::array();
  for (const std::string& client : started.clients)
    clients.push_back(ClientJson(client, repository, reports));
  VEILSUM_ASSIGN_OR_RETURN(const Object veto, VetoJson(path, started, r));
  return Object({{"rollout_id", r.spec.rollout_id},
                 {"model_id", r.spec.model_id},
                 {"version", VersionOf(repository, r.spec.digest)},
                 {"digest", r.spec.digest},
                 {"baseline", r.spec.baseline},
                 {"stage", StageName(r.stage)},
                 {"percent", DesiredOf(r).percent},
                 {"reason", r.reason},
                 {"entered", r.entered},
                 {"looks", r.looks},
                 {"approved", r.approved_stable},
                 {"approvals_needed", r.spec.approvals_stable},
                 {"untold", r.untold.size()},
                 {"veto", veto},
                 {"clients", clients}});
}

absl::StatusOr<Object> RolloutList(const std::filesystem::path& path) {
  const RolloutFolder folder(path);
  VEILSUM_ASSIGN_OR_RETURN(const std::vector<StartedRollout> all, folder.List());
  VEILSUM_ASSIGN_OR_RETURN(const rollout::Repository repository, rollout::Repository::Open(path));
  Object out = Object::array();
  for (const StartedRollout& started : all) {
    VEILSUM_ASSIGN_OR_RETURN(const Rollout r, RolloutOf(folder, started));
    out.push_back({{"rollout_id", r.spec.rollout_id},
                   {"version", VersionOf(repository, r.spec.digest)},
                   {"digest", r.spec.digest},
                   {"stage", StageName(r.stage)}});
  }
  return out;
}

std::string StatusText(const Object& s) {
  const auto text = [](const Object& of, const char* key) { return of[key].get<std::string>(); };
  std::string out = absl::StrFormat(
      "%s: %s, %d percent%s%s\nrelease %s of %s, digest %s\nlooks %d, approved by %d of %d\n",
      text(s, "rollout_id"), text(s, "stage"), s["percent"].get<int>(),
      text(s, "reason").empty() ? "" : ": ", text(s, "reason"), text(s, "version"),
      text(s, "model_id"), text(s, "digest"), s["looks"].get<int>(), s["approved"].size(),
      s["approvals_needed"].get<int>());
  if (s["untold"].get<int>() > 0)
    absl::StrAppendFormat(&out, "the ledger does not know of %d changes yet: repeat the command\n",
                          s["untold"].get<int>());
  out += VetoText(s["veto"]);
  for (const Object& client : s["clients"]) {
    const bool is_new = client["to_have"] == s["digest"];
    const std::string has = text(client, "has");
    absl::StrAppendFormat(&out, "%s  %s  has %s  %s %s\n", text(client, "client"),
                          is_new ? "to have it" : "as before",
                          has == text(s, "digest") ? "it"
                          : has.empty()            ? "none"
                                                   : has.substr(0, 12),
                          text(client, "result").empty() ? "no report" : text(client, "result"),
                          text(client, "code"));
  }
  return out;
}

}  // namespace veilsum::cli
