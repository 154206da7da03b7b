// client.toml: where this merchant's client finds its coordinator, keys, data, odometer and policy.
#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/observe/log.h"
#include "base/rational.h"
#include "client/keys/client_keys.h"
#include "client/policy/veto.h"
#include "client/train/device/device_sums.h"

namespace veilsum::client {

struct ClientConfig {
  std::string federation;           // [federation] name: the trust domain
  std::string coordinator_address;  // [coordinator] address, host:port; the first of the addresses
  // [coordinator] addresses, in place of address: coordinators of which one leads, asked in turn
  std::vector<std::string> coordinator_addresses;
  std::string coordinator_id;  // [coordinator] spiffe_id
  // [coordinator] give_up_seconds: without a coordinator for so long it ends; 0: it tries for ever
  std::optional<std::chrono::seconds> give_up;
  KeyFiles keys;  // [tls] certificate, key, root; [signing] certificate, key
  std::vector<std::filesystem::path> folders;  // [data] folder, or folders for a pool
  // [data] objections: ids of customers who objected, one a line; left out from the next run on
  // (SE-30); may be empty
  std::filesystem::path objections;
  bool renew = false;  // [identity] renew: ask the coordinator for fresh certificates in time.
                       // [identity] passphrase_file: opens encrypted keys
  std::filesystem::path revoked;   // [signing] revoked: base/pki/revocation_list.h; may be empty
  std::filesystem::path odometer;  // [store] odometer
  // [store] witness, witness_key: beside the odometer unless said; both are made when missing
  std::filesystem::path witness, witness_key;
  std::filesystem::path policy;  // [policy] file
  // [veto] mode: off, randomised or plain; epsilon_millis of a randomised bit
  VetoRules veto;
  // [train] devices: what trains, as libtorch names them ("cuda:0"); none: the CPU engine.
  // [train] library: libveilsum_torch.so, beside the program unless said
  Devices devices;
  std::string metrics;               // [metrics] address: HOST:PORT on loopback; empty: none
  LogFormat log = LogFormat::kText;  // [log] format: text or json
  std::filesystem::path plan;  // [plan] file: TOML or canonical JSON, for preflight; may be empty
  std::optional<Rational>
      drop_fraction;  // [demo] drop_fraction, drop_seed: vanish in rounds on purpose
  std::uint64_t drop_seed = 0;
};

// Accepted or refused as a whole; InvalidArgument names file, line and key.
// `settings` as TomlConfig::Read takes them.
absl::StatusOr<ClientConfig> ReadClientConfig(const std::filesystem::path& file,
                                              const std::vector<std::string>& settings = {});

}  // namespace veilsum::client
