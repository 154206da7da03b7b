// What a protocol step gives back: the message to send, and the phase that follows.
#pragma once

namespace veilsum::secure_agg {

// Every step consumes its phase (`std::move(phase).OnX(...)`), so that none can be skipped or taken
// twice. An error ends the run of that phase: the phase and its keys are gone.
template <class Message, class Next>
struct Sent {
  Message message;
  Next next;
};

}  // namespace veilsum::secure_agg
