#include "cli/operate/federation_layout.h"

#include "base/config/toml_config.h"
#include "base/file.h"
#include "base/pki/credentials.h"
#include "base/pki/issuer.h"
#include "base/pki/key_file.h"

namespace veilsum::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::hours kYear{24 * 365};
constexpr std::chrono::hours kRootLife = 10 * kYear, kFirstLeaf{24 * 30};

WallTime Now() { return std::chrono::system_clock::now(); }

// A passphrase from a file, or none.
class Lock {
 public:
  static absl::StatusOr<Lock> Read(const fs::path& file) {
    Lock lock;
    if (!file.empty()) {
      VEILSUM_ASSIGN_OR_RETURN(lock.text_, ReadPassphrase(file));
    }
    return lock;
  }
  const SecretText* get() const { return text_ ? &*text_ : nullptr; }

 private:
  std::optional<SecretText> text_;
};

// Nothing is decided by these names; TLS libraries look for them.
bool IsAddress(const std::string& host) {
  return host.find_first_not_of("0123456789.") == std::string::npos;
}
std::vector<std::string> NamesOf(const std::string& host) {
  return host.empty() || IsAddress(host) ? std::vector<std::string>{} : std::vector{host};
}
std::vector<std::string> AddressesOf(const std::string& host) {
  return host.empty() || !IsAddress(host) ? std::vector<std::string>{} : std::vector{host};
}

// A fresh TLS key in `folder` and a leaf for it.
absl::Status MakeNode(const Issuer& issuer, const SpiffeId& id, const fs::path& folder,
                      const SecretText* passphrase, const std::string& host = "") {
  VEILSUM_RETURN_IF_ERROR(MakePrivateFolder(folder));
  VEILSUM_ASSIGN_OR_RETURN(const SecretText key, NewTlsKey());
  VEILSUM_ASSIGN_OR_RETURN(const Bytes request, MakeSigningRequest(key));
  VEILSUM_ASSIGN_OR_RETURN(const RequestedKey requested,
                           ParseSigningRequest(request, KeyKind::kTls));
  VEILSUM_ASSIGN_OR_RETURN(
      const CertificateChain chain,
      issuer.Issue(requested, id, Now(), kFirstLeaf, NamesOf(host), AddressesOf(host)));
  VEILSUM_RETURN_IF_ERROR(WritePrivateKey(folder / "tls.key", key, passphrase));
  return WriteFile(folder / "tls.pem", chain.ToPem());
}

std::string PassphraseLine(const FederationPlan& plan) {
  if (plan.passphrase.empty()) return "";
  return absl::StrFormat("passphrase_file = %s\n",
                         TomlQuote(fs::absolute(plan.passphrase).string()));
}

std::string CoordinatorText(const FederationPlan& plan) {
  return absl::StrFormat(
      "[federation]\nname = %s\n\n"
      "[listen]\naddress = %s\n\n"
      "[tls]\ncertificate = \"tls.pem\"\nkey = \"tls.key\"\nroot = \"../root.pem\"\n%s\n"
      "[identity]\nissuer = \"../issuer\"\nrecords = \"records\"\nenroll_address = %s\n\n"
      "[store]\npath = \"coordinator.sqlite\"\n",
      TomlQuote(plan.name), TomlQuote(plan.listen), PassphraseLine(plan),
      TomlQuote(plan.enroll_listen));
}

std::string OperatorText(const FederationPlan& plan, const SpiffeId& coordinator) {
  return absl::StrFormat(
      "[coordinator]\naddress = %s\nspiffe_id = %s\n\n"
      "[tls]\ncertificate = \"tls.pem\"\nkey = \"tls.key\"\nroot = \"../root.pem\"\n%s",
      TomlQuote(plan.listen), TomlQuote(coordinator.ToString()), PassphraseLine(plan));
}

}  // namespace

absl::Status MakeOperator(const OperatorPlan& plan) {
  const fs::path folder = plan.federation / plan.name;
  VEILSUM_ASSIGN_OR_RETURN(const std::string pem, ReadFile(plan.federation / "root.pem", 65536));
  VEILSUM_ASSIGN_OR_RETURN(const Certificate root, Certificate::FromPem(pem));
  VEILSUM_ASSIGN_OR_RETURN(const Lock lock, Lock::Read(plan.passphrase));
  VEILSUM_ASSIGN_OR_RETURN(const Issuer issuer,
                           Issuer::Load(plan.federation / "issuer", root, Now(), lock.get()));
  VEILSUM_ASSIGN_OR_RETURN(TomlConfig first,
                           TomlConfig::Read(plan.federation / "operator/operator.toml"));
  FederationPlan like;
  like.listen = first.Text("coordinator.address");
  like.passphrase = plan.passphrase;
  const std::string served_by = first.Text("coordinator.spiffe_id");
  for (const char* key : {"certificate", "key", "root", "passphrase_file"})
    (void)first.Text(std::string("tls.") + key, "");  // of the first operator's own
  VEILSUM_RETURN_IF_ERROR(first.Finish());
  VEILSUM_ASSIGN_OR_RETURN(const SpiffeId coordinator, SpiffeId::Parse(served_by));
  VEILSUM_ASSIGN_OR_RETURN(const SpiffeId id, SpiffeId::Operator(coordinator.domain(), plan.name));
  if (fs::exists(folder)) return FailedPrecondition("%s is there already", folder.string());
  VEILSUM_RETURN_IF_ERROR(MakeNode(issuer, id, folder, lock.get()));
  return WriteFile(folder / "operator.toml", OperatorText(like, coordinator));
}

