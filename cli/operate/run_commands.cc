// `veilsum run start|watch|stop|model|tune`: an operator's runs.
#include <unistd.h>

#include <cstdio>
#include <map>
#include <memory>
#include <thread>

#include "base/file.h"
#include "base/uniform.h"
#include "cli/operate/operate_commands.h"
#include "cli/operate/run_progress.h"
#include "cli/operate/tuning.h"
#include "cli/release/start_package.h"
#include "client/enroll/operator_config.h"
#include "client/rpc/admin_client.h"
#include "model/plan/plan_format.h"

namespace veilsum::cli {
namespace {

constexpr std::size_t kModelLimit = std::size_t{1} << 30;

struct RunArguments {
  std::string config, plan, run;
  std::string start_from, release_key;
  std::vector<std::string> plans;
  std::string eta = "0", gamma;
  std::vector<std::string> members;
  std::uint64_t seed = 1;
  std::uint32_t min_survivors = 0, colluders = 0;
  std::string reason = "stopped by the operator";
  std::filesystem::path out;
  bool json = false;
};

absl::StatusOr<std::unique_ptr<client::AdminClient>> Connect(const RunArguments& arguments) {
  VEILSUM_ASSIGN_OR_RETURN(const client::OperatorConfig config,
                           client::ReadOperatorConfig(arguments.config));
  return client::AdminClient::Connect(config.link);
}

struct Member {
  std::string uri;
  std::uint64_t size_class;
};

// TENANT/NODE=SIZE.
absl::StatusOr<Member> ParseMember(const std::string& text, const std::string& domain) {
  const std::size_t slash = text.find('/'), equals = text.find('=');
  const bool formed = slash != std::string::npos && equals != std::string::npos && slash < equals;
  std::uint64_t size = 0;
  if (formed) size = std::strtoull(text.c_str() + equals + 1, nullptr, 10);
  if (!formed || size == 0 || (size & (size - 1)) != 0)
    return InvalidArgument(
        "--member is \"%s\", must be TENANT/NODE=SIZE with a power of two, as \"veilsum-client "
        "preflight\" prints it there",
        text);
  VEILSUM_ASSIGN_OR_RETURN(
      const SpiffeId id,
      SpiffeId::Client(domain, text.substr(0, slash), text.substr(slash + 1, equals - slash - 1)));
  return Member{id.ToString(), size};
}

absl::StatusOr<admin::v1::StartRunRequest> RequestOf(const RunArguments& arguments,
                                                     const client::LinkConfig& link) {
  std::map<std::string, std::uint64_t> members;  // in the order that the contract lists them in
  for (const std::string& text : arguments.members) {
    VEILSUM_ASSIGN_OR_RETURN(const Member member, ParseMember(text, link.tls->id.domain()));
    members[member.uri] = member.size_class;
  }
  admin::v1::StartRunRequest request;
  for (const auto& [uri, size_class] : members) {
    request.add_members(uri);
    request.add_size_classes(size_class);
  }
  request.set_colluders(arguments.colluders);
  request.set_min_survivors(arguments.min_survivors);
  request.set_seed(arguments.seed);
  return request;
}

absl::Status Start(const RunArguments& arguments) {
  VEILSUM_ASSIGN_OR_RETURN(model::Plan plan, model::ReadPlanFile(arguments.plan));
  VEILSUM_RETURN_IF_ERROR(model::CheckRunnable(plan));
  if (!arguments.start_from.empty()) {
    VEILSUM_ASSIGN_OR_RETURN(const StartPackage package,
                             StartPackage::Open(arguments.start_from, arguments.release_key));
    VEILSUM_RETURN_IF_ERROR(package.NameIn(plan));
  }
  VEILSUM_ASSIGN_OR_RETURN(const client::OperatorConfig config,
                           client::ReadOperatorConfig(arguments.config));
  VEILSUM_ASSIGN_OR_RETURN(admin::v1::StartRunRequest request, RequestOf(arguments, config.link));
  request.set_plan(model::PlanToJson(plan));
  VEILSUM_ASSIGN_OR_RETURN(const auto admin, client::AdminClient::Connect(config.link));
  VEILSUM_ASSIGN_OR_RETURN(const auto response, admin->StartRun(request));
  std::printf("%s\n", response.run_id().c_str());
  return absl::OkStatus();
}

using ShowProgress = void(const admin::v1::RunProgress&);

void InWords(const admin::v1::RunProgress& progress) {
  std::fprintf(stderr, "%s\n", ProgressLine(progress).c_str());
}
void AsJsonLine(const admin::v1::RunProgress& progress) {
  std::printf("%s\n", ProgressJson(progress).dump().c_str());
  std::fflush(stdout);
}

// Shows it to its end: every other state, and what is told at each step that `every` divides.
absl::StatusOr<admin::v1::RunProgress> Follow(client::AdminClient& admin, const std::string& run,
                                              ShowProgress& show = InWords,
                                              std::uint64_t every = 10) {
  admin::v1::RunProgress last;
  VEILSUM_RETURN_IF_ERROR(admin.WatchRun(run, [&](const auto& progress) {
    const bool shown = progress.state() != last.state() || progress.step() % every == 0;
    last = progress;
    if (shown) show(progress);
    return true;
  }));
  return last;
}

// OK when the run has finished.
absl::Status Watch(const RunArguments& arguments) {
  VEILSUM_ASSIGN_OR_RETURN(const auto admin, Connect(arguments));
  VEILSUM_ASSIGN_OR_RETURN(const admin::v1::RunProgress last,
                           arguments.json ? Follow(*admin, arguments.run, AsJsonLine, 1)
                                          : Follow(*admin, arguments.run));
  if (!arguments.json) {
    std::fprintf(stderr, "%s", GroupLines(last.evaluation()).c_str());
    std::printf("%s\n", last.state().c_str());
  }
  if (last.state() == "finished") return absl::OkStatus();
  return Aborted("the run is %s: %s", last.state(), last.reason());
}

absl::Status Stop(const RunArguments& arguments) {
  VEILSUM_ASSIGN_OR_RETURN(const auto admin, Connect(arguments));
  return admin->StopRun(arguments.run, arguments.reason);
}

absl::Status SaveModel(const RunArguments& arguments) {
  VEILSUM_ASSIGN_OR_RETURN(const auto admin, Connect(arguments));
  VEILSUM_ASSIGN_OR_RETURN(const Bytes model, admin->GetModel(arguments.run, {}, kModelLimit));
  return WriteFile(arguments.out, AsText(model));
}

class RunsOfOperator final : public TuningRuns {
 public:
  RunsOfOperator(client::AdminClient& admin, admin::v1::StartRunRequest request, SecureRng& rng)
      : admin_(admin), request_(std::move(request)), rng_(rng) {}

