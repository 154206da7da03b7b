// What a run does to the world outside its state: messages to seats, the model on offer, uploads
// answered, watchers told. The run machine knows no socket, clock or thread; a test plays this
// port.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "veilsum/coordinator/v1/rounds.pb.h"

namespace veilsum::coordinator {

// What a round waited for, one after another.
struct RoundPhase {
  const char* name;         // uploads, signatures, shares
  Clock::Duration ended{};  // since the round's opening
};

// How a round ended, in figures that every member of the run may know: nothing in it depends on
// what a merchant's customers are like.
struct RoundFigures {
  std::string run_id;
  std::uint64_t round = 0;
  bool committed = false;
  std::size_t participants = 0;    // in the sum; 0 unless committed
  std::size_t dropped = 0;         // of the batch's members, not in the sum; 0 unless committed
  std::size_t bytes_in = 0;        // of masked vectors in the sum
  std::size_t bytes_out = 0;       // of models announced to those who could take part
  double epsilon_spent_ratio = 0;  // of all attempts charged, against the contract's epsilon
  // The largest coordinate of the decoded sum against half the ring, [0, 1]: near 1 sums wrap, or
  // a mask has stayed. Made from what the round released. 0 unless committed.
  double ring_share = 0;
  Clock::Duration took{};  // from the opening to the end
  // Those that were entered; the last one ended with the round.
  std::vector<RoundPhase> phases = {};
};

// How the setup of a batch ended.
struct SetupFigures {
  std::string run_id;
  std::uint32_t batch = 0;  // counted from 0 by each start of a coordinator
  bool keyed = false;       // at least one cohort has its secrets
  Clock::Duration took{};
};

class RunPort {
 public:
  virtual ~RunPort() = default;
  virtual void Send(const std::string& seat, const v1::ServerMessage& message) = 0;
  virtual void Disconnect(const std::string& seat, const absl::Status& reason) = 0;
  // From now on uploads of `round` with exactly `bytes` bytes are admitted from `seats`, once each;
  // round 0: from nobody.
  virtual void AdmitUploads(std::uint64_t round, std::size_t bytes,
                            const std::vector<std::string>& seats) = 0;
  // No upload of the present round is admitted from these any more; from others as before.
  virtual void EndUploads(const std::vector<std::string>& seats) = 0;
  // Clients may fetch this model, and no other.
  virtual void OfferModel(const Hash32& hash, std::shared_ptr<const Bytes> bytes) = 0;
  // Something that RunProgress shows has changed.
  virtual void Changed() = 0;
  virtual void Log(std::string_view line) = 0;
  virtual void RoundEnded(const RoundFigures&) {}
  virtual void SetupEnded(const SetupFigures&) {}
};

}  // namespace veilsum::coordinator
