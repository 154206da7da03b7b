// What a rollout's folder comes to in numbers, for whoever watches: stages, what gates said, and
// how many clients say what. No label is a text that a client sent.
#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace veilsum::coordinator {

struct RolloutFigure {
  std::string name;  // veilsum_rollout_...
  std::vector<std::pair<std::string, std::string>> labels;
  double value = 0;
};

// What cannot be read is left out; no folder: no figures.
std::vector<RolloutFigure> FiguresOf(const std::filesystem::path& folder);

}  // namespace veilsum::coordinator
