#include "model/ledger/finding.h"

namespace veilsum::ledger {

const std::vector<FindingKind>& FindingKinds() {
  static const std::vector<FindingKind> kinds = {
      {"E101", "an entry is not in its one form", "the log was not written by this software"},
      {"E102", "an entry is not signed by its actor", "treat the entry as forged"},
      {"E103", "fields of an entry are not those of its type", "ask for the writer's version"},
      {"E104", "an entry is out of sequence", "entries were removed, added or moved"},
      {"E105", "time or term runs backwards", "look at the coordinator's clock and its leases"},
      {"E106", "an entry belongs to another federation", "the log was mixed with another"},
      {"K701", "an actor's key is not registered", "treat the entry as forged"},
      {"K702", "a key was used after its revocation", "find out who still had the key"},
      {"K703", "a key is registered wrongly", "look at who registered it"},
      {"K704", "an actor writes what is not its to write", "look at whose key it was"},
      {"L001", "the checkpoint is not signed as the policy asks", "ask the tenants for theirs"},
      {"L002", "a bundle of entries cannot be read", "fetch the evidence again"},
      {"L003", "the entries are not those of the checkpoint", "the log was changed"},
      {"L004", "the log does not continue a checkpoint that is known",
       "two views of the log exist"},
      {"L005", "the genesis names another key than the policy", "the policy is of another log"},
      {"P301", "more attempts were opened than were reserved",
       "stop the run; privacy was overspent"},
      {"P302", "a reservation is not what its contract says", "the claim and the noise differ"},
      {"P303", "a run costs more than its tenant's policy allows", "the tenant must decide"},
      {"S201", "the ledger does not begin with its genesis", "the beginning was cut off"},
      {"S202", "an event names a contract that is not registered", "the plan was never approved"},
      {"S203", "rounds were opened without a reservation of a member", "budget was not reserved"},
      {"S204", "rounds were opened out of order, or twice", "a round may have run twice"},
      {"S205", "a round ended that was not open", "a round may have run twice"},
      {"S206", "survivors are too few, or not members", "the noise may have been too small"},
      {"S207", "a contract was registered or reserved twice", "look at the operator's actions"},
  };
  return kinds;
}

}  // namespace veilsum::ledger
