// A new federation on disk.
//   <out>/root/         the root and its key: offline, to be taken off this machine
//   <out>/root.pem      what everybody pins
//   <out>/issuer/       the online issuer, for a year
//   <out>/coordinator/  coordinator.toml, its TLS identity, later its records
//   <out>/operator/     operator.toml and the first operator's TLS identity
#pragma once

#include <filesystem>
#include <string>

#include "base/status.h"

namespace veilsum::cli {

struct FederationPlan {
  std::string name;                            // trust domain
  std::filesystem::path out;                   // made; must not hold a federation
  std::string listen, enroll_listen;           // host:port
  std::filesystem::path root_passphrase = {};  // encrypts the root's key; empty: it is not
  std::filesystem::path passphrase = {};       // encrypts the issuer's and the nodes' keys
};
// FailedPrecondition: there is one already. InvalidArgument: a bad name or address.
absl::Status LayOutFederation(const FederationPlan& plan);

struct IssuerPlan {
  std::filesystem::path root;          // folder of ca.pem and ca.key
  std::filesystem::path out;           // gets issuer.pem, and issuer.key unless `request`
  std::string tenant = "";             // empty: for the whole domain
  std::filesystem::path request = {};  // PKCS#10 in DER of a tenant that keeps its own key
  std::filesystem::path root_passphrase = {}, passphrase = {};
};
// Has the root sign a new issuer, for a year. Old ones stay good until they expire, so that nothing
// stops meanwhile.
absl::Status MakeIssuer(const IssuerPlan& plan);

struct OperatorPlan {
  std::string name;                       // [a-z0-9-]: of the SPIFFE id and of the folder
  std::filesystem::path federation;       // that has issuer/, root.pem and operator/operator.toml
  std::filesystem::path passphrase = {};  // opens the issuer's key and encrypts the operator's
};
// <federation>/<name>/ for one more operator, as operator/ is. What needs two of them (a release
// that becomes stable, or is revoked) wants certificates of different names. FailedPrecondition:
// the folder is there.
absl::Status MakeOperator(const OperatorPlan& plan);

}  // namespace veilsum::cli
