// How often one address may try a join token: once a second, so that guessing goes nowhere.
#pragma once

#include <chrono>
#include <map>
#include <mutex>
#include <string>

namespace veilsum::coordinator {

// Thread-safe.
class RedeemPace {
 public:
  // `peer` as gRPC writes it, "ipv4:127.0.0.1:41234" or "ipv6:[::1]:41234".
  bool MayTry(const std::string& peer, std::chrono::steady_clock::time_point now) {
    const std::string address = peer.substr(0, peer.rfind(':'));
    const std::lock_guard lock(mutex_);
    if (last_.size() >= kMostAddresses)
      std::erase_if(last_, [&](const auto& entry) { return now - entry.second >= kPause; });
    if (last_.size() >= kMostAddresses) return false;  // as many as that are no merchants
    const auto [entry, fresh] = last_.try_emplace(address, now);
    if (!fresh && now - entry->second < kPause) return false;
    entry->second = now;
    return true;
  }

 private:
  static constexpr std::chrono::seconds kPause{1};
  static constexpr std::size_t kMostAddresses = 4096;
  std::mutex mutex_;
  std::map<std::string, std::chrono::steady_clock::time_point> last_;
};

}  // namespace veilsum::coordinator
