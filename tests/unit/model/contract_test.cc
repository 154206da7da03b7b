#include "model/contract/run_contract.h"
#include "tests/support/status_matchers.h"

namespace veilsum::model {
namespace {

RunContract ValidContract() {
  RunContract contract;
  contract.plan_sha256.fill(0x11);
  contract.run_id = "run-1";
  contract.federation = "shops.example";
  contract.ca_sha256.fill(0x22);
  Cohort cohort;
  for (const char* name : {"a", "b", "c", "d"}) {
    cohort.members.push_back(absl::StrFormat("spiffe://shops.example/tenant/%s/client/1", name));
    cohort.size_classes.push_back(256);
  }
  cohort.colluders = 1;
  cohort.min_survivors = 3;
  contract.cohorts.push_back(cohort);
  contract.sums.push_back(
      {"train", 32, 33665, 640, 20, "1048759.5", "3834512.25", "2711410", "1/10", "3.6566"});
  contract.sums.push_back({"statistics", 64, 19, 1, 20, "4.57e6", "0", "0", "1", "0"});
  return contract;
}

TEST(Contract, RoundTripsToTheSameBytes) {
  const RunContract contract = ValidContract();
  ASSERT_OK_AND_ASSIGN(const std::string json, ContractToJson(contract));
  ASSERT_OK_AND_ASSIGN(const RunContract again, ContractFromJson(json));
  EXPECT_EQ(again, contract);
  EXPECT_THAT(json, testing::StartsWith("{\"ca_sha256\":\"2222"));
  EXPECT_THAT(json, testing::EndsWith("\"v\":1}"));
}

TEST(Contract, HashIsOverLabelZeroByteAndBytes) {
  EXPECT_EQ(ContractHash("{}"), Transcript("fsa/v1/plan").AddText("{}").Sha256());
  EXPECT_NE(ContractHash("{}"), ContractHash("{ }"));
}

TEST(Contract, RefusesOtherFormsOfTheSameThing) {
  ASSERT_OK_AND_ASSIGN(const std::string json, ContractToJson(ValidContract()));
  const auto refuses = [](std::string text, std::string_view from, std::string_view to,
                          const char* why) {
    const std::size_t at = text.find(from);
    ASSERT_NE(at, std::string::npos) << from;
    text.replace(at, from.size(), to);
    EXPECT_THAT(ContractFromJson(text), StatusIs(absl::StatusCode::kInvalidArgument, why)) << to;
  };
  refuses(json, "\"v\":1", "\"v\":2", "in another form than ours");
  refuses(json, "\"v\":1", "\"v\":1,\"w\":1", "a key that is unknown");
  refuses(json, "1111", "11zz", "in another form than ours");
  refuses(json, "\"v\":1", "\"v\": 1", "contract: ");
  refuses(json, "\"run_id\":\"run-1\",", "", "contract: ");
  refuses(json, "\"private\":true", "\"private\":1", "contract: ");
  refuses(json, "\"colluders\":1", "\"colluders\":-1", "contract: ");
  EXPECT_THAT(ContractFromJson(""),
              StatusIs(absl::StatusCode::kInvalidArgument, "contract: not JSON"));
  EXPECT_THAT(ContractFromJson("[]"), StatusIs(absl::StatusCode::kInvalidArgument, "contract: "));
  EXPECT_THAT(ContractFromJson(std::string(kMaxContractBytes + 1, ' ')),
              StatusIs(absl::StatusCode::kInvalidArgument, "at most"));
}

TEST(Contract, EveryChangedByteIsRefusedOrAnotherContract) {
  const RunContract contract = ValidContract();
  const std::string json = *ContractToJson(contract);
  for (std::size_t i = 0; i < json.size(); ++i)
    for (const char c : {'0', 'a', '"', '}', ' ', '\xff'}) {
      std::string text = json;
      text[i] = c;
      const absl::StatusOr<RunContract> read = ContractFromJson(text);
      if (!read.ok() || text == json) continue;
      EXPECT_NE(*read, contract) << i;
    }
}

struct BrokenContract {
  const char* name;
  void (*apply)(RunContract&);
  const char* complaint;
};
class ContractRefuses : public testing::TestWithParam<BrokenContract> {};

TEST_P(ContractRefuses, NamingTheField) {
  RunContract contract = ValidContract();
  GetParam().apply(contract);
  EXPECT_THAT(CheckContract(contract),
              StatusIs(absl::StatusCode::kInvalidArgument, GetParam().complaint));
  EXPECT_FALSE(ContractToJson(contract).ok());
}

INSTANTIATE_TEST_SUITE_P(
    Contracts, ContractRefuses,
    testing::Values(
        BrokenContract{"RunId", [](RunContract& c) { c.run_id = "Run 1"; }, "run_id must be"},
        BrokenContract{"Federation", [](RunContract& c) { c.federation = ""; },
                       "federation must be"},
        BrokenContract{"NoCohort", [](RunContract& c) { c.cohorts.clear(); },
                       "cohorts, their number, is 0"},
        BrokenContract{"TwoMembers", [](RunContract& c) { c.cohorts[0].members.resize(2); },
                       "cohorts[0].members, their number, is 2, must be 3 to 255"},
        BrokenContract{
            "Unsorted",
            [](RunContract& c) { std::swap(c.cohorts[0].members[0], c.cohorts[0].members[1]); },
            "members[1] is not above"},
        BrokenContract{"OtherDomain",
                       [](RunContract& c) {
                         c.cohorts[0].members[3] = "spiffe://x.example/tenant/a/client/1";
                       },
                       "members[3] is not a client's SPIFFE URI of shops.example"},
        BrokenContract{"Coordinator",
                       [](RunContract& c) {
                         c.cohorts[0].members[3] = "spiffe://shops.example/coordinator/1";
                       },
                       "members[3] is not a client's"},
        BrokenContract{"ExtraSegment", [](RunContract& c) { c.cohorts[0].members[3] += "/x"; },
                       "members[3] is not a client's"},
        BrokenContract{"ClassMissing", [](RunContract& c) { c.cohorts[0].size_classes.pop_back(); },
                       "size_classes has 3 entries, must have 4"},
        BrokenContract{"ClassNoPower", [](RunContract& c) { c.cohorts[0].size_classes[2] = 300; },
                       "size_classes[2] is 300, must be a power of two"},
        BrokenContract{"NoColluder", [](RunContract& c) { c.cohorts[0].colluders = 0; },
                       "cohorts[0].colluders is 0, must be 1 to 2"},
        BrokenContract{"TooFewSurvivors", [](RunContract& c) { c.cohorts[0].min_survivors = 2; },
                       "cohorts[0].min_survivors is 2, must be 3 to 4"},
        BrokenContract{"SameCohortTwice", [](RunContract& c) { c.cohorts.push_back(c.cohorts[0]); },
                       "is in two cohorts"},
        BrokenContract{"NoSum", [](RunContract& c) { c.sums.clear(); }, "sums, their number, is 0"},
        BrokenContract{"Purpose", [](RunContract& c) { c.sums[0].purpose = "spy"; },
                       "sums[0].purpose must be"},
        BrokenContract{"PurposeTwice", [](RunContract& c) { c.sums[1].purpose = "train"; },
                       "two sums have the purpose train"},
        BrokenContract{"Bits", [](RunContract& c) { c.sums[0].bits = 33; }, "sums[0].bits is 33"},
        BrokenContract{"Dimension", [](RunContract& c) { c.sums[0].dimension = 0; },
                       "sums[0].dimension is 0"},
        BrokenContract{"Attempts", [](RunContract& c) { c.sums[0].attempts_max = 0; },
                       "sums[0].attempts_max is 0"},
        BrokenContract{"Scale", [](RunContract& c) { c.sums[0].scale_log2 = 51; },
                       "sums[0].scale_log2 is 51"},
        BrokenContract{"Sensitivity", [](RunContract& c) { c.sums[0].sensitivity = "1e"; },
                       "sums[0].sensitivity must be a decimal"},
        BrokenContract{"Sigma", [](RunContract& c) { c.sums[0].noise_sigma = "-1"; },
                       "sums[0].noise_sigma must be a decimal"},
        BrokenContract{"Share", [](RunContract& c) { c.sums[0].share_sigma = "nan"; },
                       "sums[0].share_sigma must be a decimal"},
        BrokenContract{"Multiplier", [](RunContract& c) { c.sums[0].noise_multiplier = "01"; },
                       "sums[0].noise_multiplier must be a decimal"},
        BrokenContract{"Rate", [](RunContract& c) { c.sums[0].sampling_rate = "1/0"; },
                       "sums[0].sampling_rate must be"}),
    [](const auto& test) { return std::string(test.param.name); });

TEST(SizeClass, IsThePowerOfTwoAbove) {
  EXPECT_EQ(SizeClass(0), 64u);
  EXPECT_EQ(SizeClass(64), 64u);
  EXPECT_EQ(SizeClass(65), 128u);
  EXPECT_EQ(SizeClass(3829), 4096u);
}

TEST(SizeClass, IsFoundByMember) {
  const RunContract contract = ValidContract();
  ASSERT_OK_AND_ASSIGN(const std::uint64_t size,
                       SizeClassOfMember(contract, "spiffe://shops.example/tenant/c/client/1"));
  EXPECT_EQ(size, 256u);
  EXPECT_THAT(SizeClassOfMember(contract, "spiffe://x"),
              StatusIs(absl::StatusCode::kNotFound, "no member"));
}

}  // namespace
}  // namespace veilsum::model
