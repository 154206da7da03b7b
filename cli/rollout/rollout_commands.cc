#include "cli/rollout/rollout_commands.h"

#include <chrono>
#include <cstdio>
#include <memory>

#include "base/file.h"
#include "cli/release/release_ledger.h"
#include "cli/rollout/rollout_desk.h"
#include "cli/rollout/rollout_status.h"
#include "cli/rollout/stage_list.h"
#include "client/enroll/operator_config.h"

namespace veilsum::cli {
namespace {

struct RolloutArguments {
  std::string folder, keys, config, package, rollout, federation, release_key, reason;
  std::string steps = "1:4h,5:12h,25:24h,50:24h", shadow = "24h", channel = "shadow";
  std::vector<std::string> clients;           // TENANT/NODE
  std::vector<std::string> evaluation_gates;  // EvaluationGateName
  std::string root_key, targets_key, snapshot_key, timestamp_key, director_key;
  std::uint64_t wait = 0;
  bool json = false, serving_gates = false, veto_gate = false;
};

// Connects when it is first needed: what takes a release away does not wait for a coordinator.
class LazyAdmin {
 public:
  explicit LazyAdmin(client::LinkConfig link) : link_(std::move(link)) {}
  absl::StatusOr<client::AdminClient*> Get() {
    if (admin_ == nullptr) {
      VEILSUM_ASSIGN_OR_RETURN(admin_, client::AdminClient::Connect(link_));
    }
    return admin_.get();
  }

 private:
  const client::LinkConfig link_;
  std::unique_ptr<client::AdminClient> admin_;
};

RolloutLedger LedgerOf(const client::LinkConfig& link) {
  const auto admin = std::make_shared<LazyAdmin>(link);
  RolloutLedger ledger;
  ledger.publish = [admin](const release::Release& release) -> absl::Status {
    VEILSUM_ASSIGN_OR_RETURN(client::AdminClient* const to, admin->Get());
    return RecordPublished(*to, release);
  };
  ledger.record = [admin](const coordinator::RolloutSpec& spec,
                          const coordinator::Transition& transition) -> absl::Status {
    VEILSUM_ASSIGN_OR_RETURN(client::AdminClient* const to, admin->Get());
    return RecordTransition(*to, spec, transition);
  };
  ledger.approve = [admin](const std::string& digest,
                           const std::string& rollout) -> absl::StatusOr<std::vector<std::string>> {
    VEILSUM_ASSIGN_OR_RETURN(client::AdminClient* const to, admin->Get());
    VEILSUM_ASSIGN_OR_RETURN(const auto response, veilsum::cli::Approve(*to, digest, rollout));
    return std::vector<std::string>(response.approvers().begin(), response.approvers().end());
  };
  return ledger;
}

absl::Status Show(const RolloutArguments& a) {
  VEILSUM_ASSIGN_OR_RETURN(const nlohmann::ordered_json status, RolloutStatus(a.folder));
  std::fputs((a.json ? status.dump() + "\n" : StatusText(status)).c_str(), stdout);
  return absl::OkStatus();
}

absl::Status List(const RolloutArguments& a) {
  VEILSUM_ASSIGN_OR_RETURN(const nlohmann::ordered_json all, RolloutList(a.folder));
  if (a.json) {
    std::printf("%s\n", all.dump().c_str());
    return absl::OkStatus();
  }
  for (const auto& one : all)
    std::printf("%s  %s  %s  %s\n", one["rollout_id"].get<std::string>().c_str(),
                one["version"].get<std::string>().c_str(), one["stage"].get<std::string>().c_str(),
                one["digest"].get<std::string>().c_str());
  return absl::OkStatus();
}

RolloutKeyFiles KeysOf(const RolloutArguments& a) {
  RolloutKeyFiles out{a.keys};
  for (const auto& [role, file] :
       std::initializer_list<std::pair<rollout::Role, const std::string&>>{
           {rollout::Role::kRoot, a.root_key},
           {rollout::Role::kTargets, a.targets_key},
           {rollout::Role::kSnapshot, a.snapshot_key},
           {rollout::Role::kTimestamp, a.timestamp_key},
           {rollout::Role::kDirector, a.director_key}})
    if (!file.empty()) out.files[role] = file;
  return out;
}

absl::Status Init(const RolloutArguments& a) {
  VEILSUM_ASSIGN_OR_RETURN(const std::string pem, ReadFile(a.release_key, std::size_t{1} << 16));
  VEILSUM_RETURN_IF_ERROR(P256PublicKey::FromPem(pem).status());
  SystemRng rng;
  VEILSUM_ASSIGN_OR_RETURN(const std::unique_ptr<RolloutKeys> keys,
                           RolloutKeys::Make(KeysOf(a), rng));
  const auto now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  VEILSUM_RETURN_IF_ERROR(MakeRepository(a.folder, a.federation, pem, *keys, now));
  std::printf("%s\n", (std::filesystem::path(a.folder) / "metadata/1.root.json").c_str());
  std::fprintf(
      stderr,
      "veilsum: give clients this root by another way than the coordinator; offline.key is "
      "for start and revoke alone, keep it elsewhere in between\n");
  return absl::OkStatus();
}

// Of the operator's federation.
absl::StatusOr<std::vector<std::string>> UrisOf(const std::vector<std::string>& clients,
                                                const std::string& domain) {
  std::vector<std::string> out;
  for (const std::string& text : clients) {
    const std::size_t slash = text.find('/');
    if (slash == std::string::npos)
      return InvalidArgument("--client is \"%s\", must be TENANT/NODE", text);
    VEILSUM_ASSIGN_OR_RETURN(
        const SpiffeId id, SpiffeId::Client(domain, text.substr(0, slash), text.substr(slash + 1)));
    out.push_back(id.ToString());
  }
  return out;
}

absl::StatusOr<StartRequest> RequestOf(const RolloutArguments& a, const std::string& domain) {
  StartRequest out;
  out.rollout_id = a.rollout;
  VEILSUM_ASSIGN_OR_RETURN(out.clients, UrisOf(a.clients, domain));
  VEILSUM_ASSIGN_OR_RETURN(out.shadow, ParseDuration(a.shadow));
  VEILSUM_ASSIGN_OR_RETURN(out.steps, ParseSteps(a.steps));
  out.serving_gates = a.serving_gates;
  out.veto_gate = a.veto_gate;
  for (const std::string& name : a.evaluation_gates) {
    VEILSUM_ASSIGN_OR_RETURN(const auto gate, coordinator::ParseEvaluationGate(name));
    out.evaluation_gates.insert(gate);
  }
  if (a.channel != "shadow") out.shadow = 0;
  if (a.channel == "stable") out.steps.clear();
  return out;
}

using Action = absl::Status (*)(RolloutDesk& desk, const RolloutArguments& a,
                                const std::string& domain);

absl::Status Start(RolloutDesk& desk, const RolloutArguments& a, const std::string& domain) {
  VEILSUM_ASSIGN_OR_RETURN(const StartRequest request, RequestOf(a, domain));
  VEILSUM_ASSIGN_OR_RETURN(const release::Files files, release::ReadPackage(a.package));
  return desk.Start(files, request);
}

absl::Status Run(const RolloutArguments& a, Action action) {
  VEILSUM_ASSIGN_OR_RETURN(const client::OperatorConfig config,
                           client::ReadOperatorConfig(a.config));
  const SpiffeId& who = config.link.tls->id;
  VEILSUM_ASSIGN_OR_RETURN(
      const std::unique_ptr<RolloutDesk> desk,
      RolloutDesk::Open(a.folder, KeysOf(a), who.ToString(), LedgerOf(config.link)));
  VEILSUM_RETURN_IF_ERROR(action(*desk, a, who.domain()));
  return desk->rollout() == nullptr ? absl::OkStatus() : Show(a);
}

class Commands {
 public:
  Commands(CLI::App& parent, Outcome& outcome) : parent_(parent), outcome_(outcome) {}

