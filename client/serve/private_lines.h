// A text file that is written line by line, is readable by its owner alone, and appears under its
// name when it is whole.
#pragma once

#include <cstdio>
#include <filesystem>
#include <memory>
#include <string_view>

#include "base/status.h"

namespace veilsum::client {

class PrivateLines {
 public:
  // Unavailable: it cannot be made beside `path`.
  static absl::StatusOr<PrivateLines> Create(const std::filesystem::path& path);
  PrivateLines(PrivateLines&&) = default;
  ~PrivateLines();  // without Finish nothing is left

  // Unavailable: it cannot be written.
  absl::Status Append(std::string_view text);
  absl::Status Finish();

 private:
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  PrivateLines(std::filesystem::path path, std::filesystem::path partial, std::FILE* file)
      : path_(std::move(path)), partial_(std::move(partial)), file_(file) {}
  std::filesystem::path path_, partial_;
  std::unique_ptr<std::FILE, Close> file_;  // none after Finish
};

}  // namespace veilsum::client
