// The `veilsum-audit` program: checks the evidence of a federation's ledger, and needs neither a
// network nor trust in whoever hands it over. Wires subcommands, nothing else.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <iostream>

#include "base/file.h"
#include "base/pki/key_file.h"
#include "base/process.h"
#include "cli/audit/audit_html.h"
#include "cli/audit/audit_report.h"
#include "cli/audit/ledger_views.h"
#include "cli/audit/no_sockets.h"

namespace {

using namespace veilsum;

struct Flags {
  cli::AuditOptions audit;
  std::filesystem::path report, sign_key, a, b;
  std::string time, run, kind;
  std::uint64_t round = 0;
  bool json = false;
};

int Fail(const absl::Status& status) {
  std::cerr << "veilsum-audit: " << status.message() << "\n";
  return static_cast<int>(absl::IsInternal(status) ? ExitCode::kInternal : ExitCode::kFailed);
}

void ShowProgress(cli::AuditOptions& options) {
  const bool redraws = isatty(STDERR_FILENO) != 0;
  options.progress = [redraws](std::uint64_t entries, std::uint64_t all) {
    if (redraws)
      std::fprintf(stderr, "\rveilsum-audit: %llu of %llu entries\x1b[K%s",
                   static_cast<unsigned long long>(entries), static_cast<unsigned long long>(all),
                   all - entries < 4096 ? "\n" : "");
    else if (entries % 32768 == 0)
      std::fprintf(stderr, "veilsum-audit: %llu of %llu entries\n",
                   static_cast<unsigned long long>(entries), static_cast<unsigned long long>(all));
  };
}

absl::Status WriteReports(const Flags& flags, const cli::Audit& audit,
                          const std::optional<Ed25519Signer>& signer) {
  std::error_code error;
  std::filesystem::create_directories(flags.report, error);
  if (error) return Unavailable("%s: %s", flags.report.string(), error.message());
  std::string time = !flags.time.empty()        ? flags.time
                     : !audit.last_time.empty() ? audit.last_time
                                                : "1970-01-01T00:00:00.000Z";
  VEILSUM_RETURN_IF_ERROR(WriteFile(flags.report / "report.json", cli::AuditJson(audit)));
  VEILSUM_RETURN_IF_ERROR(WriteFile(flags.report / "report.html", cli::AuditHtml(audit)));
  const std::string result = cli::AuditResultJson(audit, VEILSUM_VERSION, time);
  if (!signer)
    std::cerr << "veilsum-audit: result.intoto.json is not signed: nobody vouches for it "
                 "(--sign-key)\n";
  return WriteFile(flags.report / "result.intoto.json",
                   signer ? cli::SignedAuditResult(result, *signer) : result);
}

int Verify(Flags& flags) {
  std::optional<Ed25519Signer> signer;
  if (!flags.sign_key.empty()) {
    absl::StatusOr<Ed25519Signer> key = ReadKeyFile(flags.sign_key);
    if (!key.ok()) return Fail(key.status());
    signer.emplace(*std::move(key));
  }
  ShowProgress(flags.audit);
  const absl::StatusOr<cli::Audit> audit = cli::RunAudit(flags.audit);
  if (!audit.ok()) return Fail(audit.status());
  if (!flags.report.empty())
    if (const absl::Status written = WriteReports(flags, *audit, signer); !written.ok())
      return Fail(written);
  std::cout << (flags.json ? cli::AuditJson(*audit) + "\n" : cli::AuditSummary(*audit))
            << std::flush;
  return static_cast<int>(audit->exit_code());
}

int Explain(Flags& flags) {
  cli::RoundStory story(flags.round, flags.run);
  flags.audit.watcher = &story;
  const absl::StatusOr<cli::Audit> audit = cli::RunAudit(flags.audit);
  if (!audit.ok()) return Fail(audit.status());
  if (story.empty()) return Fail(NotFound("the ledger says nothing about round %d", flags.round));
  std::cout << (flags.json ? story.ToJson().dump() + "\n" : story.ToText()) << std::flush;
  if (audit->exit_code() != ExitCode::kDone)
    std::cerr << "veilsum-audit: the evidence does not pass: see veilsum-audit verify\n";
  return static_cast<int>(audit->exit_code());
}

int Export(Flags& flags) {
  std::optional<cli::EntryTable> entries;
  if (flags.kind == "csv") flags.audit.watcher = &entries.emplace(std::cout);
  const absl::StatusOr<cli::Audit> audit = cli::RunAudit(flags.audit);
  if (!audit.ok()) return Fail(audit.status());
  if (flags.kind == "registry") std::cout << cli::RegistryYaml(*audit);
  if (flags.kind == "ropa") std::cout << cli::RecordsOfProcessing(*audit);
  std::cout << std::flush;
  if (audit->exit_code() != ExitCode::kDone)
    std::cerr << "veilsum-audit: the evidence does not pass: see veilsum-audit verify\n";
  return static_cast<int>(audit->exit_code());
}

int Diff(const Flags& flags) {
  const absl::StatusOr<ledger::Bundle> a = ledger::Bundle::Open(flags.a),
                                       b = ledger::Bundle::Open(flags.b);
  if (!a.ok()) return Fail(a.status());
  if (!b.ok()) return Fail(b.status());
  const absl::StatusOr<cli::LogDifference> difference = cli::CompareLogs(*a, *b);
  if (!difference.ok()) return Fail(difference.status());
  std::cout << cli::DifferenceText(*difference) << std::flush;
  return static_cast<int>(difference->forked() ? ExitCode::kFindings : ExitCode::kDone);
}

void AddEvidence(CLI::App& command, cli::AuditOptions& options) {
  command.add_option("--bundle", options.bundle, "folder with the evidence (docs/audit.md)")
      ->required();
  command.add_option("--trust", options.trust,
                     "trust policy (c2sp.org/tlog-policy) that somebody you trust gave you; "
                     "several must all be met. Without it, the bundle's own");
  command.add_option("--previous", options.previous,
                     "checkpoint that a tenant or an earlier audit kept: the log must continue it");
  command.add_option("--receipts", options.receipts,
                     "folder of <tenant>/<client>/<leaf>.json that tenants gave you");
  command.add_option("--disclosures", options.disclosures,
                     "folder of <tenant>/<digest>.json: hidden values that tenants show you");
  command.add_option("--seat", options.seats,
                     "signing certificate (PEM) of a seat of your own: the ledger must know no "
                     "other key for your tenant; once for each of your seats");
}

}  // namespace

