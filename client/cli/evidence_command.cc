#include "client/cli/evidence_command.h"

#include <cstdio>

#include "base/file.h"
#include "base/pki/key_file.h"
#include "client/cli/config.h"
#include "client/witness/disclosure_store.h"
#include "client/witness/witness_store.h"
#include "model/ledger/bundle_writer.h"
#include "model/ledger/disclosure.h"
#include "model/ledger/witness_name.h"

namespace veilsum::client {
namespace {

namespace fs = std::filesystem;

class Evidence {
 public:
  Evidence(const ClientConfig& config, SpiffeId seat, fs::path out, ledger::BundleWriter bundle)
      : config_(config), seat_(std::move(seat)), out_(std::move(out)), bundle_(std::move(bundle)) {}

  absl::Status WriteWitnessed() {
    VEILSUM_ASSIGN_OR_RETURN(const Ed25519Signer signer, ReadKeyFile(config_.witness_key));
    VEILSUM_ASSIGN_OR_RETURN(
        const tlog::VerifierKey key,
        tlog::VerifierKey::Create(ledger::WitnessName(seat_.ToString()),
                                  tlog::KeyType::kCosignature, signer.public_key()));
    VEILSUM_ASSIGN_OR_RETURN(const auto store, WitnessStore::Open(config_.witness));
    VEILSUM_ASSIGN_OR_RETURN(const auto known, store->Load(config_.federation + "/ledger"));
    if (known) {
      VEILSUM_ASSIGN_OR_RETURN(tlog::Note note, tlog::Note::Parse(known->note));
      note.signatures.push_back({key.name(), key.id(), known->cosignature});
      VEILSUM_RETURN_IF_ERROR(bundle_.WriteCheckpoint(note));
    }
    VEILSUM_ASSIGN_OR_RETURN(const std::vector<StoredReceipt> receipts, store->Receipts());
    for (const StoredReceipt& receipt : receipts)
      VEILSUM_RETURN_IF_ERROR(
          bundle_.WriteReceipt(seat_.tenant(), seat_.name(), receipt.leaf, receipt.envelope));
    std::printf("witnessed %d entries, %d receipts\n",
                known ? static_cast<int>(known->head.size) : 0, static_cast<int>(receipts.size()));
    // Tenants have no dot in their names, so that no two seats are called alike.
    return WriteFile(out_ / "witness",
                     seat_.tenant() + "." + seat_.name() + " " + key.ToString() + "\n");
  }

  absl::Status Show(const std::string& hex) {
    VEILSUM_ASSIGN_OR_RETURN(const Bytes bytes, HexDecode(hex));
    VEILSUM_ASSIGN_OR_RETURN(const Hash32 digest, ParseFixed<32>("digest", ByteView(bytes)));
    VEILSUM_ASSIGN_OR_RETURN(
        const auto store,
        DisclosureStore::Open(config_.odometer.parent_path() / "disclosures.sqlite"));
    VEILSUM_ASSIGN_OR_RETURN(const Disclosure kept, store->Disclose(digest));
    VEILSUM_ASSIGN_OR_RETURN(const std::string text,
                             ledger::WriteDisclosure({kept.field, kept.salt, kept.value}));
    return bundle_.WriteDisclosed(seat_.tenant(), digest, text);
  }

 private:
  const ClientConfig& config_;
  const SpiffeId seat_;
  const fs::path out_;
  ledger::BundleWriter bundle_;
};

absl::Status Write(const ClientConfig& config, const EvidenceArguments& arguments) {
  const fs::path out = arguments.out;
  if (fs::exists(out)) return AlreadyExists("%s is there already", out.string());
  VEILSUM_ASSIGN_OR_RETURN(const ClientKeys keys,
                           ClientKeys::Load(config.keys, std::chrono::system_clock::now()));
  VEILSUM_ASSIGN_OR_RETURN(ledger::BundleWriter bundle, ledger::BundleWriter::Create(out));
  Evidence evidence(config, keys.id(), out, std::move(bundle));
  VEILSUM_RETURN_IF_ERROR(evidence.WriteWitnessed());
  for (const std::string& digest : arguments.disclose)
    VEILSUM_RETURN_IF_ERROR(evidence.Show(digest));
  return absl::OkStatus();
}

}  // namespace

CLI::App* AddEvidenceCommand(CLI::App& app, EvidenceArguments& arguments) {
  CLI::App* command = app.add_subcommand(
      "evidence",
      "Write what this merchant has to show an auditor: receipts, the head that it witnessed, and "
      "hidden values that it names; while no client runs");
  command->add_option("--config", arguments.config, "client.toml")->type_name("FILE")->required();
  command->add_option("--out", arguments.out, "A new folder")->type_name("DIR")->required();
  command
      ->add_option("--disclose", arguments.disclose,
                   "digest of a hidden value to show, with its salt; nothing else is shown")
      ->type_name("HEX");
  return command;
}

ExitCode RunEvidence(const EvidenceArguments& arguments) {
  const absl::StatusOr<ClientConfig> config = ReadClientConfig(arguments.config);
  const absl::Status status = config.ok() ? Write(*config, arguments) : config.status();
  if (status.ok()) return ExitCode::kDone;
  std::fprintf(stderr, "veilsum-client: %s\n", std::string(status.message()).c_str());
  return config.ok() ? ExitCodeOf(status) : ExitCode::kConfiguration;
}

}  // namespace veilsum::client
