// From what a run left behind to what a release says about it.
#pragma once

#include <filesystem>

#include "client/rpc/admin_client.h"
#include "model/release/package.h"

namespace veilsum::cli {

// `report` is report.json's value; `facts` has everything but the run's id and its rounds. What the
// plan starts from becomes a parent. The
// privacy statement and the metrics are the report's, reals as decimals. InvalidArgument: no
// report of a private run that ended with a model, a plan or model of another run.
absl::StatusOr<release::ReleaseInput> InputOfRun(const Json& report, std::string_view plan_json,
                                                 ByteView safetensors, release::Manifest facts,
                                                 const std::string& builder);

// The same from a coordinator that serves. Its word counts for the rounds that were opened and for
// the figures of the hold-outs; plan, contract and model must be each other's, and what they claim
// is computed anew. `facts.federation_id`: of the contract. FailedPrecondition: the run has not
// finished. InvalidArgument, PermissionDenied: what the coordinator says cannot be.
absl::StatusOr<release::ReleaseInput> InputOfCoordinator(client::AdminClient& admin,
                                                         const std::string& run_id,
                                                         release::Manifest facts,
                                                         const std::string& builder);

// The same from a folder that `veilsum demo` wrote.
absl::StatusOr<release::ReleaseInput> InputOfFolder(const std::filesystem::path& folder,
                                                    release::Manifest facts,
                                                    const std::string& builder);

}  // namespace veilsum::cli
