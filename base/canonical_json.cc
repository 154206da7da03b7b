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

// Reads the plainest form of canonical JSON, printable ASCII without escapes, several times as fast
// as a general parser and an encoder to compare with. It accepts nothing that those two would not,
// and gives the same value; whatever else there is it leaves to them.
class PlainReader {
 public:
  explicit PlainReader(std::string_view text) : rest_(text) {}

  std::optional<Json> Read() {
    Json value;
    if (!Value(value, 0) || !rest_.empty()) return std::nullopt;
    return value;
  }

 private:
  bool Take(char c) {
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  bool Take(std::string_view word) {
    if (!rest_.starts_with(word)) return false;
    rest_.remove_prefix(word.size());
    return true;
  }

  bool Value(Json& out, int depth) {
    if (depth > kMaxDepth || rest_.empty()) return false;
    switch (rest_.front()) {
      case '{':
        return Object(out = Json::object(), depth);
      case '[':
        return Array(out = Json::array(), depth);
      case '"':
        return String(out = std::string());
      case 't':
        out = true;
        return Take("true");
      case 'f':
        out = false;
        return Take("false");
      default:
        return Integer(out);
    }
  }

  bool Object(Json& out, int depth) {
    auto& members = out.get_ref<Json::object_t&>();
    if (!Take('{')) return false;
    if (Take('}')) return true;
    do {
      std::string_view key;
      if (!Text(key) || !IsKey(key) || !Take(':')) return false;
      if (!members.empty() && members.rbegin()->first >= key) return false;
      if (!Value(members.emplace_hint(members.end(), key, Json())->second, depth + 1)) return false;
    } while (Take(','));
    return Take('}');
  }

  bool Array(Json& out, int depth) {
    auto& elements = out.get_ref<Json::array_t&>();
    if (!Take('[')) return false;
    if (Take(']')) return true;
    do {
      if (!Value(elements.emplace_back(), depth + 1)) return false;
    } while (Take(','));
    return Take(']');
  }

  bool String(Json& out) {
    std::string_view text;
    if (!Text(text)) return false;
    out.get_ref<std::string&>().assign(text);
    return true;
  }

  bool Text(std::string_view& out) {
    if (!Take('"')) return false;
    std::size_t size = 0;
    while (size < rest_.size() && rest_[size] != '"') {
      if (rest_[size] < 0x20 || rest_[size] > 0x7e || rest_[size] == '\\') return false;
      ++size;
    }
    out = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return Take('"');
  }

  bool Integer(Json& out) {
    const bool negative = Take('-');
    std::uint64_t value = 0;
    std::size_t digits = 0;
    for (; digits < rest_.size() && rest_[digits] >= '0' && rest_[digits] <= '9'; ++digits) {
      value = 10 * value + static_cast<std::uint64_t>(rest_[digits] - '0');
      if (value > static_cast<std::uint64_t>(kMaxInteger)) return false;
    }
    if (digits == 0 || (digits > 1 && rest_.front() == '0') || (negative && value == 0))
      return false;
    rest_.remove_prefix(digits);
    if (negative)
      out = -static_cast<std::int64_t>(value);
    else
      out = value;
    return true;
  }

  std::string_view rest_;
};

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
  if (std::optional<Json> plain = PlainReader(text).Read()) return *std::move(plain);
  Json value = Json::parse(text, nullptr, false);
  if (value.is_discarded()) return InvalidArgument("not JSON");
  VEILSUM_ASSIGN_OR_RETURN(const std::string again, EncodeCanonical(value));
  if (again != text) return InvalidArgument("JSON is not in canonical form");
  return value;
}

}  // namespace veilsum
