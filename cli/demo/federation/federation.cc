#include "cli/demo/federation/federation.h"

#include <set>

#include "base/file.h"
#include "base/pki/certificate_authority.h"

namespace veilsum::cli {
namespace {

constexpr std::chrono::hours kLeafLifetime{24 * 30};
constexpr std::chrono::hours kRootLifetime{24 * 31};

absl::Status MakeFolder(const std::filesystem::path& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) return Internal("cannot make the folder %s: %s", folder.string(), error.message());
  return absl::OkStatus();
}

absl::Status WriteIdentity(const IssuedCertificate& issued, const std::filesystem::path& folder,
                           const std::string& name) {
  VEILSUM_RETURN_IF_ERROR(WriteFile(folder / (name + ".pem"), issued.certificate.ToPem()));
  return WriteFile(folder / (name + ".key"), issued.key_pem.Expose(), FileMode::kPrivate);
}

class Builder {
 public:
  Builder(const CertificateAuthority& ca, WallTime now)
      : ca_(ca), validity_(ValidFor(now, kLeafLifetime)) {}

  // Two, since some decisions need two.
  absl::Status Operators(const Federation& f) {
    const auto folder = f.spec.root / "operator";
    VEILSUM_RETURN_IF_ERROR(MakeFolder(folder));
    for (const auto& [user, name] : {std::pair("demo", "tls"), std::pair("demo-2", "second")}) {
      VEILSUM_ASSIGN_OR_RETURN(const SpiffeId id, SpiffeId::Operator(f.spec.domain, user));
      VEILSUM_ASSIGN_OR_RETURN(const IssuedCertificate tls, ca_.IssueTls(id, validity_));
      VEILSUM_RETURN_IF_ERROR(WriteIdentity(tls, folder, name));
    }
    return absl::OkStatus();
  }

  absl::Status Coordinator(Federation& f) {
    const auto folder = f.spec.root / "coordinator";
    VEILSUM_RETURN_IF_ERROR(MakeFolder(folder));
    VEILSUM_ASSIGN_OR_RETURN(const SpiffeId id, SpiffeId::Coordinator(f.spec.domain, "demo"));
    VEILSUM_ASSIGN_OR_RETURN(const IssuedCertificate tls,
                             ca_.IssueTls(id, validity_, {"localhost"}, {"127.0.0.1"}));
    VEILSUM_RETURN_IF_ERROR(WriteIdentity(tls, folder, "tls"));
    f.coordinator_uri = id.ToString();
    return WriteFile(f.coordinator_config, CoordinatorToml(f, "127.0.0.1:0"));
  }

  absl::Status Seat(Federation& f, const client::Seat& seat) {
    const std::string tenant = LegalTenantId(seat.name);
    if (!tenants_.insert(tenant).second)
      return InvalidArgument(
          "merchants: two folders have the name \"%s\" once made legal; rename %s", tenant,
          seat.name);
    VEILSUM_ASSIGN_OR_RETURN(const SpiffeId id, SpiffeId::Client(f.spec.domain, tenant, "node-1"));
    const auto folder = f.spec.root / "clients" / tenant;
    VEILSUM_RETURN_IF_ERROR(MakeFolder(folder));
    VEILSUM_ASSIGN_OR_RETURN(const IssuedCertificate tls, ca_.IssueTls(id, validity_));
    VEILSUM_RETURN_IF_ERROR(WriteIdentity(tls, folder, "tls"));
    VEILSUM_ASSIGN_OR_RETURN(const IssuedCertificate signing, ca_.IssueSigning(id, validity_));
    VEILSUM_RETURN_IF_ERROR(WriteIdentity(signing, folder, "signing"));
    std::vector<std::filesystem::path> folders;
    for (const auto& part : seat.folders) folders.push_back(std::filesystem::absolute(part));
    f.seats.push_back({seat.name, id.ToString(), std::move(folders), folder / "client.toml"});
    return WriteFile(folder / "policy.toml", PolicyToml(f.spec));
  }

 private:
  const CertificateAuthority& ca_;
  Validity validity_;
  std::set<std::string> tenants_;
};

}  // namespace

absl::StatusOr<Federation> LayOut(const FederationSpec& spec) {
  Federation f{.spec = spec,
               .coordinator_uri = "",
               .coordinator_config = "",
               .port_file = "",
               .operator_identity = {},
               .second_operator = {},
               .seats = {}};
  f.spec.root = std::filesystem::absolute(spec.root);
  f.coordinator_config = f.spec.root / "coordinator/coordinator.toml";
  f.port_file = f.spec.root / "coordinator/address";
  f.operator_identity = {f.spec.root / "ca/ca.pem", f.spec.root / "operator/tls.pem",
                         f.spec.root / "operator/tls.key"};
  f.second_operator = {f.spec.root / "ca/ca.pem", f.spec.root / "operator/second.pem",
                       f.spec.root / "operator/second.key"};
  VEILSUM_RETURN_IF_ERROR(MakeFolder(f.spec.root / "ca"));
  VEILSUM_RETURN_IF_ERROR(WriteFile(f.spec.root / "plan.json", spec.plan_json));
  const WallTime now = std::chrono::system_clock::now();
  VEILSUM_ASSIGN_OR_RETURN(const CertificateAuthority ca,
                           CertificateAuthority::Create(spec.domain, ValidFor(now, kRootLifetime)));
  VEILSUM_RETURN_IF_ERROR(ca.Save(f.spec.root / "ca"));
  Builder builder(ca, now);
  VEILSUM_RETURN_IF_ERROR(builder.Operators(f));
  VEILSUM_RETURN_IF_ERROR(builder.Coordinator(f));
  for (const client::Seat& seat : spec.seats) VEILSUM_RETURN_IF_ERROR(builder.Seat(f, seat));
  return f;
}

absl::Status PinAddress(const Federation& f, const std::string& address) {
  VEILSUM_RETURN_IF_ERROR(WriteFile(f.coordinator_config, CoordinatorToml(f, address)));
  for (std::size_t i = 0; i < f.seats.size(); ++i)
    VEILSUM_RETURN_IF_ERROR(WriteFile(f.seats[i].config, ClientToml(f, i, address)));
  return absl::OkStatus();
}

}  // namespace veilsum::cli
