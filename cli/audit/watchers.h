// Those who look on while a log is read: several at once, and one that tells how far it is.
#pragma once

#include <algorithm>
#include <functional>
#include <vector>

#include "model/ledger/log_check.h"

namespace veilsum::cli {

// One log, several who look.
class Watchers final : public ledger::LogWatcher {
 public:
  void Add(ledger::LogWatcher* watcher) {
    if (watcher != nullptr) all_.push_back(watcher);
  }
  void OnEntry(std::uint64_t index, const Hash32& leaf, const ledger::LedgerRules& rules) override {
    for (LogWatcher* watcher : all_) watcher->OnEntry(index, leaf, rules);
  }
  bool WantsRoot(std::uint64_t size) override {
    return std::ranges::any_of(all_, [&](LogWatcher* each) { return each->WantsRoot(size); });
  }
  void OnRoot(std::uint64_t size, const Hash32& root) override {
    for (LogWatcher* watcher : all_)
      if (watcher->WantsRoot(size)) watcher->OnRoot(size, root);
  }

 private:
  std::vector<LogWatcher*> all_;
};

// Tells every few thousand entries how many were read, of how many.
class Progress final : public ledger::LogWatcher {
 public:
  static constexpr std::uint64_t kEvery = 4096;
  using Tell = std::function<void(std::uint64_t entries, std::uint64_t all)>;
  Progress(Tell tell, std::uint64_t all) : tell_(std::move(tell)), all_(all) {}
  void OnEntry(std::uint64_t index, const Hash32&, const ledger::LedgerRules&) override {
    if (tell_ && (index + 1) % kEvery == 0) tell_(index + 1, all_);
  }

 private:
  const Tell tell_;
  const std::uint64_t all_;
};

}  // namespace veilsum::cli
