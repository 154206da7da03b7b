// A client's looks for releases at its coordinator, and its reports there.
#pragma once

#include <string>

#include "client/cli/config.h"
#include "client/release/updater.h"
#include "client/serve/serving_api.h"
#include "veilsum/rollout/v1/rollout.pb.h"

namespace veilsum::client {

// Makes the store around `root`, a file that was received out of band, unless it is there.
// InvalidArgument: it is not, and no root is given.
absl::StatusOr<ModelStore> OpenOrCreateStore(const std::string& folder, const std::string& root);

// Not thread-safe. Each look reads the keys' files again, and dials anew.
class ReleaseUpdates {
 public:
  ReleaseUpdates(const ClientConfig& config, std::string store, std::string version)
      : config_(config), store_(std::move(store)), version_(std::move(version)) {}
  void set_epsilon_max(double epsilon) { epsilon_max_ = epsilon; }  // 0: any

  // One look at one coordinator after the other until one answers, then the report to it.
  // `serving`: so far, of this process; those of the release before are taken off, and below fifty
  // requests none is told. An error: no store, no keys, no coordinator; a look that was refused is
  // in the report. That the report could not be delivered is told on stderr. A vote that is asked
  // for is drawn after the report, and is in those of the looks that follow.
  absl::StatusOr<UpdateReport> Look(const ServingCount& serving);

  const std::string& client() const { return client_; }  // own SPIFFE ID, after a look

 private:
  absl::StatusOr<UpdateReport> LookAt(const std::string& address,
                                      const std::shared_ptr<const TlsIdentity>& tls,
                                      const ServingCount& serving);
  bool IsAsked(const UpdateReport& report) const;  // for a vote
  void AddVote(const UpdateReport& report, rollout::v1::ReportRequest& request);
  void DrawVote(const ModelStore& store, const UpdateReport& report) const;
  ServingCount SinceItServes(const std::string& digest, const ServingCount& serving);

  const ClientConfig config_;
  const std::string store_, version_;
  double epsilon_max_ = 0;
  std::string client_;
  KeptVote voted_;       // that is sent again with every report on its release
  std::string counted_;  // the release that is counted for
  ServingCount before_;  // when it began to serve
};

}  // namespace veilsum::client
