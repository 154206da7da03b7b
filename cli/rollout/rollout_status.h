// What the present rollout of a folder has come to, for people and for programs.
#pragma once

#include <filesystem>

#include "base/canonical_json.h"

namespace veilsum::cli {

// {"rollout_id","model_id","version","digest","baseline","stage","percent","reason","entered",
// "looks","approved","approvals_needed","untold","clients":[{"client","to_have","channel","has",
// "result","code","reported"}]}. Reads alone. NotFound: no rollout; errors of its files.
absl::StatusOr<nlohmann::ordered_json> RolloutStatus(const std::filesystem::path& folder);
// [{"rollout_id","version","digest","stage"}], the present one last.
absl::StatusOr<nlohmann::ordered_json> RolloutList(const std::filesystem::path& folder);

std::string StatusText(const nlohmann::ordered_json& status);

}  // namespace veilsum::cli
