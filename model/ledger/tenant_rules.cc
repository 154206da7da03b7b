// What tenants say of themselves: policies (I4, SE-08), data (I9), what was erased (SE-30). Each
// either signs the entry itself or has signed the statement that a coordinator's entry carries.
#include "model/ledger/rules_support.h"
#include "model/ledger/tenant_statement.h"

namespace veilsum::ledger {
namespace {

constexpr std::uint64_t kMostTenantsOfAPerson = 1000;

}  // namespace

// The fields of the type, once it is clear that the entry's tenant has said them.
std::optional<Json> LedgerRules::SaidByTenant(const Entry& entry) {
  const std::string& tenant = entry.header.tenant;
  const std::string what = tenant + " " + entry.type;
  const std::string last = LastIssued(tenant, entry.type);
  if (!IsOperated(entry.header.actor)) {
    if (tenant.empty() || TenantOf(entry.header.actor) != tenant) {
      Find("K703", entry.header.actor + " speaks for " + tenant);
      return std::nullopt;
    }
    // What it signed before, and nobody has recorded, does not replace it later.
    Set(&LedgerRules::stated_, what, std::max(last, entry.header.time));
    return entry.body;
  }
  const absl::StatusOr<SignedStatement> said = StatementIn(entry);
  if (!said.ok()) {
    Find("E103", Message(said.status()));
    return std::nullopt;
  }
  const std::string& seat = said->statement.seat;
  if (tenant.empty() || TenantOf(seat) != tenant) {
    Find("K703", seat + " speaks for " + tenant);
    return std::nullopt;
  }
  const std::optional<Ed25519PublicKey> key = KeyOf(seat);
  if (!key || !IsSignedBy(*said, *key)) {
    Find("K705", seat + " has not signed this " + entry.type);
    return std::nullopt;
  }
  if (said->statement.issued <= last)
    Find("S210", absl::StrFormat("%s of %s, issued %s after %s", entry.type, tenant,
                                 said->statement.issued, last));
  Set(&LedgerRules::stated_, what, said->statement.issued);
  return said->statement.body;
}

void LedgerRules::OnPolicy(const Entry& entry) {
  const std::optional<Json> body = SaidByTenant(entry);
  if (!body) return;
  absl::StatusOr<TenantPolicy> parsed = ParseTenantPolicy(*body);
  if (!parsed.ok()) return Find("E103", Message(parsed.status()));
  TenantPolicy policy = *std::move(parsed);
  const std::string& tenant = entry.header.tenant;
  const auto before = policies_.find(tenant);
  const bool has_block = before != policies_.end() && before->second.block.has_value();
  if (has_block && policy.block != before->second.block) {
    Find("P306", tenant + " states another block budget than before");
    policy.block = before->second.block;
  }
  Set(&LedgerRules::policies_, tenant, policy);
  if (policy.block && !has_block) CheckBlock(tenant);
}

void LedgerRules::OnDataset(const Entry& entry) {
  std::optional<Json> body = SaidByTenant(entry);
  if (!body) return;
  Fields fields(*body);
  TenantData data;
  data.unit = fields.Text("unit");
  const std::string adjacency = fields.Text("adjacency");
  if (adjacency != "add_remove" && adjacency != "replace") fields.Wrong("adjacency");
  if (fields.Int("contribution_bound") == 0) fields.Wrong("contribution_bound");
  data.persons_at_most = fields.Int("n_upper");
  if (data.persons_at_most == 0) fields.Wrong("n_upper");
  data.overlap_bound = fields.Int("overlap_bound");
  if (data.overlap_bound == 0 || data.overlap_bound > kMostTenantsOfAPerson)
    fields.Wrong("overlap_bound");
  if (!fields.Done().ok()) return Find("E103", Message(fields.status()));
  Set(&LedgerRules::datasets_, entry.header.tenant, data);
}

// Who it was stays with the tenant: a hidden value at most.
void LedgerRules::OnErasure(const Entry& entry) {
  std::optional<Json> body = SaidByTenant(entry);
  if (!body) return;
  Fields fields(*body);
  const std::string kind = fields.Text("kind");
  if (kind != "objection" && kind != "erasure" && kind != "disclosure") fields.Wrong("kind");
  if (!fields.Done().ok()) Find("E103", Message(fields.status()));
}

}  // namespace veilsum::ledger
