// The flags of `veilsum demo`: a contract (names and meanings are stable and tested).
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "base/status.h"

namespace veilsum::cli {

// As typed. CLI11 fills it; nothing is checked but that each flag has a value.
struct DemoArguments {
  std::string data = "", plan = "", merchants = "", epsilon = "", delta = "", rounds = "",
              seed = "", drop = "";
  std::string min_survivors = "", out = "", start_from = "", release_key = "";
  bool json = false;
};

struct DemoOptions {
  std::optional<std::filesystem::path> data;  // empty: generated shops
  std::optional<std::filesystem::path>
      plan;  // empty: the example plan named by the data's manifest
  std::optional<std::uint32_t>
      merchants;  // generated: how many (6); with data: the first so many by name
  std::optional<std::string> epsilon;  // a decimal, or "inf": no noise (SE-12); empty: the plan's
  std::optional<std::string> delta;
  std::optional<std::uint64_t> rounds;  // published training rounds wanted (SE-05)
  std::uint64_t seed = 1;  // initial weights, generated shops, the --drop schedule (SE-17)
  std::string drop = "0";  // share of clients that vanish in a round
  std::optional<std::uint32_t> min_survivors;
  // Both or neither: a release whose weights the run begins with, and the key that signs it.
  std::optional<std::filesystem::path> start_from, release_key;
  std::filesystem::path out = "veilsum-demo";
  bool json = false;
};

// Adds the flags to `app`; `arguments` must outlive its parse.
void AddDemoFlags(CLI::App& app, DemoArguments& arguments);

// InvalidArgument naming flag, value and bound. Whether files exist and the plan allows it is found
// out later.
absl::StatusOr<DemoOptions> ParseDemoOptions(const DemoArguments& arguments);

}  // namespace veilsum::cli
