#include "base/canonical_json.h"

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

absl::Status CheckInteger(const Json& value, const std::string& where) {
  const bool fits =
      value.is_number_unsigned()
          ? value.get<std::uint64_t>() <= static_cast<std::uint64_t>(kMaxInteger)
          : value.get<std::int64_t>() >= -kMaxInteger && value.get<std::int64_t>() <= kMaxInteger;
  if (!fits) return InvalidArgument("%s: integer beyond 2^53 - 1", where);
  return absl::OkStatus();
}

absl::Status Check(const Json& value, const std::string& where, int depth) {
  if (depth > kMaxDepth) return InvalidArgument("%s: nested deeper than %d", where, kMaxDepth);
  if (value.is_number_integer()) return CheckInteger(value, where);
  if (value.is_string() || value.is_boolean()) return absl::OkStatus();
  if (value.is_array()) {
    for (std::size_t i = 0; i < value.size(); ++i)
      VEILSUM_RETURN_IF_ERROR(Check(value[i], absl::StrFormat("%s[%d]", where, i), depth + 1));
    return absl::OkStatus();
  }
  if (value.is_object()) {
    for (const auto& [key, child] : value.items()) {
      if (!IsKey(key)) return InvalidArgument("%s: key \"%s\" is not [a-z0-9_]+", where, key);
      VEILSUM_RETURN_IF_ERROR(Check(child, where + "." + key, depth + 1));
    }
    return absl::OkStatus();
  }
  return InvalidArgument("%s: %s is not canonical (no floats, no null)", where,
                         std::string(value.type_name()));
}

}  // namespace

absl::StatusOr<std::string> EncodeCanonical(const Json& value) {
  VEILSUM_RETURN_IF_ERROR(Check(value, "$", 0));
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
