// A batch that is ready, at the coordinator: opens its slots one after another.
#pragma once

#include "secure_agg/sent.h"
#include "secure_agg/server/input_phase.h"

namespace veilsum::secure_agg {

struct SlotRequest {
  std::uint16_t slot = 0;  // at least next_slot()
  RoundId round{0};        // above every round before (SE-05)
  Hash32 model_hash{};
  std::uint16_t sum = 0;  // index into the contract's sums
  std::uint64_t step = 0;
  Bytes config;  // canonical JSON, at most 4096 bytes
};

class ServerBatch {
 public:
  const VerifiedRoster& roster() const { return *view_->roster; }
  const BatchId& id() const { return view_->id; }
  const MemberSet& active() const { return view_->active; }  // V: RoundStart goes to these members
  const Hash32& setup_hash() const { return view_->setup_hash; }
  std::uint16_t next_slot() const { return next_slot_; }
  std::size_t remaining_slots() const { return view_->params->slots() - next_slot_; }

  // InvalidArgument: slot or round not increasing, slot >= B, no such sum, config too long. A
  // failed slot is spent.
  absl::StatusOr<Sent<RoundStart, InputPhase>> OpenSlot(SlotRequest request);

 private:
  friend class SetupPhase;
  explicit ServerBatch(std::shared_ptr<const BatchView> view) : view_(std::move(view)) {}
  std::shared_ptr<const BatchView> view_;
  std::uint16_t next_slot_ = 0;
  RoundId last_round_{0};
};

}  // namespace veilsum::secure_agg
