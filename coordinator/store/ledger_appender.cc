#include "coordinator/store/ledger_appender.h"

#include "base/crypto/sha256.h"
#include "base/pki/spiffe_id.h"
#include "coordinator/store/new_entry.h"

namespace veilsum::coordinator {

absl::StatusOr<LedgerChange> StatementEntries(const ledger::SignedStatement& statement,
                                              const Ed25519PublicKey& key,
                                              const ledger::LedgerRules& rules) {
  const ledger::TenantStatement& said = statement.statement;
  VEILSUM_ASSIGN_OR_RETURN(const SpiffeId seat, SpiffeId::Parse(said.seat));
  if (said.federation != rules.federation() || seat.domain() != rules.federation())
    return InvalidArgument("the statement of %s is for the federation %s, not %s", said.seat,
                           said.federation, rules.federation());
  LedgerChange out;
  if (rules.LastIssued(seat.tenant(), said.type) >= said.issued) return out;
  const auto add = [&](std::string type, std::string subject, const Hash32& hash, Json body) {
    out.entries.push_back(MakeEntry(std::move(type), std::move(subject), hash, std::move(body)));
    out.entries.back().tenant = seat.tenant();
  };
  const auto known = rules.KeyOf(said.seat);
  if (known && *known != key)
    add("key.revoked", said.seat, Sha256(*known),
        {{"spiffe_id", said.seat}, {"reason", "renewed"}});
  if (known != key)
    add("key.registered", said.seat, Sha256(key),
        {{"spiffe_id", said.seat}, {"key", HexEncode(key)}});
  add(said.type, PolicySubject(seat.tenant()), Sha256(statement.signature), BodyOf(statement));
  out.entries.back().hidden = said.hidden;
  return out;
}

absl::StatusOr<std::string> ContractOfRun(const std::string& run_id,
                                          const ledger::LedgerRules& rules) {
  for (const auto& [hash, run] : rules.runs())
    if (run.contract.run_id == run_id) return hash;
  return FailedPrecondition("S202: the ledger has no run %s", run_id);
}

LedgerChange PublishedEntries(const ReleaseFacts& facts, const ledger::LedgerRules& rules) {
  LedgerChange out;
  const std::string digest = HexEncode(facts.release);
  if (rules.releases().contains(digest)) return out;
  out.entries.push_back(MakeEntry("release.published", "release/" + digest, facts.release,
                                  {{"contract_hash", facts.contract_hash},
                                   {"model_id", PlainWords(facts.model_id)},
                                   {"version", PlainWords(facts.version)},
                                   {"release_counter", facts.release_counter},
                                   {"release_sha256", digest},
                                   {"manifest_sha256", HexEncode(facts.manifest)},
                                   {"model_sha256", HexEncode(facts.model)}}));
  return out;
}

LedgerChange RevokedEntries(const Hash32& release, const std::string& reason,
                            const std::vector<std::string>& approvers,
                            const ledger::LedgerRules& rules) {
  LedgerChange out;
  const std::string digest = HexEncode(release);
  if (const auto known = rules.releases().find(digest);
      known != rules.releases().end() && known->second.revoked)
    return out;
  out.entries.push_back(MakeEntry(
      "release.revoked", "release/" + digest, release,
      {{"release_sha256", digest}, {"reason", PlainWords(reason)}, {"approvers", approvers}}));
  return out;
}

LedgerChange TransitionEntries(const RolloutFacts& facts, const ledger::LedgerRules& rules) {
  LedgerChange out;
  const std::string digest = HexEncode(facts.release);
  const ledger::RolloutState wanted{digest, facts.to, facts.percent};
  if (const auto known = rules.rollouts().find(facts.rollout_id);
      known != rules.rollouts().end() && known->second == wanted)
    return out;
  out.entries.push_back(
      MakeEntry("rollout.transition", "rollout/" + facts.rollout_id, facts.release,
                {{"rollout_id", facts.rollout_id},
                 {"release_sha256", digest},
                 {"from", facts.from},
                 {"to", facts.to},
                 {"percent", facts.percent},
                 {"reason", PlainWords(facts.reason)},
                 {"gate_report_sha256", facts.gate_report ? HexEncode(*facts.gate_report) : ""},
                 {"approvers", facts.approvers}}));
  return out;
}

}  // namespace veilsum::coordinator
