#include "client/enroll/identity_keeper.h"

#include <algorithm>

#include "base/file.h"
#include "base/pki/signing_request.h"
#include "client/rpc/enroll_client.h"
#include "client/rpc/secure_channel.h"

namespace veilsum::client {
namespace {

constexpr std::chrono::seconds kLongestPause{60};  // between attempts that fail

}  // namespace

IdentityKeeper::IdentityKeeper(KeyFiles files, const ClientKeys& now, LinkConfig link, bool renew,
                               SecureRng& rng, std::function<void(std::string_view)> log)
    : files_(std::move(files)),
      link_(std::move(link)),
      rng_(rng),
      log_(std::move(log)),
      current_(now.tls()),
      signing_{now.signing_chain(), now.shared_signer()} {
  if (renew) thread_ = std::thread([this] { Keep(); });
}

IdentityKeeper::~IdentityKeeper() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

std::shared_ptr<const TlsIdentity> IdentityKeeper::Current() const {
  const std::lock_guard lock(mutex_);
  return current_;
}

IdentityKeeper::Signing IdentityKeeper::CurrentSigning() const {
  const std::lock_guard lock(mutex_);
  return signing_;
}

absl::Status IdentityKeeper::Reload() {
  VEILSUM_ASSIGN_OR_RETURN(const ClientKeys keys,
                           ClientKeys::Load(files_, std::chrono::system_clock::now()));
  const std::lock_guard lock(mutex_);
  if (keys.id() != current_->id)
    return InvalidArgument("the certificates are of %s now, this node is %s", keys.id().ToString(),
                           current_->id.ToString());
  current_ = keys.tls();
  signing_ = {keys.signing_chain(), keys.shared_signer()};
  return absl::OkStatus();
}

// 40 % to 60 % of its life, so that the nodes of a federation do not come all at once.
std::chrono::system_clock::time_point IdentityKeeper::DueOf(const TlsIdentity& tls) {
  std::uint8_t byte = 0;
  rng_.Fill(std::span(&byte, 1));
  const auto now = std::chrono::system_clock::now();
  // Leaves are dated back by five minutes against clocks that differ; that is no part of their
  // life.
  const auto from = std::min(now, tls.certificate.not_before() + std::chrono::minutes(5));
  const auto life = tls.chain().not_after() - from;
  return std::max(now, from + life * 2 / 5 + life * byte / (5 * 255));
}

void IdentityKeeper::Keep() {
  auto due = DueOf(*Current());
  std::chrono::seconds pause{1};
  std::unique_lock lock(mutex_);
  while (!wake_.wait_until(lock, due, [this] { return stopping_; })) {
    lock.unlock();
    const absl::Status renewed = Renew();
    if (renewed.ok()) {
      due = DueOf(*Current());
      pause = std::chrono::seconds(1);
      log_("certificates renewed");
    } else {
      log_("certificates could not be renewed yet: " + std::string(renewed.message()));
      due = std::chrono::system_clock::now() + pause;
      pause = std::min(2 * pause, kLongestPause);
    }
    lock.lock();
  }
}

void IdentityKeeper::RenewAt(std::string target) {
  const std::lock_guard lock(mutex_);
  target_ = std::move(target);
}

absl::Status IdentityKeeper::Renew() {
  VEILSUM_ASSIGN_OR_RETURN(const OpenKeys keys, OpenKeys::Read(files_));
  VEILSUM_ASSIGN_OR_RETURN(const Bytes tls_request, MakeSigningRequest(keys.tls));
  VEILSUM_ASSIGN_OR_RETURN(const Bytes signing_request, MakeSigningRequest(keys.signing));
  LinkConfig link = link_;
  {
    const std::lock_guard lock(mutex_);
    if (!target_.empty()) link.target = target_;
  }
  link.tls = Current();
  VEILSUM_ASSIGN_OR_RETURN(const IssuedCertificates issued,
                           RenewCertificates(link, tls_request, signing_request));
  VEILSUM_RETURN_IF_ERROR(WriteFile(files_.signing_certificate, issued.signing.ToPem()));
  VEILSUM_RETURN_IF_ERROR(WriteFile(files_.tls_certificate, issued.tls.ToPem()));
  VEILSUM_RETURN_IF_ERROR(Reload());
  link.tls = Current();
  return OpenSecureChannel(link).status();  // the handshake is what shows it
}

}  // namespace veilsum::client
