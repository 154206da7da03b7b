#include "coordinator/rollout/veto_vote.h"

#include <algorithm>

#include "base/crypto/sha256.h"
#include "base/file.h"
#include "dp/mechanism/randomised_response.h"
#include "model/rollout/metadata.h"

namespace veilsum::coordinator {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxVoteBytes = 4 << 10;

fs::path VotesAbout(const fs::path& folder, std::string_view release) {
  return folder / "votes" / release;
}
fs::path FileOfVote(const fs::path& folder, const VetoVote& vote) {
  return VotesAbout(folder, vote.release) / (HexEncode(Sha256(vote.client)) + ".json");
}

// What the director says to the client, as this folder has it.
absl::Status CheckOffered(const fs::path& folder, const VetoVote& vote) {
  const absl::StatusOr<std::string> file = ReadFile(folder / rollout::DirectorPath(vote.client),
                                                    rollout::MaxBytes(rollout::Role::kDirector));
  if (absl::IsNotFound(file.status()))
    return PermissionDenied("V701: the client was given no release to vote on");
  VEILSUM_RETURN_IF_ERROR(file.status());
  VEILSUM_ASSIGN_OR_RETURN(const std::string payload, rollout::PayloadOf(*file));
  VEILSUM_ASSIGN_OR_RETURN(const rollout::Director says, rollout::ParseDirector(payload));
  if (says.digest != vote.release)
    return PermissionDenied("V701: the client was given release %s to vote on, not %s", says.digest,
                            vote.release);
  if (ChannelName(says.channel) != vote.stage)
    return PermissionDenied("V702: the client was given the release in stage %s, not %s",
                            ChannelName(says.channel), vote.stage);
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckVote(const VetoVote& vote) {
  const bool hex = std::ranges::all_of(
      vote.release, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
  if (vote.release.size() != 64 || !hex)
    return InvalidArgument("veto.release must be 64 hex digits");
  if (vote.stage != "canary")
    return InvalidArgument("veto.stage is \"%s\", must be canary", vote.stage.substr(0, 32));
  const std::uint32_t epsilon = vote.epsilon_millis;
  if (epsilon != 0 && (epsilon < dp::kLeastResponseMillis || epsilon > dp::kMostResponseMillis))
    return InvalidArgument("veto.epsilon_millis is %d, must be 0 or %d to %d", epsilon,
                           dp::kLeastResponseMillis, dp::kMostResponseMillis);
  return absl::OkStatus();
}

std::string VoteToJson(const VetoVote& vote) {
  const absl::StatusOr<std::string> text = EncodeCanonical({{"client", vote.client},
                                                            {"release", vote.release},
                                                            {"stage", vote.stage},
                                                            {"veto", vote.veto},
                                                            {"epsilon_millis", vote.epsilon_millis},
                                                            {"time", vote.time}});
  VEILSUM_CHECK(text.ok());
  return *text;
}

absl::StatusOr<VetoVote> ParseVote(std::string_view text) {
  const absl::Status damaged = DataLoss("a client's vote is damaged");
  VetoVote vote;
  try {
    const absl::StatusOr<Json> json = ParseCanonical(text);
    if (!json.ok()) return damaged;
    vote.client = json->at("client").get<std::string>();
    vote.release = json->at("release").get<std::string>();
    vote.stage = json->at("stage").get<std::string>();
    vote.veto = json->at("veto").get<bool>();
    vote.epsilon_millis = json->at("epsilon_millis").get<std::uint32_t>();
    vote.time = json->at("time").get<Seconds>();
  } catch (const Json::exception&) {
    return damaged;
  }
  if (!CheckVote(vote).ok() || VoteToJson(vote) != text) return damaged;
  return vote;
}

absl::Status SaveVote(const fs::path& folder, const VetoVote& vote) {
  VEILSUM_RETURN_IF_ERROR(CheckVote(vote));
  VEILSUM_RETURN_IF_ERROR(CheckOffered(folder, vote));
  const fs::path file = FileOfVote(folder, vote);
  const absl::StatusOr<std::string> text = ReadFile(file, kMaxVoteBytes);
  if (text.ok()) {
    VEILSUM_ASSIGN_OR_RETURN(const VetoVote kept, ParseVote(*text));
    const bool same = kept.veto == vote.veto && kept.epsilon_millis == vote.epsilon_millis;
    return same ? absl::OkStatus()
                : AlreadyExists("V703: the client has voted on release %s before, and otherwise",
                                vote.release);
  }
  if (!absl::IsNotFound(text.status())) return text.status();
  std::error_code error;
  fs::create_directories(file.parent_path(), error);
  if (error) return Unavailable("cannot make %s: %s", file.parent_path().string(), error.message());
  return WriteFile(file, VoteToJson(vote));
}

absl::StatusOr<std::map<std::string, VetoVote>> LoadVotes(const fs::path& folder,
                                                          std::string_view release) {
  std::map<std::string, VetoVote> out;
  std::error_code error;
  for (const fs::directory_entry& entry :
       fs::directory_iterator(VotesAbout(folder, release), error)) {
    if (entry.path().extension() != ".json") continue;
    VEILSUM_ASSIGN_OR_RETURN(const std::string text, ReadFile(entry.path(), kMaxVoteBytes));
    VEILSUM_ASSIGN_OR_RETURN(VetoVote vote, ParseVote(text));
    if (FileOfVote(folder, vote) != entry.path())
      return DataLoss("%s has the vote of %s on %s", entry.path().string(), vote.client,
                      vote.release);
    std::string client = vote.client;
    out.emplace(std::move(client), std::move(vote));
  }
  return out;
}

VetoCounts CountsOf(const std::map<std::string, VetoVote>& votes,
                    const std::set<std::string>& clients) {
  VetoCounts out;
  for (const auto& [client, vote] : votes) {
    if (!clients.contains(client)) continue;
    VetoGroup& group = out[vote.epsilon_millis];
    ++group.votes;
    group.raised += vote.veto;
  }
  return out;
}

}  // namespace veilsum::coordinator
