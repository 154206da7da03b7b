#include "coordinator/cli/serve_command.h"

#include <csignal>
#include <cstdlib>
#include <future>
#include <mutex>

#include "base/stop_on_signal.h"
#include "coordinator/cli/federation_node.h"
#include "coordinator/cli/node_files.h"
#include "coordinator/cli/several_configs.h"

namespace veilsum::coordinator {
namespace {

using Nodes = std::vector<std::unique_ptr<FederationNode>>;

// Told once, by a signal or by the first node that fails.
class StopWord {
 public:
  void Say() {
    std::call_once(said_, [this] { word_.set_value(); });
  }
  std::shared_future<void> said() const { return future_; }

 private:
  std::once_flag said_;
  std::promise<void> word_;
  const std::shared_future<void> future_ = word_.get_future().share();
};

// The error of one federation among several says whose it is.
absl::Status Named(const absl::Status& status, const std::string& federation, std::size_t nodes) {
  return nodes == 1 ? status : Annotate(status, federation);
}

absl::StatusOr<Nodes> OpenNodes(std::vector<CoordinatorConfig> configs) {
  const std::size_t number = configs.size();
  if (number > 1)
    for (const CoordinatorConfig& config : configs)
      VEILSUM_RETURN_IF_ERROR(Named(CheckAddressesFree(config), config.federation, number));
  Nodes nodes;
  for (CoordinatorConfig& config : configs) {
    const std::string federation = config.federation;
    auto node = FederationNode::Open(std::move(config), /*named=*/number > 1);
    if (!node.ok()) return Named(node.status(), federation, number);
    nodes.push_back(*std::move(node));
  }
  return nodes;
}

// Each on a thread of its own, until all are told to stop or one fails; the first error.
absl::Status RunNodes(const Nodes& nodes, StopWord& stop) {
  std::vector<std::future<absl::Status>> ends;
  for (const auto& node : nodes)
    ends.push_back(std::async(std::launch::async, [&stop, raw = node.get()] {
      const absl::Status end = raw->Run(stop.said());
      if (!end.ok()) stop.Say();
      return end;
    }));
  absl::Status first;
  for (std::size_t i = 0; i < nodes.size(); ++i)
    first.Update(Named(ends[i].get(), nodes[i]->federation(), nodes.size()));
  return first;
}

}  // namespace

absl::Status CheckConfigs(const std::vector<std::filesystem::path>& files,
                          const std::vector<std::string>& settings) {
  VEILSUM_ASSIGN_OR_RETURN(const std::vector<CoordinatorConfig> configs,
                           ReadCoordinatorConfigs(files, settings));
  for (const CoordinatorConfig& config : configs) {
    VEILSUM_ASSIGN_OR_RETURN(const OwnIdentity identity, ReadIdentity(config));
    if (!config.issuer.empty())
      VEILSUM_RETURN_IF_ERROR(ReadIssuer(config, identity.tls()->root).status());
  }
  return absl::OkStatus();
}

absl::Status Serve(const std::vector<std::filesystem::path>& files,
                   const std::vector<std::string>& settings) {
  // What gRPC writes by itself is no line of our log and names no federation; peers that it refuses
  // are counted. Whoever sets this variable sees it.
  setenv("GRPC_VERBOSITY", "NONE", /*overwrite=*/0);
  StopWord stop;
  const StopOnSignal on_signal([&](int) { stop.Say(); });
  std::signal(SIGHUP, SIG_IGN);  // certificates and revocations are read again without being told
  VEILSUM_ASSIGN_OR_RETURN(std::vector<CoordinatorConfig> configs,
                           ReadCoordinatorConfigs(files, settings));
  VEILSUM_ASSIGN_OR_RETURN(const Nodes nodes, OpenNodes(std::move(configs)));
  return RunNodes(nodes, stop);
}

}  // namespace veilsum::coordinator
