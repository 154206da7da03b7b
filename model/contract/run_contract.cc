#include "model/contract/run_contract.h"

#include <algorithm>
#include <bit>
#include <set>

#include "model/contract/decimal_text.h"

namespace veilsum::model {
namespace {

constexpr std::size_t kMaxCohorts = 64;
constexpr std::size_t kMaxSums = 8;
constexpr std::uint64_t kMaxSizeClass = std::uint64_t{1} << 40;
constexpr const char* kPurposes[] = {"train", "statistics", "evaluation"};

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

bool IsDecimalOrFraction(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) return IsDecimal(text);
  const auto whole = [](std::string_view part) {
    return IsDecimal(part) && std::ranges::all_of(part, IsDigit);
  };
  return whole(text.substr(0, slash)) && whole(text.substr(slash + 1)) &&
         text.substr(slash + 1) != "0";
}

bool IsRunId(std::string_view text) {
  return !text.empty() && text.size() <= 64 && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || IsDigit(c) || c == '-';
  });
}

bool IsDomain(std::string_view text) {
  return !text.empty() && text.size() <= 253 && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || IsDigit(c) || c == '-' || c == '.' || c == '_';
  });
}

// spiffe://<domain>/tenant/<tid>/client/<cid> (SE-03), with the domain of the contract.
bool IsSeat(std::string_view uri, std::string_view federation) {
  const std::string start = "spiffe://" + std::string(federation) + "/tenant/";
  if (uri.size() > 512 || !uri.starts_with(start)) return false;
  uri.remove_prefix(start.size());
  const std::size_t middle = uri.find("/client/");
  if (middle == std::string_view::npos) return false;
  const auto segment = [](std::string_view text) {
    return !text.empty() && text != "." && text != ".." && std::ranges::all_of(text, [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || IsDigit(c) || c == '-' ||
             c == '.' || c == '_';
    });
  };
  return segment(uri.substr(0, middle)) && segment(uri.substr(middle + 8));
}

absl::Status CheckBetween(const std::string& field, std::uint64_t value, std::uint64_t low,
                          std::uint64_t high) {
  if (value < low || value > high)
    return InvalidArgument("contract: %s is %d, must be %d to %d", field, value, low, high);
  return absl::OkStatus();
}

absl::Status CheckCohort(const Cohort& cohort, const std::string& where,
                         const std::string& federation) {
  const std::uint64_t n = cohort.members.size();
  VEILSUM_RETURN_IF_ERROR(CheckBetween(where + ".members, their number,", n, 3, kMaxCohortMembers));
  for (std::size_t i = 0; i < n; ++i) {
    if (!IsSeat(cohort.members[i], federation))
      return InvalidArgument("contract: %s.members[%d] is not a client's SPIFFE URI of %s", where,
                             i, federation);
    if (i > 0 && cohort.members[i - 1] >= cohort.members[i])
      return InvalidArgument("contract: %s.members[%d] is not above the one before it", where, i);
  }
  if (cohort.size_classes.size() != n)
    return InvalidArgument("contract: %s.size_classes has %d entries, must have %d", where,
                           cohort.size_classes.size(), n);
  for (std::size_t i = 0; i < n; ++i)
    if (!std::has_single_bit(cohort.size_classes[i]) || cohort.size_classes[i] > kMaxSizeClass)
      return InvalidArgument(
          "contract: %s.size_classes[%d] is %d, must be a power of two up to 2^40", where, i,
          cohort.size_classes[i]);
  VEILSUM_RETURN_IF_ERROR(CheckBetween(where + ".colluders", cohort.colluders, 1, n - 2));
  const std::uint64_t quorum = (n + cohort.colluders) / 2 + 1;
  return CheckBetween(where + ".min_survivors", cohort.min_survivors,
                      std::max<std::uint64_t>(quorum, cohort.colluders + 2), n);
}