  // Reads the folder alone.
  CLI::App* AddReading(const char* name, const char* about,
                       absl::Status (*read)(const RolloutArguments&)) {
    CLI::App* command = Add(name, about);
    Outcome& outcome = outcome_;
    command->callback([a = arguments_, read, &outcome] { outcome = read(*a); });
    return command;
  }
  // As an operator, who signs and is named in the ledger.
  CLI::App* AddActing(const char* name, const char* about, Action action) {
    CLI::App* command = Add(name, about);
    AddKeys(command);
    command->add_option("--config", arguments_->config, "operator.toml")
        ->type_name("FILE")
        ->required();
    Outcome& outcome = outcome_;
    command->callback([a = arguments_, action, &outcome] {
      const absl::Status status = Run(*a, action);
      const bool finding = absl::IsFailedPrecondition(status) || absl::IsInvalidArgument(status);
      outcome = finding ? Outcome(status, ExitCode::kFindings) : Outcome(status);
    });
    return command;
  }
  void AddKeys(CLI::App* command) {
    command
        ->add_option("--keys", arguments_->keys, "online.key, and offline.key where it is needed")
        ->type_name("DIR")
        ->required();
    RolloutArguments& a = *arguments_;
    for (const auto& [option, file] : std::initializer_list<std::pair<const char*, std::string*>>{
             {"--root-key", &a.root_key},
             {"--targets-key", &a.targets_key},
             {"--snapshot-key", &a.snapshot_key},
             {"--timestamp-key", &a.timestamp_key},
             {"--director-key", &a.director_key}})
      command->add_option(option, *file, "that role's key, in place of the folder's")
          ->type_name("FILE");
  }
  RolloutArguments& arguments() { return *arguments_; }

