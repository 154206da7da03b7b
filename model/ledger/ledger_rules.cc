#include "model/ledger/ledger_rules.h"

#include <utility>

#include "base/tlog/note.h"
#include "model/ledger/rules_support.h"

namespace veilsum::ledger {

std::vector<Finding> LedgerRules::Apply(PreparedLeaf leaf) {
  findings_.clear();
  at_.last_entry.reset();
  if (leaf.parsed.ok()) {
    const Entry& entry = leaf.parsed->entry;
    CheckHeader(entry);
    if (at_.size == 0) {
      OnGenesis(entry);
      CheckSignature(leaf);  // by the key that it registers
    } else {
      CheckSignature(leaf);
      ApplyBody(entry);
    }
    at_.term = std::max(at_.term, entry.header.term);
    at_.last_time = std::max(at_.last_time, entry.header.time);
    at_.last_entry = std::make_shared<const Entry>(std::move(leaf.parsed->entry));
  } else {
    Find(leaf.code.c_str(), Message(leaf.parsed.status()));
  }
  at_.last_leaf = leaf.hash;
  ++at_.size;
  return std::move(findings_);
}

void LedgerRules::Begin() { before_ = {at_, {}}; }

void LedgerRules::Drop() {
  VEILSUM_CHECK(before_);
  Before before = *std::move(before_);
  before_.reset();
  for (auto undo = before.undo.rbegin(); undo != before.undo.rend(); ++undo) (*undo)(*this);
  at_ = std::move(before.place);
}

void LedgerRules::RememberRun(const RegisteredRun& run, std::function<void(RegisteredRun&)> undo) {
  if (!before_) return;
  before_->undo.push_back([name = run.name, undo = std::move(undo)](LedgerRules& rules) {
    undo(rules.runs_.at(name));
  });
}

void LedgerRules::Find(const char* code, std::string details) {
  findings_.push_back({code, at_.size, std::move(details)});
}

void LedgerRules::CheckHeader(const Entry& entry) {
  const Header& header = entry.header;
  if (header.prev != at_.last_leaf)
    Find("E104", absl::StrFormat("prev is %s, must be %s", HexEncode(header.prev),
                                 HexEncode(at_.last_leaf)));
  if (header.seq > at_.size) Find("E109", absl::StrFormat("seq is %d", header.seq));
  if (header.seq < at_.size) Find("E110", absl::StrFormat("seq is %d", header.seq));
  if (header.term < at_.term)
    Find("E105", absl::StrFormat("term %d after %d", header.term, at_.term));
  if (header.term == at_.term && header.time < at_.last_time)
    Find("E105", absl::StrFormat("%s after %s", header.time, at_.last_time));
  if (at_.size != 0 && header.federation != at_.federation)
    Find("E106", absl::StrFormat("%s in the ledger of %s", header.federation, at_.federation));
}

void LedgerRules::CheckSignature(const PreparedLeaf& leaf) {
  const std::string& actor = leaf.parsed->entry.header.actor;
  const auto found = keys_.find(actor);
  if (found == keys_.end()) return Find("K701", actor);
  if (found->second.revoked) Find("K702", actor);
  if (!leaf.IsSignedBy(found->second.key)) Find("E102", actor);
}

void LedgerRules::ApplyBody(const Entry& entry) {
  using Handler = void (LedgerRules::*)(const Entry&);
  static const std::map<std::string_view, Handler> handlers = {
      {"key.registered", &LedgerRules::OnKey},
      {"key.revoked", &LedgerRules::OnKey},
      {"policy.set", &LedgerRules::OnPolicy},
      {"dataset.declared", &LedgerRules::OnDataset},
      {"erasure.performed", &LedgerRules::OnErasure},
      {"plan.registered", &LedgerRules::OnPlan},
      {"budget.reserved", &LedgerRules::OnReserved},
      {"rounds.opened", &LedgerRules::OnOpened},
      {"round.committed", &LedgerRules::OnRoundEnd},
      {"round.aborted", &LedgerRules::OnRoundEnd},
      {"run.ended", &LedgerRules::OnRunEnd},
      {"release.published", &LedgerRules::OnReleasePublished},
      {"release.revoked", &LedgerRules::OnReleaseRevoked},
      {"rollout.transition", &LedgerRules::OnRollout}};
  const auto handler = handlers.find(entry.type);
  if (handler == handlers.end()) return Find("E103", "type " + entry.type);
  const bool own_words = entry.type == "policy.set" || entry.type == "dataset.declared" ||
                         entry.type == "erasure.performed";
  if (!own_words && !IsOperated(entry.header.actor))
    return Find("K704", entry.header.actor + " writes " + entry.type);
  (this->*handler->second)(entry);
}

void LedgerRules::OnGenesis(const Entry& entry) {
  if (entry.type != "federation.genesis") return Find("S201", "it begins with " + entry.type);
  Json body = entry.body;
  Fields fields(body);
  fields.Hex<32>("root_ca_sha256");
  at_.log_key = fields.Text("log_key");
  const Ed25519PublicKey key = fields.Hex<32>("key");
  if (!fields.Done().ok()) return Find("E103", Message(fields.status()));
  if (!tlog::VerifierKey::Parse(at_.log_key).ok()) Find("E103", "log_key is no verifier key");
  if (!IsOperated(entry.header.actor)) Find("K704", entry.header.actor + " writes the genesis");
  at_.federation = entry.header.federation;
  Set(&LedgerRules::keys_, entry.header.actor, {key, false});
}

// That the actor's own key stands, its signature has shown.
void LedgerRules::OnKey(const Entry& entry) {
  Json body = entry.body;
  Fields fields(body);
  const std::string id = fields.Text("spiffe_id");
  const bool revokes = entry.type == "key.revoked";
  const Ed25519PublicKey key = revokes ? Ed25519PublicKey{} : fields.Hex<32>("key");
  if (revokes) fields.Text("reason");
  if (!fields.Done().ok()) return Find("E103", Message(fields.status()));
  if (const absl::StatusOr<SpiffeId> parsed = SpiffeId::Parse(id);
      !parsed.ok() || parsed->domain() != at_.federation)
    return Find("K703", id + " is not of this federation");
  const auto found = keys_.find(id);
  if (revokes) {
    if (found == keys_.end()) return Find("K701", id);
    Set(&LedgerRules::keys_, id, {found->second.key, true});
    return;
  }
  if (found != keys_.end() && !found->second.revoked && found->second.key != key)
    return Find("K703", id + " has a key already");
  Set(&LedgerRules::keys_, id, {key, false});
}

const model::CheckedPrivacy* LedgerRules::PrivacyOf(const std::string& contract_hash) const {
  const auto verdict = judged_->find(contract_hash);
  return verdict == judged_->end() || !verdict->second.ok() ? nullptr : &*verdict->second;
}

std::optional<Ed25519PublicKey> LedgerRules::KeyOf(const std::string& actor) const {
  const auto found = keys_.find(actor);
  if (found == keys_.end() || found->second.revoked) return std::nullopt;
  return found->second.key;
}

std::string LedgerRules::LastIssued(const std::string& tenant, const std::string& type) const {
  const auto found = stated_.find(tenant + " " + type);
  return found == stated_.end() ? std::string() : found->second;
}

ActorKeys LedgerRules::Keys() const {
  ActorKeys keys;
  for (const auto& [id, key] : keys_)
    if (!key.revoked) keys.emplace(id, key.key);
  return keys;
}

}  // namespace veilsum::ledger
