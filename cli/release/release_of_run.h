// From what a run left behind to what a release says about it.
#pragma once

#include <filesystem>

#include "model/release/package.h"

namespace veilsum::cli {

// `report` is report.json's value; `facts` has everything but the run's id and its rounds. The
// privacy statement and the metrics are the report's, reals as decimals. InvalidArgument: no
// report of a private run that ended with a model, a plan or model of another run.
absl::StatusOr<release::ReleaseInput> InputOfRun(const Json& report, std::string_view plan_json,
                                                 ByteView safetensors, release::Manifest facts,
                                                 const std::string& builder);

// The same from a folder that `veilsum demo` wrote.
absl::StatusOr<release::ReleaseInput> InputOfFolder(const std::filesystem::path& folder,
                                                    release::Manifest facts,
                                                    const std::string& builder);

}  // namespace veilsum::cli
