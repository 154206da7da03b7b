#include "model/ledger/tenant_statement.h"

#include "base/base64.h"
#include "model/ledger/fields.h"
#include "model/ledger/time_text.h"

namespace veilsum::ledger {
namespace {

absl::Status CheckIssued(const std::string& issued) {
  if (!IsTimeText(issued)) return InvalidArgument("statement: issued \"%s\" is no time", issued);
  return absl::OkStatus();
}

absl::StatusOr<std::string> Payload(const TenantStatement& statement) {
  VEILSUM_RETURN_IF_ERROR(CheckIssued(statement.issued));
  Json hidden = Json::object();
  for (const auto& [field, digest] : statement.hidden) hidden[field] = HexEncode(digest);
  return EncodeCanonical({{"body", statement.body},
                          {"federation_id", statement.federation},
                          {"hidden", hidden},
                          {"issued", statement.issued},
                          {"seat", statement.seat},
                          {"type", statement.type}});
}

absl::StatusOr<TenantStatement> FromPayload(std::string_view text) {
  VEILSUM_ASSIGN_OR_RETURN(Json json, ParseCanonical(text));
  if (!json.is_object()) return InvalidArgument("statement: no object");
  Fields fields(json);
  TenantStatement out;
  out.type = fields.Text("type");
  out.federation = fields.Text("federation_id");
  out.seat = fields.Text("seat");
  out.issued = fields.Text("issued");
  out.body = fields.Take("body");
  Json hidden = fields.Take("hidden");
  if (!out.body.is_object()) fields.Wrong("body");
  if (!hidden.is_object()) fields.Wrong("hidden");
  VEILSUM_RETURN_IF_ERROR(fields.Done());
  VEILSUM_RETURN_IF_ERROR(CheckIssued(out.issued));
  Fields digests(hidden);
  std::vector<std::string> names;
  for (const auto& [name, digest] : hidden.items()) names.push_back(name);
  for (const std::string& name : names) out.hidden[name] = digests.Hex<32>(name.c_str());
  VEILSUM_RETURN_IF_ERROR(digests.Done());
  return out;
}

}  // namespace

absl::StatusOr<Bytes> SignStatement(const TenantStatement& statement, const Ed25519Signer& signer) {
  VEILSUM_ASSIGN_OR_RETURN(const std::string payload, Payload(statement));
  tlog::Envelope envelope;
  envelope.payload_type = kStatementType;
  envelope.payload.assign(payload.begin(), payload.end());
  envelope.Sign(statement.seat, signer);
  const std::string json = envelope.ToJson();
  return Bytes(json.begin(), json.end());
}

absl::StatusOr<SignedStatement> ParseStatement(ByteView bytes) {
  if (bytes.size() > kMaxStatementBytes)
    return InvalidArgument("statement has %d bytes, at most %d", bytes.size(), kMaxStatementBytes);
  VEILSUM_ASSIGN_OR_RETURN(const tlog::Envelope envelope, tlog::Envelope::Parse(AsText(bytes)));
  if (envelope.payload_type != kStatementType || envelope.signatures.size() != 1)
    return InvalidArgument("statement: not one signature of a statement");
  SignedStatement out;
  VEILSUM_ASSIGN_OR_RETURN(out.statement, FromPayload(AsText(envelope.payload)));
  if (envelope.signatures[0].key_id != out.statement.seat)
    return InvalidArgument("statement: signed by somebody else than its seat");
  VEILSUM_ASSIGN_OR_RETURN(out.signature,
                           ParseFixed<64>("sig", ByteView(envelope.signatures[0].signature)));
  return out;
}

bool IsSignedBy(const SignedStatement& statement, const Ed25519PublicKey& key) {
  const absl::StatusOr<std::string> payload = Payload(statement.statement);
  if (!payload.ok()) return false;
  const std::string message = tlog::PreAuthenticationEncoding(kStatementType, AsBytes(*payload));
  return Ed25519Verify(key, AsBytes(message), statement.signature);
}

Json BodyOf(const SignedStatement& statement) {
  Json body = statement.statement.body;
  body["seat"] = statement.statement.seat;
  body["issued"] = statement.statement.issued;
  body["signature"] = Base64Encode(statement.signature);
  return body;
}

absl::StatusOr<SignedStatement> StatementIn(const Entry& entry) {
  SignedStatement out;
  out.statement.type = entry.type;
  out.statement.federation = entry.header.federation;
  out.statement.hidden = entry.header.hidden;
  out.statement.body = entry.body;
  Fields fields(out.statement.body);
  out.statement.seat = fields.Text("seat");
  out.statement.issued = fields.Text("issued");
  const std::string text = fields.Text("signature");
  VEILSUM_RETURN_IF_ERROR(fields.status());
  VEILSUM_RETURN_IF_ERROR(CheckIssued(out.statement.issued));
  const absl::StatusOr<Bytes> signature = Base64Decode(text);
  if (!signature.ok() || signature->size() != 64 || Base64Encode(*signature) != text)
    return InvalidArgument("entry: signature is wrong");
  out.signature = *ParseFixed<64>("signature", ByteView(*signature));
  return out;
}

}  // namespace veilsum::ledger
