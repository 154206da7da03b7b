// What a ledger tells of its releases: published, rolled out, revoked, in the log's order.
#pragma once

#include <string>
#include <vector>

#include "model/ledger/log_check.h"

namespace veilsum::cli {

struct ReleaseEvent {
  std::uint64_t leaf = 0;
  std::string time;     // of the entry
  std::string release;  // root digest
  std::string what;     // as a reader would say it
  std::vector<std::string> approvers;
};

// Evidence that is not lawful is told as far as it can be read; the rules say what is wrong with
// it.
class ReleaseStory final : public ledger::LogWatcher {
 public:
  static constexpr std::size_t kMost = 10'000;  // later ones are only counted
  void OnEntry(std::uint64_t index, const Hash32& leaf, const ledger::LedgerRules& rules) override;
  const std::vector<ReleaseEvent>& events() const { return events_; }
  std::uint64_t left_out() const { return left_out_; }

 private:
  std::vector<ReleaseEvent> events_;
  std::uint64_t left_out_ = 0;
};

}  // namespace veilsum::cli
