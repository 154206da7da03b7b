// What clients say of a release, kept one file a client in the rollout's folder, and summed up for
// the gates. The newest report of a client takes the place of the one before.
#pragma once

#include <filesystem>
#include <map>
#include <set>

#include "coordinator/rollout/gates.h"
#include "coordinator/rollout/rollout.h"

namespace veilsum::coordinator {

struct ClientReport {
  std::string client;  // SPIFFE ID, of the certificate
  Seconds time = 0;    // when it came
  std::string result;  // installed | up_to_date | refused
  std::string code;    // of a refusal
  std::string digest;  // that serves; empty: none
  std::string wanted;  // that the director names; empty: not known
  std::string shadow;
  bool fell_back = false, offline_alarm = false;
  std::string client_version;
  std::uint64_t requests = 0, errors = 0;
  std::vector<std::uint64_t> latency;  // at most kLatencyBuckets
};

// InvalidArgument naming the field and its bound.
absl::Status CheckReport(const ClientReport& report);
std::string ReportToJson(const ClientReport& report);
// DataLoss: not what ReportToJson writes.
absl::StatusOr<ClientReport> ParseReport(std::string_view json);

// reports/<SHA-256 of the client>.json of the folder, durably. CheckReport's errors; WriteFile's.
absl::Status SaveReport(const std::filesystem::path& folder, const ClientReport& report);
// Of all clients, by client. No folder: none.
absl::StatusOr<std::map<std::string, ClientReport>> LoadReports(
    const std::filesystem::path& folder);

// What `clients` say about the release: who has it and how it serves, and who refused it.
ServingCounters CountersOf(const std::map<std::string, ClientReport>& reports,
                           const std::set<std::string>& clients, std::string_view digest);
// Whether the client has it, or has said that it does not take it.
bool HasAnswered(const ClientReport& report, std::string_view digest);

}  // namespace veilsum::coordinator
