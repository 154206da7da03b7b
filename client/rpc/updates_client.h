// Releases from the coordinator: its repository's files as a source for an Updater, and what became
// of a look.
#pragma once

#include <memory>

#include "client/release/source.h"
#include "client/rpc/grpc_coordinator_link.h"
#include "veilsum/rollout/v1/rollout.pb.h"

namespace veilsum::client {

class UpdatesClient : public ReleaseSource {
 public:
  // The leaf in `config.tls` must be a client's. Unavailable: as ConnectToCoordinator.
  static absl::StatusOr<std::unique_ptr<UpdatesClient>> Connect(
      const LinkConfig& config, std::chrono::milliseconds patience = std::chrono::seconds(10));
  // As ReleaseSource::Fetch; a transfer that breaks off goes on where it was while anything comes.
  // Refusal T616: nothing came for as long as `patience`. What comes too slowly or without an end
  // is the updater's to refuse, and its sink's error ends the transfer.

  virtual absl::Status Report(const rollout::v1::ReportRequest& report) = 0;
};

}  // namespace veilsum::client
