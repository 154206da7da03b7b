// A configuration file (TOML) that is accepted or refused as a whole: every key is asked for by
// name, a key that nobody asked for is an error, and every error names file, line and key.
// A value comes from a flag (--set section.name=VALUE), else from the environment
// (VEILSUM_SECTION_NAME), else from the file. Those of the first two are plain text: a list is
// separated by commas.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace veilsum {

// A TOML basic string of the text, quotes included: for configurations that we write.
std::string TomlQuote(std::string_view text);

class TomlConfig {
 public:
  // NotFound, or InvalidArgument with file and line when it is not TOML.
  // `settings` are "section.name=VALUE"; InvalidArgument when one is not.
  static absl::StatusOr<TomlConfig> Read(const std::filesystem::path& file,
                                         const std::vector<std::string>& settings = {});
  static absl::StatusOr<TomlConfig> Parse(std::string_view text, std::string_view file);
  TomlConfig(TomlConfig&&) noexcept;
  TomlConfig& operator=(TomlConfig&&) noexcept;
  ~TomlConfig();

  // `key` is "section.name". Without a fallback the key is required. A wrong type, a missing key or
  // a number out of bounds is remembered and reported by Finish; the returned value is then
  // meaningless.
  std::string Text(std::string_view key);
  std::string Text(std::string_view key, std::string_view fallback);
  std::vector<std::string> Texts(std::string_view key, std::vector<std::string> fallback);
  std::int64_t Integer(std::string_view key, std::int64_t fallback, std::int64_t least,
                       std::int64_t most);
  bool Flag(std::string_view key, bool fallback);
  // A path; relative ones are taken from the folder of the file.
  std::filesystem::path Path(std::string_view key);
  std::filesystem::path Path(std::string_view key, const std::filesystem::path& fallback);
  bool Has(std::string_view key) const;

  // The first error met, or the first key that nobody asked for.
  absl::Status Finish() const;

 private:
  struct State;
  explicit TomlConfig(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace veilsum
