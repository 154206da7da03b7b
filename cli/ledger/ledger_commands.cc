#include "cli/ledger/ledger_commands.h"

#include <iostream>
#include <memory>

#include "cli/audit/ledger_views.h"
#include "cli/ledger/bundle_command.h"

namespace veilsum::cli {
namespace {

struct LedgerFlags {
  std::filesystem::path bundle;
  std::uint64_t last = 20, leaf = 0;
};

Outcome Print(const absl::StatusOr<std::string>& text) {
  if (!text.ok()) return text.status();
  std::cout << *text << std::flush;
  return {};
}

Outcome Show(const LedgerFlags& flags) {
  const absl::StatusOr<ledger::Bundle> bundle = ledger::Bundle::Open(flags.bundle);
  return bundle.ok() ? Print(LastEntries(*bundle, flags.last)) : Outcome(bundle.status());
}

Outcome Prove(const LedgerFlags& flags) {
  const absl::StatusOr<ledger::Bundle> bundle = ledger::Bundle::Open(flags.bundle);
  return bundle.ok() ? Print(ProveEntry(*bundle, flags.leaf)) : Outcome(bundle.status());
}

// All entries as a table, checked on the way.
Outcome Export(const LedgerFlags& flags) {
  EntryTable table(std::cout);
  const absl::StatusOr<Audit> audit = RunAudit({.bundle = flags.bundle, .watcher = &table});
  std::cout << std::flush;
  if (!audit.ok()) return audit.status();
  if (audit->exit_code() == ExitCode::kDone) return {};
  return {DataLoss("the ledger does not pass: see veilsum-audit verify"), audit->exit_code()};
}

void AddBundleCommand(CLI::App& group, Outcome& outcome) {
  auto parts = std::make_shared<BundleParts>();
  CLI::App* command = group.add_subcommand(
      "bundle",
      "The evidence of a federation as a folder for an auditor, audited as a stranger would");
  command
      ->add_option(
          "--store", parts->store,
          "the coordinator's store (coordinator.sqlite), while none serves it, or a backup's")
      ->required();
  command->add_option("--out", parts->out, "a new folder")->required();
  command->add_option("--from", parts->from,
                      "what `veilsum-client evidence` has written for a merchant; once for each");
  command->add_option("--trust", parts->trust,
                      "trust policy to put in the bundle; default: the ledger's key and a majority "
                      "of the witnesses handed over");
  command->callback([parts, &outcome] { outcome = MakeBundle(*parts); });
}

}  // namespace

void AddLedgerCommands(CLI::App& app, Outcome& outcome) {
  CLI::App* group = app.add_subcommand(
      "ledger", "The privacy ledger as files: shown, proved, exported, bundled for an auditor");
  group->require_subcommand(1);
  group->footer(
      "Whoever need not trust the operator uses veilsum-audit on the same folder.\n\n"
      "Examples:\n  veilsum ledger show --bundle D --last 5\n"
      "  veilsum ledger prove --bundle D --leaf 41 > entry.tlog-proof\n"
      "  veilsum ledger bundle --store coordinator/coordinator.sqlite --from acme --from bolt "
      "--out D");
  const auto add = [&](const char* name, const char* help, Outcome (*run)(const LedgerFlags&)) {
    auto flags = std::make_shared<LedgerFlags>();
    CLI::App* command = group->add_subcommand(name, help);
    command->add_option("--bundle", flags->bundle, "folder of the ledger's files")->required();
    command->callback([flags, run, &outcome] { outcome = run(*flags); });
    return std::pair(command, flags);
  };
  const auto [show, shown] = add("show", "The head and the last entries", &Show);
  show->add_option("--last", shown->last, "how many entries")->capture_default_str();
  const auto [prove, proved] =
      add("prove", "A proof that an entry is in the ledger, for others", &Prove);
  prove->add_option("--leaf", proved->leaf, "index of the entry")->required();
  add("export", "All entries as CSV, checked on the way", &Export);
  AddBundleCommand(*group, outcome);
}

}  // namespace veilsum::cli
