#include "coordinator/cli/serve_command.h"

#include <csignal>
#include <future>

#include "base/stop_on_signal.h"
#include "coordinator/cli/federation_node.h"
#include "coordinator/cli/node_files.h"

namespace veilsum::coordinator {

absl::Status CheckConfig(const std::filesystem::path& config_file,
                         const std::vector<std::string>& settings) {
  VEILSUM_ASSIGN_OR_RETURN(const CoordinatorConfig config,
                           ReadCoordinatorConfig(config_file, settings));
  VEILSUM_ASSIGN_OR_RETURN(const OwnIdentity identity, ReadIdentity(config));
  if (!config.issuer.empty())
    VEILSUM_RETURN_IF_ERROR(ReadIssuer(config, identity.tls()->root).status());
  return absl::OkStatus();
}

absl::Status Serve(const std::filesystem::path& config_file,
                   const std::vector<std::string>& settings) {
  std::promise<void> stop;
  const std::shared_future<void> stopped = stop.get_future().share();
  const StopOnSignal on_signal([&](int) { stop.set_value(); });
  std::signal(SIGHUP, SIG_IGN);  // certificates and revocations are read again without being told
  VEILSUM_ASSIGN_OR_RETURN(CoordinatorConfig config, ReadCoordinatorConfig(config_file, settings));
  VEILSUM_ASSIGN_OR_RETURN(const std::unique_ptr<FederationNode> node,
                           FederationNode::Open(std::move(config)));
  return node->Run(stopped);
}

}  // namespace veilsum::coordinator