 private:
  CLI::App* Add(const char* name, const char* about) {
    CLI::App* command = parent_.add_subcommand(name, about);
    command->add_option("--folder", arguments_->folder, "of the federation's rollouts")
        ->type_name("DIR")
        ->required();
    command->add_flag("--json", arguments_->json, "One line of JSON on stdout");
    return command;
  }
  CLI::App& parent_;
  Outcome& outcome_;
  const std::shared_ptr<RolloutArguments> arguments_ = std::make_shared<RolloutArguments>();
};

void AddInit(Commands& commands) {
  CLI::App* init = commands.AddReading(
      "init", "Make a folder of rollouts: keys, and a repository that names no release", &Init);
  RolloutArguments& a = commands.arguments();
  commands.AddKeys(init);
  init->add_option("--federation", a.federation, "trust domain")->type_name("NAME")->required();
  init->add_option("--release-key", a.release_key, "release key, public, PEM")
      ->type_name("FILE")
      ->required();
}

void AddStart(Commands& commands) {
  CLI::App* start = commands.AddActing(
      "start", "Publish a release and begin with it; again: goes on where it was", &Start);
  RolloutArguments& a = commands.arguments();
  start->add_option("RELEASE", a.package, "folder of the release")->required();
  start
      ->add_option("--client", a.clients,
                   "once for each client that is to have it; default: those of the rollout before")
      ->type_name("TENANT/NODE");
  start
      ->add_option("--channel", a.channel,
                   "where it begins: shadow, canary (no shadow time) or stable (no steps either)")
      ->check(CLI::IsMember({"shadow", "canary", "stable"}))
      ->capture_default_str();
  start->add_option("--shadow", a.shadow, "least time before the first step")
      ->type_name("TIME")
      ->capture_default_str();
  start->add_option("--stages", a.steps, "PERCENT:TIME of each step; none: no steps")
      ->type_name("LIST")
      ->capture_default_str();
  start->add_option("--rollout", a.rollout, "its name; default: MODEL-VERSION")->type_name("ID");
  start->add_flag("--serving-gates", a.serving_gates,
                  "judge errors and latency besides, against who has the release before");
  start
      ->add_option("--evaluation-gate", a.evaluation_gates,
                   "quality (ROC-AUC), drift or calibration: judge it besides, by what merchants' "
                   "hold-outs said of both releases; once for each")
      ->check(CLI::IsMember({"quality", "drift", "calibration"}))
      ->type_name("GATE");
  start->add_flag("--veto-gate", a.veto_gate,
                  "judge the merchants' vetoes besides: back when more than a quarter object");
}

}  // namespace

void AddRolloutCommands(CLI::App& app, Outcome& outcome) {
  CLI::App* rollout = app.add_subcommand(
      "rollout", "A release to some clients first, then to all; the ledger has every step");
  rollout->require_subcommand(1);
  Commands commands(*rollout, outcome);
  RolloutArguments& arguments = commands.arguments();
  AddInit(commands);
  AddStart(commands);
  commands.AddReading("status", "What the present one has come to", &Show);
  commands.AddReading("list", "All that were begun, the present one last", &List);
  commands
      .AddActing("look", "Judge by what clients have reported: on, pause or back",
                 [](RolloutDesk& desk, const RolloutArguments& a, const std::string&) {
                   return desk.Look(std::chrono::seconds(a.wait));
                 })
      ->add_option("--wait", arguments.wait,
                   "seconds, at most, for the reports of all that are to have the release");
  commands.AddActing("approve", "As an operator: let it become stable; two are needed",
                     [](RolloutDesk& desk, const RolloutArguments&, const std::string&) {
                       return desk.Approve();
                     });
  commands.AddActing(
      "pause", "Stay where it is",
      [](RolloutDesk& desk, const RolloutArguments&, const std::string&) { return desk.Pause(); });
  commands.AddActing(
      "resume", "Go on after a pause",
      [](RolloutDesk& desk, const RolloutArguments&, const std::string&) { return desk.Resume(); });
  commands.AddActing("rollback", "Everybody back to the release before",
                     [](RolloutDesk& desk, const RolloutArguments&, const std::string&) {
                       return desk.RollBack();
                     });
  commands
      .AddActing("revoke", "As an operator: nobody is to use the release; two are needed",
                 [](RolloutDesk& desk, const RolloutArguments& a, const std::string&) {
                   return desk.Revoke(a.reason);
                 })
      ->add_option("--reason", arguments.reason, "text")
      ->required();
  commands.AddActing("refresh", "Sign anew what is past half of its life; for a timer",
                     [](RolloutDesk& desk, const RolloutArguments&, const std::string&) {
                       return desk.Refresh();
                     });
}

}  // namespace veilsum::cli
