#include "coordinator/store/ledger_appender.h"

#include <algorithm>

#include "base/crypto/sha256.h"
#include "base/pki/spiffe_id.h"

namespace veilsum::coordinator {
namespace {

using ledger::NewEntry;

constexpr std::size_t kMostOfReason = 200;

NewEntry Make(std::string type, std::string subject, const Hash32& subject_sha256, Json body) {
  NewEntry entry;
  entry.type = std::move(type);
  entry.subject = std::move(subject);
  entry.subject_sha256 = subject_sha256;
  entry.body = std::move(body);
  return entry;
}

// Of somebody's own wording: printable ASCII, not long.
std::string Plain(std::string_view text) {
  std::string out(text.substr(0, kMostOfReason));
  std::ranges::replace_if(
      out, [](char c) { return c < 0x20 || c > 0x7e; }, '?');
  return out;
}

}  // namespace

LedgerAppender& AppenderOf(RunStore& store) {
  auto* const appender = dynamic_cast<LedgerAppender*>(&store);
  VEILSUM_CHECK(appender != nullptr);
  return *appender;
}

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
    out.entries.push_back(Make(std::move(type), std::move(subject), hash, std::move(body)));
    out.entries.back().tenant = seat.tenant();
  };
  const auto known = rules.KeyOf(said.seat);
  if (known && *known != key)
    add("key.revoked", said.seat, Sha256(*known),
        {{"spiffe_id", said.seat}, {"reason", "renewed"}});
  if (known != key)
    add("key.registered", said.seat, Sha256(key),
        {{"spiffe_id", said.seat}, {"key", HexEncode(key)}});
  add(said.type, "tenant/" + seat.tenant(), Sha256(statement.signature), BodyOf(statement));
  out.entries.back().hidden = said.hidden;
  return out;
}

LedgerChange PublishedEntries(const ReleaseFacts& facts, const ledger::LedgerRules& rules) {
  LedgerChange out;
  const std::string digest = HexEncode(facts.release);
  if (rules.releases().contains(digest)) return out;
  out.entries.push_back(Make("release.published", "release/" + digest, facts.release,
                             {{"contract_hash", facts.contract_hash},
                              {"model_id", Plain(facts.model_id)},
                              {"version", Plain(facts.version)},
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
  out.entries.push_back(
      Make("release.revoked", "release/" + digest, release,
           {{"release_sha256", digest}, {"reason", Plain(reason)}, {"approvers", approvers}}));
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
      Make("rollout.transition", "rollout/" + facts.rollout_id, facts.release,
           {{"rollout_id", facts.rollout_id},
            {"release_sha256", digest},
            {"from", facts.from},
            {"to", facts.to},
            {"percent", facts.percent},
            {"reason", Plain(facts.reason)},
            {"gate_report_sha256", facts.gate_report ? HexEncode(*facts.gate_report) : ""},
            {"approvers", facts.approvers}}));
  return out;
}

}  // namespace veilsum::coordinator
