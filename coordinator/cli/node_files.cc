#include "coordinator/cli/node_files.h"

#include "base/crypto/sha256.h"
#include "base/file.h"
#include "base/pki/key_file.h"
#include "coordinator/store/run_store.h"

namespace veilsum::coordinator {

absl::StatusOr<OwnIdentity> ReadIdentity(const CoordinatorConfig& config) {
  VEILSUM_ASSIGN_OR_RETURN(OwnIdentity identity, OwnIdentity::Load(config.tls));
  if (identity.tls()->id.domain() != config.federation)
    return InvalidArgument("federation.name is \"%s\", the certificate is of \"%s\"",
                           config.federation, identity.tls()->id.domain());
  return identity;
}

absl::StatusOr<Issuer> ReadIssuer(const CoordinatorConfig& config, const Certificate& root) {
  std::optional<SecretText> passphrase;
  if (!config.tls.passphrase.empty()) {
    VEILSUM_ASSIGN_OR_RETURN(passphrase, ReadPassphrase(config.tls.passphrase));
  }
  return Issuer::Load(config.issuer, root, std::chrono::system_clock::now(),
                      passphrase ? &*passphrase : nullptr);
}

absl::StatusOr<LedgerOptions> LedgerOf(const CoordinatorConfig& config, const TlsIdentity& identity,
                                       SecureRng& rng, PostgresLease* lease) {
  absl::StatusOr<Ed25519Signer> key = ReadKeyFile(config.ledger_key);
  if (absl::IsNotFound(key.status())) {
    VEILSUM_ASSIGN_OR_RETURN(const bool begun,
                             lease == nullptr ? HasLedger(config.store) : lease->HasLedger());
    if (!begun) key = MakeKeyFile(config.ledger_key, rng);
  }
  if (!key.ok()) return Annotate(key.status(), "ledger.key");
  LedgerOptions options;
  options.federation = config.federation;
  options.actor = identity.id.ToString();
  options.root_ca = identity.root.Fingerprint();
  options.signer = std::make_shared<const Ed25519Signer>(*std::move(key));
  VEILSUM_ASSIGN_OR_RETURN(const std::string program, ReadFile("/proc/self/exe"));
  options.binary = Sha256(program);
  VEILSUM_ASSIGN_OR_RETURN(const std::string text, ReadFile(config.file));
  options.config = Sha256(text);
  return options;
}

absl::Status FitToLead(const CoordinatorConfig& config, PostgresLease& lease) {
  VEILSUM_ASSIGN_OR_RETURN(const bool begun, lease.HasLedger());
  const absl::Status key = ReadKeyFile(config.ledger_key).status();
  if (!begun && absl::IsNotFound(key)) return absl::OkStatus();
  return Annotate(key, "ledger.key");
}

}  // namespace veilsum::coordinator