absl::Status CheckSum(const SumSpec& sum, const std::string& where) {
  if (std::ranges::find(kPurposes, sum.purpose) == std::end(kPurposes))
    return InvalidArgument("contract: %s.purpose must be train, statistics or evaluation", where);
  if (sum.bits != 32 && sum.bits != 64)
    return InvalidArgument("contract: %s.bits is %d, must be 32 or 64", where, sum.bits);
  VEILSUM_RETURN_IF_ERROR(
      CheckBetween(where + ".dimension", sum.dimension, 1, std::uint64_t{1} << 32));
  VEILSUM_RETURN_IF_ERROR(CheckBetween(where + ".attempts_max", sum.attempts_max, 1, 100'000'000));
  VEILSUM_RETURN_IF_ERROR(CheckBetween(where + ".scale_log2", sum.scale_log2, 0, 50));
  const std::pair<const char*, const std::string*> reals[] = {
      {"sensitivity", &sum.sensitivity},
      {"noise_sigma", &sum.noise_sigma},
      {"share_sigma", &sum.share_sigma},
      {"noise_multiplier", &sum.noise_multiplier}};
  for (const auto& [name, text] : reals)
    if (!IsDecimal(*text))
      return InvalidArgument("contract: %s.%s must be a decimal such as \"1048577.25\"", where,
                             name);
  if (!IsDecimalOrFraction(sum.sampling_rate))
    return InvalidArgument(
        "contract: %s.sampling_rate must be a decimal or a fraction such as \"1/10\"", where);
  return absl::OkStatus();
}

Json ToTree(const RunContract& contract) {
  Json cohorts = Json::array(), sums = Json::array();
  for (const Cohort& cohort : contract.cohorts)
    cohorts.push_back(Json{{"members", cohort.members},
                           {"size_classes", cohort.size_classes},
                           {"colluders", cohort.colluders},
                           {"min_survivors", cohort.min_survivors}});
  for (const SumSpec& sum : contract.sums)
    sums.push_back(Json{{"purpose", sum.purpose},
                        {"bits", sum.bits},
                        {"dimension", sum.dimension},
                        {"attempts_max", sum.attempts_max},
                        {"scale_log2", sum.scale_log2},
                        {"sensitivity", sum.sensitivity},
                        {"noise_sigma", sum.noise_sigma},
                        {"share_sigma", sum.share_sigma},
                        {"sampling_rate", sum.sampling_rate},
                        {"noise_multiplier", sum.noise_multiplier}});
  return Json{{"v", 1},
              {"plan_sha256", HexEncode(contract.plan_sha256)},
              {"run_id", contract.run_id},
              {"federation", contract.federation},
              {"ca_sha256", HexEncode(contract.ca_sha256)},
              {"private", contract.is_private},
              {"cohorts", std::move(cohorts)},
              {"sums", std::move(sums)}};
}

// Throws Json::exception where the shape is another; unknown keys are found by comparing the bytes
// afterwards.
RunContract FromTree(const Json& tree) {
  const auto hash = [&](const char* key) {
    const absl::StatusOr<Bytes> bytes = HexDecode(tree.at(key).get<std::string>());
    Hash32 out{};
    if (bytes.ok() && bytes->size() == out.size()) std::ranges::copy(*bytes, out.begin());
    return out;  // anything else does not encode to the same bytes again
  };
  RunContract contract;
  contract.plan_sha256 = hash("plan_sha256");
  contract.run_id = tree.at("run_id").get<std::string>();
  contract.federation = tree.at("federation").get<std::string>();
  contract.ca_sha256 = hash("ca_sha256");
  contract.is_private = tree.at("private").get<bool>();
  for (const Json& cohort : tree.at("cohorts"))
    contract.cohorts.push_back({cohort.at("members").get<std::vector<std::string>>(),
                                cohort.at("size_classes").get<std::vector<std::uint64_t>>(),
                                cohort.at("colluders").get<std::uint32_t>(),
                                cohort.at("min_survivors").get<std::uint32_t>()});
  for (const Json& sum : tree.at("sums"))
    contract.sums.push_back(
        {sum.at("purpose").get<std::string>(), sum.at("bits").get<std::uint32_t>(),
         sum.at("dimension").get<std::uint64_t>(), sum.at("attempts_max").get<std::uint64_t>(),
         sum.at("scale_log2").get<std::uint32_t>(), sum.at("sensitivity").get<std::string>(),
         sum.at("noise_sigma").get<std::string>(), sum.at("share_sigma").get<std::string>(),
         sum.at("sampling_rate").get<std::string>(),
         sum.at("noise_multiplier").get<std::string>()});
  return contract;
}

}  // namespace

