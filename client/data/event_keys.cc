#include "client/data/event_keys.h"

#include <cstring>

#include "base/crypto/sha256.h"

namespace veilsum::client {
namespace {

void Append(const std::string& text, std::string& to) {
  to += std::to_string(text.size());
  to += ':';
  to += text;
}

}  // namespace

bool EventKeys::IsNew(std::size_t label, std::span<const std::string* const> texts) {
  std::string all = std::to_string(label) + '/';
  for (const std::string* text : texts) Append(*text, all);
  const Hash32 digest = Sha256(AsBytes(all));
  Key key;
  std::memcpy(key.data(), digest.data(), sizeof key);
  return seen_.insert(key).second;
}

}  // namespace veilsum::client
