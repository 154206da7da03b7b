#include "coordinator/run/run_gate.h"

namespace veilsum::coordinator {

void RunGate::AdmitUploads(std::uint64_t round, std::size_t bytes,
                           const std::vector<std::string>& seats) {
  const std::lock_guard lock(mutex_);
  round_ = round;
  bytes_ = bytes;
  seats_ = {seats.begin(), seats.end()};
}

void RunGate::EndUploads(const std::vector<std::string>& seats) {
  const std::lock_guard lock(mutex_);
  for (const std::string& seat : seats) seats_.erase(seat);
}

void RunGate::OfferModel(const Hash32& hash, std::shared_ptr<const Bytes> bytes) {
  const std::lock_guard lock(mutex_);
  model_hash_ = hash;
  model_ = std::move(bytes);
}

absl::StatusOr<std::size_t> RunGate::Enter(const std::string& seat, std::uint64_t round) {
  const std::lock_guard lock(mutex_);
  if (round == 0 || round != round_ || seats_.erase(seat) == 0)
    return FailedPrecondition("SA-21: round %d takes no upload from this seat", round);
  return bytes_;
}

absl::StatusOr<std::shared_ptr<const Bytes>> RunGate::Model(const Hash32& hash) {
  const std::lock_guard lock(mutex_);
  if (model_ == nullptr || hash != model_hash_) return NotFound("no such model is on offer");
  return model_;
}

}  // namespace veilsum::coordinator
