#include "base/http/loopback.h"

#include <charconv>

namespace veilsum {

absl::StatusOr<HostAndPort> Loopback(const std::string& address) {
  const std::size_t colon = address.rfind(':');
  HostAndPort out;
  const char* end = address.data() + address.size();
  if (colon == std::string::npos ||
      std::from_chars(address.data() + colon + 1, end, out.port).ptr != end || out.port < 0 ||
      out.port > 65535)
    return InvalidArgument("%s: must be HOST:PORT", address);
  out.host = address.substr(0, colon);
  if (out.host == "[::1]") out.host = "::1";
  if (out.host == "localhost") out.host = "127.0.0.1";
  if (out.host != "127.0.0.1" && out.host != "::1")
    return InvalidArgument("%s: must be a loopback address (127.0.0.1, [::1] or localhost)",
                           address);
  return out;
}

}  // namespace veilsum
