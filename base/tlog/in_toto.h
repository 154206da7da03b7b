// Names of the in-toto attestation framework, v1: what a DSSE envelope of ours carries.
#pragma once

namespace veilsum::tlog {

inline constexpr char kInTotoPayloadType[] = "application/vnd.in-toto+json";
inline constexpr char kInTotoStatementType[] = "https://in-toto.io/Statement/v1";

}  // namespace veilsum::tlog
