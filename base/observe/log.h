// Log lines of a running node, on stderr: as text for people, or one JSON object a line with the
// keys ts, level, component, event, msg and, when the line has them, federation, tenant, round and
// code. What looks like a secret does not get through, whoever wrote it into a message.
#pragma once

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>

#include "base/status.h"

namespace veilsum {

// Join tokens and PEM blocks of keys become "[secret]"; control characters, which could forge a
// line, become spaces.
std::string WithoutSecrets(std::string_view text);

// The same, and whatever stands between double quotes becomes "...": errors about a merchant's own
// files quote names and values of customers, and neither belongs in a log or on a wire.
std::string WithoutQuotations(std::string_view text);
absl::Status WithoutQuotations(const absl::Status& status);

enum class LogFormat { kText, kJson };
enum class LogLevel { kInfo, kWarning, kError };

struct LogFields {
  LogLevel level = LogLevel::kInfo;
  std::string_view event = "message";
  std::uint64_t round = 0;  // 0: none
};

// Thread-safe. A line is written with one write.
class Log {
 public:
  using Now = std::function<std::chrono::system_clock::time_point()>;
  // "text" or "json"; InvalidArgument otherwise.
  static absl::StatusOr<LogFormat> ParseFormat(std::string_view name);

  // `component` as in "veilsum-client"; `tenant` may be empty. Lines go to `out`, which stays open.
  // `federation`: named in every line, where a process serves several; empty: in none.
  Log(std::string component, std::string tenant, LogFormat format, std::FILE* out = stderr,
      Now now = std::chrono::system_clock::now, std::string federation = "")
      : component_(std::move(component)),
        tenant_(std::move(tenant)),
        federation_(std::move(federation)),
        format_(format),
        out_(out),
        now_(std::move(now)) {}
  void Write(std::string_view message, const LogFields& fields = {});

 private:
  std::string AsJson(const std::string& message, const LogFields& fields) const;

  const std::string component_, tenant_, federation_;
  const LogFormat format_;
  std::FILE* const out_;
  const Now now_;
  std::mutex mutex_;
};

}  // namespace veilsum
