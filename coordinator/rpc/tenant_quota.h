// How often a tenant may do something: a bucket of tokens for each, refilled as time goes by. What
// one tenant takes is taken from nobody else.
#pragma once

#include <algorithm>
#include <chrono>
#include <map>
#include <mutex>
#include <string>

#include "base/pki/spiffe_id.h"

namespace veilsum::coordinator {

struct Rate {
  double per_second = 0;
  double burst = 0;  // at most so many at once
};

// Whose quota a party uses: its tenant's, or its own when it belongs to none.
inline const std::string& QuotaHolder(const SpiffeId& id) {
  return id.tenant().empty() ? id.ToString() : id.tenant();
}

class TokenBucket {
 public:
  using Time = std::chrono::steady_clock::time_point;
  explicit TokenBucket(const Rate& rate) : tokens_(rate.burst) {}
  bool Take(const Rate& rate, Time now) {
    if (filled_ != Time())
      tokens_ =
          std::min(rate.burst, tokens_ + rate.per_second *
                                             std::chrono::duration<double>(now - filled_).count());
    filled_ = now;
    if (tokens_ < 1) return false;
    tokens_ -= 1;
    return true;
  }

 private:
  double tokens_;
  Time filled_{};
};

// Thread-safe.
class TenantQuota {
 public:
  explicit TenantQuota(const Rate& rate) : rate_(rate) {}
  bool Take(const std::string& holder, TokenBucket::Time now) {
    const std::lock_guard lock(mutex_);
    return buckets_.try_emplace(holder, rate_).first->second.Take(rate_, now);
  }

 private:
  const Rate rate_;
  std::mutex mutex_;
  std::map<std::string, TokenBucket> buckets_;  // of those whom the authority knows: not many
};

}  // namespace veilsum::coordinator
