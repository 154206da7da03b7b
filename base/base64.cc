#include "base/base64.h"

#include <sodium.h>

namespace veilsum {
namespace {
constexpr int kVariant = sodium_base64_VARIANT_ORIGINAL;
}

std::string Base64Encode(ByteView bytes) {
  std::string out(sodium_base64_encoded_len(bytes.size(), kVariant), '\0');
  sodium_bin2base64(out.data(), out.size(), bytes.data(), bytes.size(), kVariant);
  out.pop_back();  // libsodium counts the terminating zero
  return out;
}

absl::StatusOr<Bytes> Base64Decode(std::string_view text) {
  if (text.empty()) return Bytes();
  Bytes out(text.size());
  std::size_t size = 0;
  if (sodium_base642bin(out.data(), out.size(), text.data(), text.size(), nullptr, &size, nullptr,
                        kVariant) != 0)
    return InvalidArgument("not base64 text of %d characters", text.size());
  out.resize(size);
  return out;
}

}  // namespace veilsum
