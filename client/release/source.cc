#include "client/release/source.h"

#include <fstream>

namespace veilsum::client {

absl::Status FolderSource::Fetch(const std::string& path, const Sink& sink) {
  constexpr std::string_view kPackages = "packages/";
  std::filesystem::path file = folder_ / path;
  if (!package_.empty() && path.starts_with(kPackages))
    file = package_ / path.substr(path.find('/', kPackages.size()) + 1);
  std::error_code error;
  if (!std::filesystem::is_regular_file(file, error)) return NotFound("there is no %s", path);
  std::ifstream in(file, std::ios::binary);
  if (!in) return Unavailable("%s cannot be read", path);
  std::string chunk(std::size_t{64} << 10, '\0');
  while (in.read(chunk.data(), static_cast<std::streamsize>(chunk.size())), in.gcount() > 0)
    VEILSUM_RETURN_IF_ERROR(sink({chunk.data(), static_cast<std::size_t>(in.gcount())}));
  return absl::OkStatus();
}

}  // namespace veilsum::client
