// Which logs and how many of which witnesses are enough (c2sp.org/tlog-policy). A policy is handed
// over out of band; nothing in it comes from the log that it judges.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/tlog/checkpoint.h"

namespace veilsum::tlog {

class TrustPolicy {
 public:
  // InvalidArgument naming the line: another form, a name used twice or before it is defined, a key
  // twice or of the wrong type, a threshold out of range, not exactly one quorum line.
  static absl::StatusOr<TrustPolicy> Parse(std::string_view text);

  // What the checkpoint says, once a log of the policy has signed it and its quorum has cosigned
  // it. DataLoss: a signature of a known key is wrong. NotFound: not of a known log.
  // FailedPrecondition: the quorum is not met; the message names who has not cosigned.
  absl::StatusOr<Checkpoint> Open(const Note& note) const;

  const std::vector<VerifierKey>& logs() const { return logs_; }
  std::vector<VerifierKey> witnesses() const;

 private:
  struct Party {                       // a witness, or a group
    std::vector<VerifierKey> key;      // of a witness; a group has none
    std::vector<std::string> members;  // of a group
    std::size_t threshold = 1;
  };
  absl::Status ReadLine(const std::vector<std::string_view>& words);
  absl::Status ReadGroup(const std::vector<std::string_view>& words);
  absl::Status AddParty(std::string_view name, Party party);
  absl::StatusOr<bool> Has(const std::string& name, const Note& note,
                           std::vector<std::string>& missing) const;

  std::vector<VerifierKey> logs_;
  std::map<std::string, Party, std::less<>> parties_;
  std::map<std::string, std::string, std::less<>> member_of_;
  std::string quorum_;
};

}  // namespace veilsum::tlog
