// What a ledger may say next. The coordinator asks before it appends, an auditor asks of every
// entry of a log that somebody hands over: one set of rules for both. A pure value; memory grows
// with contracts, keys and rounds that are open, not with entries.
//
// Types and the fields of their bodies (text unless said; hashes and keys in lower-case hex):
//   federation.genesis  root_ca_sha256, log_key (a verifier key), key (of its actor)
//   key.registered      spiffe_id, key
//   key.revoked         spiffe_id, reason
//   policy.set          epsilon_cap, delta_cap     of the header's tenant: decimals, for each run;
//                       block{epsilon, delta, order (int)}, if given, for all its runs (SE-08)
//   plan.registered     plan_sha256, contract_sha256, contract_hash, run_id, claim_epsilon
//                       ("inf" without noise), claim_delta                (SE-01, SE-02)
//   budget.reserved     contract_hash, sums[{purpose, attempts (int)}]   of the header's tenant
//   rounds.opened       contract_hash, first, last (ints), members[]      (one key batch, SE-10)
//   round.committed     contract_hash, round (int), survivors[], aggregate_sha256, model_sha256
//                       ("" without a model)
//   round.aborted       contract_hash, round (int), reason                (charged like any, SE-07)
//   run.ended           contract_hash, outcome, attempts (int)
// A list of members or survivors that would make the entry long is a blob instead, the canonical
// JSON of the list, and the entry has its digest: members_sha256, survivors_sha256.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>

#include "dp/ledger/budget_filter.h"
#include "model/contract/privacy_terms.h"
#include "model/ledger/entry.h"
#include "model/ledger/fields.h"
#include "model/ledger/finding.h"
#include "model/plan/plan.h"

namespace veilsum::ledger {

struct Claim {
  double epsilon = 0, delta = 0;
};

// A contract as registered, and what has become of it.
struct RegisteredRun {
  model::RunContract contract;
  Claim claim;
  double cap_epsilon = 0;            // of one customer, what a tenant's policy caps
  std::set<std::string> reserved;    // tenants
  std::uint64_t opened_through = 0;  // the last round opened
  std::uint64_t opened = 0;          // rounds opened, all charged
  std::set<std::uint64_t> open;      // of those, neither committed nor aborted
  std::vector<std::string> members;  // of the last batch
  std::uint64_t committed = 0, aborted = 0;
  bool ended = false;
  // Attempts opened with a seat of the tenant: what the run has cost it (SE-07).
  std::map<std::string, model::AttemptsByPurpose> charged;
};

// What a tenant allows: each run by itself, and all of them together, by a Renyi filter at an order
// that was fixed before the first of them (I4, SE-08).
struct TenantPolicy {
  Claim cap;
  std::optional<dp::BlockBudget> block;
};

// Plans and contracts by SHA-256 of their bytes; NotFound when there is none.
using BlobReader = std::function<absl::StatusOr<std::string>(const Hash32& sha256)>;

class LedgerRules {
 public:
  explicit LedgerRules(BlobReader blobs) : blobs_(std::move(blobs)) {}

  // The entry in `leaf`, the next of the log. What is found; nothing: it is taken in. An entry with
  // findings is taken in as far as it can be, so that one mistake is not reported for ever.
  std::vector<Finding> Apply(ByteView leaf);

  std::uint64_t size() const { return size_; }
  const Hash32& last_leaf() const { return last_leaf_; }
  const std::string& last_time() const { return last_time_; }
  const std::map<std::string, RegisteredRun>& runs() const { return runs_; }  // by contract_hash
  const std::string& log_key() const { return log_key_; }                     // of the genesis
  const std::string& federation() const { return federation_; }
  const std::map<std::string, TenantPolicy>& policies() const { return policies_; }  // by tenant
  // The entry that was taken in last; null when it was not in its one form.
  const std::shared_ptr<const Entry>& last_entry() const { return last_entry_; }
  // Noise and losses of a registered contract, computed anew; null: they do not keep its claim.
  const model::CheckedPrivacy* PrivacyOf(const std::string& contract_hash) const;
  // The key of an actor; none: not registered, or revoked.
  std::optional<Ed25519PublicKey> KeyOf(const std::string& actor) const;
  // What the tenant's runs have cost or may yet cost, at the order of its block; null without one.
  // Of the customers who train, or of those held out.
  std::optional<dp::AttemptCharge> BlockCharge(const std::string& tenant, bool held_out) const;

 private:
  struct Key {
    Ed25519PublicKey key{};
    bool revoked = false;
  };
  void CheckHeader(const Entry& entry);
  void CheckSignature(const SignedEntry& entry);
  void ApplyBody(const Entry& entry);
  void OnGenesis(const Entry& entry);
  void OnKey(const Entry& entry);
  void OnPolicy(const Entry& entry);
  void OnPlan(const Entry& entry);
  void OnReserved(const Entry& entry);
  void OnOpened(const Entry& entry);
  void OnRoundEnd(const Entry& entry);
  void OnRunEnd(const Entry& entry);
  void CheckSurvivors(const RegisteredRun& run, std::uint64_t round,
                      const std::vector<std::string>& survivors);
  RegisteredRun* RunOf(Fields& fields);
  std::vector<std::string> NamesIn(Fields& fields, const std::string& key);
  using Verdict = absl::StatusOr<model::CheckedPrivacy>;
  const Verdict& Judge(const std::string& name, const model::Plan& plan,
                       const model::RunContract& contract);
  absl::Status FillBlock(dp::BudgetFilter& filter, const std::string& tenant, bool held_out) const;
  void CheckBlock(const std::string& tenant);
  void Find(const char* code, std::string details);

  BlobReader blobs_;
  std::uint64_t size_ = 0, term_ = 0;
  Hash32 last_leaf_{};
  std::string last_time_, federation_, log_key_;
  std::map<std::string, Key> keys_;  // by SPIFFE id
  std::map<std::string, TenantPolicy> policies_;
  std::map<std::string, RegisteredRun> runs_;
  std::vector<Finding> findings_;
  std::shared_ptr<const Entry> last_entry_;
  // Verdicts on contracts that were registered, shared with copies: the noise is judged once.
  std::shared_ptr<std::map<std::string, Verdict>> judged_ =
      std::make_shared<std::map<std::string, Verdict>>();
};

}  // namespace veilsum::ledger
