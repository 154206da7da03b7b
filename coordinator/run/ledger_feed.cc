#include "coordinator/run/ledger_feed.h"

#include <algorithm>

#include "base/pki/spiffe_id.h"
#include "coordinator/store/ledger_subjects.h"
#include "model/ledger/witness_name.h"

namespace veilsum::coordinator {
namespace {

constexpr std::size_t kHeadsKept = 4;
constexpr std::uint64_t kMostEnds = 256;  // of rounds, in one head

template <class Out>
void PutProof(const tlog::Proof& proof, Out* out) {
  for (const Hash32& hash : proof) out->Add(std::string(AsText(hash)));
}

absl::StatusOr<v1::LedgerEntry> Encode(LedgerView& ledger, const ProvedLeaf& proved) {
  v1::LedgerEntry out;
  out.set_index(proved.index);
  out.set_leaf(std::string(AsText(proved.leaf)));
  PutProof(proved.proof, out.mutable_proof());
  VEILSUM_ASSIGN_OR_RETURN(const std::optional<Hash32> names, NamesBlobOf(proved.leaf));
  if (names) {
    VEILSUM_ASSIGN_OR_RETURN(*out.mutable_names(), ledger.Blob(*names));
  }
  return out;
}

}  // namespace

absl::StatusOr<v1::LedgerHead> LedgerFeed::HeadFor(Shown& shown) {
  v1::LedgerHead head;
  VEILSUM_ASSIGN_OR_RETURN(const tlog::Note note, ledger_->SignedHead());
  const std::uint64_t size = ledger_->Head().size;
  head.set_checkpoint(note.ToString());
  head.set_old_size(shown.size);
  // Who holds more than there is sees it from the size: this ledger went back.
  if (shown.size <= size) {
    VEILSUM_ASSIGN_OR_RETURN(const tlog::Proof proof, ledger_->ProveConsistency(shown.size, size));
    PutProof(proof, head.mutable_consistency());
  }
  heads_[size] = note.text;
  if (heads_.size() > kHeadsKept) heads_.erase(heads_.begin());
  if (proved_size_ != size) proved_.clear();
  proved_size_ = size;
  if (shown.size == 0) {
    VEILSUM_ASSIGN_OR_RETURN(const ProvedLeaf genesis, ledger_->Prove(0, size));
    VEILSUM_ASSIGN_OR_RETURN(*head.add_entries(), Encode(*ledger_, genesis));
  }
  shown.size = std::max(shown.size, size);
  return head;
}

absl::Status LedgerFeed::AddEntry(const std::string& type, const std::string& subject,
                                  v1::LedgerHead& head) {
  const auto [found, added] = proved_.try_emplace(type + subject);
  if (added) {
    VEILSUM_ASSIGN_OR_RETURN(const std::uint64_t index, ledger_->Find(type, subject));
    VEILSUM_ASSIGN_OR_RETURN(const ProvedLeaf proved, ledger_->Prove(index, proved_size_));
    VEILSUM_ASSIGN_OR_RETURN(found->second, Encode(*ledger_, proved));
  }
  *head.add_entries() = found->second;
  return absl::OkStatus();
}

absl::Status LedgerFeed::AddIfThere(const std::string& type, const std::string& subject,
                                    v1::LedgerHead& head) {
  const absl::Status added = AddEntry(type, subject, head);
  if (!absl::IsNotFound(added)) return added;
  proved_.erase(type + subject);
  return absl::OkStatus();
}

absl::Status LedgerFeed::AddEnds(Shown& shown, std::uint64_t through, v1::LedgerHead& head) {
  const std::string& run_id = terms_.contract().run_id;
  through = std::min(through, shown.first_unseen + kMostEnds - 1);
  for (std::uint64_t round = shown.first_unseen; round <= through; ++round) {
    const std::string subject = RoundSubject(run_id, round);
    absl::Status ended = AddEntry("round.committed", subject, head);
    if (absl::IsNotFound(ended)) {
      proved_.erase("round.committed" + subject);
      ended = AddEntry("round.aborted", subject, head);
    }
    if (absl::IsNotFound(ended)) {
      proved_.erase("round.aborted" + subject);
      if (round < shown.block) continue;  // passed over, never opened
      through = round - 1;                // still open
      break;
    }
    VEILSUM_RETURN_IF_ERROR(ended);
  }
  head.set_ended_through(through);
  shown.first_unseen = std::max(shown.first_unseen, through + 1);
  return absl::OkStatus();
}

absl::StatusOr<v1::ServerMessage> LedgerFeed::Joined(const std::string& seat, std::uint64_t size,
                                                     std::uint64_t round, std::uint64_t opened) {
  Shown& shown = seats_[seat];
  shown = {.size = size, .block = 0, .first_unseen = round == 0 ? opened + 1 : round};
  v1::ServerMessage message;
  VEILSUM_ASSIGN_OR_RETURN(*message.mutable_ledger(), HeadFor(shown));
  return message;
}

bool LedgerFeed::Needs(const std::string& seat, std::uint64_t first) const {
  const auto shown = seats_.find(seat);
  return ledger_ != nullptr && shown != seats_.end() && shown->second.block != first;
}

absl::StatusOr<v1::ServerMessage> LedgerFeed::ForBlock(const std::string& seat,
                                                       std::uint64_t first) {
  Shown& shown = seats_[seat];
  v1::ServerMessage message;
  VEILSUM_ASSIGN_OR_RETURN(*message.mutable_ledger(), HeadFor(shown));
  v1::LedgerHead& head = *message.mutable_ledger();
  const std::string& run_id = terms_.contract().run_id;
  VEILSUM_ASSIGN_OR_RETURN(const SpiffeId id, SpiffeId::Parse(seat));
  VEILSUM_RETURN_IF_ERROR(AddEntry("plan.registered", RunSubject(run_id), head));
  VEILSUM_RETURN_IF_ERROR(AddIfThere("policy.set", PolicySubject(id.tenant()), head));
  VEILSUM_RETURN_IF_ERROR(AddEntry("budget.reserved", TenantSubject(run_id, id.tenant()), head));
  VEILSUM_RETURN_IF_ERROR(AddEntry("rounds.opened", BlockSubject(run_id, first), head));
  VEILSUM_RETURN_IF_ERROR(AddEnds(shown, first - 1, head));
  shown.block = first;
  return message;
}

absl::StatusOr<v1::ServerMessage> LedgerFeed::AtEnd(const std::string& seat, std::uint64_t opened) {
  Shown& shown = seats_[seat];
  v1::ServerMessage message;
  VEILSUM_ASSIGN_OR_RETURN(*message.mutable_ledger(), HeadFor(shown));
  VEILSUM_RETURN_IF_ERROR(AddEnds(shown, opened, *message.mutable_ledger()));
  return message;
}

absl::Status LedgerFeed::OnCosignature(const std::string& seat, const v1::Cosignature& wire) {
  const auto text = heads_.find(wire.size());
  if (text == heads_.end()) return absl::OkStatus();  // of a head that is long past
  if (wire.witness().size() > 1024)
    return InvalidArgument("witness: %d bytes are no verifier key", wire.witness().size());
  VEILSUM_ASSIGN_OR_RETURN(const tlog::VerifierKey key, tlog::VerifierKey::Parse(wire.witness()));
  if (key.name() != ledger::WitnessName(seat))
    return InvalidArgument("witness: the key is of %s, not of %s", key.name(), seat);
  if (witnesses_.try_emplace(seat, wire.witness()).first->second != wire.witness())
    return InvalidArgument("witness: %s had another key before", seat);
  tlog::Note note;
  note.text = text->second;
  note.signatures.push_back(
      {key.name(), key.id(), Bytes(wire.signature().begin(), wire.signature().end())});
  VEILSUM_RETURN_IF_ERROR(tlog::VerifyCosignature(note, key).status());
  ledger_->AddCosignature(wire.size(), key, note.signatures.front());
  return absl::OkStatus();
}

}  // namespace veilsum::coordinator
