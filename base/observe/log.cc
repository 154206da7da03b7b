#include "base/observe/log.h"

#include <array>
#include <ctime>

#include "base/canonical_json.h"

namespace veilsum {
namespace {

constexpr std::string_view kHidden = "[secret]";

void HideKeys(std::string& text) {
  constexpr std::string_view kBegin = "-----BEGIN ", kEnd = "-----END ", kDashes = "-----";
  for (std::size_t at = 0; (at = text.find(kBegin, at)) != std::string::npos;) {
    const std::size_t title = at + kBegin.size();
    const std::size_t head = text.find(kDashes, title);
    const bool key = text.substr(title, head - title).find("PRIVATE KEY") != std::string::npos;
    if (!key) {
      at = title;
      continue;
    }
    // A block that is cut off is hidden to the end.
    const std::size_t end = text.find(kEnd, title);
    const std::size_t tail =
        end == std::string::npos ? std::string::npos : text.find(kDashes, end + kEnd.size());
    const std::size_t last = tail == std::string::npos ? text.size() : tail + kDashes.size();
    text.replace(at, last - at, kHidden);
    at += kHidden.size();
  }
}

void HideTokens(std::string& text) {
  constexpr std::string_view kToken = "vsj1.";
  constexpr std::string_view kInToken =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.";
  for (std::size_t at = 0; (at = text.find(kToken, at)) != std::string::npos;) {
    const std::size_t end = std::min(text.find_first_not_of(kInToken, at), text.size());
    text.replace(at, end - at, kHidden);
    at += kHidden.size();
  }
}

// Bytes that are no UTF-8 (a text that was cut) become U+FFFD.
std::string JsonText(std::string_view text) {
  return Json(std::string(text)).dump(-1, ' ', false, Json::error_handler_t::replace);
}

// The numbered check or code that a message begins with or names first: SA-31, LEDGER_FORK.
std::string_view CodeIn(std::string_view message) {
  constexpr std::array<std::string_view, 5> kKinds = {"SA-", "SE-", "DP-", "POLICY_", "LEDGER_"};
  std::size_t first = std::string_view::npos;
  for (const std::string_view kind : kKinds) first = std::min(first, message.find(kind));
  if (first == std::string_view::npos) return {};
  const std::size_t end =
      message.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ_-0123456789", first);
  return message.substr(first, end == std::string_view::npos ? end : end - first);
}

std::string_view NameOf(LogLevel level) {
  constexpr std::array<std::string_view, 3> kNames = {"info", "warning", "error"};
  return kNames[static_cast<std::size_t>(level)];
}

std::string Timestamp(std::chrono::system_clock::time_point now) {
  const auto since = std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch());
  const std::time_t seconds = since.count() / 1000;
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  return absl::StrFormat("%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", utc.tm_year + 1900, utc.tm_mon + 1,
                         utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec, since.count() % 1000);
}

}  // namespace

std::string WithoutSecrets(std::string_view text) {
  std::string out(text);
  HideKeys(out);
  HideTokens(out);
  for (char& c : out)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  return out;
}

std::string WithoutQuotations(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t open = std::min(text.find('"', at), text.size());
    out += text.substr(at, open - at);
    if (open == text.size()) break;
    out += "\"...\"";
    // To the last quotation mark: a value may hold some itself, and where it ends nobody can tell.
    const std::size_t close = text.rfind('"');
    at = close == open ? text.size() : close + 1;
  }
  return WithoutSecrets(out);
}

absl::Status WithoutQuotations(const absl::Status& status) {
  return status.ok()
             ? status
             : absl::Status(status.code(), WithoutQuotations(std::string_view(
                                               status.message().data(), status.message().size())));
}

absl::StatusOr<LogFormat> Log::ParseFormat(std::string_view name) {
  if (name == "text") return LogFormat::kText;
  if (name == "json") return LogFormat::kJson;
  return InvalidArgument("log.format is \"%s\", must be text or json", name);
}

std::string Log::AsJson(const std::string& message, const LogFields& fields) const {
  std::string line = absl::StrFormat(
      R"({"ts":"%s","level":"%s","component":%s,"event":%s,"msg":%s)", Timestamp(now_()),
      NameOf(fields.level), JsonText(component_), JsonText(fields.event), JsonText(message));
  if (!federation_.empty())
    absl::StrAppendFormat(&line, R"(,"federation":%s)", JsonText(federation_));
  if (!tenant_.empty()) absl::StrAppendFormat(&line, R"(,"tenant":%s)", JsonText(tenant_));
  if (fields.round != 0) absl::StrAppendFormat(&line, R"(,"round":%d)", fields.round);
  if (const std::string_view code = CodeIn(message); !code.empty())
    absl::StrAppendFormat(&line, R"(,"code":%s)", JsonText(code));
  return line + "}\n";
}

void Log::Write(std::string_view message, const LogFields& fields) {
  const std::string clean = WithoutSecrets(message);
  const std::string line = format_ == LogFormat::kJson
                               ? AsJson(clean, fields)
                               : absl::StrFormat("%s: %s%s%s\n", component_, federation_,
                                                 federation_.empty() ? "" : ": ", clean);
  const std::lock_guard lock(mutex_);
  std::fwrite(line.data(), 1, line.size(), out_);
  std::fflush(out_);
}

}  // namespace veilsum
