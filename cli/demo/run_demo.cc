#include "cli/demo/run_demo.h"

#include <cstdio>
#include <filesystem>

#include "base/crypto/sha256.h"
#include "base/file.h"
#include "base/pki/credentials.h"
#include "cli/demo/audit/audit_bundle.h"
#include "cli/demo/release/release_model.h"
#include "cli/demo/report/assemble.h"
#include "cli/demo/report/privacy_facts.h"
#include "cli/demo/report/report_html.h"
#include "cli/demo/report/report_json.h"
#include "cli/demo/report/result_table.h"
#include "cli/demo/run/admin_run_control.h"
#include "cli/demo/run/follow_run.h"
#include "cli/demo/run/processes.h"
#include "cli/demo/setup/preflight.h"
#include "cli/demo/setup/scenario.h"
#include "client/train/cpu/cpu_trainer.h"
#include "model/contract/privacy_terms.h"
#include "model/contract/run_contract.h"
#include "model/init.h"
#include "model/plan/aggregation.h"
#include "model/safetensors.h"
#include "model/transfer.h"

namespace veilsum::cli {
namespace {

namespace fs = std::filesystem;
constexpr const char* kDomain = "demo.veilsum";
constexpr std::chrono::seconds kReconnectPatience{30};

// Example plans lie in the source tree beside the build, or where an installation puts them.
fs::path ExamplesFor(const fs::path& self) {
  const fs::path installed = self.parent_path().parent_path() / "share/veilsum/examples";
  if (fs::exists(installed)) return installed;
  return (self.parent_path() / "../../../deploy/examples").lexically_normal();
}

class Demo {
 public:
  Demo(const DemoOptions& options, const std::string& version)
      : options_(options),
        version_(version),
        self_(fs::read_symlink("/proc/self/exe")),
        line_(stderr, clock_) {}

  Outcome Run() {
    absl::StatusOr<OutputFolder> out = OutputFolder::Open(options_.out);
    if (!out.ok())
      return absl::IsUnavailable(out.status()) ? Outcome(out.status())
                                               : Outcome::Usage(out.status());
    if (Outcome ready = PrepareScenario(options_, *out, ExamplesFor(self_), scenario_);
        !ready.status.ok())
      return ready;
    const absl::StatusOr<Programs> programs = Programs::Beside(self_);
    if (!programs.ok()) return programs.status();
    DemoProcesses processes(*programs, out->logs(), stop_, line_);
    const absl::StatusOr<Report> report = Train(*programs, *out, processes);
    if (!report.ok()) return Failure(report.status());
    if (absl::Status written = Publish(*report, *out); !written.ok()) return written;
    return Ending(*report);
  }

 private:
  Outcome Failure(const absl::Status& status) const {
    if (stop_.raised()) return {absl::CancelledError(stop_.reason()), ExitCode::kFailed};
    return {status, status.code() == absl::StatusCode::kFailedPrecondition ? ExitCode::kFailed
                                                                           : ExitCodeOf(status)};
  }

  static Outcome Ending(const Report& report) {
    if (report.outcome == "finished") return {};
    if (report.outcome == "stopped" && report.model.sha256) return {};
    return {FailedPrecondition("the run %s%s%s", report.outcome, report.reason.empty() ? "" : ": ",
                               report.reason),
            ExitCode::kFailed};
  }

  absl::StatusOr<Report> Train(const Programs& programs, const OutputFolder& out,
                               DemoProcesses& processes) {
    VEILSUM_ASSIGN_OR_RETURN(Federation federation, LayOut(SpecFor(out)));
    VEILSUM_RETURN_IF_ERROR(HandOverStart(federation));
    VEILSUM_ASSIGN_OR_RETURN(const std::string address, processes.StartCoordinator(federation));
    VEILSUM_RETURN_IF_ERROR(PinAddress(federation, address));
    VEILSUM_RETURN_IF_ERROR(Preflight(programs, out, federation));
    VEILSUM_ASSIGN_OR_RETURN(const model::ResolvedAggregation aggregation,
                             Aggregation(federation.seats.size()));
    VEILSUM_RETURN_IF_ERROR(PinAddress(federation, address));
    VEILSUM_ASSIGN_OR_RETURN(const auto scorer,
                             HoldoutScorer::Load(scenario_.plan, scenario_.seats));
    VEILSUM_RETURN_IF_ERROR(processes.StartClients(federation));
    VEILSUM_ASSIGN_OR_RETURN(const auto control, Connect(federation, address));
    const FollowContext context{.control = *control,
                                .scorer = *scorer,
                                .stop = stop_,
                                .line = line_,
                                .clock = clock_,
                                .is_private = scenario_.plan.is_private(),
                                .on_score = [&processes] { processes.SampleMemory(); }};
    VEILSUM_ASSIGN_OR_RETURN(const FollowedRun run,
                             FollowRun(context, RequestFor(federation, aggregation)));
    processes.SampleMemory();
    processes.AwaitClients();
    VEILSUM_ASSIGN_OR_RETURN(Report report, Assemble(run, *scorer, out));
    if (report.outcome == "finished" && scenario_.plan.is_private()) {
      VEILSUM_RETURN_IF_ERROR(Release(federation, address, out, *scorer, report));
      VEILSUM_RETURN_IF_ERROR(processes.WitnessAgain(federation));
    }
    processes.Stop();
    AddLedger(federation, out, report);
    if (!report.cost.coordinator_peak_rss_bytes)
      report.cost.coordinator_peak_rss_bytes = processes.coordinator_peak();
    report.cost.client_peak_rss_bytes = processes.client_peak();
    return report;
  }

