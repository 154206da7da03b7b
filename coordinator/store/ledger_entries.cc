#include "coordinator/store/ledger_entries.h"

#include <algorithm>

#include "base/crypto/sha256.h"
#include "base/pki/spiffe_id.h"
#include "coordinator/store/new_entry.h"
#include "coordinator/store/run_store_rules.h"
#include "model/ledger/tenant_statement.h"
#include "model/plan/decimal.h"
#include "model/plan/plan_format.h"

namespace veilsum::coordinator {
namespace {

using ledger::NewEntry;

constexpr std::size_t kNamesInEntry = 32;  // longer lists are blobs

void PutNames(const std::string& key, const MemberList& names, Json& body, LedgerChange& out) {
  if (names.size() <= kNamesInEntry) {
    body[key] = names;
    return;
  }
  out.blobs.push_back(EncodeMembers(names));
  body[key + "_sha256"] = HexEncode(Sha256(out.blobs.back()));
}

Hash32 HashOf(const LedgerRun& run) {
  return ParseFixed<32>("contract_hash", HexDecode(run.contract_hash).value()).value();
}

std::string TenantOf(const std::string& seat) {
  const absl::StatusOr<SpiffeId> id = SpiffeId::Parse(seat);
  return id.ok() ? id->tenant() : std::string();
}

// What the ledger says of the tenant allows just this already.
bool IsStated(const ledger::TenantPolicy& policy, const std::string& tenant,
              const ledger::LedgerRules& rules) {
  const auto known = rules.policies().find(tenant);
  return known != rules.policies().end() && ledger::IsWithin(known->second, policy) &&
         known->second.cap == policy.cap;
}

absl::Status AddPolicy(const Approval& approval, const std::string& tenant,
                       const ledger::LedgerRules& rules, LedgerChange& out) {
  VEILSUM_ASSIGN_OR_RETURN(const ledger::SignedStatement said,
                           ledger::ParseStatement(approval.policy));
  const ledger::TenantStatement& statement = said.statement;
  if (statement.type != "policy.set" || statement.seat != approval.member ||
      statement.federation != rules.federation())
    return InvalidArgument("the policy of %s is a %s of %s in %s", approval.member, statement.type,
                           statement.seat, statement.federation);
  VEILSUM_ASSIGN_OR_RETURN(const ledger::TenantPolicy policy,
                           ledger::ParseTenantPolicy(statement.body));
  if (IsStated(policy, tenant, rules)) return absl::OkStatus();
  out.entries.push_back(MakeEntry("policy.set", PolicySubject(tenant), Sha256(said.signature),
                                  ledger::BodyOf(said), tenant));
  return absl::OkStatus();
}

}  // namespace

std::string PolicySubject(const std::string& tenant) { return "tenant/" + tenant; }
std::string RunSubject(const std::string& run_id) { return "run/" + run_id; }
std::string TenantSubject(const std::string& run_id, const std::string& tenant) {
  return RunSubject(run_id) + "/tenant/" + tenant;
}
std::string BlockSubject(const std::string& run_id, std::uint64_t first) {
  return absl::StrFormat("%s/rounds/%d", RunSubject(run_id), first);
}
std::string RoundSubject(const std::string& run_id, std::uint64_t round) {
  return absl::StrFormat("%s/round/%d", RunSubject(run_id), round);
}

absl::StatusOr<std::optional<Hash32>> NamesBlobOf(ByteView leaf) {
  VEILSUM_ASSIGN_OR_RETURN(const ledger::SignedEntry entry, ledger::ParseEntry(leaf));
  const auto digest = entry.entry.body.find("members_sha256");
  if (digest == entry.entry.body.end() || !digest->is_string()) return std::optional<Hash32>();
  VEILSUM_ASSIGN_OR_RETURN(const Bytes bytes, HexDecode(digest->get<std::string>()));
  VEILSUM_ASSIGN_OR_RETURN(const Hash32 hash, ParseFixed<32>("members_sha256", ByteView(bytes)));
  return std::optional(hash);
}

LedgerRun LedgerRunOf(const RunRecord& run) {
  return {run.run_id, HexEncode(model::ContractHash(run.contract))};
}

NewEntry GenesisEntry(const LedgerOptions& options, const std::string& log_key) {
  return MakeEntry("federation.genesis", options.federation, options.root_ca,
                   {{"root_ca_sha256", HexEncode(options.root_ca)},
                    {"log_key", log_key},
                    {"key", HexEncode(options.signer->public_key())}});
}

absl::StatusOr<LedgerChange> NewRunEntries(const RunRecord& run) {
  VEILSUM_ASSIGN_OR_RETURN(const model::Plan plan, model::PlanFromJson(run.plan));
  LedgerChange out;
  out.blobs = {run.plan, run.contract};
  out.entries.push_back(MakeEntry(
      "plan.registered", RunSubject(run.run_id), Sha256(run.contract),
      {{"plan_sha256", HexEncode(Sha256(run.plan))},
       {"contract_sha256", HexEncode(Sha256(run.contract))},
       {"contract_hash", LedgerRunOf(run).contract_hash},
       {"run_id", run.run_id},
       {"claim_epsilon", plan.is_private() ? model::DecimalText(plan.privacy.epsilon) : "inf"},
       {"claim_delta", model::DecimalText(plan.privacy.delta)}}));
  return out;
}

absl::StatusOr<LedgerChange> ApprovalEntries(const LedgerRun& run, const Approval& approval,
                                             const ledger::LedgerRules& rules) {
  LedgerChange out;
  if (!approval.key) return InvalidArgument("the approval of %s has no key", approval.member);
  const Ed25519PublicKey& key = *approval.key;
  const std::string tenant = TenantOf(approval.member);
  const auto known = rules.KeyOf(approval.member);
  if (known && *known != key)
    out.entries.push_back(MakeEntry("key.revoked", approval.member, Sha256(*known),
                                    {{"spiffe_id", approval.member}, {"reason", "renewed"}},
                                    tenant));
  if (known != key)
    out.entries.push_back(MakeEntry("key.registered", approval.member, Sha256(key),
                                    {{"spiffe_id", approval.member}, {"key", HexEncode(key)}},
                                    tenant));
  if (!approval.policy.empty()) VEILSUM_RETURN_IF_ERROR(AddPolicy(approval, tenant, rules, out));
  const auto found = rules.runs().find(run.contract_hash);
  if (found == rules.runs().end() || found->second.reserved.contains(tenant)) return out;
  Json sums = Json::array();
  for (const model::SumSpec& sum : found->second.contract.sums)
    sums.push_back({{"purpose", sum.purpose}, {"attempts", sum.attempts_max}});
  out.entries.push_back(MakeEntry("budget.reserved", TenantSubject(run.run_id, tenant), HashOf(run),
                                  {{"contract_hash", run.contract_hash}, {"sums", sums}}, tenant));
  return out;
}

LedgerChange BlockEntries(const LedgerRun& run, const Block& block) {
  LedgerChange out;
  Json body = {{"contract_hash", run.contract_hash}, {"first", block.first}, {"last", block.last}};
  PutNames("members", block.members, body, out);
  out.entries.push_back(MakeEntry("rounds.opened", BlockSubject(run.run_id, block.first),
                                  ParseFixed<32>("setup_hash", ByteView(block.setup_hash)).value(),
                                  std::move(body)));
  return out;
}

LedgerChange CommitEntries(const LedgerRun& run, const RoundCommit& commit) {
  LedgerChange out;
  Json body = {{"contract_hash", run.contract_hash},
               {"round", commit.round},
               {"aggregate_sha256", HexEncode(commit.sum_hash)},
               {"model_sha256", commit.model ? HexEncode(commit.model->hash) : ""}};
  PutNames("survivors", commit.survivors, body, out);
  out.entries.push_back(MakeEntry("round.committed", RoundSubject(run.run_id, commit.round),
                                  commit.sum_hash, std::move(body)));
  return out;
}

LedgerChange AbortEntries(const LedgerRun& run, std::uint64_t round, const std::string& reason) {
  LedgerChange out;
  out.entries.push_back(MakeEntry(
      "round.aborted", RoundSubject(run.run_id, round), HashOf(run),
      {{"contract_hash", run.contract_hash}, {"round", round}, {"reason", PlainWords(reason)}}));
  return out;
}

LedgerChange RecoveryEntries(const LedgerRun& run, const std::vector<std::uint64_t>& open) {
  LedgerChange out;
  for (const std::uint64_t round : open)
    out.entries.push_back(AbortEntries(run, round, kRestarted).entries.front());
  return out;
}

LedgerChange RunEndEntries(const LedgerRun& run, const std::string& outcome,
                           const ledger::LedgerRules& rules) {
  LedgerChange out;
  const auto found = rules.runs().find(run.contract_hash);
  if (found == rules.runs().end()) return out;  // of a time before there was a ledger
  const std::uint64_t attempts = found->second.opened;
  out.entries.push_back(MakeEntry("run.ended", RunSubject(run.run_id), HashOf(run),
                                  {{"contract_hash", run.contract_hash},
                                   {"outcome", PlainWords(outcome)},
                                   {"attempts", attempts}}));
  return out;
}

}  // namespace veilsum::coordinator
