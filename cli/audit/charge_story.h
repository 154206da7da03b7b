// What each tenant was charged for in each run, round by round: the curves of an audit's report.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "model/ledger/log_check.h"

namespace veilsum::cli {

class ChargeStory final : public ledger::LogWatcher {
 public:
  static constexpr std::size_t kMaxCurve = 256;
  struct Charge {
    std::uint64_t round;  // the last of those that were opened
    model::AttemptsByPurpose attempts;
  };
  using Curve = std::vector<Charge>;  // at most kMaxCurve

  void OnEntry(std::uint64_t index, const Hash32& leaf, const ledger::LedgerRules& rules) override;
  const Curve& CurveOf(const std::string& contract, const std::string& tenant) {
    return curves_[contract][tenant];
  }

 private:
  std::map<std::string, std::map<std::string, Curve>> curves_;  // by contract hash and tenant
};

}  // namespace veilsum::cli