  absl::Status HandOverStart(const Federation& federation) const {
    if (!scenario_.start) return absl::OkStatus();
    const fs::path folder = federation.spec.root / "releases";
    VEILSUM_RETURN_IF_ERROR(
        release::WritePackage(scenario_.start->files, folder / scenario_.start->digest()));
    return WriteFile(folder / "release.pub.pem", scenario_.start->key);
  }

  absl::StatusOr<model::ModelVector> FirstModel(const model::Layout& layout) const {
    if (!scenario_.start)
      return model::InitialModel(layout, options_.seed, model::HeadsOf(scenario_.plan));
    const release::Release& earlier = scenario_.start->release;
    return model::StartFrom(earlier.plan, earlier.model, scenario_.plan, options_.seed);
  }

  // While the coordinator still serves: its ledger tells of the release.
  absl::Status Release(const Federation& federation, const std::string& address,
                       const OutputFolder& out, const HoldoutScorer& scorer, Report& report) {
    line_.Say("releasing the model: canary at one merchant, then everybody");
    ReleaseRequest request{.out = out.path(),
                           .report = Json::parse(ReportJson(report).dump()),
                           .plan = scenario_.plan,
                           .federation = kDomain,
                           .version = version_,
                           .auc_of = [&](const model::ModelVector& model) -> std::optional<double> {
                             const auto score = scorer.Of(model::ModelBytes(model));
                             return score.ok() ? score->pooled.roc_auc : std::nullopt;
                           }};
    VEILSUM_ASSIGN_OR_RETURN(request.starting, FirstModel(scorer.layout()));
    for (const SeatFiles& seat : federation.seats)
      request.seats.push_back({seat.name, seat.uri, seat.folders});
    std::vector<std::unique_ptr<client::AdminClient>> admins;
    for (const IdentityFiles& files : {federation.operator_identity, federation.second_operator}) {
      VEILSUM_ASSIGN_OR_RETURN(const client::LinkConfig config, LinkOf(federation, files, address));
      VEILSUM_ASSIGN_OR_RETURN(std::unique_ptr<client::AdminClient> admin,
                               client::AdminClient::Connect(config));
      request.operators.push_back({config.tls->id.ToString(), admin.get()});
      admins.push_back(std::move(admin));
    }
    VEILSUM_ASSIGN_OR_RETURN(report.release, ReleaseModel(request));
    return absl::OkStatus();
  }

  FederationSpec SpecFor(const OutputFolder& out) const {
    const model::Plan& plan = scenario_.plan;
    FederationSpec spec{.root = out.federation(), .domain = kDomain, .seats = scenario_.seats};
    spec.no_privacy = !plan.is_private();
    if (plan.is_private())
      // In merchant mode a customer's epsilon is that of twice the sensitivity: below four times,
      // or there is none and the coordinator refuses the plan (DP-20).
      spec.epsilon_cap =
          plan.privacy.epsilon.ToDouble() * (plan.training.mode == model::Mode::kMerchant ? 4 : 1),
      spec.delta_cap = plan.privacy.delta.ToDouble();
    spec.plan_sha256 = scenario_.plan_sha256;
    spec.plan_json = scenario_.plan_json;
    spec.drop_fraction = options_.drop;
    spec.drop_seed = options_.seed;
    spec.releases = scenario_.start.has_value();
    return spec;
  }

