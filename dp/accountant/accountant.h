// The interface of every accountant: events go in, a privacy loss comes out that is never below the
// truth.
#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "dp/analysis/selection.h"
#include "dp/event.h"

namespace veilsum::dp {

struct PrivacyLoss {
  double epsilon;  // >= 0; may be infinite
  // The Renyi order at which it is reached; absent where there is none.
  std::optional<double> order = std::nullopt;
  // The part of delta that integer noise took, being no Gaussian: (1 + e^epsilon) tau (DP-18).
  double delta_slack = 0;
};

class Accountant {
 public:
  virtual ~Accountant() = default;
  virtual std::string_view name() const = 0;  // "rdp" or "pld": the value of --accountant
  // Adds the event to the composition. InvalidArgument when a field is out of range, Unimplemented
  // when this accountant has no bound for such an event; then nothing is added.
  virtual absl::Status Compose(const PrivacyEvent& event) = 0;
  // The same for a selection among repeated runs. Unimplemented where this accountant has no bound.
  virtual absl::Status ComposeSelection(const Selection& selection);
  // An epsilon such that everything composed so far is (epsilon, delta)-DP.
  virtual absl::StatusOr<PrivacyLoss> LossAt(Delta delta) const = 0;
};

enum class AccountantKind { kRdp, kPld };
std::string_view NameOf(AccountantKind kind);
// Unimplemented for kRdp with kReplaceOne.
absl::StatusOr<std::unique_ptr<Accountant>> MakeAccountant(
    AccountantKind kind, Neighbouring neighbouring = Neighbouring::kAddRemove);

}  // namespace veilsum::dp
