#include "base/canonical_json.h"

#include <optional>

namespace veilsum {
namespace {

constexpr std::int64_t kMaxInteger = (std::int64_t{1} << 53) - 1;
constexpr int kMaxDepth = 16;

bool IsKey(std::string_view key) {
  if (key.empty()) return false;
  for (const char c : key)
    if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '_') return false;
  return true;
}

// What is wrong, and where: the place is put together only on the way out of a mistake.
struct Wrong {
  std::string where, what;
};

bool Fits(const Json& value) {
  if (value.is_number_unsigned())
    return value.get<std::uint64_t>() <= static_cast<std::uint64_t>(kMaxInteger);
  return value.get<std::int64_t>() >= -kMaxInteger && value.get<std::int64_t>() <= kMaxInteger;
}

std::optional<Wrong> Find(const Json& value, int depth);

std::optional<Wrong> FindInArray(const Json& array, int depth) {
  for (std::size_t i = 0; i < array.size(); ++i)
    if (auto wrong = Find(array[i], depth + 1)) {
      wrong->where = absl::StrFormat("[%d]", i) + wrong->where;
      return wrong;
    }
  return std::nullopt;
}

std::optional<Wrong> FindInObject(const Json& object, int depth) {
  for (const auto& [key, child] : object.items()) {
    if (!IsKey(key)) return Wrong{"", absl::StrFormat("key \"%s\" is not [a-z0-9_]+", key)};
    if (auto wrong = Find(child, depth + 1)) {
      wrong->where = "." + key + wrong->where;
      return wrong;
    }
  }
  return std::nullopt;
}

std::optional<Wrong> Find(const Json& value, int depth) {
  if (depth > kMaxDepth) return Wrong{"", absl::StrFormat("nested deeper than %d", kMaxDepth)};
  if (value.is_number_integer())
    return Fits(value) ? std::nullopt : std::optional(Wrong{"", "integer beyond 2^53 - 1"});
  if (value.is_string() || value.is_boolean()) return std::nullopt;
  if (value.is_array()) return FindInArray(value, depth);
  if (value.is_object()) return FindInObject(value, depth);
  return Wrong{"", absl::StrFormat("%s is not canonical (no floats, no null)",
                                   std::string(value.type_name()))};
}

}  // namespace

absl::StatusOr<std::string> EncodeCanonical(const Json& value) {
  if (const auto wrong = Find(value, 0))
    return InvalidArgument("$%s: %s", wrong->where, wrong->what);
  try {
    return value.dump(-1, ' ', false, Json::error_handler_t::strict);
  } catch (const Json::exception&) {
    return InvalidArgument("a string is not UTF-8");
  }
}

absl::StatusOr<Json> ParseCanonical(std::string_view text) {
  Json value = Json::parse(text, nullptr, false);
  if (value.is_discarded()) return InvalidArgument("not JSON");
  VEILSUM_ASSIGN_OR_RETURN(const std::string again, EncodeCanonical(value));
  if (again != text) return InvalidArgument("JSON is not in canonical form");
  return value;
}

}  // namespace veilsum