int main(int argc, char** argv) {
  InitialiseProcess();
  if (const absl::Status closed = cli::ForbidSockets(); !closed.ok()) return Fail(closed);
  const std::string version = VEILSUM_VERSION;
  CLI::App app(
      "Checks the privacy ledger of a federation offline: signatures and witnesses, every entry, "
      "the privacy loss by two accountants, receipts, and where models came from. Opens no socket: "
      "the kernel forbids it.",
      "veilsum-audit");
  app.set_version_flag("--version", "veilsum-audit " + version);
  app.require_subcommand(1);
  app.footer(
      "Exit codes: 0 every mandatory step passed, 1 could not run, 2 findings, 3 evidence "
      "incomplete,\n64 wrong use, 70 our bug.\n\n"
      "Examples:\n"
      "  veilsum-audit verify --bundle D --report out\n"
      "  veilsum-audit verify --bundle D --trust mine.policy --previous last_year.checkpoint\n"
      "  veilsum-audit explain --bundle D --round 7\n"
      "  veilsum-audit export registry --bundle D > deployment.yaml\n"
      "  veilsum-audit diff last_year D");
  Flags flags;
  int result = 0;
  CLI::App* verify = app.add_subcommand("verify", "Audits a bundle and says what was found");
  AddEvidence(*verify, flags.audit);
  verify->add_option(
      "--report", flags.report,
      "folder for report.json, report.html and result.intoto.json: the same evidence "
      "gives the same bytes");
  verify->add_option("--time", flags.time,
                     "time of the audit (RFC 3339) in result.intoto.json; default: the last "
                     "entry's");
  verify
      ->add_option("--sign-key", flags.sign_key,
                   "the auditor's Ed25519 key (PKCS#8 PEM, mode 0600): signs result.intoto.json, a "
                   "DSSE envelope then; without it nobody has signed the result")
      ->needs("--report");
  verify->add_flag("--json", flags.json, "report.json on stdout");
  verify->footer(
      "Steps 1 to 7 are mandatory: trust anchors, evidence, log, entries, privacy loss, receipts,\n"
      "models. Steps 8 to 10 (implementation, empirical privacy, governance) are not claimed.\n"
      "Take the trust policy from two tenants, not from the bundle: without --trust the audit "
      "shows\n"
      "only that the bundle agrees with itself.");
  verify->callback([&] { result = Verify(flags); });
  CLI::App* explain = app.add_subcommand("explain", "What the ledger says about one round");
  AddEvidence(*explain, flags.audit);
  explain->add_option("--round", flags.round, "round number")->required();
  explain->add_option("--run", flags.run, "run id, or the beginning of a contract hash");
  explain->add_flag("--json", flags.json, "a JSON list on stdout");
  explain->callback([&] { result = Explain(flags); });
  CLI::App* exporting = app.add_subcommand("export", "Records for others, on stdout");
  exporting->add_option("kind", flags.kind, "registry (YAML) | ropa (JSON) | csv")
      ->required()
      ->check(CLI::IsMember({"registry", "ropa", "csv"}));
  AddEvidence(*exporting, flags.audit);
  exporting->callback([&] { result = Export(flags); });
  CLI::App* diff = app.add_subcommand("diff", "Where two logs part");
  diff->add_option("A", flags.a, "bundle")->required();
  diff->add_option("B", flags.b, "bundle")->required();
  diff->callback([&] { result = Diff(flags); });
  app.failure_message([](const CLI::App*, const CLI::Error& error) {
    return "veilsum-audit: " + std::string(error.what()) +
           "\nRun with --help for more information.\n";
  });
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : static_cast<int>(ExitCode::kUsage);
  }
  return result;
}
