#include "base/tlog/trust_policy.h"

#include <algorithm>

#include "base/tlog/decimal.h"

namespace veilsum::tlog {
namespace {

constexpr std::string_view kNone = "none";
constexpr std::size_t kMaxPolicyBytes = 1 << 20;

std::vector<std::string_view> WordsOf(std::string_view line) {
  std::vector<std::string_view> words;
  for (;;) {
    const std::size_t begin = line.find_first_not_of(" \t");
    if (begin == std::string_view::npos) return words;
    line.remove_prefix(begin);
    const std::size_t end = std::min(line.find_first_of(" \t"), line.size());
    words.push_back(line.substr(0, end));
    line.remove_prefix(end);
  }
}

bool HasControl(std::string_view line) {
  return std::ranges::any_of(line, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < ' ' && c != '\t') || byte == 0x7f;
  });
}

absl::StatusOr<VerifierKey> KeyOf(std::string_view vkey, KeyType type) {
  VEILSUM_ASSIGN_OR_RETURN(VerifierKey key, VerifierKey::Parse(vkey));
  if (key.type() != type) return InvalidArgument("the key of %s has the wrong type", key.name());
  return key;
}

bool IsAmong(const std::vector<VerifierKey>& keys, const VerifierKey& key) {
  return std::ranges::any_of(keys, [&](const auto& other) { return other.key() == key.key(); });
}

}  // namespace

absl::StatusOr<TrustPolicy> TrustPolicy::Parse(std::string_view text) {
  if (text.size() > kMaxPolicyBytes)
    return InvalidArgument("policy: more than %d bytes", kMaxPolicyBytes);
  TrustPolicy policy;
  for (int number = 1; !text.empty(); ++number) {
    const std::size_t newline = text.find('\n');
    if (newline == std::string_view::npos)
      return InvalidArgument("policy line %d: must end with a newline", number);
    const std::string_view line = text.substr(0, newline);
    text.remove_prefix(newline + 1);
    const std::vector<std::string_view> words = WordsOf(line);
    const std::string where = absl::StrFormat("policy line %d", number);
    if (HasControl(line)) return InvalidArgument("%s: control characters", where);
    if (words.empty() || words.front().starts_with('#')) continue;
    if (const absl::Status read = policy.ReadLine(words); !read.ok()) return Annotate(read, where);
  }
  if (policy.quorum_.empty()) return InvalidArgument("policy: the quorum line is missing");
  return policy;
}

absl::Status TrustPolicy::ReadLine(const std::vector<std::string_view>& words) {
  const std::string_view kind = words.front();
  if (kind == "log" && (words.size() == 2 || words.size() == 3)) {
    VEILSUM_ASSIGN_OR_RETURN(VerifierKey key, KeyOf(words[1], KeyType::kEd25519));
    if (IsAmong(logs_, key)) return InvalidArgument("the key of %s is there twice", key.name());
    logs_.push_back(std::move(key));
    return absl::OkStatus();
  }
  if (kind == "witness" && (words.size() == 3 || words.size() == 4)) {
    VEILSUM_ASSIGN_OR_RETURN(VerifierKey key, KeyOf(words[2], KeyType::kCosignature));
    if (IsAmong(witnesses(), key))
      return InvalidArgument("the key of %s is there twice", key.name());
    Party witness;
    witness.key.push_back(std::move(key));
    return AddParty(words[1], std::move(witness));
  }
  if (kind == "group" && words.size() >= 4) return ReadGroup(words);
  if (kind == "quorum" && words.size() == 2) {
    if (!quorum_.empty()) return InvalidArgument("a second quorum");
    if (words[1] != kNone && !parties_.contains(words[1]))
      return InvalidArgument("%s is not defined above", words[1]);
    quorum_ = words[1];
    return absl::OkStatus();
  }
  return InvalidArgument("not a log, witness, group or quorum line");
}

absl::Status TrustPolicy::ReadGroup(const std::vector<std::string_view>& words) {
  Party group;
  for (const std::string_view member : std::span(words).subspan(3)) {
    if (!parties_.contains(member)) return InvalidArgument("%s is not defined above", member);
    if (!member_of_.emplace(member, words[1]).second)
      return InvalidArgument("%s is a member twice", member);
    group.members.emplace_back(member);
  }
  group.threshold = group.members.size();
  if (words[2] == "any") {
    group.threshold = 1;
  } else if (words[2] != "all") {
    VEILSUM_ASSIGN_OR_RETURN(group.threshold, ParseDecimal(words[2]));
  }
  if (group.threshold < 1 || group.threshold > group.members.size())
    return InvalidArgument("threshold %d of %d members", group.threshold, group.members.size());
  return AddParty(words[1], std::move(group));
}

absl::Status TrustPolicy::AddParty(std::string_view name, Party party) {
  if (name == kNone) return InvalidArgument("none is not a name");
  if (!parties_.emplace(name, std::move(party)).second)
    return InvalidArgument("%s is defined twice", name);
  return absl::OkStatus();
}

std::vector<VerifierKey> TrustPolicy::witnesses() const {
  std::vector<VerifierKey> out;
  for (const auto& [name, party] : parties_)
    out.insert(out.end(), party.key.begin(), party.key.end());
  return out;
}

absl::StatusOr<Checkpoint> TrustPolicy::Open(const Note& note) const {
  for (const VerifierKey& log : logs_) {
    if (note.SignaturesOf(log).empty()) continue;
    VEILSUM_ASSIGN_OR_RETURN(Checkpoint checkpoint, OpenCheckpoint(note, log));
    std::vector<std::string> missing;
    VEILSUM_ASSIGN_OR_RETURN(const bool enough, Has(quorum_, note, missing));
    if (enough) return checkpoint;
    std::string names;
    for (const std::string& name : missing) names += " " + name;
    return FailedPrecondition("the quorum %s is not met: no cosignature of%s", quorum_, names);
  }
  return NotFound("the checkpoint is not signed by a log of the policy");
}

// Every member is looked at, so that a wrong signature is never passed over.
absl::StatusOr<bool> TrustPolicy::Has(const std::string& name, const Note& note,
                                      std::vector<std::string>& missing) const {
  if (name == kNone) return true;
  const Party& party = parties_.find(name)->second;
  if (!party.key.empty()) {
    const absl::Status signed_by = VerifyCosignature(note, party.key.front()).status();
    if (signed_by.ok()) return true;
    if (!absl::IsNotFound(signed_by)) return signed_by;
    missing.push_back(name);
    return false;
  }
  std::size_t have = 0;
  for (const std::string& member : party.members) {
    VEILSUM_ASSIGN_OR_RETURN(const bool has, Has(member, note, missing));
    have += has ? 1 : 0;
  }
  return have >= party.threshold;
}

}  // namespace veilsum::tlog
