// manifest.json of a data folder: a description, nothing more (SE-28). Columns and their kinds are
// the plan's; merchants are the folders under merchants/.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "model/plan/plan.h"

namespace veilsum::client {

struct Manifest {
  std::string dataset;                 // names the example plan, deploy/examples/<dataset>.toml
  std::string label;                   // a description
  std::vector<std::string> merchants;  // folders under merchants/, sorted
};

// NotFound: no manifest.json or no folder merchants/. InvalidArgument: not a JSON object of the
// expected shape, a merchant it lists that has no folder, a folder whose name is not
// [A-Za-z0-9._-]{1,64}, no merchant at all.
absl::StatusOr<Manifest> ReadManifest(const std::filesystem::path& data);

// Who sits at the table: a merchant, or a pool of them.
struct Seat {
  std::string name;
  std::vector<std::filesystem::path> folders;
};

// Merchants in name order with the plan's pools applied. InvalidArgument when a pool names a
// merchant that is not there or has the name of one that is not its member.
absl::StatusOr<std::vector<Seat>> SeatsOf(const std::filesystem::path& data,
                                          const Manifest& manifest,
                                          const std::vector<model::Pool>& pools);

}  // namespace veilsum::client
