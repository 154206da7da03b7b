// The privacy budget of one block (merchant x customers x data epoch) across runs: a Renyi filter
// at one order fixed in advance. Rule: dp/README.md, "The filter". Sources: Rogers et al. and
// Feldman, Zrnic, "Individual Privacy Accounting via a Renyi Filter" (arXiv 2008.11193): adaptively
// chosen runs may be admitted while the sum of their RDP at a* stays within the bound. A pure
// value: the same operations in the same order give the same state, so that a stored log can be
// replayed and audited.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "base/status.h"
#include "dp/ledger/attempt_charge.h"

namespace veilsum::dp {

// The largest order a* of a block. Up to it the Renyi divergences of every mechanism are evaluated
// at integers (analysis/rdp.h); above it a filter would admit by numbers that nobody has checked.
inline constexpr std::uint32_t kLargestBlockOrder = 1024;

// Fixed when the block is created, never chosen again after an output was seen.
struct BlockBudget {
  double epsilon;       // eps_G
  double delta;         // delta_G; nine tenths pay for the conversion, one tenth for slack
  std::uint32_t order;  // a*, 2 to kLargestBlockOrder
  friend bool operator==(const BlockBudget&, const BlockBudget&) = default;
};

// Largest RDP at a* that (epsilon, 0.9 delta) admits: eps_G - ln(1 - 1/a*) + ln(0.9 delta_G a*) /
// (a* - 1). May be negative: admits nothing.
double RenyiLimit(const BlockBudget& budget);

// The operations. A run's sums are separate reservations, e.g. "run-7/train" and
// "run-7/statistics".
struct Reserve {
  std::string reservation;
  AttemptCharge per_attempt;
  std::uint64_t attempts;  // T_max
};
// Attempts become spent before their bytes leave the host; `through` counts from the reservation's
// first attempt, 1-based.
struct SpendThrough {
  std::string reservation;
  std::uint64_t through;
};
// Releases never-started attempts only.
struct Close {
  std::string reservation;
};
using BudgetOperation = std::variant<Reserve, SpendThrough, Close>;

class BudgetFilter {
 public:
  static absl::StatusOr<BudgetFilter> Create(const BlockBudget& budget);
  // OK, or ResourceExhausted (with the numbers) when a reservation does not fit or an attempt was
  // not reserved; NotFound, AlreadyExists, InvalidArgument for a wrong name or charge;
  // FailedPrecondition after Close. On error nothing changes.
  absl::Status Apply(const BudgetOperation& operation);
  // All of `operations` or the index of the first that fails.
  static absl::StatusOr<BudgetFilter> Replay(const BlockBudget& budget,
                                             std::span<const BudgetOperation> operations);

  const BlockBudget& budget() const { return budget_; }
  AttemptCharge spent() const;     // sums of spent attempts
  AttemptCharge reserved() const;  // sums of open reservations' attempts that are not yet spent
  double EpsilonSpent()
      const;  // that the spent RDP gives at (a*, 0.9 delta_G); 0 when nothing is spent

 private:
  struct Entry {
    AttemptCharge per_attempt;
    std::uint64_t attempts;
    std::uint64_t spent = 0;
    bool closed = false;
  };
  explicit BudgetFilter(const BlockBudget& budget) : budget_(budget) {}
  absl::Status Admit(const Reserve& reserve);
  absl::Status Spend(const SpendThrough& spend);
  absl::Status Finish(const Close& close);
  BlockBudget budget_;
  std::map<std::string, Entry> entries_;
};

// The order a* in {2..64, 128, 256} at which a budget of (epsilon, delta) holds most runs like
// `charges(order)`: for a merchant who states epsilon and delta and leaves the order open, before
// any output is seen. InvalidArgument as Create; ResourceExhausted when it holds not even one.
absl::StatusOr<std::uint32_t> OrderForRuns(
    double epsilon, double delta,
    const std::function<std::vector<Reserve>(std::uint32_t order)>& charges);

// The smallest block budget, over a* in {2..64, 128, 256}, that admits all of `reservations` (given
// per order) at `delta`. `charges(order)` returns them. ResourceExhausted when slack alone exceeds
// a tenth of delta at every order.
absl::StatusOr<BlockBudget> SmallestBudget(
    double delta, const std::function<std::vector<Reserve>(std::uint32_t order)>& charges);

}  // namespace veilsum::dp
