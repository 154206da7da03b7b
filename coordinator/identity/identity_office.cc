#include "coordinator/identity/identity_office.h"

#include "base/crypto/sha256.h"

namespace veilsum::coordinator {
namespace {

constexpr std::int64_t kLongestToken = 3600;

struct RequestedKeys {
  RequestedKey tls, signing;
};

absl::StatusOr<RequestedKeys> ParseKeys(const std::string& tls, const std::string& signing) {
  VEILSUM_ASSIGN_OR_RETURN(RequestedKey tls_key, ParseSigningRequest(AsBytes(tls), KeyKind::kTls));
  VEILSUM_ASSIGN_OR_RETURN(RequestedKey signing_key,
                           ParseSigningRequest(AsBytes(signing), KeyKind::kSigning));
  return RequestedKeys{std::move(tls_key), std::move(signing_key)};
}

Hash32 HashOf(const RequestedKeys& keys) {
  return Transcript("veilsum/v1/enrol-keys")
      .Add(keys.tls.fingerprint)
      .Add(keys.signing.fingerprint)
      .Sha256();
}

std::int64_t Seconds(WallTime time) {
  return std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
}

absl::StatusOr<SpiffeId> SubjectOf(const std::string& domain,
                                   const tenancy::v1::CreateJoinTokenRequest& request) {
  if (request.role() == "client") return SpiffeId::Client(domain, request.tenant(), request.name());
  if (request.role() == "operator")
    return SpiffeId::TenantOperator(domain, request.tenant(), request.name());
  return InvalidArgument("role is \"%s\", must be client or operator",
                         request.role().substr(0, 32));
}

absl::StatusOr<DeniedRow> RowOf(const std::string& domain,
                                const tenancy::v1::RevokeClientRequest& request) {
  using Request = tenancy::v1::RevokeClientRequest;
  switch (request.what_case()) {
    case Request::kName: {
      VEILSUM_ASSIGN_OR_RETURN(const SpiffeId id,
                               SpiffeId::Client(domain, request.tenant(), request.name()));
      return DeniedRow{DeniedKind::kName, id.ToString()};
    }
    case Request::kSerial:
      return DeniedRow{DeniedKind::kSerial, request.serial()};
    case Request::kKeySha256:
      return DeniedRow{DeniedKind::kKey, request.key_sha256()};
    case Request::WHAT_NOT_SET:
      break;
  }
  return InvalidArgument("revoke what? a name, a serial or a key");
}

}  // namespace

absl::StatusOr<std::unique_ptr<IdentityOffice>> IdentityOffice::Open(
    OfficeConfig config, std::unique_ptr<TenantRegistry> tenants, DenyList& deny, SecureRng& rng) {
  if (config.issuer.domain() != config.coordinator.domain())
    return InvalidArgument("the issuer is of %s, the coordinator of %s", config.issuer.domain(),
                           config.coordinator.domain());
  VEILSUM_RETURN_IF_ERROR(tenants->Tell(config.coordinator, deny));
  return std::unique_ptr<IdentityOffice>(
      new IdentityOffice(std::move(config), std::move(tenants), deny, rng));
}

void IdentityOffice::Announce(std::string enroll_address, std::string address) {
  const std::lock_guard lock(mutex_);
  config_.enroll_address = std::move(enroll_address);
  config_.address = std::move(address);
}

std::int64_t IdentityOffice::NowSeconds() const { return Seconds(config_.now()); }

absl::StatusOr<enroll::v1::Certificates> IdentityOffice::Issue(const SpiffeId& id,
                                                               TenantStore* store,
                                                               const RequestedKey& tls,
                                                               const RequestedKey& signing) {
  VEILSUM_RETURN_IF_ERROR(deny_.CheckName(id, tls.fingerprint));
  VEILSUM_RETURN_IF_ERROR(deny_.CheckName(id, signing.fingerprint));
  enroll::v1::Certificates out;
  for (const RequestedKey* key : {&tls, &signing}) {
    VEILSUM_ASSIGN_OR_RETURN(
        const CertificateChain chain,
        config_.issuer.Issue(*key, id, config_.now(),
                             key == &tls ? config_.leaf_lifetime : config_.signing_lifetime));
    if (store != nullptr)
      VEILSUM_RETURN_IF_ERROR(
          store->AddLeaf({id.ToString(), chain.leaf().SerialHex(), HexEncode(key->fingerprint),
                          Seconds(chain.leaf().not_after())}));
    (key == &tls ? out.mutable_tls() : out.mutable_signing())->assign(AsText(chain.der()));
  }
  return out;
}

absl::StatusOr<enroll::v1::Certificates> IdentityOffice::Redeem(
    const enroll::v1::RedeemRequest& request) {
  VEILSUM_ASSIGN_OR_RETURN(const JoinToken token, ParseJoinToken(request.token()));
  VEILSUM_ASSIGN_OR_RETURN(const RequestedKeys keys,
                           ParseKeys(request.tls_request(), request.signing_request()));
  const TenantContext context = TenantContext::OfToken(token);
  const std::lock_guard lock(mutex_);
  const auto store = tenants_->StoreOf(context);
  if (absl::IsNotFound(store.status())) return PermissionDenied("the join token is not valid");
  VEILSUM_RETURN_IF_ERROR(store.status());
  VEILSUM_RETURN_IF_ERROR(
      (*store)->Redeem(token, Sha256(request.token()), HashOf(keys), NowSeconds()));
  VEILSUM_ASSIGN_OR_RETURN(enroll::v1::Certificates issued,
                           Issue(token.subject, *store, keys.tls, keys.signing));
  issued.set_coordinator_address(config_.address);
  return issued;
}

absl::StatusOr<enroll::v1::Certificates> IdentityOffice::Renew(
    const Principal& caller, const enroll::v1::RenewRequest& request) {
  VEILSUM_ASSIGN_OR_RETURN(const RequestedKeys keys,
                           ParseKeys(request.tls_request(), request.signing_request()));
  const std::lock_guard lock(mutex_);
  TenantStore* store = nullptr;
  if (!caller.id.tenant().empty()) {
    VEILSUM_ASSIGN_OR_RETURN(const TenantContext context, TenantContext::Own(caller));
    VEILSUM_ASSIGN_OR_RETURN(store, tenants_->StoreOf(context));
  }
  return Issue(caller.id, store, keys.tls, keys.signing);
}

absl::Status IdentityOffice::CreateTenant(const Principal& caller, const std::string& tenant) {
  VEILSUM_RETURN_IF_ERROR(SpiffeId::Client(caller.id.domain(), tenant, "x").status());
  VEILSUM_ASSIGN_OR_RETURN(const TenantContext context, TenantContext::For(caller, tenant));
  const std::lock_guard lock(mutex_);
  VEILSUM_RETURN_IF_ERROR(tenants_->Create(context));
  deny_.AdmitTenant(tenant);
  return absl::OkStatus();
}

absl::StatusOr<tenancy::v1::ListTenantsResponse> IdentityOffice::ListTenants() {
  const std::lock_guard lock(mutex_);
  tenancy::v1::ListTenantsResponse response;
  VEILSUM_ASSIGN_OR_RETURN(const std::vector<std::string> tenants, tenants_->Tenants());
  for (const std::string& tenant : tenants) {
    tenancy::v1::TenantState* state = response.add_tenants();
    state->set_tenant(tenant);
    VEILSUM_ASSIGN_OR_RETURN(const SpiffeId any,
                             SpiffeId::Client(config_.coordinator.domain(), tenant, "x"));
    state->set_revoked(!deny_.CheckName(any, Hash32{}).ok());
  }
  return response;
}

absl::Status IdentityOffice::Deny(TenantStore& store, const DeniedRow& row,
                                  std::string_view reason) {
  VEILSUM_RETURN_IF_ERROR(store.Deny(row, reason));
  deny_.Deny(row.kind, row.value);
  return absl::OkStatus();
}

absl::Status IdentityOffice::RevokeTenant(const Principal& caller,
                                          const tenancy::v1::RevokeTenantRequest& request) {
  VEILSUM_ASSIGN_OR_RETURN(const TenantContext context,
                           TenantContext::For(caller, request.tenant()));
  const std::lock_guard lock(mutex_);
  VEILSUM_ASSIGN_OR_RETURN(TenantStore* const store, tenants_->StoreOf(context));
  return Deny(*store, {DeniedKind::kTenant, context.tenant()}, request.reason());
}

absl::StatusOr<tenancy::v1::CreateJoinTokenResponse> IdentityOffice::CreateJoinToken(
    const Principal& caller, const tenancy::v1::CreateJoinTokenRequest& request) {
  VEILSUM_ASSIGN_OR_RETURN(const TenantContext context,
                           TenantContext::For(caller, request.tenant()));
  VEILSUM_ASSIGN_OR_RETURN(SpiffeId subject, SubjectOf(config_.coordinator.domain(), request));
  const std::int64_t ttl = request.ttl_seconds() == 0 ? kLongestToken : request.ttl_seconds();
  if (ttl > kLongestToken) return InvalidArgument("ttl is %d s, at most %d", ttl, kLongestToken);
  const std::lock_guard lock(mutex_);
  VEILSUM_ASSIGN_OR_RETURN(TenantStore* const store, tenants_->StoreOf(context));
  VEILSUM_RETURN_IF_ERROR(deny_.CheckName(subject, Hash32{}));
  JoinToken token{"",
                  std::move(subject),
                  config_.enroll_address,
                  config_.coordinator,
                  config_.root.Fingerprint(),
                  NowSeconds() + ttl};
  tenancy::v1::CreateJoinTokenResponse response;
  response.set_token(MakeJoinToken(token, rng_));
  response.set_expires(token.expires);
  VEILSUM_RETURN_IF_ERROR(store->AddToken(token, Sha256(response.token())));
  return response;
}

absl::StatusOr<tenancy::v1::ListClientsResponse> IdentityOffice::ListClients(
    const Principal& caller, const tenancy::v1::ListClientsRequest& request) {
  VEILSUM_ASSIGN_OR_RETURN(const TenantContext context,
                           TenantContext::For(caller, request.tenant()));
  const std::lock_guard lock(mutex_);
  VEILSUM_ASSIGN_OR_RETURN(TenantStore* const store, tenants_->StoreOf(context));
  VEILSUM_ASSIGN_OR_RETURN(const std::vector<IssuedLeafRow> leaves, store->Leaves());
  tenancy::v1::ListClientsResponse response;
  for (const IssuedLeafRow& leaf : leaves) {
    VEILSUM_ASSIGN_OR_RETURN(const SpiffeId id, SpiffeId::Parse(leaf.uri));
    VEILSUM_ASSIGN_OR_RETURN(const Bytes key_bytes, HexDecode(leaf.key));
    VEILSUM_ASSIGN_OR_RETURN(const Hash32 key, ParseFixed<32>("key", key_bytes));
    tenancy::v1::IssuedLeaf* out = response.add_leaves();
    out->set_spiffe_id(leaf.uri);
    out->set_serial(leaf.serial);
    out->set_key_sha256(leaf.key);
    out->set_expires(leaf.expires);
    out->set_revoked(!deny_.Check({id, {}, key, leaf.serial, {}, {}}).ok());
  }
  return response;
}

absl::Status IdentityOffice::RevokeClient(const Principal& caller,
                                          const tenancy::v1::RevokeClientRequest& request) {
  VEILSUM_ASSIGN_OR_RETURN(const TenantContext context,
                           TenantContext::For(caller, request.tenant()));
  VEILSUM_ASSIGN_OR_RETURN(const DeniedRow row, RowOf(config_.coordinator.domain(), request));
  const std::lock_guard lock(mutex_);
  VEILSUM_ASSIGN_OR_RETURN(TenantStore* const store, tenants_->StoreOf(context));
  if (row.kind != DeniedKind::kName) {
    // Only what was issued to this tenant: nobody revokes a rival's certificate.
    VEILSUM_ASSIGN_OR_RETURN(const std::vector<IssuedLeafRow> leaves, store->Leaves());
    const bool own = std::ranges::any_of(leaves, [&](const IssuedLeafRow& leaf) {
      return row.value == (row.kind == DeniedKind::kSerial ? leaf.serial : leaf.key);
    });
    if (!own) return NotFound("no such certificate of this tenant");
  }
  return Deny(*store, row, request.reason());
}

absl::StatusOr<CertificateChain> IdentityOffice::RenewOwn(const RequestedKey& key) {
  return config_.issuer.Issue(key, config_.coordinator, config_.now(), config_.leaf_lifetime);
}

}  // namespace veilsum::coordinator
