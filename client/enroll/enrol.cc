#include "client/enroll/enrol.h"

#include "base/config/toml_config.h"
#include "base/file.h"
#include "base/pki/credentials.h"
#include "base/pki/key_file.h"
#include "base/pki/signing_request.h"
#include "client/rpc/enroll_client.h"

namespace veilsum::client {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kNoPolicy =
    "# What this client approves by itself. As it stands: nothing.\n"
    "# A limit that is not stated is not assumed. epsilon_cap and delta_cap are the most that a "
    "plan may claim.\n"
    "epsilon_cap = 0.0\n"
    "delta_cap = 0.0\n";

// The key of the file, made if it is not there.
absl::StatusOr<Bytes> RequestFor(const fs::path& file, absl::StatusOr<SecretText> (*make)(),
                                 const SecretText* passphrase) {
  if (!fs::exists(file)) {
    VEILSUM_ASSIGN_OR_RETURN(const SecretText made, make());
    VEILSUM_RETURN_IF_ERROR(WritePrivateKey(file, made, passphrase));
  }
  VEILSUM_ASSIGN_OR_RETURN(const SecretText key, ReadPrivateKey(file, passphrase));
  return MakeSigningRequest(key);
}

std::string Quoted(const fs::path& path) { return TomlQuote(fs::absolute(path).string()); }

std::string ConfigText(const Enrolment& enrolment, const JoinToken& token,
                       const std::string& address, const fs::path& policy) {
  const fs::path& out = enrolment.out;
  std::string data;
  for (const fs::path& folder : enrolment.data) data += (data.empty() ? "" : ", ") + Quoted(folder);
  std::string text = absl::StrFormat(
      "[federation]\nname = %s\n\n"
      "[coordinator]\naddress = %s\nspiffe_id = %s\n\n"
      "[tls]\ncertificate = \"tls.pem\"\nkey = \"tls.key\"\nroot = \"root.pem\"\n\n"
      "[signing]\ncertificate = \"signing.pem\"\nkey = \"signing.key\"\n\n"
      "[identity]\nrenew = true\n",
      TomlQuote(token.subject.domain()), TomlQuote(address),
      TomlQuote(token.coordinator.ToString()));
  if (!enrolment.passphrase.empty())
    absl::StrAppendFormat(&text, "passphrase_file = %s\n", Quoted(enrolment.passphrase));
  absl::StrAppendFormat(&text,
                        "\n[data]\nfolders = [%s]\n\n[store]\nodometer = %s\n\n"
                        "[policy]\nfile = %s\n",
                        data, Quoted(out / "odometer.sqlite"), Quoted(policy));
  return text;
}

}  // namespace

absl::StatusOr<Enrolled> Enrol(const Enrolment& enrolment) {
  VEILSUM_ASSIGN_OR_RETURN(const JoinToken token, ParseJoinToken(enrolment.token));
  const fs::path& out = enrolment.out;
  const fs::path config = out / "client.toml";
  if (fs::exists(config))
    return FailedPrecondition("%s is there already: this folder is enrolled", config.string());
  VEILSUM_RETURN_IF_ERROR(MakePrivateFolder(out));
  std::optional<SecretText> passphrase;
  if (!enrolment.passphrase.empty()) {
    VEILSUM_ASSIGN_OR_RETURN(passphrase, ReadPassphrase(enrolment.passphrase));
  }
  const SecretText* open = passphrase ? &*passphrase : nullptr;
  VEILSUM_ASSIGN_OR_RETURN(const Bytes tls, RequestFor(out / "tls.key", &NewTlsKey, open));
  VEILSUM_ASSIGN_OR_RETURN(const Bytes signing,
                           RequestFor(out / "signing.key", &NewSigningKey, open));
  VEILSUM_ASSIGN_OR_RETURN(const IssuedCertificates issued,
                           RedeemToken(enrolment.token, token, tls, signing));
  VEILSUM_RETURN_IF_ERROR(WriteFile(out / "root.pem", issued.root.ToPem()));
  VEILSUM_RETURN_IF_ERROR(WriteFile(out / "tls.pem", issued.tls.ToPem()));
  VEILSUM_RETURN_IF_ERROR(WriteFile(out / "signing.pem", issued.signing.ToPem()));
  fs::path policy = enrolment.policy;
  if (policy.empty()) {
    policy = out / "policy.toml";
    VEILSUM_RETURN_IF_ERROR(WriteFile(policy, kNoPolicy));
  }
  // Last: its presence means that all the rest is there.
  VEILSUM_RETURN_IF_ERROR(
      WriteFile(config, ConfigText(enrolment, token, issued.coordinator_address, policy)));
  return Enrolled{token.subject, config};
}

}  // namespace veilsum::client
