// What a run does to the world outside its state: messages to seats, the model on offer, uploads
// answered, watchers told. The run machine knows no socket, clock or thread; a test plays this
// port.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "veilsum/coordinator/v1/rounds.pb.h"

namespace veilsum::coordinator {

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
};

}  // namespace veilsum::coordinator
