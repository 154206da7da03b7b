// What the network's threads may know of a run without asking its loop: who may upload what, and
// which model is on offer.
#pragma once

#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/status.h"

namespace veilsum::coordinator {

// Thread-safe. The first three are RunPort's, of the run's loop.
class RunGate {
 public:
  void AdmitUploads(std::uint64_t round, std::size_t bytes, const std::vector<std::string>& seats);
  void EndUploads(const std::vector<std::string>& seats);
  void OfferModel(const Hash32& hash, std::shared_ptr<const Bytes> bytes);

  // The bytes that this seat's upload of `round` must have; it is let in once (SA-20).
  // FailedPrecondition: it is not.
  absl::StatusOr<std::size_t> Enter(const std::string& seat, std::uint64_t round);
  // NotFound: it is not the model on offer.
  absl::StatusOr<std::shared_ptr<const Bytes>> Model(const Hash32& hash);

 private:
  std::mutex mutex_;
  std::uint64_t round_ = 0;  // 0: nobody is let in
  std::size_t bytes_ = 0;
  std::set<std::string> seats_;
  Hash32 model_hash_{};
  std::shared_ptr<const Bytes> model_;
};

}  // namespace veilsum::coordinator
