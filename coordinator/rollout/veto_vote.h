// What merchants object to: one bit of a merchant about a release that it was given in a canary,
// kept apart from its reports, because a report takes the place of the one before and a vote never
// does.
//   votes/<digest>/<SHA-256 of the client>.json
#pragma once

#include <filesystem>
#include <map>
#include <set>
#include <string_view>

#include "coordinator/rollout/rollout.h"
#include "coordinator/rollout/veto_gate.h"

namespace veilsum::coordinator {

struct VetoVote {
  std::string client;   // SPIFFE ID, of the certificate
  std::string release;  // digest
  std::string stage;    // that it was given the release in: canary
  bool veto = false;
  std::uint32_t epsilon_millis = 0;  // of its randomised response; 0: sent as it is
  Seconds time = 0;                  // when it came
};

// InvalidArgument naming the field and its bound.
absl::Status CheckVote(const VetoVote& vote);
std::string VoteToJson(const VetoVote& vote);
// DataLoss: not what VoteToJson writes.
absl::StatusOr<VetoVote> ParseVote(std::string_view json);

// Durably, once. The same vote again is OK and changes nothing. CheckVote's errors; V701
// PermissionDenied: the director gives the client another release, or none; V702 PermissionDenied:
// it does not give it in this stage; V703 AlreadyExists: the client has voted otherwise.
absl::Status SaveVote(const std::filesystem::path& folder, const VetoVote& vote);
// Of all clients about the release, by client. No folder: none.
absl::StatusOr<std::map<std::string, VetoVote>> LoadVotes(const std::filesystem::path& folder,
                                                          std::string_view release);
VetoCounts CountsOf(const std::map<std::string, VetoVote>& votes,
                    const std::set<std::string>& clients);

}  // namespace veilsum::coordinator
