// One honest batch with two rounds among four members, as wire messages: what the state machines
// are fed with, in any order and in any state of decay.
#pragma once

#include <memory>

#include "client/round/secure_sum.h"
#include "tests/unit/secure_agg/federation.h"

namespace veilsum::fuzz {

inline constexpr std::size_t kMembers = 4;  // q = t = 3 with C = 1
inline constexpr std::uint16_t kFuzzSlots = 2;

struct Recording {
  secure_agg::Federation federation;
  std::vector<coordinator::v1::ServerMessage> to_first;           // in order, to member 0
  std::vector<std::vector<coordinator::v1::ClientMessage>> from;  // by member, in order
};

const Recording& TheRecording();

// Member 0 as it was when it heard the first message: the same keys will come.
struct Victim {
  Victim();
  SeededRngForTests rng;
  client::SecureSum sum;
};

const std::vector<std::int64_t>& InputOf(std::size_t member);

void RequireOk(const absl::Status& status);

}  // namespace veilsum::fuzz
