#include "base/config/toml_config.h"

#include <toml++/toml.h>

#include <charconv>
#include <cstdlib>
#include <map>
#include <set>

#include "base/file.h"

namespace veilsum {
namespace {

constexpr std::size_t kMaxConfigBytes = std::size_t{1} << 20;

}  // namespace

struct TomlConfig::State {
  std::string file;
  std::filesystem::path folder;
  toml::table table;
  std::set<std::string, std::less<>> asked;
  absl::Status error;
  std::map<std::string, std::string, std::less<>> flags;

  // What a flag or the environment says, and which of the two.
  struct Given {
    std::string source, text;
  };
  std::optional<Given> FromOutside(std::string_view key) {
    if (const auto flag = flags.find(key); flag != flags.end()) {
      asked.emplace(key);
      return Given{absl::StrFormat("--set %s", key), flag->second};
    }
    std::string name = "VEILSUM_";
    for (const char c : key)
      name += c == '.' ? '_' : c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    const char* value = std::getenv(name.c_str());
    if (value == nullptr) return std::nullopt;
    asked.emplace(key);
    return Given{name, value};
  }

  void Fail(absl::Status status) {
    if (error.ok()) error = std::move(status);
  }
  const toml::node* Find(std::string_view key) {
    asked.emplace(key);
    return table.at_path(key).node();
  }
  const toml::node* Require(std::string_view key) {
    const toml::node* node = Find(key);
    if (node == nullptr) Fail(InvalidArgument("%s: %s is missing", file, key));
    return node;
  }
  void WrongType(std::string_view key, const toml::node& node, std::string_view wanted) {
    Fail(InvalidArgument("%s:%d: %s must be %s", file, node.source().begin.line, key, wanted));
  }
  std::string TextOf(std::string_view key, const toml::node* node) {
    if (node == nullptr) return {};
    if (const auto value = node->value_exact<std::string>()) return *value;
    WrongType(key, *node, "a text in quotes");
    return {};
  }
  absl::Status CheckAllAsked(const toml::table& part, const std::string& prefix) const;
};

absl::Status TomlConfig::State::CheckAllAsked(const toml::table& part,
                                              const std::string& prefix) const {
  for (const auto& [key, node] : part) {
    const std::string name = prefix + std::string(key.str());
    if (asked.contains(name)) continue;
    if (const toml::table* child = node.as_table()) {
      VEILSUM_RETURN_IF_ERROR(CheckAllAsked(*child, name + "."));
    } else {
      return InvalidArgument("%s:%d: unknown key %s", file, node.source().begin.line, name);
    }
  }
  return absl::OkStatus();
}

TomlConfig::TomlConfig(std::unique_ptr<State> state) : state_(std::move(state)) {}
TomlConfig::TomlConfig(TomlConfig&&) noexcept = default;
TomlConfig& TomlConfig::operator=(TomlConfig&&) noexcept = default;
TomlConfig::~TomlConfig() = default;

absl::StatusOr<TomlConfig> TomlConfig::Read(const std::filesystem::path& file,
                                            const std::vector<std::string>& settings) {
  VEILSUM_ASSIGN_OR_RETURN(const std::string text, ReadFile(file, kMaxConfigBytes));
  VEILSUM_ASSIGN_OR_RETURN(TomlConfig config, Parse(text, file.string()));
  config.state_->folder = file.parent_path();
  for (const std::string& setting : settings) {
    const std::size_t equals = setting.find('=');
    if (equals == std::string::npos || setting.substr(0, equals).find('.') == std::string::npos)
      return InvalidArgument("--set %s is not SECTION.NAME=VALUE", setting);
    config.state_->flags[setting.substr(0, equals)] = setting.substr(equals + 1);
  }
  return config;
}

absl::StatusOr<TomlConfig> TomlConfig::Parse(std::string_view text, std::string_view file) {
  auto state = std::make_unique<State>();
  state->file = std::string(file);
  try {  // Debian's toml++ library is built with exceptions
    state->table = toml::parse(text, file);
  } catch (const toml::parse_error& error) {
    return InvalidArgument("%s:%d: %s", file, error.source().begin.line,
                           std::string(error.description()));
  }
  return TomlConfig(std::move(state));
}

std::string TomlConfig::Text(std::string_view key) {
  if (auto given = state_->FromOutside(key)) return std::move(given->text);
  return state_->TextOf(key, state_->Require(key));
}

std::string TomlConfig::Text(std::string_view key, std::string_view fallback) {
  if (auto given = state_->FromOutside(key)) return std::move(given->text);
  const toml::node* node = state_->Find(key);
  return node == nullptr ? std::string(fallback) : state_->TextOf(key, node);
}

std::vector<std::string> TomlConfig::Texts(std::string_view key,
                                           std::vector<std::string> fallback) {
  std::vector<std::string> out;
  if (const auto given = state_->FromOutside(key)) {
    for (std::string_view rest = given->text; !rest.empty();) {
      const std::size_t comma = std::min(rest.find(','), rest.size());
      out.emplace_back(rest.substr(0, comma));
      rest.remove_prefix(std::min(comma + 1, rest.size()));
    }
    return out;
  }
  const toml::node* node = state_->Find(key);
  if (node == nullptr) return fallback;
  if (const toml::array* array = node->as_array()) {
    for (const toml::node& element : *array) out.push_back(state_->TextOf(key, &element));
  } else {
    state_->WrongType(key, *node, "a list of texts");
  }
  return out;
}

std::int64_t TomlConfig::Integer(std::string_view key, std::int64_t fallback, std::int64_t least,
                                 std::int64_t most) {
  if (const auto given = state_->FromOutside(key)) {
    std::int64_t value = 0;
    const char* const end = given->text.data() + given->text.size();
    const auto [stop, failed] = std::from_chars(given->text.data(), end, value);
    if (failed == std::errc() && stop == end && value >= least && value <= most) return value;
    state_->Fail(
        InvalidArgument("%s must be an integer from %d to %d", given->source, least, most));
    return fallback;
  }
  const toml::node* node = state_->Find(key);
  if (node == nullptr) return fallback;
  const auto value = node->value_exact<std::int64_t>();
  if (!value || *value < least || *value > most) {
    state_->WrongType(key, *node, absl::StrFormat("an integer from %d to %d", least, most));
    return fallback;
  }
  return *value;
}

bool TomlConfig::Flag(std::string_view key, bool fallback) {
  if (const auto given = state_->FromOutside(key)) {
    if (given->text == "true") return true;
    if (given->text != "false")
      state_->Fail(InvalidArgument("%s must be true or false", given->source));
    return false;
  }
  const toml::node* node = state_->Find(key);
  if (node == nullptr) return fallback;
  const auto value = node->value_exact<bool>();
  if (!value) state_->WrongType(key, *node, "true or false");
  return value.value_or(fallback);
}

std::string TomlQuote(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\')
      out += '\\', out += c;
    else if (byte < 0x20 || byte == 0x7f)
      absl::StrAppendFormat(&out, "\\u%04x", byte);
    else
      out += c;
  }
  return out + '"';
}

std::filesystem::path TomlConfig::Path(std::string_view key) { return state_->folder / Text(key); }

std::filesystem::path TomlConfig::Path(std::string_view key,
                                       const std::filesystem::path& fallback) {
  const std::string text = Text(key, "");
  return text.empty() ? fallback : state_->folder / text;
}

bool TomlConfig::Has(std::string_view key) const {
  if (state_->FromOutside(key)) return true;
  return state_->table.at_path(key).node() != nullptr;
}

absl::Status TomlConfig::Finish() const {
  VEILSUM_RETURN_IF_ERROR(state_->error);
  for (const auto& [key, text] : state_->flags)
    if (!state_->asked.contains(key)) return InvalidArgument("--set %s: unknown key", key);
  return state_->CheckAllAsked(state_->table, "");
}

}  // namespace veilsum
