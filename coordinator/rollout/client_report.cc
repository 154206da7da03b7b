#include "coordinator/rollout/client_report.h"

#include <algorithm>

#include "base/crypto/sha256.h"
#include "base/file.h"

namespace veilsum::coordinator {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxReportBytes = 16 << 10;
constexpr std::uint64_t kMaxCount = (std::uint64_t{1} << 53) - 1;  // exact in JSON

bool IsDigest(std::string_view text) {
  return text.size() == 64 && std::ranges::all_of(text, [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

// "T605".
bool IsCode(std::string_view text) {
  return text.size() == 4 && text[0] >= 'A' && text[0] <= 'Z' &&
         std::ranges::all_of(text.substr(1), [](char c) { return c >= '0' && c <= '9'; });
}

bool IsVersion(std::string_view text) {
  return text.size() <= 32 && std::ranges::all_of(text, [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == '.' || c == '-';
         });
}

fs::path FileOf(const fs::path& folder, const std::string& client) {
  return folder / "reports" / (HexEncode(Sha256(client)) + ".json");
}

}  // namespace

absl::Status CheckReport(const ClientReport& r) {
  if (r.result != "installed" && r.result != "up_to_date" && r.result != "refused")
    return InvalidArgument("result is \"%s\", must be installed, up_to_date or refused",
                           r.result.substr(0, 32));
  if (!r.code.empty() && !IsCode(r.code))
    return InvalidArgument("code must be a letter and three digits, or empty");
  for (const auto& [name, digest] :
       {std::pair("digest", &r.digest), {"wanted", &r.wanted}, {"shadow", &r.shadow}})
    if (!digest->empty() && !IsDigest(*digest))
      return InvalidArgument("%s must be 64 hex digits, or empty", name);
  if (!IsVersion(r.client_version))
    return InvalidArgument("client_version must be at most 32 of [0-9a-z.-]");
  if (r.latency.size() > rollout::kLatencyBuckets)
    return InvalidArgument("latency has %d buckets, at most %d", r.latency.size(),
                           rollout::kLatencyBuckets);
  std::uint64_t timed = 0;
  for (const std::uint64_t count : r.latency) {
    if (count > kMaxCount - timed) return InvalidArgument("latency counts 2^53 requests or more");
    timed += count;
  }
  if (r.requests > kMaxCount || r.errors > r.requests)
    return InvalidArgument("requests are %d: must be below 2^53, and no fewer than errors",
                           r.requests);
  return absl::OkStatus();
}

std::string ReportToJson(const ClientReport& r) {
  const absl::StatusOr<std::string> text = EncodeCanonical({{"client", r.client},
                                                            {"time", r.time},
                                                            {"result", r.result},
                                                            {"code", r.code},
                                                            {"digest", r.digest},
                                                            {"wanted", r.wanted},
                                                            {"shadow", r.shadow},
                                                            {"fell_back", r.fell_back},
                                                            {"offline_alarm", r.offline_alarm},
                                                            {"client_version", r.client_version},
                                                            {"requests", r.requests},
                                                            {"errors", r.errors},
                                                            {"latency", r.latency}});
  VEILSUM_CHECK(text.ok());
  return *text;
}

absl::StatusOr<ClientReport> ParseReport(std::string_view text) {
  const absl::Status damaged = DataLoss("a client's report is damaged");
  ClientReport r;
  try {
    const absl::StatusOr<Json> json = ParseCanonical(text);
    if (!json.ok()) return damaged;
    r.client = json->at("client").get<std::string>();
    r.time = json->at("time").get<Seconds>();
    r.result = json->at("result").get<std::string>();
    r.code = json->at("code").get<std::string>();
    r.digest = json->at("digest").get<std::string>();
    r.wanted = json->at("wanted").get<std::string>();
    r.shadow = json->at("shadow").get<std::string>();
    r.fell_back = json->at("fell_back").get<bool>();
    r.offline_alarm = json->at("offline_alarm").get<bool>();
    r.client_version = json->at("client_version").get<std::string>();
    r.requests = json->at("requests").get<std::uint64_t>();
    r.errors = json->at("errors").get<std::uint64_t>();
    r.latency = json->at("latency").get<std::vector<std::uint64_t>>();
  } catch (const Json::exception&) {
    return damaged;
  }
  if (!CheckReport(r).ok() || ReportToJson(r) != text) return damaged;
  return r;
}

absl::Status SaveReport(const fs::path& folder, const ClientReport& report) {
  VEILSUM_RETURN_IF_ERROR(CheckReport(report));
  const fs::path file = FileOf(folder, report.client);
  std::error_code error;
  fs::create_directories(file.parent_path(), error);
  if (error) return Unavailable("cannot make %s: %s", file.parent_path().string(), error.message());
  return WriteFile(file, ReportToJson(report));
}

absl::StatusOr<std::map<std::string, ClientReport>> LoadReports(const fs::path& folder) {
  std::map<std::string, ClientReport> out;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder / "reports", error)) {
    if (entry.path().extension() != ".json") continue;
    VEILSUM_ASSIGN_OR_RETURN(const std::string text, ReadFile(entry.path(), kMaxReportBytes));
    VEILSUM_ASSIGN_OR_RETURN(ClientReport report, ParseReport(text));
    if (FileOf(folder, report.client) != entry.path())
      return DataLoss("%s has the report of %s", entry.path().string(), report.client);
    std::string client = report.client;
    out.emplace(std::move(client), std::move(report));
  }
  return out;
}

bool HasAnswered(const ClientReport& report, std::string_view digest) {
  return report.digest == digest || (report.result == "refused" && report.wanted == digest);
}

ServingCounters CountersOf(const std::map<std::string, ClientReport>& reports,
                           const std::set<std::string>& clients, std::string_view digest) {
  ServingCounters out;
  for (const std::string& client : clients) {
    const auto found = reports.find(client);
    if (found == reports.end()) continue;
    const ClientReport& r = found->second;
    if (r.digest == digest) {
      ++out.installed;
      out.requests += r.requests;
      out.errors += r.errors;
      for (std::size_t i = 0; i < r.latency.size(); ++i) out.latency[i] += r.latency[i];
    } else if (r.result == "refused" && r.wanted == digest) {
      // Its clock, its metadata's age and its merchant's own policy say nothing about the release.
      if (r.code == "M505" || r.code == "M506")
        ++out.refused_numbers;
      else
        out.refused_integrity += r.code.starts_with('M');
    }
  }
  return out;
}

}  // namespace veilsum::coordinator
