// The interface of every accountant: events go in, a privacy loss comes out that is never below the
// truth.
#pragma once

#include <optional>
#include <string_view>

#include "dp/event.h"

namespace veilsum::dp {

struct PrivacyLoss {
  double epsilon;  // >= 0; may be infinite
  std::optional<double>
      order;  // the Renyi order at which it is reached; absent where there is none
};

class Accountant {
 public:
  virtual ~Accountant() = default;
  virtual std::string_view name() const = 0;  // "rdp": the value of --accountant
  // Adds the event to the composition. InvalidArgument when a field is out of range; then nothing
  // is added.
  virtual absl::Status Compose(const PrivacyEvent& event) = 0;
  // An epsilon such that everything composed so far is (epsilon, delta)-DP.
  virtual absl::StatusOr<PrivacyLoss> LossAt(Delta delta) const = 0;
};

}  // namespace veilsum::dp
