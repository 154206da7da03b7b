#include "cli/ledger/bundle_command.h"

#include <algorithm>
#include <iostream>

#include "base/file.h"
#include "base/tlog/decimal.h"
#include "cli/audit/audit_report.h"
#include "coordinator/store/ledger_export.h"
#include "model/ledger/disclosure.h"

namespace veilsum::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostSignatures = 100;  // of a note

class BundleOfFederation {
 public:
  explicit BundleOfFederation(ledger::BundleWriter bundle) : bundle_(std::move(bundle)) {}

  absl::Status Write(const BundleParts& parts) {
    VEILSUM_ASSIGN_OR_RETURN(log_, coordinator::ExportLedger(parts.store, bundle_));
    VEILSUM_RETURN_IF_ERROR(coordinator::ExportModels(parts.store, bundle_));
    for (const fs::path& folder : parts.from)
      VEILSUM_RETURN_IF_ERROR(Annotate(AddMerchant(folder), folder.string()));
    std::string policy = OwnPolicy();
    if (!parts.trust.empty()) {
      VEILSUM_ASSIGN_OR_RETURN(policy, ReadFile(parts.trust, 1 << 20));
    }
    VEILSUM_RETURN_IF_ERROR(bundle_.WriteTrustPolicy(policy));
    return bundle_.WriteCheckpoint(log_.head);
  }

 private:
  absl::Status AddMerchant(const fs::path& folder) {
    VEILSUM_ASSIGN_OR_RETURN(const ledger::Bundle given, ledger::Bundle::Open(folder));
    VEILSUM_RETURN_IF_ERROR(AddReceipts(given));
    VEILSUM_RETURN_IF_ERROR(AddDisclosures(given));
    return AddWitness(given);
  }

  absl::Status AddReceipts(const ledger::Bundle& given) {
    VEILSUM_ASSIGN_OR_RETURN(const auto tenants, given.List("receipts"));
    for (const std::string& tenant : tenants) {
      VEILSUM_ASSIGN_OR_RETURN(const auto clients, given.List("receipts/" + tenant));
      for (const std::string& client : clients) {
        const std::string place = "receipts/" + tenant + "/" + client;
        VEILSUM_ASSIGN_OR_RETURN(const auto names, given.List(place));
        for (const std::string& name : names) {
          VEILSUM_ASSIGN_OR_RETURN(const std::uint64_t leaf,
                                   tlog::ParseDecimal(name.substr(0, name.find('.'))));
          VEILSUM_ASSIGN_OR_RETURN(const Bytes bytes, given.Read(place + "/" + name));
          VEILSUM_RETURN_IF_ERROR(bundle_.WriteReceipt(tenant, client, leaf, AsText(bytes)));
        }
      }
    }
    return absl::OkStatus();
  }

  absl::Status AddDisclosures(const ledger::Bundle& given) {
    VEILSUM_ASSIGN_OR_RETURN(const auto tenants, given.List("disclosures"));
    for (const std::string& tenant : tenants) {
      VEILSUM_ASSIGN_OR_RETURN(const auto names, given.List("disclosures/" + tenant));
      for (const std::string& name : names) {
        VEILSUM_ASSIGN_OR_RETURN(const Bytes digest, HexDecode(name.substr(0, name.find('.'))));
        VEILSUM_ASSIGN_OR_RETURN(const Hash32 hash, ParseFixed<32>(name, ByteView(digest)));
        VEILSUM_ASSIGN_OR_RETURN(const Bytes bytes,
                                 given.Read("disclosures/" + tenant + "/" + name));
        VEILSUM_RETURN_IF_ERROR(bundle_.WriteDisclosed(tenant, hash, AsText(bytes)));
      }
    }
    return absl::OkStatus();
  }

  // Its cosignature counts where it is of the last head; whose key it is, the policy says.
  absl::Status AddWitness(const ledger::Bundle& given) {
    VEILSUM_ASSIGN_OR_RETURN(const Bytes line, given.Read("witness"));
    const std::string text(AsText(line));
    const std::size_t blank = text.find(' ');
    if (blank == std::string::npos || !text.ends_with("\n"))
      return InvalidArgument("witness: not a name and a key");
    VEILSUM_ASSIGN_OR_RETURN(const tlog::VerifierKey key, tlog::VerifierKey::Parse(text.substr(
                                                              blank + 1, text.size() - blank - 2)));
    const std::pair witness(text.substr(0, blank), key.ToString());
    if (std::ranges::count(witnesses_, witness) == 0) witnesses_.push_back(witness);
    const absl::StatusOr<Bytes> bytes = given.Read("checkpoint");
    if (absl::IsNotFound(bytes.status())) return absl::OkStatus();  // it has seen no head
    VEILSUM_RETURN_IF_ERROR(bytes.status());
    VEILSUM_ASSIGN_OR_RETURN(const tlog::Note note, tlog::Note::Parse(AsText(*bytes)));
    if (note.text != log_.head.text || log_.head.signatures.size() == kMostSignatures)
      return absl::OkStatus();
    const auto own = [&](const tlog::NoteSignature& one) {
      return one.name == key.name() && one.key_id == key.id();
    };
    if (std::ranges::any_of(log_.head.signatures, own)) return absl::OkStatus();
    std::ranges::copy_if(note.signatures, std::back_inserter(log_.head.signatures), own);
    return absl::OkStatus();
  }

  std::string OwnPolicy() const {
    std::string policy = "log " + log_.log_key + "\n", names;
    for (const auto& [name, key] : witnesses_) {
      policy += "witness " + name + " " + key + "\n";
      names += " " + name;
    }
    if (witnesses_.empty()) return policy + "quorum none\n";
    return policy + absl::StrFormat("group merchants %d%s\nquorum merchants\n",
                                    witnesses_.size() / 2 + 1, names);
  }

  ledger::BundleWriter bundle_;
  coordinator::ExportedLedger log_;
  std::vector<std::pair<std::string, std::string>> witnesses_;  // name, verifier key
};

absl::Status Write(const BundleParts& parts) {
  if (fs::exists(parts.out)) return AlreadyExists("%s is there already", parts.out.string());
  VEILSUM_ASSIGN_OR_RETURN(ledger::BundleWriter bundle, ledger::BundleWriter::Create(parts.out));
  return BundleOfFederation(std::move(bundle)).Write(parts);
}

}  // namespace

Outcome MakeBundle(const BundleParts& parts) {
  const absl::Status written = Write(parts);
  if (!written.ok()) return written;
  const absl::StatusOr<Audit> audit = RunAudit({.bundle = parts.out});
  if (!audit.ok()) return audit.status();
  std::cout << AuditSummary(*audit) << std::flush;
  if (audit->exit_code() == ExitCode::kDone) return {};
  return {DataLoss("the bundle is written, and does not pass an audit"), audit->exit_code()};
}

}  // namespace veilsum::cli
