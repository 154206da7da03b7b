#include "model/ledger/receipt.h"

#include "base/pki/spiffe_id.h"
#include "base/tlog/in_toto.h"
#include "model/ledger/fields.h"

namespace veilsum::ledger {
namespace {

absl::StatusOr<std::string> Payload(const Receipt& receipt) {
  VEILSUM_ASSIGN_OR_RETURN(const SpiffeId actor, SpiffeId::Parse(receipt.actor));
  if (actor.role() != SpiffeRole::kClient || receipt.first == 0 || receipt.last < receipt.first ||
      receipt.size <= receipt.leaf)
    return InvalidArgument("receipt: actor, first, last, leaf or size is wrong");
  const Json predicate = {{"actor", receipt.actor}, {"contract_hash", receipt.contract_hash},
                          {"first", receipt.first}, {"last", receipt.last},
                          {"leaf", receipt.leaf},   {"leaf_sha256", HexEncode(receipt.leaf_sha256)},
                          {"size", receipt.size},   {"root_sha256", HexEncode(receipt.root_sha256)},
                          {"time", receipt.time}};
  VEILSUM_RETURN_IF_ERROR(EncodeCanonical(predicate).status());
  const Json statement = {{"_type", tlog::kInTotoStatementType},
                          {"predicateType", "https://" + actor.domain() + "/ledger/receipt/v1"},
                          {"predicate", predicate},
                          {"subject",
                           {{{"digest", {{"sha256", HexEncode(receipt.leaf_sha256)}}},
                             {"name", absl::StrFormat("leaf/%d", receipt.leaf)}}}}};
  return statement.dump();
}

absl::StatusOr<Receipt> FromPredicate(Json predicate) {
  Fields fields(predicate);
  Receipt out;
  out.actor = fields.Text("actor");
  out.contract_hash = fields.Text("contract_hash");
  out.first = fields.Int("first");
  out.last = fields.Int("last");
  out.leaf = fields.Int("leaf");
  out.leaf_sha256 = fields.Hex<32>("leaf_sha256");
  out.size = fields.Int("size");
  out.root_sha256 = fields.Hex<32>("root_sha256");
  out.time = fields.Text("time");
  VEILSUM_RETURN_IF_ERROR(fields.Done());
  return out;
}

}  // namespace

absl::StatusOr<Bytes> SignReceipt(const Receipt& receipt, const Ed25519Signer& signer) {
  VEILSUM_ASSIGN_OR_RETURN(const std::string payload, Payload(receipt));
  tlog::Envelope envelope;
  envelope.payload_type = tlog::kInTotoPayloadType;
  envelope.payload.assign(payload.begin(), payload.end());
  envelope.Sign(receipt.actor, signer);
  const std::string json = envelope.ToJson();
  return Bytes(json.begin(), json.end());
}

absl::StatusOr<SignedReceipt> ParseReceipt(ByteView bytes) {
  if (bytes.size() > kMaxEntryBytes)
    return InvalidArgument("receipt has %d bytes, at most %d", bytes.size(), kMaxEntryBytes);
  SignedReceipt out;
  VEILSUM_ASSIGN_OR_RETURN(out.envelope, tlog::Envelope::Parse(AsText(bytes)));
  if (out.envelope.payload_type != tlog::kInTotoPayloadType || out.envelope.signatures.size() != 1)
    return InvalidArgument("receipt: not one signature of an in-toto statement");
  const std::string_view payload = AsText(out.envelope.payload);
  Json statement = Json::parse(payload, nullptr, false);
  if (!statement.is_object()) return InvalidArgument("receipt: not a statement");
  Fields top(statement);
  Json predicate = top.Take("predicate");
  VEILSUM_RETURN_IF_ERROR(top.status());
  if (!predicate.is_object()) return InvalidArgument("receipt: no predicate");
  VEILSUM_ASSIGN_OR_RETURN(out.receipt, FromPredicate(std::move(predicate)));
  VEILSUM_ASSIGN_OR_RETURN(const std::string again, Payload(out.receipt));
  if (again != payload) return InvalidArgument("receipt: the statement is not in its one form");
  return out;
}

}  // namespace veilsum::ledger