  // Leaves out seats that are too small, in the federation and in the scenario alike.
  absl::Status Preflight(const Programs& programs, const OutputFolder& out,
                         Federation& federation) {
    std::vector<PreflightSeat> asked;
    for (const SeatFiles& seat : federation.seats) asked.push_back({seat.name, seat.config});
    VEILSUM_ASSIGN_OR_RETURN(const auto verdicts,
                             RunPreflights(programs.client, asked, out.logs(), stop_.fd()));
    for (std::size_t i = 0; i < verdicts.size(); ++i) {
      if (verdicts[i].kind != PreflightVerdict::Kind::kTooSmall) continue;
      declined_.push_back(DeclinedLine(asked[i].name, verdicts[i]));
      line_.Say(declined_.back());
    }
    VEILSUM_RETURN_IF_ERROR(CheckVerdicts(asked, verdicts));
    std::vector<SeatFiles> seats;
    std::vector<client::Seat> folders;
    for (std::size_t i = 0; i < verdicts.size(); ++i) {
      if (verdicts[i].kind != PreflightVerdict::Kind::kEligible) continue;
      seats.push_back(federation.seats[i]);
      folders.push_back(scenario_.seats[i]);
      size_classes_.push_back(verdicts[i].size_class);
    }
    federation.seats = std::move(seats);
    scenario_.seats = std::move(folders);
    return absl::OkStatus();
  }

  // Of a plan with cohorts all zero: the thresholds of each are the coordinator's to resolve.
  absl::StatusOr<model::ResolvedAggregation> Aggregation(std::size_t members) {
    if (scenario_.plan.cohorts) {
      line_.Say(
          absl::StrFormat("%d merchants in %d cohorts", members, scenario_.plan.cohorts->count));
      return model::ResolvedAggregation{static_cast<std::uint32_t>(members), 0, 0, 0};
    }
    VEILSUM_ASSIGN_OR_RETURN(const auto aggregation,
                             model::ResolveAggregation(scenario_.plan.aggregation,
                                                       static_cast<std::uint32_t>(members), 1));
    line_.Say(absl::StrFormat(
        "%d merchants, at least %d survivors a round, up to %d colluding with the coordinator",
        members, aggregation.min_survivors, aggregation.colluders));
    if (aggregation.small())
      line_.Say("warning: with fewer than 5 merchants a sum says much about each of them");
    return aggregation;
  }

  static absl::StatusOr<client::LinkConfig> LinkOf(const Federation& f, const IdentityFiles& files,
                                                   const std::string& address) {
    VEILSUM_ASSIGN_OR_RETURN(TlsIdentity tls,
                             LoadTlsIdentity(files.root, files.certificate, files.key,
                                             std::chrono::system_clock::now()));
    client::LinkConfig config;
    config.target = address;
    config.coordinator_id = f.coordinator_uri;
    config.tls = std::make_shared<const TlsIdentity>(std::move(tls));
    return config;
  }

  absl::StatusOr<std::unique_ptr<RunControl>> Connect(const Federation& f,
                                                      const std::string& address) {
    VEILSUM_ASSIGN_OR_RETURN(const client::LinkConfig config,
                             LinkOf(f, f.operator_identity, address));
    return ConnectRunControl(config, kReconnectPatience, stop_.fd());
  }

  // Members in increasing order of their URIs, as the contract lists them, with their size classes.
  admin::v1::StartRunRequest RequestFor(const Federation& f,
                                        const model::ResolvedAggregation& aggregation) const {
    std::map<std::string, std::uint64_t> members;
    for (std::size_t i = 0; i < f.seats.size(); ++i) members[f.seats[i].uri] = size_classes_[i];
    admin::v1::StartRunRequest request;
    request.set_plan(scenario_.plan_json);
    for (const auto& [uri, size_class] : members) {
      request.add_members(uri);
      request.add_size_classes(size_class);
    }
    request.set_colluders(aggregation.colluders);
    request.set_min_survivors(aggregation.min_survivors);
    request.set_seed(options_.seed);
    return request;
  }

  std::string StartNote(const StartPackage& start) const {
    const release::Manifest& manifest = start.release.manifest;
    std::string note = absl::StrFormat("The run began with the weights of release %s (%s %s).",
                                       start.digest(), manifest.model_id, manifest.version);
    if (scenario_.plan.is_private())
      note += " Customers who were in that run too have both claims together, not this one alone.";
    return note;
  }

  absl::StatusOr<Report> Assemble(const FollowedRun& run, const HoldoutScorer& scorer,
                                  const OutputFolder& out) {
    Report report = ReportOfRun(scenario_, run, scenario_.seats.size(), declined_);
    report.seed = options_.seed;
    if (run.interrupted) report.reason = stop_.reason();
    if (scenario_.start) report.notes.push_back(StartNote(*scenario_.start));
    report.environment = {.engine = absl::StrFormat("cpu/%s", client::CpuEnginePath()),
                          .device = "x86-64 CPU",
                          .version = version_,
                          .threads = 1};
    VEILSUM_ASSIGN_OR_RETURN(const model::RunContract contract,
                             model::ContractFromJson(run.contract));
    VEILSUM_ASSIGN_OR_RETURN(
        report.privacy,
        PrivacyFactsOf(scenario_.plan, contract, {run.last.step(), run.last.attempts()}));
    for (const model::SumSpec& sum : contract.sums)
      if (sum.purpose == "train")
        report.cost.plain_bytes_per_client_round = sum.dimension * sum.bits / 8;
    report.cost.padding_overhead = Padding(scorer);
    if (run.model) VEILSUM_RETURN_IF_ERROR(AddModel(run, scorer, contract, out, report));
    if (run.score && run.model)
      VEILSUM_RETURN_IF_ERROR(AddQuality(*run.score, *run.model, scorer, report));
    if (contract.is_private && run.last.has_evaluation())
      AddEvaluation(run.last.evaluation(), report.quality);
    return report;
  }

