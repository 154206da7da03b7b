#include "base/pki/tls13.h"

#include <cstdlib>
#include <mutex>
#include <string_view>

namespace veilsum {
namespace {

constexpr char kVariable[] = "GRPC_SSL_CIPHER_SUITES";
constexpr char kOnlyRsa[] = "ECDHE-RSA-AES256-GCM-SHA384";

}  // namespace

absl::Status RequireTls13() {
  static std::once_flag once;
  std::call_once(once, [] { setenv(kVariable, kOnlyRsa, 0); });
  const char* value = std::getenv(kVariable);
  if (value == nullptr || std::string_view(value) != kOnlyRsa)
    return FailedPrecondition(
        "%s is set to a list of its own: unset it, TLS 1.3 must be the only version", kVariable);
  return absl::OkStatus();
}

}  // namespace veilsum
