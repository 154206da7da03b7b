#include "cli/demo/audit/audit_bundle.h"

#include <algorithm>

#include "base/file.h"
#include "base/pki/key_file.h"
#include "base/pki/spiffe_id.h"
#include "client/witness/ledger_guard.h"
#include "coordinator/store/ledger_export.h"
#include "model/ledger/log_check.h"
#include "model/ledger/witness_name.h"

namespace veilsum::cli {
namespace {

namespace fs = std::filesystem;

// A note holds 100 signatures at most; the log's and the auditor's are two of them.
constexpr std::size_t kMostCosignatures = 98;
constexpr std::size_t kMostNeeded = 90;

class NoMemory final : public tlog::WitnessMemory {  // of an auditor that sees the log once
 public:
  absl::StatusOr<tlog::SeenHead> Load(const std::string&) override { return tlog::SeenHead(); }
  absl::Status Advance(const std::string&, const tlog::SeenHead&, const tlog::SeenHead&) override {
    return absl::OkStatus();
  }
};

absl::StatusOr<std::shared_ptr<const Ed25519Signer>> AuditorKey(const fs::path& root) {
  std::error_code error;
  fs::create_directories(root / "auditor", error);
  if (error) return Internal("cannot make the auditor's folder: %s", error.message());
  SystemRng rng;
  VEILSUM_ASSIGN_OR_RETURN(Ed25519Signer key, MakeKeyFile(root / "auditor/witness.key", rng));
  return std::make_shared<const Ed25519Signer>(std::move(key));
}

class BundleOfDemo {
 public:
  BundleOfDemo(const Federation& federation, ledger::BundleWriter bundle)
      : f_(federation), bundle_(std::move(bundle)) {}

  absl::Status Write(const std::optional<FinalModel>& model) {
    VEILSUM_ASSIGN_OR_RETURN(
        log_, coordinator::ExportLedger(f_.spec.root / "coordinator/coordinator.sqlite", bundle_));
    policy_ = "log " + log_.log_key + "\n";
    for (const SeatFiles& seat : f_.seats) VEILSUM_RETURN_IF_ERROR(AddMerchant(seat));
    VEILSUM_RETURN_IF_ERROR(AddAuditor());
    if (model) VEILSUM_RETURN_IF_ERROR(bundle_.WriteModel(model->hash, model->safetensors));
    VEILSUM_RETURN_IF_ERROR(bundle_.WriteTrustPolicy(policy_));
    return bundle_.WriteCheckpoint(log_.head);
  }

  const tlog::Checkpoint& head() const { return log_.checkpoint; }
  std::size_t cosigned() const { return cosigned_; }

 private:
  // A merchant that never came to see the ledger has no key and is no witness.
  absl::Status AddMerchant(const SeatFiles& seat) {
    const fs::path folder = seat.config.parent_path();
    const absl::StatusOr<Ed25519Signer> signer = ReadKeyFile(folder / "witness.key");
    if (absl::IsNotFound(signer.status())) return absl::OkStatus();
    VEILSUM_RETURN_IF_ERROR(signer.status());
    VEILSUM_ASSIGN_OR_RETURN(
        const tlog::VerifierKey key,
        tlog::VerifierKey::Create(ledger::WitnessName(seat.uri), tlog::KeyType::kCosignature,
                                  signer->public_key()));
    VEILSUM_ASSIGN_OR_RETURN(const SpiffeId id, SpiffeId::Parse(seat.uri));
    policy_ += "witness " + id.tenant() + " " + key.ToString() + "\n";
    merchants_.push_back(id.tenant());
    VEILSUM_ASSIGN_OR_RETURN(const auto store,
                             client::WitnessStore::Open(folder / "witness.sqlite"));
    VEILSUM_ASSIGN_OR_RETURN(const auto known, store->Load(log_.checkpoint.origin));
    if (known) AddCosignature(*known, key);
    VEILSUM_ASSIGN_OR_RETURN(const auto receipts, store->Receipts());
    for (const client::StoredReceipt& receipt : receipts)
      VEILSUM_RETURN_IF_ERROR(
          bundle_.WriteReceipt(id.tenant(), id.name(), receipt.leaf, receipt.envelope));
    return absl::OkStatus();
  }