  std::optional<double> Padding(const HoldoutScorer& scorer) const {
    std::vector<std::uint64_t> customers;
    for (std::size_t i = 0; i < size_classes_.size(); ++i)
      customers.push_back(scorer.TrainingCustomers(i));
    return PaddingOverhead(scenario_.plan, size_classes_, customers);
  }

  absl::Status AddModel(const FollowedRun& run, const HoldoutScorer& scorer,
                        const model::RunContract& contract, const OutputFolder& out,
                        Report& report) {
    VEILSUM_ASSIGN_OR_RETURN(const model::ModelVector model,
                             model::ParseModelBytes(*run.model, scorer.layout().size()));
    const Bytes file =
        model::WriteSafetensors(scorer.layout(), model,
                                {{"plan", scenario_.plan.name},
                                 {"plan_sha256", scenario_.plan_sha256},
                                 {"run_id", contract.run_id},
                                 {"step", std::to_string(run.last.step())},
                                 {"private", contract.is_private ? "true" : "false"}});
    VEILSUM_RETURN_IF_ERROR(WriteFile(out.path() / "model.safetensors", AsText(file)));
    final_model_ = FinalModel{.hash = model::ModelHash(model), .safetensors = file};
    report.model = {.version = run.last.step(),
                    .sha256 = HexEncode(Sha256(ByteView(file))),
                    .files = {"model.safetensors"}};
    return absl::OkStatus();
  }

  // Evidence for an auditor, and what it says when it is verified from its files alone.
  // A model without its evidence is still a result: the report then says that it is not verified.
  void AddLedger(const Federation& federation, const OutputFolder& out, Report& report) {
    const absl::StatusOr<AuditFacts> facts =
        WriteAuditBundle(federation, out.path() / "audit", final_model_);
    report.ledger.verified = facts.ok() && facts->finding.empty();
    if (!facts.ok() || !facts->finding.empty())
      report.notes.push_back(
          absl::StrFormat("The ledger does not verify: %s.",
                          facts.ok() ? facts->finding : std::string(facts.status().message())));
    if (!facts.ok()) return;
    report.ledger.size = facts->size;
    report.ledger.root = facts->root;
    report.notes.push_back(absl::StrFormat(
        "audit/ has the ledger's evidence; %d of %d merchants cosigned its last head. Its trust "
        "policy is written from their stores by the demo, with one local auditor: a real auditor "
        "asks the merchants for it.",
        facts->cosigned, federation.seats.size()));
  }

  absl::Status AddQuality(const Score& score, ByteView joint, const HoldoutScorer& scorer,
                          Report& report) {
    line_.Say("training each merchant alone, for comparison");
    const auto alone = scorer.TrainedAlone(options_.seed, joint, [this] { return stop_.raised(); });
    if (!alone.ok() && !absl::IsCancelled(alone.status())) return alone.status();
    report.quality = QualityOf(scenario_.plan, score, scorer.names(),
                               alone.ok() ? *alone : std::vector<std::optional<double>>{});
    return absl::OkStatus();
  }

  absl::Status Publish(const Report& report, const OutputFolder& out) {
    const std::string json = ReportJson(report).dump(2) + "\n";
    VEILSUM_RETURN_IF_ERROR(WriteFile(out.path() / "report.json", json));
    VEILSUM_RETURN_IF_ERROR(WriteFile(out.path() / "report.html", ReportHtml(report)));
    std::fputs(options_.json ? json.c_str() : ResultTable(report).c_str(), stdout);
    std::fflush(stdout);
    line_.Say("report: " + (out.path() / "report.html").string());
    return absl::OkStatus();
  }

  const DemoOptions& options_;
  const std::string& version_;
  const fs::path self_;
  StopSignal stop_;
  SteadyClock clock_;
  ProgressLine line_;
  Scenario scenario_;
  std::vector<std::string> declined_;
  std::vector<std::uint64_t> size_classes_;
  std::optional<FinalModel> final_model_;
};

}  // namespace

Outcome RunDemo(const DemoOptions& options, const std::string& version) {
  return Demo(options, version).Run();
}

}  // namespace veilsum::cli
