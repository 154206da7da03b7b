#include "model/release/signature.h"

#include "base/base64.h"
#include "base/canonical_json.h"
#include "base/crypto/sha256.h"
#include "base/tlog/dsse.h"
#include "base/tlog/in_toto.h"
#include "model/release/refusal.h"

namespace veilsum::release {
namespace {

constexpr char kBundleType[] = "application/vnd.dev.sigstore.bundle.v0.3+json";
constexpr char kPredicateType[] = "https://model_signing/signature/v1.0";

bool IsUnsigned(std::string_view path) {
  return path == kSignatureFile || path == kLedgerProofFile;
}

Json Statement(const std::string& name, const Files& files) {
  Json resources = Json::array();
  for (const auto& [path, bytes] : files)
    if (!IsUnsigned(path))
      resources.push_back(
          {{"name", path}, {"algorithm", "sha256"}, {"digest", HexEncode(Sha256(bytes))}});
  return {{"_type", tlog::kInTotoStatementType},
          {"subject",
           Json::array({{{"name", name}, {"digest", {{"sha256", HexEncode(RootDigest(files))}}}}})},
          {"predicateType", kPredicateType},
          {"predicate",
           {{"resources", resources},
            {"serialization",
             {{"method", "files"},
              {"hash_type", "sha256"},
              {"allow_symlinks", false},
              {"ignore_paths", {kLedgerProofFile, kSignatureFile}}}}}}};
}

// The text at `pointer`; empty where there is none.
std::string TextAt(const Json& value, const char* pointer) {
  const Json::json_pointer place(pointer);
  if (!value.is_object() || !value.contains(place) || !value.at(place).is_string()) return {};
  return value.at(place).get<std::string>();
}

// The bundle's payload once its signature holds.
absl::StatusOr<std::string> OpenBundle(std::string_view text, const P256PublicKey& key) {
  const auto wrong = [](const char* what) { return Refuse(Refusal::kModelSigned, "%s", what); };
  if (text.size() > kMaxSignatureBytes) return wrong("model.sig is too large");
  const Json bundle = Json::parse(text, nullptr, false);
  if (TextAt(bundle, "/mediaType") != kBundleType ||
      TextAt(bundle, "/dsseEnvelope/payloadType") != tlog::kInTotoPayloadType)
    return wrong("model.sig is not a sigstore bundle of version 0.3 with an in-toto statement");
  if (TextAt(bundle, "/verificationMaterial/publicKey/hint") != key.Hint())
    return wrong("model.sig is by another key than the trusted one");
  const absl::StatusOr<Bytes> payload = Base64Decode(TextAt(bundle, "/dsseEnvelope/payload"));
  const absl::StatusOr<Bytes> signature =
      Base64Decode(TextAt(bundle, "/dsseEnvelope/signatures/0/sig"));
  if (!payload.ok() || !signature.ok() ||
      !key.Verify(AsBytes(tlog::PreAuthenticationEncoding(tlog::kInTotoPayloadType, *payload)),
                  *signature))
    return wrong("the signature of model.sig does not hold");
  return std::string(AsText(*payload));
}

}  // namespace

Hash32 RootDigest(const Files& files) {
  Bytes digests;
  for (const auto& [path, bytes] : files) {
    if (IsUnsigned(path)) continue;
    const Hash32 digest = Sha256(bytes);
    digests.insert(digests.end(), digest.begin(), digest.end());
  }
  return Sha256(ByteView(digests));
}

absl::StatusOr<std::string> SignFiles(const std::string& name, const Files& files,
                                      const P256Signer& signer) {
  const std::string payload = Statement(name, files).dump();
  VEILSUM_ASSIGN_OR_RETURN(const Bytes signature,
                           signer.Sign(AsBytes(tlog::PreAuthenticationEncoding(
                               tlog::kInTotoPayloadType, AsBytes(payload)))));
  const Json bundle = {
      {"mediaType", kBundleType},
      {"verificationMaterial",
       {{"publicKey", {{"hint", signer.public_key().Hint()}}}, {"tlogEntries", Json::array()}}},
      {"dsseEnvelope",
       {{"payload", Base64Encode(AsBytes(payload))},
        {"payloadType", tlog::kInTotoPayloadType},
        {"signatures", Json::array({{{"keyid", ""}, {"sig", Base64Encode(signature)}}})}}}};
  return bundle.dump() + "\n";
}

absl::Status VerifyFiles(const Files& files, const P256PublicKey& key) {
  const auto bundle = files.find(std::string(kSignatureFile));
  if (bundle == files.end()) return Refuse(Refusal::kModelSigned, "there is no model.sig");
  VEILSUM_ASSIGN_OR_RETURN(const std::string payload, OpenBundle(bundle->second, key));
  const Json statement = Json::parse(payload, nullptr, false);
  // The name is free text; everything else must be what we would have signed.
  const std::string name = TextAt(statement, "/subject/0/name");
  const Json::json_pointer resources("/predicate/resources");
  if (TextAt(statement, "/predicateType") != kPredicateType || !statement.contains(resources))
    return Refuse(Refusal::kModelSigned, "model.sig signs another kind of statement");
  std::map<std::string, std::string> have, listed;
  for (const Json& one : statement.at(resources))
    listed[TextAt(one, "/name")] = TextAt(one, "/digest");
  for (const auto& [path, bytes] : files)
    if (!IsUnsigned(path)) have[path] = HexEncode(Sha256(bytes));
  for (const auto& [path, digest] : listed) {
    if (!have.contains(path)) return Refuse(Refusal::kDigest, "%s is signed but missing", path);
    if (have[path] != digest) return Refuse(Refusal::kDigest, "%s is not what was signed", path);
  }
  for (const auto& [path, digest] : have)
    if (!listed.contains(path)) return Refuse(Refusal::kExtraFile, "%s is not signed", path);
  if (Statement(name, files) != statement)
    return Refuse(Refusal::kModelSigned, "model.sig has another form than model signing v1.0");
  return absl::OkStatus();
}

}  // namespace veilsum::release
