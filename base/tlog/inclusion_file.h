// A proof that an entry is in a log and that witnesses saw it, in one file that is checked without
// a network (c2sp.org/tlog-proof).
#pragma once

#include "base/tlog/merkle.h"
#include "base/tlog/trust_policy.h"

namespace veilsum::tlog {

struct InclusionFile {
  std::uint64_t index = 0;
  Proof proof;
  Note checkpoint;
  Bytes extra;  // not authenticated by anything

  // InvalidArgument: another form, more than 63 hashes. Nothing is verified.
  static absl::StatusOr<InclusionFile> Parse(std::string_view text);
  std::string ToString() const;
  // That `entry` is in the log. The checkpoint it is in; errors of TrustPolicy::Open; DataLoss: the
  // proof does not hold.
  absl::StatusOr<Checkpoint> Verify(ByteView entry, const TrustPolicy& policy) const;
};

}  // namespace veilsum::tlog
