// What a ledger may say next. The coordinator asks before it appends, an auditor asks of every
// entry of a log that somebody hands over: one set of rules for both. A pure value; memory grows
// with contracts, keys, tenants, releases, rollouts and rounds that are open, not with entries.
//
// Types and the fields of their bodies (text unless said; hashes and keys in lower-case hex):
//   federation.genesis  root_ca_sha256, log_key (a verifier key), key (of its actor)
//   key.registered      spiffe_id, key
//   key.revoked         spiffe_id, reason
//   policy.set          epsilon_cap, delta_cap     of the header's tenant: decimals, for each run;
//                       block{epsilon, delta, order (int)}, if given, for all its runs (SE-08)
//   dataset.declared    unit, adjacency, contribution_bound, n_upper, overlap_bound (ints)     (I9)
//   erasure.performed   kind: objection, erasure, disclosure                                (SE-30)
//                       These three are the tenant's own words: its client signs the entry, or an
//                       entry carries them with seat, issued and signature (tenant_statement.h).
//   plan.registered     plan_sha256, contract_sha256, contract_hash, run_id, claim_epsilon
//                       ("inf" without noise), claim_delta                (SE-01, SE-02)
//   budget.reserved     contract_hash, sums[{purpose, attempts (int)}]   of the header's tenant
//   rounds.opened       contract_hash, first, last (ints), members[]      (one key batch, SE-10)
//   round.committed     contract_hash, round (int), survivors[], aggregate_sha256, model_sha256
//                       ("" without a model)
//   round.aborted       contract_hash, round (int), reason                (charged like any, SE-07)
//   run.ended           contract_hash, outcome, attempts (int)
//   release.published   contract_hash, model_id, version, release_counter (int), release_sha256
//                       (its name), manifest_sha256, model_sha256 (as in round.committed) (I7)
//   release.revoked     release_sha256, reason, approvers[]
//   rollout.transition  rollout_id, release_sha256, from, to (stages), percent (int), reason,
//                       gate_report_sha256 ("" without one), approvers[]
// A list of members or survivors that would make the entry long is a blob instead, the canonical
// JSON of the list, and the entry has its digest: members_sha256, survivors_sha256.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>

#include "model/contract/privacy_terms.h"
#include "model/ledger/entry.h"
#include "model/ledger/fields.h"
#include "model/ledger/finding.h"
#include "model/ledger/prepared_leaf.h"
#include "model/ledger/tenant_policy.h"
#include "model/plan/plan.h"

namespace veilsum::ledger {

// A contract as registered, and what has become of it.
struct RegisteredRun {
  std::string name;  // contract_hash
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
  std::string last_model;  // of the last round committed that made one
  // Attempts opened with a seat of the tenant: what the run has cost it (SE-07).
  std::map<std::string, model::AttemptsByPurpose> charged;
};

// What a tenant states of its data.
struct TenantData {
  std::string unit;                   // who is protected
  std::uint64_t persons_at_most = 0;  // public; delta must be below its inverse
  std::uint64_t overlap_bound = 0;    // of tenants one person may be at (I9)
};

struct PublishedRelease {
  std::string model_id, model_sha256;
  std::uint64_t counter = 0;
  bool revoked = false;
};
struct RolloutState {
  std::string release, stage;
  std::uint64_t percent = 0;
  friend bool operator==(const RolloutState&, const RolloutState&) = default;
};

// Plans and contracts by SHA-256 of their bytes; NotFound when there is none.
using BlobReader = std::function<absl::StatusOr<std::string>(const Hash32& sha256)>;

class LedgerRules {
 public:
  explicit LedgerRules(BlobReader blobs) : blobs_(std::move(blobs)) {}

  // The entry in `leaf`, the next of the log. What is found; nothing: it is taken in. An entry with
  // findings is taken in as far as it can be, so that one mistake is not reported for ever.
  std::vector<Finding> Apply(ByteView leaf) { return Apply(PrepareLeaf(leaf)); }
  std::vector<Finding> Apply(PreparedLeaf leaf);

  // Between Begin and Drop everything is as it was at Begin again after Drop; Keep leaves what has
  // come. Costs what has changed. A copy made in between cannot Drop.
  void Begin();
  void Keep() { before_.reset(); }
  void Drop();

