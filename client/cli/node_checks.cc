#include "client/cli/node_checks.h"

#include <netdb.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "client/policy/policy.h"
#include "client/rpc/secure_channel.h"

namespace veilsum::client {
namespace {

constexpr std::uint64_t kLeastFreeBytes = std::uint64_t{64} << 20;
constexpr std::chrono::seconds kConnectPatience{5};

std::string Text(const absl::Status& status) { return std::string(status.message()); }

NodeCheck Certificate(const absl::StatusOr<ClientKeys>& keys) {
  NodeCheck check{"certificate", "", ""};
  if (keys.ok()) return check;
  check.fault = Text(keys.status());
  if (absl::IsPermissionDenied(keys.status()))
    check.remedy = "chmod 600 the key, and chown it to the user that runs this";
  else if (absl::IsNotFound(keys.status()))
    check.remedy = "veilsum-client enroll, or mend the paths in client.toml";
  else
    check.remedy = "enrol again in a new folder with a fresh token from the operator";
  return check;
}

// A leaf that is not valid yet, or files from the future, mean that this clock is behind.
NodeCheck Clock(const ClientConfig& config, WallTime now) {
  NodeCheck check{"clock", "", ""};
  std::error_code error;
  const auto written = std::filesystem::last_write_time(config.keys.tls_certificate, error);
  if (error) return check;
  const auto ahead = written - std::filesystem::file_time_type::clock::now();
  const auto skew = std::chrono::system_clock::now() - now;
  if (ahead + skew <= std::chrono::minutes(5)) return check;
  check.fault =
      absl::StrFormat("it is %d s behind the time when the certificate was written",
                      std::chrono::duration_cast<std::chrono::seconds>(ahead + skew).count());
  check.remedy = "set the clock: timedatectl set-ntp true";
  return check;
}

NodeCheck Dns(const ClientConfig& config) {
  NodeCheck check{"dns", "", ""};
  const std::string& address = config.coordinator_address;
  const std::size_t colon = address.rfind(':');
  std::string host = address.substr(0, colon);
  if (host.size() > 2 && host.front() == '[') host = host.substr(1, host.size() - 2);
  addrinfo* found = nullptr;
  const int code = colon == std::string::npos
                       ? EAI_NONAME
                       : getaddrinfo(host.c_str(), address.c_str() + colon + 1, nullptr, &found);
  if (found != nullptr) freeaddrinfo(found);
  if (code == 0) return check;
  check.fault = absl::StrFormat("%s: %s", address, gai_strerror(code));
  check.remedy = "mend coordinator.address (HOST:PORT), or the resolver in /etc/resolv.conf";
  return check;
}

NodeCheck Coordinator(const ClientConfig& config, const ClientKeys& keys) {
  NodeCheck check{"coordinator", "", ""};
  LinkConfig link;
  link.target = config.coordinator_address;
  link.coordinator_id = config.coordinator_id;
  link.tls = keys.tls();
  link.connect_timeout = kConnectPatience;
  const absl::Status connected = OpenSecureChannel(link).status();
  if (connected.ok()) return check;
  check.fault = Text(connected);
  check.remedy =
      "ask the operator whether it runs and lets this node in; open the port outwards in the "
      "firewall";
  return check;
}

NodeCheck Disk(const ClientConfig& config) {
  NodeCheck check{"disk", "", ""};
  const std::filesystem::path folder =
      config.odometer.has_parent_path() ? config.odometer.parent_path() : ".";
  struct statvfs info;
  if (statvfs(folder.c_str(), &info) != 0 || access(folder.c_str(), W_OK) != 0) {
    check.fault = folder.string() + ": not a folder that can be written to";
    check.remedy = "make it, owned by the user that runs this; the odometer lies there";
    return check;
  }
  const std::uint64_t free = std::uint64_t{info.f_bavail} * info.f_frsize;
  if (free >= kLeastFreeBytes) return check;
  check.fault = absl::StrFormat("%s: %d MiB are free, at least %d must be", folder.string(),
                                free >> 20, kLeastFreeBytes >> 20);
  check.remedy = "make room: an odometer that cannot be written stops the client";
  return check;
}

NodeCheck OwnPolicy(const ClientConfig& config) {
  NodeCheck check{"policy", "", ""};
  const absl::StatusOr<Policy> policy = LoadPolicy(config.policy);
  if (!policy.ok()) {
    check.fault = Text(policy.status());
    check.remedy = "mend the file that policy.file names";
  } else if (policy->epsilon_cap <= 0 && !policy->allow_no_privacy) {
    check.fault = config.policy.string() + ": it approves nothing, epsilon_cap is 0";
    check.remedy = "set epsilon_cap and delta_cap to what your compliance officer allows";
  }
  return check;
}

}  // namespace

std::vector<NodeCheck> CheckNode(const ClientConfig& config, WallTime now) {
  const absl::StatusOr<ClientKeys> keys = ClientKeys::Load(config.keys, now);
  std::vector<NodeCheck> out = {Certificate(keys), Clock(config, now), Dns(config)};
  if (keys.ok() && out.back().fault.empty()) out.push_back(Coordinator(config, *keys));
  out.push_back(Disk(config));
  out.push_back(OwnPolicy(config));
  return out;
}

}  // namespace veilsum::client