absl::Status MakeIssuer(const IssuerPlan& plan) {
  VEILSUM_ASSIGN_OR_RETURN(const Lock root_lock, Lock::Read(plan.root_passphrase));
  VEILSUM_ASSIGN_OR_RETURN(const Lock lock, Lock::Read(plan.passphrase));
  VEILSUM_ASSIGN_OR_RETURN(const CertificateAuthority root,
                           CertificateAuthority::Load(plan.root, root_lock.get()));
  VEILSUM_RETURN_IF_ERROR(MakePrivateFolder(plan.out));
  const Validity validity = ValidFor(Now(), kYear);
  if (!plan.request.empty()) {
    VEILSUM_ASSIGN_OR_RETURN(const std::string der, ReadFile(plan.request, 4096));
    VEILSUM_ASSIGN_OR_RETURN(const RequestedKey key,
                             ParseSigningRequest(AsBytes(der), KeyKind::kTls));
    VEILSUM_ASSIGN_OR_RETURN(const Certificate issuer, root.SignIssuer(key, plan.tenant, validity));
    return WriteFile(plan.out / "issuer.pem", issuer.ToPem());
  }
  VEILSUM_ASSIGN_OR_RETURN(const IssuedCertificate issuer, root.IssueIssuer(plan.tenant, validity));
  VEILSUM_RETURN_IF_ERROR(WritePrivateKey(plan.out / "issuer.key", issuer.key_pem, lock.get()));
  return WriteFile(plan.out / "issuer.pem", issuer.certificate.ToPem());
}

absl::Status LayOutFederation(const FederationPlan& plan) {
  if (fs::exists(plan.out / "root.pem"))
    return FailedPrecondition("%s holds a federation already", plan.out.string());
  for (const std::string& address : {plan.listen, plan.enroll_listen})
    if (address.find(':') == std::string::npos)
      return InvalidArgument("\"%s\" is not HOST:PORT", address);
  VEILSUM_ASSIGN_OR_RETURN(const SpiffeId coordinator,
                           SpiffeId::Coordinator(plan.name, "coordinator-1"));
  VEILSUM_ASSIGN_OR_RETURN(const SpiffeId first, SpiffeId::Operator(plan.name, "operator-1"));
  VEILSUM_ASSIGN_OR_RETURN(const Lock root_lock, Lock::Read(plan.root_passphrase));
  VEILSUM_ASSIGN_OR_RETURN(const Lock lock, Lock::Read(plan.passphrase));
  VEILSUM_ASSIGN_OR_RETURN(const CertificateAuthority root,
                           CertificateAuthority::Create(plan.name, ValidFor(Now(), kRootLife)));
  VEILSUM_RETURN_IF_ERROR(MakePrivateFolder(plan.out / "root"));
  VEILSUM_RETURN_IF_ERROR(root.Save(plan.out / "root", root_lock.get()));
  VEILSUM_RETURN_IF_ERROR(MakeIssuer({.root = plan.out / "root",
                                      .out = plan.out / "issuer",
                                      .root_passphrase = plan.root_passphrase,
                                      .passphrase = plan.passphrase}));
  VEILSUM_ASSIGN_OR_RETURN(const Issuer issuer,
                           Issuer::Load(plan.out / "issuer", root.root(), Now(), lock.get()));
  VEILSUM_RETURN_IF_ERROR(MakeNode(issuer, coordinator, plan.out / "coordinator", lock.get(),
                                   plan.listen.substr(0, plan.listen.rfind(':'))));
  VEILSUM_RETURN_IF_ERROR(MakeNode(issuer, first, plan.out / "operator", lock.get()));
  VEILSUM_RETURN_IF_ERROR(
      WriteFile(plan.out / "coordinator/coordinator.toml", CoordinatorText(plan)));
  VEILSUM_RETURN_IF_ERROR(
      WriteFile(plan.out / "operator/operator.toml", OperatorText(plan, coordinator)));
  return WriteFile(plan.out / "root.pem", root.root().ToPem());
}

}  // namespace veilsum::cli
