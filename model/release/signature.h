// model.sig: the OpenSSF's model signing v1.0 (ossf/model-signing-spec, spec/v1.0.md sections 5 to
// 8), a sigstore bundle with a DSSE envelope over an in-toto statement that lists every file with
// its SHA-256. Key kind: P-256.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/pki/p256.h"

namespace veilsum::release {

using Files = std::map<std::string, std::string>;  // path in the package -> bytes

inline constexpr std::string_view kSignatureFile = "model.sig";
inline constexpr std::string_view kLedgerProofFile = "ledger.tlog-proof";
inline constexpr std::size_t kMaxSignatureBytes = std::size_t{64} << 10;

// SHA-256 over the files' digests in the order of their names, without the signature itself and the
// ledger's proof: what the model is called.
Hash32 RootDigest(const Files& files);

// The bundle. `name` is the statement's subject.
absl::StatusOr<std::string> SignFiles(const std::string& name, const Files& files,
                                      const P256Signer& signer);

// OK when files[kSignatureFile] is by `key` and signs exactly the others (the ledger's proof
// apart). Refusals M502 (no signature of this key, or another form), M501 (a file is missing or
// other than signed), M503 (a file that is not signed).
absl::Status VerifyFiles(const Files& files, const P256PublicKey& key);

}  // namespace veilsum::release
