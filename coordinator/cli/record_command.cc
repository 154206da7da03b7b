#include "coordinator/cli/record_command.h"

#include <algorithm>
#include <cstdio>

#include "base/crypto/sha256.h"
#include "base/file.h"
#include "coordinator/cli/idle_coordinator.h"
#include "coordinator/store/ledger_appender.h"
#include "model/ledger/statement_file.h"
#include "model/release/package.h"
#include "secure_agg/pki/pinned_root_verifier.h"

namespace veilsum::coordinator {
namespace {

absl::Status RecordStatement(const std::string& path, const IdleCoordinator& idle) {
  VEILSUM_ASSIGN_OR_RETURN(const std::string text, ReadFile(path, 64 * 1024));
  VEILSUM_ASSIGN_OR_RETURN(const ledger::StatementFile file, ledger::ParseStatementFile(text));
  const secure_agg::PinnedRootVerifier verifier(
      idle.root, [] { return std::chrono::system_clock::now(); }, idle.revoked);
  VEILSUM_ASSIGN_OR_RETURN(const secure_agg::SeatIdentity seat,
                           verifier.Verify(file.certificate, Sha256(file.certificate)));
  if (seat.uri != file.statement.statement.seat || !IsSignedBy(file.statement, seat.key))
    return Unauthenticated("%s is not signed by %s", path, file.statement.statement.seat);
  return idle.store->appender()->AppendEntries([&](const ledger::LedgerRules& rules) {
    return StatementEntries(file.statement, seat.key, rules);
  });
}

// What an entry tells of a package, but for the run's contract: that the ledger knows.
struct ReadRelease {
  ReleaseFacts facts;
  std::string run_id;
};

absl::StatusOr<ReadRelease> FactsOf(const RecordArguments& arguments) {
  VEILSUM_ASSIGN_OR_RETURN(const std::string pem, ReadFile(arguments.key, std::size_t{1} << 16));
  VEILSUM_ASSIGN_OR_RETURN(const P256PublicKey key, P256PublicKey::FromPem(pem));
  VEILSUM_ASSIGN_OR_RETURN(const release::Files files, release::ReadPackage(arguments.release));
  VEILSUM_ASSIGN_OR_RETURN(const release::Release opened, release::OpenPackage(files, key));
  ReadRelease out{{}, opened.manifest.run_id};
  ReleaseFacts& facts = out.facts;
  facts.model_id = opened.manifest.model_id;
  facts.version = opened.manifest.version;
  facts.release_counter = opened.manifest.release_counter;
  facts.release = opened.digest;
  facts.manifest = Sha256(opened.manifest.ToJson());
  facts.model = model::ModelHash(opened.model);
  return out;
}

absl::Status RecordRelease(const RecordArguments& arguments, const IdleCoordinator& idle) {
  VEILSUM_ASSIGN_OR_RETURN(ReadRelease read, FactsOf(arguments));
  return idle.store->appender()->AppendEntries(
      [&](const ledger::LedgerRules& rules) -> absl::StatusOr<LedgerChange> {
        VEILSUM_ASSIGN_OR_RETURN(read.facts.contract_hash, ContractOfRun(read.run_id, rules));
        return PublishedEntries(read.facts, rules);
      });
}

absl::Status RecordRevocation(const RecordArguments& arguments, const IdleCoordinator& idle) {
  VEILSUM_ASSIGN_OR_RETURN(const Bytes bytes, HexDecode(arguments.revoke));
  VEILSUM_ASSIGN_OR_RETURN(const Hash32 release, ParseFixed<32>("release", ByteView(bytes)));
  std::vector<std::string> approvers = arguments.approvers;
  std::ranges::sort(approvers);
  approvers.erase(std::unique(approvers.begin(), approvers.end()), approvers.end());
  return idle.store->appender()->AppendEntries(
      [&](const ledger::LedgerRules& rules) -> absl::StatusOr<LedgerChange> {
        return RevokedEntries(release, arguments.reason, approvers, rules);
      });
}

}  // namespace

CLI::App* AddRecordCommand(CLI::App& app, RecordArguments& arguments) {
  CLI::App* record = app.add_subcommand(
      "record",
      "Write into the ledger what tenants have stated and what was released, while the "
      "coordinator does not serve");
  record->add_option("--config", arguments.config, "coordinator.toml")
      ->type_name("FILE")
      ->required();
  record
      ->add_option("--statement", arguments.statements, "of `veilsum-client state`; several times")
      ->type_name("FILE");
  CLI::Option* key =
      record->add_option("--key", arguments.key, "release key, public, PEM")->type_name("FILE");
  record->add_option("--release", arguments.release, "folder of a release that is published now")
      ->type_name("PKG")
      ->needs(key);
  CLI::Option* reason = record->add_option("--reason", arguments.reason, "of the revocation");
  record->add_option("--revoke", arguments.revoke, "digest of a release that nobody is to use")
      ->needs(reason);
  record->add_option("--approver", arguments.approvers, "who has approved the revocation");
  record->final_callback([&arguments] {
    if (arguments.statements.empty() && arguments.release.empty() && arguments.revoke.empty())
      throw CLI::RequiredError("one of --statement, --release and --revoke");
  });
  return record;
}

absl::Status Record(const RecordArguments& arguments) {
  VEILSUM_ASSIGN_OR_RETURN(const IdleCoordinator idle, OpenIdle(arguments.config));
  for (const std::string& path : arguments.statements)
    VEILSUM_RETURN_IF_ERROR(Annotate(RecordStatement(path, idle), path));
  if (!arguments.release.empty()) VEILSUM_RETURN_IF_ERROR(RecordRelease(arguments, idle));
  if (!arguments.revoke.empty()) VEILSUM_RETURN_IF_ERROR(RecordRevocation(arguments, idle));
  std::printf("the ledger has %llu entries\n",
              static_cast<unsigned long long>(idle.store->ledger()->Head().size));
  return absl::OkStatus();
}

}  // namespace veilsum::coordinator
