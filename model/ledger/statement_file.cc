#include "model/ledger/statement_file.h"

#include "base/base64.h"
#include "model/ledger/fields.h"

namespace veilsum::ledger {

absl::StatusOr<std::string> WriteStatementFile(ByteView statement, ByteView certificate) {
  return EncodeCanonical(
      {{"certificate", Base64Encode(certificate)}, {"statement", Base64Encode(statement)}});
}

absl::StatusOr<StatementFile> ParseStatementFile(std::string_view text) {
  VEILSUM_ASSIGN_OR_RETURN(Json json, ParseCanonical(text));
  if (!json.is_object()) return InvalidArgument("statement file: no object");
  Fields fields(json);
  const std::string certificate = fields.Text("certificate"), statement = fields.Text("statement");
  VEILSUM_RETURN_IF_ERROR(fields.Done());
  StatementFile out;
  VEILSUM_ASSIGN_OR_RETURN(out.certificate, Base64Decode(certificate));
  VEILSUM_ASSIGN_OR_RETURN(const Bytes signed_bytes, Base64Decode(statement));
  VEILSUM_ASSIGN_OR_RETURN(out.statement, ParseStatement(signed_bytes));
  return out;
}

}  // namespace veilsum::ledger
