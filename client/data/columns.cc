#include "client/data/columns.h"

namespace veilsum::client {

absl::StatusOr<std::size_t> FindColumn(const std::vector<std::string>& header,
                                       const std::string& column, const std::string& name) {
  constexpr std::size_t kNone = static_cast<std::size_t>(-1);
  std::size_t found = kNone;
  std::string all;
  for (std::size_t i = 0; i < header.size(); ++i) {
    all += (i == 0 ? "" : ", ") + header[i];
    if (header[i] != column) continue;
    if (found != kNone) return InvalidArgument("%s:1: the column %s is there twice", name, column);
    found = i;
  }
  if (found == kNone)
    return InvalidArgument("%s:1: the column %s is missing; there are: %s", name, column, all);
  return found;
}

}  // namespace veilsum::client
