// What the phases of one open slot share at the coordinator. Internal to this folder.
#pragma once

#include "secure_agg/transcripts.h"

namespace veilsum::secure_agg {

struct BatchView;

struct ServerSlot {
  std::shared_ptr<const BatchView> batch;
  SlotContext context;
  SumShape shape;
};

}  // namespace veilsum::secure_agg