absl::Status CheckContract(const RunContract& contract) {
  if (!IsRunId(contract.run_id))
    return InvalidArgument("contract: run_id must be 1 to 64 of a-z 0-9 -");
  if (!IsDomain(contract.federation))
    return InvalidArgument("contract: federation must be a trust domain");
  VEILSUM_RETURN_IF_ERROR(
      CheckBetween("cohorts, their number,", contract.cohorts.size(), 1, kMaxCohorts));
  std::set<std::string_view> members;
  for (std::size_t i = 0; i < contract.cohorts.size(); ++i) {
    VEILSUM_RETURN_IF_ERROR(
        CheckCohort(contract.cohorts[i], absl::StrFormat("cohorts[%d]", i), contract.federation));
    for (const std::string& member : contract.cohorts[i].members)
      if (!members.insert(member).second)
        return InvalidArgument("contract: %s is in two cohorts", member);
  }
  VEILSUM_RETURN_IF_ERROR(CheckBetween("sums, their number,", contract.sums.size(), 1, kMaxSums));
  std::set<std::string_view> purposes;
  for (std::size_t i = 0; i < contract.sums.size(); ++i) {
    VEILSUM_RETURN_IF_ERROR(CheckSum(contract.sums[i], absl::StrFormat("sums[%d]", i)));
    if (!purposes.insert(contract.sums[i].purpose).second)
      return InvalidArgument("contract: two sums have the purpose %s", contract.sums[i].purpose);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> ContractToJson(const RunContract& contract) {
  VEILSUM_RETURN_IF_ERROR(CheckContract(contract));
  VEILSUM_ASSIGN_OR_RETURN(std::string json, EncodeCanonical(ToTree(contract)));
  if (json.size() > kMaxContractBytes)
    return InvalidArgument("contract: %d bytes, at most %d", json.size(), kMaxContractBytes);
  return json;
}

absl::StatusOr<RunContract> ContractFromJson(std::string_view json) {
  if (json.size() > kMaxContractBytes)
    return InvalidArgument("contract: %d bytes, at most %d", json.size(), kMaxContractBytes);
  absl::StatusOr<Json> tree = ParseCanonical(json);
  if (!tree.ok()) return Annotate(tree.status(), "contract");
  RunContract contract;
  try {
    contract = FromTree(*tree);
  } catch (const Json::exception& error) {
    return InvalidArgument("contract: %s", error.what());
  }
  VEILSUM_ASSIGN_OR_RETURN(const std::string again, ContractToJson(contract));
  if (again != json)
    return InvalidArgument("contract: a key that is unknown, or a value in another form than ours");
  return contract;
}

Hash32 ContractHash(std::string_view contract_json) {
  return Transcript("fsa/v1/plan").AddText(contract_json).Sha256();
}

std::uint64_t SizeClass(std::uint64_t customers) {
  return std::bit_ceil(std::clamp<std::uint64_t>(customers, 64, kMaxSizeClass));
}

absl::StatusOr<std::uint64_t> SizeClassOfMember(const RunContract& contract,
                                                std::string_view member) {
  for (const Cohort& cohort : contract.cohorts)
    for (std::size_t i = 0; i < cohort.members.size(); ++i)
      if (cohort.members[i] == member) return cohort.size_classes.at(i);
  return NotFound("%s is no member of the run %s", member, contract.run_id);
}

}  // namespace veilsum::model
