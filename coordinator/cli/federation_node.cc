#include "coordinator/cli/federation_node.h"

#include <cstdlib>

#include "base/exit_code.h"
#include "base/file.h"
#include "coordinator/cli/node_files.h"
#include "coordinator/cli/round_spans.h"
#include "coordinator/cli/standby.h"
#include "coordinator/identity/postgres_tenants.h"
#include "coordinator/identity/sqlite_tenants.h"
#include "coordinator/store/archive.h"
#include "coordinator/store/postgres_run_store.h"
#include "model/ledger/ledger_writer.h"

namespace veilsum::coordinator {
namespace {

// Whoever is no longer sure to lead says nothing more: a run that seems to fail here goes on
// elsewhere. What was durable is, and nothing is half done.
void EndAtOnce(Log& log, const absl::Status& why) {
  log.Write("ends at once: " + std::string(why.message()),
            {.level = LogLevel::kError, .event = "lease"});
  std::_Exit(static_cast<int>(ExitCode::kTryAgain));
}

// Beside the store, or with one in PostgreSQL beside the ledger's key: of this coordinator alone.
std::filesystem::path ApprovalsOf(const CoordinatorConfig& config) {
  return (config.shared.url.empty() ? config.store : config.ledger_key).string() + ".approvals";
}

void CopyIfAsked(const std::filesystem::path& store_file, RunStore& store, Log& log) {
  const std::optional<absl::Status> copied = AnswerBackupRequest(store_file, store);
  if (!copied) return;
  log.Write(copied->ok() ? std::string("its store was copied") : std::string(copied->message()),
            {.level = copied->ok() ? LogLevel::kInfo : LogLevel::kError, .event = "backup"});
}

}  // namespace

FederationNode::FederationNode(CoordinatorConfig config, OwnIdentity identity, bool named)
    : config_(std::move(config)),
      identity_(std::move(identity)),
      root_(identity_.tls()->root),
      log_("veilsum-coordinator", /*tenant=*/"", config_.log, stderr,
           std::chrono::system_clock::now, named ? config_.federation : ""),
      metrics_(log_, named ? Labels{{"federation", config_.federation}} : Labels{}),
      listen_(config_.listen) {}

absl::StatusOr<std::unique_ptr<FederationNode>> FederationNode::Open(CoordinatorConfig config,
                                                                     bool named) {
  VEILSUM_ASSIGN_OR_RETURN(OwnIdentity identity, ReadIdentity(config));
  std::unique_ptr<FederationNode> node(
      new FederationNode(std::move(config), std::move(identity), named));
  VEILSUM_RETURN_IF_ERROR(node->Initialise());
  return node;
}

absl::Status FederationNode::Initialise() {
  metrics_.LeafEnds(identity_.tls()->chain().not_after());
  if (!config_.revoked.empty()) {
    VEILSUM_ASSIGN_OR_RETURN(revoked_, RevocationList::Open(config_.revoked));
  }
  deny_ = std::make_shared<DenyList>(revoked_);
  if (!config_.metrics.empty()) {
    VEILSUM_ASSIGN_OR_RETURN(shown_, metrics_.Serve(config_.metrics));
    log_.Write(absl::StrFormat("metrics on %s", WithPort(config_.metrics, shown_->port())),
               {.event = "start"});
  }
  if (!config_.traces.empty()) VEILSUM_RETURN_IF_ERROR(StartTraces());
  if (!config_.shared.url.empty()) return absl::OkStatus();
  VEILSUM_RETURN_IF_ERROR(OpenOwnStore());
  return Prepare();
}

absl::Status FederationNode::StartTraces() {
  SpanExporterParts parts;
  parts.endpoint = config_.traces;
  parts.resource = {{"service.name", "veilsum-coordinator"},
                    {"service.version", VEILSUM_VERSION},
                    {"veilsum.federation", config_.federation}};
  parts.dropped = [this](std::uint64_t count) { metrics_.SpansDropped(count); };
  parts.warning = [this](std::string_view why) {
    if (traces_refused_.IsDue("", std::chrono::steady_clock::now()))
      log_.Write(why, {.level = LogLevel::kWarning, .event = "traces"});
  };
  VEILSUM_ASSIGN_OR_RETURN(traces_, SpanExporter::Start(std::move(parts)));
  return absl::OkStatus();
}

absl::Status FederationNode::Run(const std::shared_future<void>& stop) {
  if (store_ == nullptr) {
    VEILSUM_ASSIGN_OR_RETURN(const bool leads, OpenSharedStore(stop));
    if (!leads) return absl::OkStatus();
    VEILSUM_RETURN_IF_ERROR(Prepare());
  }
  VEILSUM_RETURN_IF_ERROR(Listen());
  while (stop.wait_for(std::chrono::seconds(1)) == std::future_status::timeout) EverySecond();
  log_.Write("shuts down", {.event = "stop"});
  server_->Shutdown(std::chrono::seconds(2));
  engine_->Shutdown();
  return absl::OkStatus();
}

RpcServerConfig FederationNode::Rpc() {
  RpcServerConfig rpc;
  rpc.listen = listen_;
  rpc.tls = identity_.tls();
  rpc.reload = identity_.Watched();
  rpc.deny = deny_;
  rpc.observer = &metrics_;
  rpc.limits.uploads_admitted = config_.uploads_admitted;
  const auto calls = static_cast<double>(config_.tenant_calls);
  rpc.limits.tenant_calls = {calls, 2 * calls};
  rpc.limits.tenant_streams = static_cast<std::size_t>(config_.tenant_streams);
  rpc.limits.memory_bytes = static_cast<std::size_t>(config_.memory_mib) << 20;
  return rpc;
}

std::function<void(std::chrono::nanoseconds)> FederationNode::OnCommit() {
  return [this](std::chrono::nanoseconds took) { metrics_.TransactionTook(took); };
}

absl::Status FederationNode::OpenOwnStore() {
  SqliteRunStoreOptions options;
  options.on_commit = OnCommit();
  VEILSUM_ASSIGN_OR_RETURN(options.ledger, LedgerOf(config_, *identity_.tls(), rng_, nullptr));
  VEILSUM_ASSIGN_OR_RETURN(store_, OpenSqliteRunStore(config_.store, options));
  if (!config_.issuer.empty()) {
    VEILSUM_ASSIGN_OR_RETURN(tenants_, OpenSqliteTenants(config_.records));
  }
  return absl::OkStatus();
}

// What an older program had as files is taken over.
absl::Status FederationNode::OpenSharedTenants(std::uint64_t term) {
  if (config_.issuer.empty()) return absl::OkStatus();
  VEILSUM_ASSIGN_OR_RETURN(
      tenants_, OpenPostgresTenants(config_.shared, term,
                                    [this](const absl::Status& why) { EndAtOnce(log_, why); }));
  if (config_.records.empty()) return absl::OkStatus();
  return MoveSqliteTenants(config_.records, identity_.tls()->id, *tenants_);
}

absl::StatusOr<bool> FederationNode::OpenSharedStore(const std::shared_future<void>& stop) {
  metrics_.Leads(false);
  StandbyParts parts;
  parts.place = config_.shared;
  parts.rpc = Rpc();
  parts.advertise = config_.advertise;
  parts.fit = [this](PostgresLease& lease) { return FitToLead(config_, lease); };
  parts.listening = [this](const std::string& address) { return TellPort(address); };
  VEILSUM_ASSIGN_OR_RETURN(std::unique_ptr<PostgresLease> lease,
                           AwaitLease(parts, stop, log_, listen_));
  if (lease == nullptr) return false;
  PostgresRunStoreOptions options;
  VEILSUM_ASSIGN_OR_RETURN(options.ledger, LedgerOf(config_, *identity_.tls(), rng_, lease.get()));
  log_.Write(absl::StrFormat("leads, in term %d", lease->term()), {.event = "lease"});
  options.on_commit = OnCommit();
  options.on_lost = [this](const absl::Status& why) { EndAtOnce(log_, why); };
  const std::uint64_t term = lease->term();
  VEILSUM_ASSIGN_OR_RETURN(store_, OpenPostgresRunStore(std::move(lease), options));
  VEILSUM_RETURN_IF_ERROR(OpenSharedTenants(term));
  metrics_.Leads(true);
  return true;
}

absl::Status FederationNode::Prepare() {
  log_.Write(absl::StrFormat("ledger %s has %d entries", ledger::LedgerOrigin(config_.federation),
                             store_->ledger()->Head().size),
             {.event = "start"});
  metrics_.Watch(*store_, config_.store);
  if (!config_.releases.empty()) metrics_.WatchReleases(config_.releases);
  verifier_ = std::make_unique<secure_agg::PinnedRootVerifier>(
      root_, [] { return std::chrono::system_clock::now(); }, revoked_);
  if (!config_.issuer.empty()) {
    VEILSUM_ASSIGN_OR_RETURN(
        enrolment_, Enrolment::Open(config_, std::move(tenants_), *identity_.tls(), *deny_));
  }
  VEILSUM_ASSIGN_OR_RETURN(engine_, RunEngine::Start(EngineParts()));
  VEILSUM_ASSIGN_OR_RETURN(records_, RecordOffice::Open(
                                         ApprovalsOf(config_),
                                         [this](const LedgerAppender::Make& make) {
                                           return engine_->AppendEntries(make);
                                         },
                                         *store_->ledger()));
  return absl::OkStatus();
}

RunEngineParts FederationNode::EngineParts() {
  RunEngineParts parts;
  parts.federation = {config_.federation, root_.Fingerprint()};
  parts.store = store_.get();
  parts.verifier = verifier_.get();
  parts.rng = &rng_;
  if (!config_.transfer_packages.empty())
    parts.releases = &shelf_.emplace(config_.transfer_packages, config_.transfer_key);
  parts.clock = &clock_;
  parts.max_runs = config_.max_runs;
  parts.log = [this](std::string_view line) { log_.Write(line, {.event = "run"}); };
  parts.round_ended = [this](const RoundFigures& figures) {
    metrics_.RoundEnded(figures);
    if (traces_ != nullptr)
      for (Span& span : SpansOf(figures, std::chrono::system_clock::now()))
        traces_->Add(std::move(span));
    if (config_.log == LogFormat::kJson)
      log_.Write(figures.run_id + (figures.committed ? ": committed" : ": aborted"),
                 {.event = "round", .round = figures.round});
  };
  if (traces_ != nullptr)
    parts.setup_ended = [this](const SetupFigures& figures) {
      traces_->Add(SpanOf(figures, std::chrono::system_clock::now()));
    };
  return parts;
}

absl::Status FederationNode::Listen() {
  RpcServerConfig rpc = Rpc();
  rpc.records = records_.get();
  rpc.releases = config_.releases;
  rpc.office = enrolment_ == nullptr ? nullptr : enrolment_->office();
  if (traces_ != nullptr)
    rpc.answered = [this](std::string_view method, int code, std::chrono::nanoseconds took) {
      traces_->Add(
          SpanOfCall(method, code, took, ++calls_answered_, std::chrono::system_clock::now()));
    };
  VEILSUM_ASSIGN_OR_RETURN(server_, RpcServer::Start(rpc, *engine_, *engine_));
  listen_ = WithPort(listen_, server_->port());
  dialled_ = config_.advertise.empty() ? listen_ : config_.advertise;
  if (enrolment_ != nullptr) VEILSUM_RETURN_IF_ERROR(enrolment_->Listen(identity_.tls(), dialled_));
  log_.Write("listens on " + listen_, {.event = "start"});
  return TellPort(listen_);
}

absl::Status FederationNode::TellPort(const std::string& address) const {
  return config_.port_file.empty() ? absl::OkStatus()
                                   : WriteFile(config_.port_file, address + "\n");
}

void FederationNode::EverySecond() {
  if (config_.shared.url.empty()) CopyIfAsked(config_.store, *store_, log_);
  if (enrolment_ != nullptr) RenewOwnLeaf();
}

void FederationNode::RenewOwnLeaf() {
  const auto renewed =
      identity_.RenewIfDue(*enrolment_->office(), std::chrono::system_clock::now());
  if (!renewed.ok())
    return log_.Write(
        "its own certificate could not be renewed: " + std::string(renewed.status().message()),
        {.level = LogLevel::kError, .event = "certificate"});
  if (!*renewed) return;
  log_.Write("its own certificate is renewed", {.event = "certificate"});
  metrics_.LeafEnds(identity_.tls()->chain().not_after());
  if (const absl::Status again = enrolment_->Listen(identity_.tls(), dialled_); !again.ok())
    log_.Write(std::string(again.message()), {.level = LogLevel::kError});
}

}  // namespace veilsum::coordinator