  // The same plan with the same seed would be the same run, of this tuning or of an earlier one:
  // each has a fresh seed.
  absl::StatusOr<Done> Run(const model::Plan& plan) override {
    request_.set_plan(model::PlanToJson(plan));
    request_.set_seed(UniformBelow(kSeeds, rng_));
    VEILSUM_ASSIGN_OR_RETURN(const auto started, admin_.StartRun(request_));
    const std::string& run = started.run_id();
    std::fprintf(stderr, "run %s of plan %s\n", run.c_str(), plan.name.c_str());
    VEILSUM_ASSIGN_OR_RETURN(const admin::v1::RunProgress last, Followed(run));
    if (last.state() != "finished")
      return Aborted("run %s is %s: %s", run, last.state(), last.reason());
    Done done{run, started.contract()};
    if (last.has_evaluation() && last.evaluation().unusable().empty())
      done.roc_auc = last.evaluation().roc_auc();
    std::fprintf(stderr, "run %s: %s\n", run.c_str(),
                 done.roc_auc ? absl::StrFormat("private ROC-AUC %.4f", *done.roc_auc).c_str()
                              : "no private ROC-AUC, noise hides the hold-outs");
    VEILSUM_ASSIGN_OR_RETURN(done.model, admin_.GetModel(run, {}, kModelLimit));
    return done;
  }

 private:
  // A coordinator that restarts goes on with its run.
  absl::StatusOr<admin::v1::RunProgress> Followed(const std::string& run) {
    for (int lost = 0;; ++lost) {
      absl::StatusOr<admin::v1::RunProgress> last = Follow(admin_, run);
      if (last.ok() || !absl::IsUnavailable(last.status()) || lost == kMostLost) return last;
      std::this_thread::sleep_for(std::chrono::seconds(1));
    }
  }

