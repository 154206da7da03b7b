#include "coordinator/cli/own_identity.h"

#include <sys/mman.h>
#include <unistd.h>

#include "base/file.h"

namespace veilsum::coordinator {
namespace {

absl::StatusOr<int> InMemory(const SecretText& text) {
  const int fd = memfd_create("veilsum-key", MFD_CLOEXEC);
  const std::string_view bytes = text.Expose();
  if (fd >= 0 && write(fd, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()))
    return fd;
  if (fd >= 0) close(fd);
  return Internal("no memory for the decrypted key");
}

}  // namespace

absl::StatusOr<OwnIdentity> OwnIdentity::Load(IdentityFiles files) {
  std::optional<SecretText> passphrase;
  if (!files.passphrase.empty()) {
    VEILSUM_ASSIGN_OR_RETURN(passphrase, ReadPassphrase(files.passphrase));
  }
  VEILSUM_ASSIGN_OR_RETURN(
      TlsIdentity tls,
      LoadTlsIdentity(files.root, files.certificate, files.key, std::chrono::system_clock::now(),
                      passphrase ? &*passphrase : nullptr));
  int key_memory = -1;
  if (passphrase) {
    VEILSUM_ASSIGN_OR_RETURN(key_memory, InMemory(tls.key_pem));
  }
  return OwnIdentity(std::move(files), std::make_shared<const TlsIdentity>(std::move(tls)),
                     key_memory);
}

OwnIdentity::OwnIdentity(OwnIdentity&& other) noexcept
    : files_(std::move(other.files_)),
      tls_(std::move(other.tls_)),
      key_memory_(std::exchange(other.key_memory_, -1)) {}

OwnIdentity::~OwnIdentity() {
  if (key_memory_ >= 0) close(key_memory_);
}

TlsFiles OwnIdentity::Watched() const {
  const std::filesystem::path key =
      key_memory_ < 0 ? files_.key
                      : std::filesystem::path(absl::StrFormat("/proc/self/fd/%d", key_memory_));
  return {files_.root, files_.certificate, key};
}

absl::StatusOr<bool> OwnIdentity::RenewIfDue(IdentityOffice& office, WallTime now) {
  const CertificateChain chain = tls_->chain();
  // Leaves are dated back by five minutes against clocks that differ; that is no part of their
  // life.
  const WallTime from = chain.not_before() + std::chrono::minutes(5);
  if (now < from + (chain.not_after() - from) / 2) return false;
  VEILSUM_ASSIGN_OR_RETURN(const Bytes request, MakeSigningRequest(tls_->key_pem));
  VEILSUM_ASSIGN_OR_RETURN(const RequestedKey key, ParseSigningRequest(request, KeyKind::kTls));
  VEILSUM_ASSIGN_OR_RETURN(const CertificateChain renewed, office.RenewOwn(key));
  VEILSUM_RETURN_IF_ERROR(WriteFile(files_.certificate, renewed.ToPem()));
  tls_ = std::make_shared<const TlsIdentity>(
      TlsIdentity{tls_->root, renewed.leaf(), SecretText(std::string(tls_->key_pem.Expose())),
                  tls_->id, renewed.issuer()});
  return true;
}

}  // namespace veilsum::coordinator
