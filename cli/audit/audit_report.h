// An audit in the forms that others read: docs/audit.md has the meaning of every key.
#pragma once

#include "cli/audit/audit.h"

namespace veilsum::cli {

// report.json: canonical JSON, reals as decimals. The same evidence gives the same bytes.
std::string AuditJson(const Audit& audit);

// result.intoto.json: an in-toto statement about the checkpoint, a simple verification result
// (in-toto attestation svr, v0.2) with the properties that hold. `time`: RFC 3339, of the
// verification. Nobody has signed it.
std::string AuditResultJson(const Audit& audit, const std::string& version,
                            const std::string& time);

// The same in a DSSE envelope that `signer` has signed; its key id is the public key in hex, a hint
// and no more.
std::string SignedAuditResult(const std::string& statement, const Ed25519Signer& signer);

// For a person at a terminal.
std::string AuditSummary(const Audit& audit);

// The shortest decimal that reads back as the same number, without exponent; "inf".
std::string RealText(double value);
// For people: up to six significant digits, rounded up (I5).
std::string ShownLoss(double epsilon);

}  // namespace veilsum::cli