  void AddCosignature(const client::KnownLog& known, const tlog::VerifierKey& key) {
    if (known.head != tlog::SeenHead{log_.checkpoint.size, log_.checkpoint.root}) return;
    std::erase_if(log_.head.signatures, [&](const tlog::NoteSignature& other) {
      return other.name == key.name();  // the coordinator's copy of the same
    });
    if (cosigned_ == kMostCosignatures) return;
    log_.head.signatures.push_back({key.name(), key.id(), known.cosignature});
    ++cosigned_;
  }

  // A majority of the merchants, and the auditor.
  absl::Status AddAuditor() {
    VEILSUM_ASSIGN_OR_RETURN(const auto signer, AuditorKey(f_.spec.root));
    VEILSUM_ASSIGN_OR_RETURN(
        const tlog::VerifierKey key,
        tlog::VerifierKey::Create(f_.spec.domain + "/auditor", tlog::KeyType::kCosignature,
                                  signer->public_key()));
    VEILSUM_ASSIGN_OR_RETURN(const tlog::VerifierKey log, tlog::VerifierKey::Parse(log_.log_key));
    NoMemory memory;
    const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
    VEILSUM_ASSIGN_OR_RETURN(tlog::NoteSignature cosignature,
                             tlog::Witness(key, signer, memory).Check(log_.head, log, 0, {}, now));
    log_.head.signatures.push_back(std::move(cosignature));
    policy_ += "witness auditor " + key.ToString() + "\n";
    if (merchants_.empty()) {
      policy_ += "quorum auditor\n";
      return absl::OkStatus();
    }
    policy_ +=
        absl::StrFormat("group merchants %d", std::min(merchants_.size() / 2 + 1, kMostNeeded));
    for (const std::string& name : merchants_) policy_ += " " + name;
    policy_ += "\ngroup everybody all merchants auditor\nquorum everybody\n";
    return absl::OkStatus();
  }

  const Federation& f_;
  ledger::BundleWriter bundle_;
  coordinator::ExportedLedger log_;
  std::string policy_;
  std::vector<std::string> merchants_;
  std::size_t cosigned_ = 0;
};

std::string FindingOf(const ledger::LogCheck& check) {
  if (!check.missing.empty()) return "evidence is missing: " + check.missing.front();
  if (check.findings.empty()) return {};
  return check.findings.front().code + ": " + check.findings.front().details;
}

absl::StatusOr<std::string> Verify(const fs::path& folder) {
  VEILSUM_ASSIGN_OR_RETURN(const std::string text, ReadFile(folder / "trust.policy"));
  VEILSUM_ASSIGN_OR_RETURN(const tlog::TrustPolicy policy, tlog::TrustPolicy::Parse(text));
  const auto read = [&](const std::string& path) -> absl::StatusOr<Bytes> {
    VEILSUM_ASSIGN_OR_RETURN(const std::string bytes, ReadFile(folder / path));
    return Bytes(bytes.begin(), bytes.end());
  };
  return FindingOf(ledger::CheckLog(policy, read, [&](const Hash32& sha256) {
    return ReadFile(folder / "blob" / HexEncode(sha256));
  }));
}

}  // namespace

absl::StatusOr<AuditFacts> WriteAuditBundle(const Federation& federation, const fs::path& folder,
                                            const std::optional<FinalModel>& model) {
  VEILSUM_ASSIGN_OR_RETURN(ledger::BundleWriter bundle, ledger::BundleWriter::Create(folder));
  BundleOfDemo writer(federation, std::move(bundle));
  VEILSUM_RETURN_IF_ERROR(writer.Write(model));
  AuditFacts facts;
  facts.size = writer.head().size;
  facts.root = HexEncode(writer.head().root);
  facts.cosigned = writer.cosigned();
  VEILSUM_ASSIGN_OR_RETURN(facts.finding, Verify(folder));
  return facts;
}

}  // namespace veilsum::cli
