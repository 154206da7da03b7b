// Makes a folder into a node: keys made here, certificates for them by a join token, and a
// configuration to run with.
//   root.pem  tls.pem tls.key  signing.pem signing.key  client.toml  policy.toml
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/pki/spiffe_id.h"

namespace veilsum::client {

struct Enrolment {
  std::string token;                        // vsj1...
  std::filesystem::path out;                // made if it is not there
  std::vector<std::filesystem::path> data;  // folders of the merchant's tables; may be empty
  std::filesystem::path policy;  // an own policy file; empty: one that approves nothing is written
  std::filesystem::path passphrase;  // encrypts the private keys; empty: they are not encrypted
};

struct Enrolled {
  SpiffeId id;
  std::filesystem::path config;
};

// Keys that an attempt before has left are used again, so that an answer that was lost can be
// fetched with the same token. FailedPrecondition: the folder is enrolled already. Other errors of
// RedeemToken and of the files; the private keys never leave the folder.
absl::StatusOr<Enrolled> Enrol(const Enrolment& enrolment);

}  // namespace veilsum::client
