// A run as the ledger tells it, with its privacy computed anew from plan and contract.
#pragma once

#include "cli/audit/audit.h"
#include "cli/audit/charge_story.h"
#include "cli/audit/second_accountant.h"

namespace veilsum::cli {

class RunTeller {
 public:
  // `blobs` finds plans; the watchers have seen the whole log and outlive this.
  RunTeller(ledger::BlobReader blobs, ChargeStory* story, SecondAccountant* second)
      : blobs_(std::move(blobs)), story_(story), second_(second) {}
  // What cannot be read is left empty: it is a finding already.
  AuditedRun Tell(const std::string& name, const ledger::RegisteredRun& run,
                  const ledger::LedgerRules& rules);

 private:
  void AddAccountants(const model::CheckedPrivacy& privacy, AuditedRun& out);
  void AddCurves(const model::CheckedPrivacy& privacy, AuditedRun& out);

  const ledger::BlobReader blobs_;
  ChargeStory* const story_;
  SecondAccountant* const second_;
};

}  // namespace veilsum::cli
