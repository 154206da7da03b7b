// Lays a small federation out on disk: a certificate authority, an identity for each process, and
// their configurations.
//   <root>/ca/            the federation's root (its key stays here: demo only)
//   <root>/plan.json      the plan, as preflight reads it
//   <root>/operator/      the demo's own TLS identities: the operator, and one who approves with it
//   <root>/coordinator/   coordinator.toml, TLS identity, store, port file
//   <root>/releases/      packages by digest and release.pub.pem, which the caller writes
//   <root>/clients/<seat>/  client.toml, policy.toml, TLS and signing identities, odometer
// Private keys are readable by their owner alone.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/status.h"
#include "client/data/manifest.h"

namespace veilsum::cli {

struct FederationSpec {
  std::filesystem::path root;  // made; must not hold an earlier federation
  std::string domain;          // trust domain: [a-z0-9.-]
  std::vector<client::Seat> seats;
  // Each client's policy (SE-02, SE-12).
  double epsilon_cap = 0, delta_cap = 0;  // unused when no_privacy
  std::string plan_sha256 = "";           // the one plan that clients approve
  std::string plan_json = "";             // its canonical JSON, for their preflight
  bool no_privacy = false;
  // The clients' --drop schedule; "0": none.
  std::string drop_fraction = "0";
  std::uint64_t drop_seed = 0;
  bool releases = false;  // whether the coordinator has releases that runs may start from
};

struct IdentityFiles {
  std::filesystem::path root, certificate, key;
};

struct SeatFiles {
  std::string name;  // of the merchant or pool
  std::string uri;   // SPIFFE
  std::vector<std::filesystem::path> folders;
  std::filesystem::path config;
};

struct Federation {
  FederationSpec spec;
  std::string coordinator_uri;
  std::filesystem::path coordinator_config, port_file;
  IdentityFiles operator_identity, second_operator;
  std::vector<SeatFiles> seats;  // as in the specification
};

// Everything but the clients' configurations. InvalidArgument: two seats with one legal name, a bad
// domain; Internal or the errors of base/pki and WriteFile.
absl::StatusOr<Federation> LayOut(const FederationSpec& spec);

// Once the coordinator has said where it listens ("127.0.0.1:41234"): writes the clients'
// configurations, and pins the port in the coordinator's, so that one that is started again is
// found where it was.
absl::Status PinAddress(const Federation& federation, const std::string& address);

// The configurations as text; paths are absolute.
std::string CoordinatorToml(const Federation& federation, const std::string& listen);
std::string ClientToml(const Federation& federation, std::size_t seat, const std::string& address);
std::string PolicyToml(const FederationSpec& spec);
// A TOML basic string, quotes included.
std::string TomlString(std::string_view text);

}  // namespace veilsum::cli
