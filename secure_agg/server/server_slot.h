// What the phases of one open slot share at the coordinator. Internal to this folder.
#pragma once

#include <memory>

#include "secure_agg/transcripts.h"

namespace veilsum::secure_agg {

// What the phases of all slots share: public, immutable.
struct BatchView {
  std::shared_ptr<const SessionParams> params;
  std::shared_ptr<const VerifiedRoster> roster;
  BatchId id;
  MemberSet active;  // V
  Hash32 setup_hash{};
};

struct ServerSlot {
  std::shared_ptr<const BatchView> batch;
  SlotContext context;
  SumShape shape;
};

}  // namespace veilsum::secure_agg