  static constexpr std::uint64_t kSeeds = std::uint64_t{1} << 53;  // exact as JSON numbers
  static constexpr int kMostLost = 300;
  client::AdminClient& admin_;
  admin::v1::StartRunRequest request_;
  SecureRng& rng_;
};

// What would be noticed after the last run only, when everything is spent.
absl::Status CheckWritable(const std::filesystem::path& out) {
  const std::filesystem::path folder = out.has_parent_path() ? out.parent_path() : ".";
  if (std::filesystem::is_directory(out) || access(folder.c_str(), W_OK) != 0)
    return InvalidArgument("--out: %s cannot be written", out.string());
  return absl::OkStatus();
}

absl::Status TuneAndSave(const RunArguments& arguments) {
  std::vector<model::Plan> plans;
  for (const std::string& file : arguments.plans) {
    VEILSUM_ASSIGN_OR_RETURN(model::Plan plan, model::ReadPlanFile(file));
    plans.push_back(std::move(plan));
  }
  VEILSUM_RETURN_IF_ERROR(CheckCandidates(plans));
  VEILSUM_RETURN_IF_ERROR(CheckWritable(arguments.out));
  VEILSUM_ASSIGN_OR_RETURN(const Rational eta, Rational::Parse(arguments.eta));
  VEILSUM_ASSIGN_OR_RETURN(const Rational gamma, Rational::Parse(arguments.gamma));
  VEILSUM_ASSIGN_OR_RETURN(const dp::RepeatCount count, dp::RepeatCount::Create(eta, gamma));
  VEILSUM_ASSIGN_OR_RETURN(const client::OperatorConfig config,
                           client::ReadOperatorConfig(arguments.config));
  VEILSUM_ASSIGN_OR_RETURN(admin::v1::StartRunRequest request, RequestOf(arguments, config.link));
  VEILSUM_ASSIGN_OR_RETURN(const auto admin, client::AdminClient::Connect(config.link));
  SystemRng rng;
  RunsOfOperator runs(*admin, std::move(request), rng);
  VEILSUM_ASSIGN_OR_RETURN(const Tuned tuned, Tune(plans, count, runs, rng));
  const TuningRuns::Done& best = tuned.runs[tuned.best];
  VEILSUM_RETURN_IF_ERROR(WriteFile(arguments.out, AsText(best.model)));
  std::fprintf(
      stderr,
      "%d runs (%.1f expected); all of them, as the coordinator sees them: epsilon %.4f at "
      "delta %g by Renyi\n",
      static_cast<int>(tuned.runs.size()), tuned.expected_runs, tuned.epsilon_all, tuned.delta);
  std::printf(
      "run %s of plan %s, private ROC-AUC %.4f\nto whoever sees this model alone: epsilon %.4f at "
      "delta %g\n",
      best.run_id.c_str(), plans[tuned.candidate[tuned.best]].name.c_str(), *best.roc_auc,
      tuned.epsilon_selected, tuned.delta);
  return absl::OkStatus();
}

CLI::App* AddCommand(CLI::App& parent, const char* name, const char* about,
                     absl::Status (*action)(const RunArguments&),
                     const std::shared_ptr<RunArguments>& arguments, Outcome& outcome) {
  CLI::App* command = parent.add_subcommand(name, about);
  command->add_option("--config", arguments->config, "operator.toml")
      ->type_name("FILE")
      ->required();
  command->callback([arguments, action, &outcome] { outcome = action(*arguments); });
  return command;
}

}  // namespace

void AddRunCommands(CLI::App& app, Outcome& outcome) {
  CLI::App* run = app.add_subcommand("run", "Runs: a plan being executed");
  run->require_subcommand(1);
  const auto arguments = std::make_shared<RunArguments>();
  CLI::App* start =
      AddCommand(*run, "start", "Start one and print its id", &Start, arguments, outcome);
  start->add_option("--plan", arguments->plan, "Plan, TOML")->type_name("FILE")->required();
  start->add_option("--member", arguments->members, "Once for each seat, with its size class")
      ->type_name("TENANT/NODE=SIZE")
      ->required();
  start->add_option("--seed", arguments->seed, "Of the initial weights")->capture_default_str();
  CLI::Option* from = start->add_option(
      "--start-from", arguments->start_from,
      "Release whose weights the run begins with; the coordinator has it in [transfer] packages");
  CLI::Option* key =
      start->add_option("--release-key", arguments->release_key, "That signs it, public, PEM");
  from->type_name("PKG")->needs(key);
  key->type_name("FILE")->needs(from);
  start->add_option("--min-survivors", arguments->min_survivors, "0: follows from the members");
  start->add_option("--colluders", arguments->colluders, "0: follows from the members");
  CLI::App* tune = AddCommand(
      *run, "tune",
      "Run plans a random number of times, each charged, and keep the best model; merchants run "
      "veilsum-client run --stay",
      &TuneAndSave, arguments, outcome);
  tune->add_option("--plan", arguments->plans, "Once for each candidate, TOML with [evaluation]")
      ->type_name("FILE")
      ->required();
  tune->add_option("--member", arguments->members, "Once for each seat, with its size class")
      ->type_name("TENANT/NODE=SIZE")
      ->required();
  tune->add_option("--gamma", arguments->gamma, "Of the number of runs: the smaller, the more")
      ->required();
  tune->add_option("--eta", arguments->eta, "Of the number of runs: 1 is geometric, 0 logarithmic")
      ->capture_default_str();
  tune->add_option("--min-survivors", arguments->min_survivors, "0: follows from the members");
  tune->add_option("--colluders", arguments->colluders, "0: follows from the members");
  tune->add_option("--out", arguments->out, "The kept model's bytes")
      ->type_name("FILE")
      ->required();
  const auto with_id = [&](CLI::App* command) {
    command->add_option("RUN", arguments->run, "As start printed it")->required();
    return command;
  };
  with_id(AddCommand(*run, "watch", "Follow one to its end", &Watch, arguments, outcome))
      ->add_flag("--json", arguments->json, "A JSON object a line on stdout; the last is the end");
  with_id(
      AddCommand(*run, "stop", "Stop one; what is spent stays spent", &Stop, arguments, outcome))
      ->add_option("--reason", arguments->reason)
      ->capture_default_str();
  with_id(
      AddCommand(*run, "model", "Save the latest model's bytes", &SaveModel, arguments, outcome))
      ->add_option("--out", arguments->out)
      ->type_name("FILE")
      ->required();
}

}  // namespace veilsum::cli
