#include "base/pki/join_token.h"

#include "base/canonical_json.h"

namespace veilsum {
namespace {

constexpr std::string_view kPrefix = "vsj1.";
constexpr std::size_t kMaxText = 2048;

absl::StatusOr<Json> Payload(std::string_view text) {
  const absl::Status malformed = InvalidArgument("this is not a join token (vsj1...)");
  if (text.size() > kMaxText || !text.starts_with(kPrefix)) return malformed;
  text.remove_prefix(kPrefix.size());
  const std::size_t dot = text.find('.');
  if (dot == std::string_view::npos) return malformed;
  const auto payload = Base64UrlDecode(text.substr(0, dot));
  const auto secret = Base64UrlDecode(text.substr(dot + 1));
  if (!payload.ok() || !secret.ok() || secret->size() != 32) return malformed;
  auto json = ParseCanonical(AsText(*payload));
  if (!json.ok() || !json->is_object()) return malformed;
  return json;
}

absl::StatusOr<std::string> Field(const Json& json, const char* name) {
  const auto found = json.find(name);
  if (found == json.end() || !found->is_string())
    return InvalidArgument("the join token has no %s", name);
  return found->get<std::string>();
}

}  // namespace

std::string MakeJoinToken(JoinToken& token, SecureRng& rng) {
  ByteArray<8> id;
  rng.Fill(id);
  token.id = HexEncode(id);
  const Json json = {{"address", token.address},
                     {"coordinator", token.coordinator.ToString()},
                     {"expires", token.expires},
                     {"id", token.id},
                     {"root_sha256", HexEncode(token.root)},
                     {"spiffe_id", token.subject.ToString()}};
  const absl::StatusOr<std::string> payload = EncodeCanonical(json);
  VEILSUM_CHECK(payload.ok());
  const Secret<32> secret = rng.NewSecret<32>();
  return std::string(kPrefix) + Base64UrlEncode(AsBytes(*payload)) + "." +
         Base64UrlEncode(secret.Expose());
}

absl::StatusOr<JoinToken> ParseJoinToken(std::string_view text) {
  VEILSUM_ASSIGN_OR_RETURN(const Json json, Payload(text));
  VEILSUM_ASSIGN_OR_RETURN(std::string id, Field(json, "id"));
  VEILSUM_ASSIGN_OR_RETURN(std::string address, Field(json, "address"));
  VEILSUM_ASSIGN_OR_RETURN(const std::string subject_uri, Field(json, "spiffe_id"));
  VEILSUM_ASSIGN_OR_RETURN(const std::string coordinator_uri, Field(json, "coordinator"));
  VEILSUM_ASSIGN_OR_RETURN(const std::string root_hex, Field(json, "root_sha256"));
  VEILSUM_ASSIGN_OR_RETURN(SpiffeId subject, SpiffeId::Parse(subject_uri));
  VEILSUM_ASSIGN_OR_RETURN(SpiffeId coordinator, SpiffeId::Parse(coordinator_uri));
  VEILSUM_ASSIGN_OR_RETURN(const Bytes root_bytes, HexDecode(root_hex));
  VEILSUM_ASSIGN_OR_RETURN(const Hash32 root, ParseFixed<32>("root_sha256", root_bytes));
  const auto expires = json.find("expires");
  if (expires == json.end() || !expires->is_number_integer())
    return InvalidArgument("the join token has no expiry");
  if (subject.tenant().empty() || coordinator.role() != SpiffeRole::kCoordinator ||
      subject.domain() != coordinator.domain() || json.size() != 6)
    return InvalidArgument("the join token is for nobody who could join");
  return JoinToken{
      std::move(id), std::move(subject),          std::move(address), std::move(coordinator),
      root,          expires->get<std::int64_t>()};
}

}  // namespace veilsum
