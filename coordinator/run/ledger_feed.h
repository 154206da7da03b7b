// What the merchants of a run are shown of its ledger: the head with the proof that it continues
// theirs, and the entries that allow the next batch of rounds (SE-10). Keeps what each seat was
// shown on its present stream; their cosignatures go back into the ledger.
#pragma once

#include <map>
#include <set>

#include "coordinator/run/run_terms.h"
#include "coordinator/store/ledger_view.h"
#include "veilsum/coordinator/v1/rounds.pb.h"

namespace veilsum::coordinator {

class LedgerFeed {
 public:
  // `ledger` null: there is nothing to show. Both must outlive it.
  LedgerFeed(LedgerView* ledger, const RunTerms& terms) : ledger_(ledger), terms_(terms) {}
  bool on() const { return ledger_ != nullptr; }

  // A new stream of `seat`: it holds the head of `size`, and has not seen the end of `round` (0:
  // nothing is open). The head for it, with the genesis when it holds none. `opened`: the last
  // round opened.
  absl::StatusOr<v1::ServerMessage> Joined(const std::string& seat, std::uint64_t size,
                                           std::uint64_t round, std::uint64_t opened);
  // Whether `seat` has not been shown the block that begins at `first`.
  bool Needs(const std::string& seat, std::uint64_t first) const;
  // The head with plan, the tenant's policy, reservation, the rounds opened from `first`, and how
  // rounds before ended.
  absl::StatusOr<v1::ServerMessage> ForBlock(const std::string& seat, std::uint64_t first);
  // The head with how the rounds up to `opened` ended.
  absl::StatusOr<v1::ServerMessage> AtEnd(const std::string& seat, std::uint64_t opened);

  // InvalidArgument or DataLoss: it is not a cosignature of a head that was shown, by the witness
  // of `seat`, whose key is the first that it came with.
  absl::Status OnCosignature(const std::string& seat, const v1::Cosignature& wire);

 private:
  struct Shown {
    std::uint64_t size = 0;          // of the head shown last
    std::uint64_t block = 0;         // first round of the block shown last
    std::uint64_t first_unseen = 0;  // of rounds, whose end is not shown yet
  };
  absl::StatusOr<v1::LedgerHead> HeadFor(Shown& shown);
  absl::Status AddEntry(const std::string& type, const std::string& subject, v1::LedgerHead& head);
  absl::Status AddIfThere(const std::string& type, const std::string& subject,
                          v1::LedgerHead& head);
  absl::Status AddEnds(Shown& shown, std::uint64_t through, v1::LedgerHead& head);

  LedgerView* ledger_;
  const RunTerms& terms_;
  std::map<std::string, Shown> seats_;
  std::map<std::uint64_t, std::string> heads_;     // texts of the last ones shown, by size
  std::map<std::string, std::string> witnesses_;   // verifier keys, by seat
  std::uint64_t proved_size_ = 0;                  // of the head that `proved_` is under
  std::map<std::string, v1::LedgerEntry> proved_;  // the same for many seats
};

}  // namespace veilsum::coordinator
