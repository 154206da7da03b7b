// The rules for what is written about runs: their plan, what they reserve, their rounds and their
// end.
#include <algorithm>
#include <limits>
#include <utility>

#include "base/crypto/sha256.h"
#include "model/contract/privacy_terms.h"
#include "model/contract/round_schedule.h"
#include "model/ledger/rules_support.h"
#include "model/plan/plan_format.h"

namespace veilsum::ledger {
namespace {

constexpr std::uint64_t kMostRoundsOfABatch = 64;

// Of a plan without noise: "inf" (SE-12).
std::string ClaimedEpsilon(const model::Plan& plan) {
  return plan.is_private() ? model::DecimalText(plan.privacy.epsilon) : "inf";
}

const model::Cohort* CohortOf(const model::RunContract& contract, const std::string& seat) {
  for (const model::Cohort& cohort : contract.cohorts)
    if (std::ranges::binary_search(cohort.members, seat)) return &cohort;
  return nullptr;
}

// Attempts that a sum did not need are passed over, so that the next sum begins with its own.
bool BeginsASum(const model::RunContract& contract, std::uint64_t round) {
  std::uint64_t first = 1;
  for (const model::SumSpec& sum : contract.sums) {
    if (round == first) return true;
    first += sum.attempts_max;
  }
  return false;
}

bool HasSeat(const model::RunContract& contract, const std::string& tenant) {
  for (const model::Cohort& cohort : contract.cohorts)
    for (const std::string& seat : cohort.members)
      if (!tenant.empty() && TenantOf(seat) == tenant) return true;
  return false;
}

}  // namespace

void LedgerRules::OnPlan(const Entry& entry) {
  Json body = entry.body;
  Fields fields(body);
  const Hash32 plan_hash = fields.Hex<32>("plan_sha256");
  const Hash32 contract_sha256 = fields.Hex<32>("contract_sha256");
  const std::string name = fields.Text("contract_hash"), run_id = fields.Text("run_id");
  const std::string epsilon = fields.Text("claim_epsilon"), delta = fields.Text("claim_delta");
  if (!fields.Done().ok()) return Find("E103", Message(fields.status()));
  if (runs_.contains(name)) return Find("S207", name);
  const absl::StatusOr<std::string> plan_text = blobs_(plan_hash), text = blobs_(contract_sha256);
  if (!plan_text.ok() || !text.ok()) return Find("P302", "plan or contract is not there");
  if (Sha256(*plan_text) != plan_hash || Sha256(*text) != contract_sha256)
    return Find("P305", "the bytes have another digest");
  const absl::StatusOr<model::Plan> plan = model::PlanFromJson(*plan_text);
  absl::StatusOr<model::RunContract> contract = model::ContractFromJson(*text);
  if (!plan.ok()) return Find("P302", Message(plan.status()));
  if (!contract.ok()) return Find("P302", Message(contract.status()));
  if (contract->plan_sha256 != plan_hash || contract->run_id != run_id ||
      HexEncode(model::ContractHash(*text)) != name)
    return Find("P302", "digests of plan and contract do not agree");
  // The plan states what it claims; that the noise keeps it is computed anew.
  if (epsilon != ClaimedEpsilon(*plan) || delta != model::DecimalText(plan->privacy.delta))
    Find("P302", "the plan claims another epsilon or delta");
  if (const Verdict& kept = Judge(name, *plan, *contract); !kept.ok())
    Find("P302", Message(kept.status()));
  RegisteredRun run;
  run.name = name;
  run.contract = *std::move(contract);
  run.claim = {plan->is_private() ? RealOf(epsilon) : std::numeric_limits<double>::infinity(),
               RealOf(delta)};
  // In merchant mode the claim is of a merchant; a tenant's cap is about its customers (DP-20).
  run.cap_epsilon = run.claim.epsilon;
  if (const Verdict& kept = judged_->at(name); kept.ok() && kept->input.training.merchant)
    run.cap_epsilon = kept->statement.epsilon_customer;
  Set(&LedgerRules::runs_, name, std::move(run));
}

const LedgerRules::Verdict& LedgerRules::Judge(const std::string& name, const model::Plan& plan,
                                               const model::RunContract& contract) {
  const auto [verdict, added] = judged_->try_emplace(name, absl::UnknownError(""));
  if (added) verdict->second = model::CheckPrivacy(plan, contract);
  return verdict->second;
}

void LedgerRules::OnReserved(const Entry& entry) {
  Json body = entry.body;
  Fields fields(body);
  RegisteredRun* run = RunOf(fields);
  Json sums = fields.Take("sums");
  if (!fields.Done().ok()) return Find("E103", Message(fields.status()));
  if (run == nullptr) return;
  Json expected = Json::array();
  for (const model::SumSpec& sum : run->contract.sums)
    expected.push_back({{"attempts", sum.attempts_max}, {"purpose", sum.purpose}});
  if (sums != expected) Find("P302", "sums are not those of the contract");
  const std::string& tenant = entry.header.tenant;
  if (const auto policy = policies_.find(tenant); policy != policies_.end()) {
    const Claim& cap = policy->second.cap;
    if (run->cap_epsilon > cap.epsilon || run->claim.delta > cap.delta)
      Find("P303",
           absl::StrFormat("epsilon %.17g, delta %.17g for %s, whose policy allows %.17g, "
                           "%.17g",
                           run->cap_epsilon, run->claim.delta, tenant, cap.epsilon, cap.delta));
  }
  if (const auto data = datasets_.find(tenant);
      data != datasets_.end() && run->contract.is_private &&
      run->claim.delta * static_cast<double>(data->second.persons_at_most) >= 1)
    Find("P307", absl::StrFormat("delta %.17g for up to %d persons of %s", run->claim.delta,
                                 data->second.persons_at_most, tenant));
  if (!HasSeat(run->contract, tenant)) Find("S206", tenant + " has no seat");
  if (!run->reserved.insert(tenant).second) return Find("S207", "reserved twice for " + tenant);
  RememberRun(*run, [tenant](RegisteredRun& before) { before.reserved.erase(tenant); });
  CheckBlock(tenant);
}

void LedgerRules::OnOpened(const Entry& entry) {
  Json body = entry.body;
  Fields fields(body);
  RegisteredRun* run = RunOf(fields);
  const std::uint64_t first = fields.Int("first"), last = fields.Int("last");
  const std::vector<std::string> members = NamesIn(fields, "members");
  if (!fields.Done().ok()) return Find("E103", Message(fields.status()));
  if (run == nullptr) return;
  for (const std::string& seat : members) {
    if (CohortOf(run->contract, seat) == nullptr) Find("S206", seat + " is no member");
    if (!run->reserved.contains(TenantOf(seat))) Find("S203", TenantOf(seat));
  }
  const bool follows = first == run->opened_through + 1 ||
                       (first > run->opened_through && BeginsASum(run->contract, first));
  if (run->ended || !follows || last < first || last - first >= kMostRoundsOfABatch)
    return Find("S204",
                absl::StrFormat("rounds %d to %d after %d", first, last, run->opened_through));
  if (!run->open.empty()) Find("S204", "rounds of the batch before are still open");
  const std::uint64_t most = model::AttemptsMax(run->contract);
  if (last > most) Find("P301", absl::StrFormat("round %d, reserved are %d", last, most));
  OpenRounds(*run, first, last, members);
}

void LedgerRules::OpenRounds(RegisteredRun& run, std::uint64_t first, std::uint64_t last,
                             const std::vector<std::string>& members) {
  std::map<std::string, std::optional<model::AttemptsByPurpose>> charged;  // until now
  for (const std::string& seat : members) {
    const std::string tenant = TenantOf(seat);
    const auto found = run.charged.find(tenant);
    charged[tenant] = found == run.charged.end() ? std::nullopt : std::optional(found->second);
  }
  const model::AttemptsByPurpose charge = model::AttemptsWithin(run.contract, first, last);
  for (const auto& [tenant, until_now] : charged) run.charged[tenant] += charge;
  for (std::uint64_t round = first; round <= last; ++round) run.open.insert(round);
  const std::uint64_t through = std::exchange(run.opened_through, last);
  run.opened += last - first + 1;
  std::vector<std::string> batch = std::exchange(run.members, members);
  RememberRun(run, [=, batch = std::move(batch),
                    charged = std::move(charged)](RegisteredRun& before) {
    for (const auto& [tenant, until_now] : charged)
      until_now ? void(before.charged[tenant] = *until_now) : void(before.charged.erase(tenant));
    for (std::uint64_t round = first; round <= last; ++round) before.open.erase(round);
    before.opened_through = through;
    before.opened -= last - first + 1;
    before.members = batch;
  });
}

void LedgerRules::OnRoundEnd(const Entry& entry) {
  Json body = entry.body;
  Fields fields(body);
  RegisteredRun* run = RunOf(fields);
  const std::uint64_t round = fields.Int("round");
  const bool committed = entry.type == "round.committed";
  std::vector<std::string> survivors;
  std::string model;
  if (committed) {
    survivors = NamesIn(fields, "survivors");
    fields.Hex<32>("aggregate_sha256");
    model = fields.Text("model_sha256");
    if (!model.empty() && model.size() != 64) fields.Wrong("model_sha256");
  } else {
    fields.Text("reason");
  }
  if (!fields.Done().ok()) return Find("E103", Message(fields.status()));
  if (run == nullptr) return;
  if (run->open.erase(round) == 0) return Find("S205", absl::StrFormat("round %d", round));
  ++(committed ? run->committed : run->aborted);
  if (model.empty()) model = run->last_model;
  std::swap(model, run->last_model);
  RememberRun(*run, [round, committed, model](RegisteredRun& before) {
    --(committed ? before.committed : before.aborted);
    before.open.insert(round);
    before.last_model = model;
  });
  if (committed) CheckSurvivors(*run, round, survivors);
}

// Every cohort of which somebody survived has enough survivors (SE-04), all of the certified V.
void LedgerRules::CheckSurvivors(const RegisteredRun& run, std::uint64_t round,
                                 const std::vector<std::string>& survivors) {
  std::map<const model::Cohort*, std::uint32_t> of_cohort;
  for (const std::string& seat : survivors) {
    if (!std::ranges::binary_search(run.members, seat))
      return Find("S206", absl::StrFormat("round %d: %s was not in its batch", round, seat));
    ++of_cohort[CohortOf(run.contract, seat)];
  }
  if (of_cohort.empty()) Find("S206", absl::StrFormat("round %d: nobody", round));
  for (const auto& [cohort, count] : of_cohort)
    if (cohort != nullptr && count < cohort->min_survivors)
      Find("S206", absl::StrFormat("round %d: %d survivors, at least %d", round, count,
                                   cohort->min_survivors));
}

void LedgerRules::OnRunEnd(const Entry& entry) {
  Json body = entry.body;
  Fields fields(body);
  RegisteredRun* run = RunOf(fields);
  fields.Text("outcome");
  const std::uint64_t attempts = fields.Int("attempts");
  if (!fields.Done().ok()) return Find("E103", Message(fields.status()));
  if (run == nullptr) return;
  if (run->ended) Find("S205", "the run had ended");
  if (attempts != run->opened)
    Find("P301", absl::StrFormat("attempts %d, opened were %d", attempts, run->opened));
  RememberRun(*run, [ended = run->ended](RegisteredRun& before) { before.ended = ended; });
  run->ended = true;
}

// In the entry, or in a blob that it names.
std::vector<std::string> LedgerRules::NamesIn(Fields& fields, const std::string& key) {
  const std::string by_digest = key + "_sha256";
  if (!fields.Has(by_digest)) return fields.Names(key.c_str());
  const Hash32 digest = fields.Hex<32>(by_digest.c_str());
  if (!fields.status().ok()) return {};
  const absl::StatusOr<std::string> text = blobs_(digest);
  const absl::StatusOr<Json> list = text.ok() ? ParseCanonical(*text) : text.status();
  if (!list.ok() || Sha256(*text) != digest) {
    fields.Wrong(by_digest);
    return {};
  }
  Json object = {{key, *list}};
  Fields inner(object);
  std::vector<std::string> names = inner.Names(key.c_str());
  if (!inner.status().ok()) fields.Wrong(by_digest);
  return names;
}

RegisteredRun* LedgerRules::RunOf(Fields& fields) {
  const std::string name = fields.Text("contract_hash");
  const auto found = runs_.find(name);
  if (found != runs_.end()) return &found->second;
  Find("S202", name);
  return nullptr;
}

}  // namespace veilsum::ledger
