// A client's connection to its coordinator over gRPC: dial out only, mutual TLS 1.3, the server
// known by its SPIFFE id.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "base/pki/credentials.h"
#include "client/round/coordinator_link.h"

namespace veilsum::client {

struct LinkConfig {
  std::string target;          // host:port
  std::string coordinator_id;  // its SPIFFE URI; a certificate with another one is refused,
                               // whatever its host
  std::shared_ptr<const TlsIdentity> tls;  // the own leaf
  // Asked before each Upload and FetchModel, if given: when the leaf has been renewed since, they
  // go over a connection of their own. The stream stays where it is.
  std::function<std::shared_ptr<const TlsIdentity>()> current = nullptr;
  std::chrono::milliseconds connect_timeout{10'000};
  std::chrono::milliseconds read_timeout{1'000};    // Read: DeadlineExceeded, the link stays usable
  std::chrono::milliseconds write_timeout{30'000};  // Write: Unavailable, the link is closed
  std::chrono::milliseconds transfer_timeout{120'000};  // one FetchModel
  // One Upload, most of which may be waiting to be admitted: the coordinator reads W at a time
  // (SE-19). A coordinator that is gone is noticed by keep-alive long before.
  std::chrono::milliseconds upload_timeout{600'000};
};

// Connects and opens the Participate stream. Unavailable: nobody there, or the handshake failed
// (wrong root, expired, ...). Read and Write are for one thread; Upload, FetchModel and Close for
// any. Close makes every call that waits return Unavailable("closed"); it is also what the
// destructor does.
absl::StatusOr<std::unique_ptr<CoordinatorLink>> ConnectToCoordinator(const LinkConfig& config);

}  // namespace veilsum::client
