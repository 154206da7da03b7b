// A tenant's statement on its way to the coordinator: canonical JSON with the statement and the
// certificate of the key that signed it, both in base64.
#pragma once

#include "model/ledger/tenant_statement.h"

namespace veilsum::ledger {

struct StatementFile {
  Bytes certificate;  // DER, the leaf first
  SignedStatement statement;
};

// `statement`: what SignStatement gave.
absl::StatusOr<std::string> WriteStatementFile(ByteView statement, ByteView certificate);
// InvalidArgument: anything else than that writes. Nothing is verified.
absl::StatusOr<StatementFile> ParseStatementFile(std::string_view text);

}  // namespace veilsum::ledger
