#include "client/witness/entry_check.h"

#include <algorithm>

#include "base/crypto/sha256.h"
#include "base/pki/spiffe_id.h"
#include "base/tlog/merkle.h"
#include "model/contract/run_contract.h"
#include "model/ledger/fields.h"
#include "model/ledger/tenant_statement.h"
#include "model/plan/decimal.h"
#include "model/plan/plan_format.h"

namespace veilsum::client {
namespace {

absl::Status Disagrees(const ledger::Entry& entry, std::string_view what) {
  return PermissionDenied("entry %d, %s: %s", entry.header.seq, entry.type, what);
}

}  // namespace

absl::StatusOr<EntryCheck> EntryCheck::Create(const std::string& seat, const std::string& plan_json,
                                              const std::string& contract_json,
                                              const std::optional<ledger::TenantPolicy>& policy) {
  VEILSUM_ASSIGN_OR_RETURN(const SpiffeId id, SpiffeId::Parse(seat));
  VEILSUM_ASSIGN_OR_RETURN(const model::Plan plan, model::PlanFromJson(plan_json));
  VEILSUM_ASSIGN_OR_RETURN(const model::RunContract contract,
                           model::ContractFromJson(contract_json));
  EntryCheck out;
  out.policy_ = policy;
  out.policy_seen_ = !policy;
  out.seat_ = seat;
  out.tenant_ = id.tenant();
  out.contract_hash_ = model::ContractHash(contract_json);
  out.name_ = HexEncode(out.contract_hash_);
  out.plan_ = {
      {"plan_sha256", HexEncode(Sha256(plan_json))},
      {"contract_sha256", HexEncode(Sha256(contract_json))},
      {"contract_hash", out.name_},
      {"run_id", contract.run_id},
      {"claim_epsilon", plan.is_private() ? model::DecimalText(plan.privacy.epsilon) : "inf"},
      {"claim_delta", model::DecimalText(plan.privacy.delta)}};
  Json sums = Json::array();
  for (const model::SumSpec& sum : contract.sums)
    sums.push_back({{"purpose", sum.purpose}, {"attempts", sum.attempts_max}});
  out.reservation_ = {{"contract_hash", out.name_}, {"sums", sums}};
  return out;
}

absl::Status EntryCheck::Take(const ledger::Entry& entry, ByteView leaf, std::string_view names) {
  if (entry.type == "policy.set") return TakePolicy(entry);
  const auto named = entry.body.find("contract_hash");
  if (named == entry.body.end() || *named != name_) return absl::OkStatus();
  if (entry.type == "plan.registered") {
    if (entry.body != plan_) return Disagrees(entry, "it is not the plan that was approved");
    plan_seen_ = true;
  } else if (entry.type == "budget.reserved") {
    if (entry.header.tenant != tenant_) return Disagrees(entry, "it is of another tenant");
    if (entry.body != reservation_) return Disagrees(entry, "it reserves other attempts");
    reservation_seen_ = true;
  } else if (entry.type == "rounds.opened") {
    return TakeOpened(entry, leaf, names);
  } else if (entry.type == "round.committed" || entry.type == "round.aborted") {
    if (const auto round = entry.body.find("round");
        round != entry.body.end() && round->is_number_unsigned())
      ended_.insert(round->get<std::uint64_t>());
  }
  return absl::OkStatus();
}

// That the tenant itself has signed it is a rule of the ledger (K705), and no protection is needed
// from what allows no more than this client does.
absl::Status EntryCheck::TakePolicy(const ledger::Entry& entry) {
  if (entry.header.tenant != tenant_ || !policy_) return absl::OkStatus();
  VEILSUM_ASSIGN_OR_RETURN(const ledger::SignedStatement said, ledger::StatementIn(entry));
  VEILSUM_ASSIGN_OR_RETURN(const ledger::TenantPolicy recorded,
                           ledger::ParseTenantPolicy(said.statement.body));
  if (!ledger::IsWithin(recorded, *policy_))
    return Disagrees(entry, absl::StrFormat("%s has stated a policy that allows more than the "
                                            "policy file of this client",
                                            said.statement.seat));
  policy_seen_ = true;
  return absl::OkStatus();
}

absl::Status EntryCheck::TakeOpened(const ledger::Entry& entry, ByteView leaf,
                                    std::string_view names) {
  Json body = entry.body;
  if (body.contains("members_sha256")) {
    if (body["members_sha256"] != HexEncode(Sha256(names)))
      return Disagrees(entry, "the members are not those of its digest");
    VEILSUM_ASSIGN_OR_RETURN(body["members"], ParseCanonical(names));
    body.erase("members_sha256");
  }
  ledger::Fields fields(body);
  OpenedRounds opened;
  fields.Text("contract_hash");
  opened.first = fields.Int("first");
  opened.last = fields.Int("last");
  const std::vector<std::string> members = fields.Names("members");
  VEILSUM_RETURN_IF_ERROR(fields.Done());
  if (!std::ranges::binary_search(members, seat_))
    return Disagrees(entry, "this seat is not among its members");
  opened.leaf = entry.header.seq;
  opened.leaf_sha256 = tlog::LeafHash(leaf);
  opened_ = opened;
  return absl::OkStatus();
}

std::optional<OpenedRounds> EntryCheck::opened() const {
  return policy_seen_ && plan_seen_ && reservation_seen_ ? opened_ : std::nullopt;
}

}  // namespace veilsum::client
