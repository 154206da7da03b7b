#include "cli/audit/seat_keys.h"

#include "base/file.h"
#include "base/pki/certificate_chain.h"
#include "model/ledger/rules_support.h"

namespace veilsum::cli {

absl::Status SeatKeys::Add(const std::filesystem::path& certificate) {
  VEILSUM_ASSIGN_OR_RETURN(const std::string pem, ReadFile(certificate, 64 * 1024));
  VEILSUM_ASSIGN_OR_RETURN(const CertificateChain chain, CertificateChain::FromPem(pem));
  VEILSUM_ASSIGN_OR_RETURN(const SpiffeId id, chain.leaf().Identity());
  VEILSUM_ASSIGN_OR_RETURN(const Ed25519PublicKey key, chain.leaf().Ed25519Key());
  if (id.role() != SpiffeRole::kClient) return InvalidArgument("%s is no client", id.ToString());
  keys_.emplace(id.ToString(), HexEncode(key));
  tenants_.insert(id.tenant());
  return absl::OkStatus();
}

void SeatKeys::OnEntry(std::uint64_t index, const Hash32&, const ledger::LedgerRules& rules) {
  const ledger::Entry* entry = rules.last_entry().get();
  if (entry == nullptr || entry->type != "key.registered") return;
  const auto seat = entry->body.find("spiffe_id"), key = entry->body.find("key");
  if (seat == entry->body.end() || key == entry->body.end() || !seat->is_string() ||
      !key->is_string())
    return;  // a finding of the entry's already
  const auto name = seat->get<std::string>();
  if (!tenants_.contains(ledger::TenantOf(name)) ||
      keys_.contains({name, key->get<std::string>()}) || findings_.size() >= ledger::kMostFindings)
    return;
  findings_.push_back({"K706", index, name + " has the key " + key->get<std::string>()});
}

}  // namespace veilsum::cli
