// No proof, no update (SE-09, SE-10): the client as a witness of its federation's ledger
// (c2sp.org/tlog-witness) with a veto. A head that goes back, splits off or disagrees with what was
// approved stops the client, with a reason of its own and a durable count; one that holds is
// remembered durably, with a signed receipt, before it is cosigned and before anything is sent.
#pragma once

#include <functional>
#include <set>

#include "client/witness/entry_check.h"
#include "client/witness/witness_store.h"
#include "veilsum/coordinator/v1/rounds.pb.h"

namespace veilsum::client {

class LedgerGuard {
 public:
  struct Own {
    std::string seat;  // SPIFFE URI
    std::string federation;
    Hash32 ca_sha256{};                            // of the pinned root's DER
    std::shared_ptr<const Ed25519Signer> signing;  // its signing key: of receipts
  };
  using Now = std::function<std::chrono::system_clock::time_point()>;
  // `witness` is its witness key: of cosignatures. InvalidArgument: a seat that can be no key's
  // name. The store must outlive it.
  static absl::StatusOr<std::unique_ptr<LedgerGuard>> Create(
      Own own, std::shared_ptr<const Ed25519Signer> witness, WitnessStore& store,
      Now now = std::chrono::system_clock::now);

  // For Join: the size of the largest head witnessed; the first round sent whose end the ledger has
  // not shown yet, 0 when there is none.
  std::uint64_t size() const { return known_ ? known_->head.size : 0; }
  std::uint64_t first_unended() const { return sent_.empty() ? 0 : *sent_.begin(); }

  // From now on entries are compared with this run, and with what the merchant's policy allows, as
  // its statement says it (own_statement.h); an empty one states nothing.
  absl::Status Approve(const std::string& plan_json, const std::string& contract_json,
                       const Json& policy = Json::object());
  // The statement, signed by the seat's signing key, for the coordinator to record; empty: none.
  absl::StatusOr<Bytes> PolicyStatement() const;
  // The cosignature of the head, which is witnessed durably by then. Errors begin with their code
  // and are counted: DataLoss LEDGER_ROLLBACK, LEDGER_FORK; PermissionDenied LEDGER_DISAGREES;
  // FailedPrecondition LEDGER_NO_PROOF (a proof is missing, malformed, or does not hold).
  absl::StatusOr<coordinator::v1::Cosignature> OnHead(const coordinator::v1::LedgerHead& wire);
  // Whether the ledger has opened `round`, and charges it through `last` at least, to this seat.
  // FailedPrecondition LEDGER_NO_PROOF: it has not been proved.
  absl::Status MaySpend(std::uint64_t round, std::uint64_t last);
  void Sent(std::uint64_t round) { sent_.insert(round); }  // something of it is about to leave

  const tlog::VerifierKey& key() const { return key_; }

 private:
  struct Shown {  // a head on the wire, parsed
    tlog::Note note;
    tlog::Checkpoint head;
    std::uint64_t old_size = 0;
    tlog::Proof consistency;
  };
  LedgerGuard(Own own, tlog::VerifierKey key, std::shared_ptr<const Ed25519Signer> signer,
              WitnessStore& store, Now now)
      : own_(std::move(own)),
        key_(std::move(key)),
        signer_(std::move(signer)),
        store_(store),
        now_(std::move(now)) {}
  absl::StatusOr<Shown> Parse(const coordinator::v1::LedgerHead& wire, KnownLog& log);
  absl::StatusOr<KnownLog> FirstSeen(const coordinator::v1::LedgerHead& wire);
  absl::StatusOr<tlog::NoteSignature> Continue(const Shown& shown, KnownLog& log);
  absl::Status TakeEntries(const coordinator::v1::LedgerHead& wire, const Shown& shown,
                           const KnownLog& log, EntryCheck& check);
  absl::Status CheckEnds(std::uint64_t through, const EntryCheck& check);
  absl::StatusOr<std::optional<StoredReceipt>> ReceiptFor(const EntryCheck& check,
                                                          const tlog::Checkpoint& head);
  absl::Status Counted(LedgerRefusal kind, const absl::Status& reason);

  Own own_;
  tlog::VerifierKey key_;
  std::shared_ptr<const Ed25519Signer> signer_;
  WitnessStore& store_;
  Now now_;
  std::optional<KnownLog> known_;
  Json policy_ = Json::object();     // stated with the approval
  std::optional<EntryCheck> check_;  // none before a run is approved
  std::set<std::uint64_t> sent_;
};

}  // namespace veilsum::client
