// Keeps a node's certificates fresh while it runs: at half of a leaf's life, give or take a tenth,
// it asks for new ones for the same keys, writes them where the old ones were, and shows them to
// the coordinator, so that what is open lives on.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string_view>
#include <thread>

#include "base/secure_rng.h"
#include "client/keys/client_keys.h"
#include "client/rpc/grpc_coordinator_link.h"

namespace veilsum::client {

class IdentityKeeper {
 public:
  // A chain of the signing certificate and the key that it is for.
  struct Signing {
    CertificateChain chain;
    std::shared_ptr<const Ed25519Signer> signer;
  };

  // `link` says where to renew; its `tls` is not used. `log` and `rng` must outlive it. With
  // `renew` false it only hands out the identity that it was given.
  IdentityKeeper(KeyFiles files, const ClientKeys& now, LinkConfig link, bool renew, SecureRng& rng,
                 std::function<void(std::string_view)> log);
  ~IdentityKeeper();
  IdentityKeeper(const IdentityKeeper&) = delete;

  std::shared_ptr<const TlsIdentity> Current() const;  // from any thread, as Reload
  Signing CurrentSigning() const;                      // likewise
  // The files as they are now, which somebody may have replaced. After an error, which
  // ClientKeys::Load gives, or InvalidArgument when they are another node's, nothing has changed.
  absl::Status Reload();
  // Now, whether it is due or not. Errors of the keys' files and of RenewCertificates.
  absl::Status Renew();
  // From now on it renews there: of several coordinators, the one that answers.
  void RenewAt(std::string target);

 private:
  void Keep();
  std::chrono::system_clock::time_point DueOf(const TlsIdentity& tls);

  const KeyFiles files_;
  const LinkConfig link_;
  SecureRng& rng_;
  const std::function<void(std::string_view)> log_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::shared_ptr<const TlsIdentity> current_;  // guarded by mutex_
  Signing signing_;                             // likewise
  std::string target_;                          // likewise
  bool stopping_ = false;                       // likewise
  std::thread thread_;
};

}  // namespace veilsum::client
