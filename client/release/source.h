// Where a client's metadata and packages come from: a web server, a folder, a stick. Nothing that
// comes out of it is trusted.
#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "base/status.h"

namespace veilsum::client {

class ReleaseSource {
 public:
  virtual ~ReleaseSource() = default;
  // Hands the file's bytes to `sink` as they come and stops with the sink's error, if it has one.
  // NotFound: there is no such file. Unavailable: the source cannot be reached.
  using Sink = std::function<absl::Status(std::string_view chunk)>;
  virtual absl::Status Fetch(const std::string& path, const Sink& sink) = 0;
};

// A repository's folder. With `package`, "packages/<any digest>/" is that folder: what a stick
// holds.
class FolderSource final : public ReleaseSource {
 public:
  explicit FolderSource(std::filesystem::path folder, std::filesystem::path package = {})
      : folder_(std::move(folder)), package_(std::move(package)) {}
  absl::Status Fetch(const std::string& path, const Sink& sink) override;

 private:
  std::filesystem::path folder_, package_;
};

}  // namespace veilsum::client
