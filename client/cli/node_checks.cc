#include "client/cli/node_checks.h"

#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <limits>

#include "base/file.h"
#include "client/cli/read_plan.h"
#include "client/policy/policy.h"
#include "client/rpc/secure_channel.h"
#include "model/plan/plan_format.h"

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

// IPv6's least: over less, large TLS records may vanish without an error.
constexpr int kLeastMtu = 1280;

NodeCheck Mtu(const ClientConfig& config) {
  NodeCheck check{"mtu", "", ""};
  const std::string& address = config.coordinator_address;
  const std::size_t colon = address.rfind(':');
  std::string host = address.substr(0, colon);
  if (host.size() > 2 && host.front() == '[') host = host.substr(1, host.size() - 2);
  addrinfo* found = nullptr;
  addrinfo hints{};
  hints.ai_socktype = SOCK_DGRAM;
  if (getaddrinfo(host.c_str(), address.c_str() + colon + 1, &hints, &found) != 0) return check;
  // What the kernel knows of the way there; nothing is sent.
  const int fd = socket(found->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  int mtu = 0;
  socklen_t size = sizeof mtu;
  const bool v6 = found->ai_family == AF_INET6;
  const bool known =
      fd >= 0 && connect(fd, found->ai_addr, found->ai_addrlen) == 0 &&
      getsockopt(fd, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_MTU : IP_MTU, &mtu, &size) == 0;
  if (fd >= 0) close(fd);
  freeaddrinfo(found);
  if (!known || mtu >= kLeastMtu) return check;
  check.fault = absl::StrFormat("the way to %s takes %d bytes a packet, should take %d", address,
                                mtu, kLeastMtu);
  check.remedy = "raise the MTU of the tunnel or interface on that way (ip link set DEV mtu 1420)";
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

// The policy's answer to the plan that the configuration names, if any. How many customers there
// are is for `preflight` without --node to look at.
absl::Status FitsPlan(const ClientConfig& config, const Policy& policy) {
  if (config.plan.empty()) return absl::OkStatus();
  VEILSUM_ASSIGN_OR_RETURN(const model::Plan plan, ReadPlan(config));
  PlanFacts facts;
  facts.plan_name = plan.name;
  facts.plan_sha256 = HexEncode(model::PlanSha256(plan));
  facts.epsilon = plan.privacy.epsilon.ToDouble();
  facts.delta = plan.privacy.delta.ToDouble();
  facts.is_private = plan.is_private();
  facts.customers = std::numeric_limits<std::uint64_t>::max();
  facts.has_beacon = plan.cohorts.has_value() && !plan.cohorts->beacon.empty();
  return CheckPolicy(policy, facts);
}

NodeCheck OwnPolicy(const ClientConfig& config) {
  NodeCheck check{"policy", "", ""};
  const absl::StatusOr<Policy> policy = LoadPolicy(config.policy);
  if (!policy.ok()) {
    check.fault = Text(policy.status());
    check.remedy = "mend the file that policy.file names";
  } else if (const absl::Status fits = FitsPlan(config, *policy); !fits.ok()) {
    check.fault = Text(fits);
    check.remedy = "talk to the operator about the plan, or change the policy if that is meant";
  } else if (policy->epsilon_cap <= 0 && !policy->allow_no_privacy) {
    check.fault = config.policy.string() + ": it approves nothing, epsilon_cap is 0";
    check.remedy = "set epsilon_cap and delta_cap to what your compliance officer allows";
  }
  return check;
}

// NVIDIA's vendor number among the display controllers of the PCI bus.
bool HasCard(const std::filesystem::path& root) {
  std::error_code error;
  for (const auto& device :
       std::filesystem::directory_iterator(root / "sys/bus/pci/devices", error)) {
    const auto vendor = ReadFile(device.path() / "vendor", 64);
    const auto kind = ReadFile(device.path() / "class", 64);
    if (vendor.ok() && kind.ok() && vendor->starts_with("0x10de") && kind->starts_with("0x03"))
      return true;
  }
  return false;
}

// The devices of [train], each with a net of one weight.
absl::Status OpenDevicesOf(const ClientConfig& config) {
  if (config.devices.names.empty()) return absl::OkStatus();
  return OpenDevices({.widths = {1, 1}}, config.devices).status();
}

}  // namespace

NodeCheck CheckGpu(const std::filesystem::path& root) {
  NodeCheck check{"gpu", "", ""};
  const std::filesystem::path device = root / "dev/nvidia0";
  std::error_code error;
  if (std::filesystem::exists(device, error)) {
    if (access(device.c_str(), R_OK | W_OK) == 0) return check;
    check.fault = device.string() + ": there is a card, and this user may not use it";
    check.remedy = "give the user the group of /dev/nvidia*, and the unit PrivateDevices=no";
  } else if (HasCard(root)) {
    check.fault = "there is a card without a driver that is loaded";
    check.remedy = "install the driver and load it (modprobe nvidia); until then the CPU trains";
  }
  return check;
}

std::vector<NodeCheck> CheckNode(const ClientConfig& config, WallTime now) {
  const absl::StatusOr<ClientKeys> keys = ClientKeys::Load(config.keys, now);
  std::vector<NodeCheck> out = {Certificate(keys), Clock(config, now), Dns(config)};
  const bool found = out.back().fault.empty();
  if (keys.ok() && found) out.push_back(Coordinator(config, *keys));
  if (found) out.push_back(Mtu(config));
  out.push_back(Disk(config));
  out.push_back(CheckGpu("/"));
  if (const absl::Status devices = OpenDevicesOf(config); !devices.ok()) {
    out.back().fault = Text(devices);
    out.back().remedy =
        "mend [train] devices and library (docs/operations.md), or leave them out: the CPU trains";
  }
  out.push_back(OwnPolicy(config));
  return out;
}

}  // namespace veilsum::client
