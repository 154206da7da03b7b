// The coordinator's own leaf: read from its files, kept fresh by the issuer that it holds.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>

#include "base/pki/credentials.h"
#include "coordinator/identity/identity_office.h"
#include "coordinator/rpc/rpc_server.h"

namespace veilsum::coordinator {

struct IdentityFiles {
  std::filesystem::path root, certificate, key;
  std::filesystem::path passphrase;  // opens an encrypted key; empty: it is not encrypted
};

class OwnIdentity {
 public:
  // Errors of LoadTlsIdentity.
  static absl::StatusOr<OwnIdentity> Load(IdentityFiles files);
  OwnIdentity(OwnIdentity&&) noexcept;
  ~OwnIdentity();

  const std::shared_ptr<const TlsIdentity>& tls() const { return tls_; }
  // What the server watches: the certificate's file as it is, and the key in clear, for which a
  // decrypted one is kept in memory that no path but this process's own leads to.
  TlsFiles Watched() const;
  // At half of its life the leaf is replaced in its file, for the same key. True: it was.
  absl::StatusOr<bool> RenewIfDue(IdentityOffice& office, WallTime now);

 private:
  OwnIdentity(IdentityFiles files, std::shared_ptr<const TlsIdentity> tls, int key_memory)
      : files_(std::move(files)), tls_(std::move(tls)), key_memory_(key_memory) {}
  IdentityFiles files_;
  std::shared_ptr<const TlsIdentity> tls_;
  int key_memory_;  // memfd; -1: the key's file is in clear
};

}  // namespace veilsum::coordinator
