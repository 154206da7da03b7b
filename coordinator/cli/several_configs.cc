#include "coordinator/cli/several_configs.h"

#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <utility>

namespace veilsum::coordinator {
namespace {

// What is a federation's alone: the setting's name, and a text that is equal for equal things.
using Belongings = std::vector<std::pair<std::string, std::string>>;

struct Address {
  std::string setting, host, port;
  bool Meets(const Address& other) const {
    const auto any = [](const std::string& host) {
      return host == "0.0.0.0" || host == "[::]" || host.empty();
    };
    return port != "0" && port == other.port &&
           (host == other.host || any(host) || any(other.host));
  }
};

std::vector<Address> AddressesOf(const CoordinatorConfig& config) {
  std::vector<Address> addresses;
  for (const auto& [setting, text] :
       std::initializer_list<std::pair<const char*, const std::string&>>{
           {"listen.address", config.listen},
           {"identity.enroll_address", config.enroll_listen},
           {"metrics.address", config.metrics}}) {
    const std::size_t colon = text.rfind(':');
    if (colon == std::string::npos) continue;
    addresses.push_back({setting, text.substr(0, colon), text.substr(colon + 1)});
  }
  return addresses;
}

Belongings BelongingsOf(const CoordinatorConfig& config) {
  Belongings out = {{"federation.name", config.federation}};
  if (!config.shared.url.empty())
    out.emplace_back("store.url with store.schema", config.shared.url + " " + config.shared.schema);
  for (const auto& [setting, path] :
       std::initializer_list<std::pair<const char*, const std::filesystem::path&>>{
           {"store.path", config.store},
           {"ledger.key", config.ledger_key},
           {"tls.certificate", config.tls.certificate},
           {"tls.key", config.tls.key},
           {"identity.issuer", config.issuer},
           {"identity.records", config.records},
           {"rollout.repository", config.releases},
           {"listen.port_file", config.port_file}}) {
    if (path.empty()) continue;
    std::error_code unknown;
    const std::filesystem::path real = std::filesystem::weakly_canonical(path, unknown);
    out.emplace_back(setting, (unknown ? path : real).lexically_normal().string());
  }
  return out;
}

absl::Status CheckPair(const CoordinatorConfig& a, const CoordinatorConfig& b) {
  const auto shared = [&](const std::string& setting, const std::string& value) {
    return InvalidArgument("%s and %s: the same %s, %s; federations in one process share nothing",
                           a.file.string(), b.file.string(), setting, value);
  };
  const Belongings of_b = BelongingsOf(b);
  for (const auto& mine : BelongingsOf(a))
    for (const auto& other : of_b)
      if (mine == other) return shared(mine.first, mine.second);
  const std::vector<Address> addresses_of_b = AddressesOf(b);
  for (const Address& mine : AddressesOf(a))
    for (const Address& other : addresses_of_b)
      if (mine.Meets(other))
        return shared(
            mine.setting == other.setting ? mine.setting : mine.setting + " and " + other.setting,
            mine.host + ":" + mine.port);
  return absl::OkStatus();
}

// The host as getaddrinfo takes it: without the brackets of IPv6.
std::string BareHost(const std::string& host) {
  return host.size() > 2 && host.front() == '[' ? host.substr(1, host.size() - 2) : host;
}

// An address that cannot be understood here is left to whoever listens on it.
absl::Status CheckFree(const Address& address) {
  addrinfo hints{}, *found = nullptr;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  if (getaddrinfo(BareHost(address.host).c_str(), address.port.c_str(), &hints, &found) != 0)
    return absl::OkStatus();
  const int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int yes = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  const int error = bind(fd, found->ai_addr, found->ai_addrlen) == 0 ? 0 : errno;
  freeaddrinfo(found);
  close(fd);
  if (error == 0) return absl::OkStatus();
  return Unavailable("%s: cannot listen on %s:%s: %s", address.setting, address.host, address.port,
                     std::strerror(error));
}

}  // namespace

absl::StatusOr<std::vector<CoordinatorConfig>> ReadCoordinatorConfigs(
    const std::vector<std::filesystem::path>& files, const std::vector<std::string>& settings) {
  std::vector<CoordinatorConfig> configs;
  for (const std::filesystem::path& file : files) {
    VEILSUM_ASSIGN_OR_RETURN(CoordinatorConfig config, ReadCoordinatorConfig(file, settings));
    configs.push_back(std::move(config));
  }
  VEILSUM_RETURN_IF_ERROR(CheckDistinct(configs));
  return configs;
}

absl::Status CheckDistinct(const std::vector<CoordinatorConfig>& configs) {
  for (std::size_t i = 0; i < configs.size(); ++i)
    for (std::size_t j = 0; j < i; ++j) VEILSUM_RETURN_IF_ERROR(CheckPair(configs[j], configs[i]));
  return absl::OkStatus();
}

absl::Status CheckAddressesFree(const CoordinatorConfig& config) {
  for (const Address& address : AddressesOf(config)) VEILSUM_RETURN_IF_ERROR(CheckFree(address));
  return absl::OkStatus();
}

}  // namespace veilsum::coordinator
