// Epsilon by privacy-loss distributions of runs whose plan names the other accountant. It takes a
// second and follows from the contract alone: it is computed beside the reading of the log, and
// once in a process.
#pragma once

#include <future>
#include <map>
#include <string>

#include "model/ledger/log_check.h"

namespace veilsum::cli {

class SecondAccountant final : public ledger::LogWatcher {
 public:
  // Begins the computation for a plan that is registered. One thread at a time.
  void OnEntry(std::uint64_t index, const Hash32& leaf, const ledger::LedgerRules& rules) override;

  // Waits for it, or computes it. Infinity: there is none.
  double EpsilonOf(const std::string& contract, const model::CheckedPrivacy& privacy);

 private:
  static constexpr std::size_t kMostAtOnce = 4;       // each takes megabytes
  std::map<std::string, std::future<double>> begun_;  // by contract hash
};

}  // namespace veilsum::cli