  std::uint64_t size() const { return at_.size; }
  const Hash32& last_leaf() const { return at_.last_leaf; }
  const std::string& last_time() const { return at_.last_time; }
  const std::map<std::string, RegisteredRun>& runs() const { return runs_; }  // by contract_hash
  const std::string& log_key() const { return at_.log_key; }                  // of the genesis
  const std::string& federation() const { return at_.federation; }
  const std::map<std::string, TenantPolicy>& policies() const { return policies_; }  // by tenant
  const std::map<std::string, TenantData>& datasets() const { return datasets_; }    // by tenant
  // By root digest; by rollout_id.
  const std::map<std::string, PublishedRelease>& releases() const { return releases_; }
  const std::map<std::string, RolloutState>& rollouts() const { return rollouts_; }
  // When the tenant's last statement of the type was issued; empty: none was taken in.
  std::string LastIssued(const std::string& tenant, const std::string& type) const;
  // The entry that was taken in last; null when it was not in its one form.
  const std::shared_ptr<const Entry>& last_entry() const { return at_.last_entry; }
  // Noise and losses of a registered contract, computed anew; null: they do not keep its claim.
  const model::CheckedPrivacy* PrivacyOf(const std::string& contract_hash) const;
  // The key of an actor; none: not registered, or revoked.
  std::optional<Ed25519PublicKey> KeyOf(const std::string& actor) const;
  ActorKeys Keys() const;  // of all actors that have one
  // What the tenant's runs have cost or may yet cost, at the order of its block; null without one.
  // Of the customers who train, or of those held out.
  std::optional<dp::AttemptCharge> BlockCharge(const std::string& tenant, bool held_out) const;

 private:
  struct Key {
    Ed25519PublicKey key{};
    bool revoked = false;
  };
  void CheckHeader(const Entry& entry);
  void CheckSignature(const PreparedLeaf& leaf);
  void ApplyBody(const Entry& entry);
  void OnGenesis(const Entry& entry);
  void OnKey(const Entry& entry);
  std::optional<Json> SaidByTenant(const Entry& entry);
  void OnPolicy(const Entry& entry);
  void OnDataset(const Entry& entry);
  void OnErasure(const Entry& entry);
  void OnPlan(const Entry& entry);
  void OnReserved(const Entry& entry);
  void OnOpened(const Entry& entry);
  void OpenRounds(RegisteredRun& run, std::uint64_t first, std::uint64_t last,
                  const std::vector<std::string>& members);
  void OnRoundEnd(const Entry& entry);
  void OnRunEnd(const Entry& entry);
  void OnReleasePublished(const Entry& entry);
  void OnReleaseRevoked(const Entry& entry);
  void OnRollout(const Entry& entry);
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
  // How to take back what is about to change, for Drop.
  using Undo = std::function<void(LedgerRules&)>;
  void RememberRun(const RegisteredRun& run, std::function<void(RegisteredRun&)> undo);
  template <class Map>
  void Set(Map LedgerRules::*map, const std::string& key, typename Map::mapped_type value);

  // Where the log has come to.
  struct Place {
    std::uint64_t size = 0, term = 0;
    Hash32 last_leaf{};
    std::string last_time, federation, log_key;
    std::shared_ptr<const Entry> last_entry;
  };
  struct Before {
    Place place;
    std::vector<Undo> undo;  // to be done from the last to the first
  };

  BlobReader blobs_;
  Place at_;
  std::optional<Before> before_;
  std::map<std::string, Key> keys_;  // by SPIFFE id
  std::map<std::string, TenantPolicy> policies_;
  std::map<std::string, std::string> stated_;  // when, by tenant and type
  std::map<std::string, TenantData> datasets_;
  std::map<std::string, RegisteredRun> runs_;
  std::map<std::string, std::uint64_t> counters_;  // the newest release of each model_id
  std::map<std::string, PublishedRelease> releases_;
  std::map<std::string, RolloutState> rollouts_;
  std::vector<Finding> findings_;
  // Verdicts on contracts that were registered, shared with copies: the noise is judged once.
  std::shared_ptr<std::map<std::string, Verdict>> judged_ =
      std::make_shared<std::map<std::string, Verdict>>();
};

}  // namespace veilsum::ledger
