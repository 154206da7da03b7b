// Every document that arrives as text: the first byte says which, the rest is the text. A canonical
// one that is accepted is what its encoder writes, byte for byte.
#include "base/pki/spiffe_id.h"
#include "client/policy/policy.h"
#include "model/contract/privacy_terms.h"
#include "model/contract/round_schedule.h"
#include "model/plan/plan_format.h"
#include "model/plan/variant.h"
#include "tests/fuzz/target.h"
#include "tests/unit/model/small_plan.h"

namespace veilsum::fuzz {
namespace {

void TryJson(std::string_view text) {
  const absl::StatusOr<Json> value = ParseCanonical(text);
  if (value.ok()) Require(EncodeCanonical(*value).value() == text, "one value has one encoding");
}

void TryPlan(const absl::StatusOr<model::Plan>& plan, std::string_view json) {
  if (!plan.ok()) return Require(!plan.status().message().empty(), "a refusal says why");
  const std::string again = model::PlanToJson(*plan);
  Require(json.empty() || again == json, "one plan has one encoding");
  Require(model::PlanFromJson(again).ok(), "what was accepted is accepted again");
  (void)model::LayoutOf(*plan).parameters();
  (void)model::CheckRunnable(*plan).ok();
}

void TryContract(std::string_view json) {
  const absl::StatusOr<model::RunContract> contract = model::ContractFromJson(json);
  if (!contract.ok()) return;
  Require(model::ContractToJson(*contract).value() == json, "one contract has one encoding");
  for (const std::uint64_t round : {std::uint64_t{1}, model::AttemptsMax(*contract)})
    (void)model::PurposeOf(*contract, round).ok();
}

void TryStep(std::string_view json) {
  const absl::StatusOr<model::StepConfig> step = model::ParseStepConfig(AsBytes(json));
  if (step.ok())
    Require(AsText(model::EncodeStepConfig(*step)) == json, "one step has one encoding");
}

void TryIdentity(std::string_view text) {
  const absl::StatusOr<SpiffeId> id = SpiffeId::Parse(text);
  Require(!id.ok() || id->ToString() == text, "an identity is its text");
  const std::string tenant = LegalTenantId(text);
  Require(SpiffeId::Client("fed.test", tenant, "c").ok(), "a legal tenant id is one");
}

model::RunContract SomeContract() {
  model::RunContract contract;
  contract.run_id = "run-1";
  contract.federation = "fed.test";
  contract.cohorts = {{model::SmallSeats(4), {64, 64, 64, 128}, 1, 3}};
  contract.sums.push_back(
      {"train", 32, 41, 12, 16, "65536.5", "262144", "92681.9", "1/2", "3.999"});
  return contract;
}

}  // namespace

std::vector<std::string> Seeds() {
  const model::SmallPlan small;
  model::SmallPlan open;
  open.is_private = false;
  const auto with = [](char kind, std::string_view text) {
    return std::string(1, kind) + std::string(text);
  };
  return {with(0, R"({"a":[1,true,null,"é"],"b":{}})"),
          with(1, model::PlanToJson(model::MakeSmallPlan(small))),
          with(1, model::PlanToJson(model::MakeSmallPlan(open))),
          with(2, model::ContractToJson(SomeContract()).value()),
          with(3, AsText(model::EncodeStepConfig({.round = 7, .step = 5, .sum = 0, .last = 8}))),
          with(4, model::SmallPlanToml(small)),
          with(5, "epsilon_cap = 3.0\ndelta_cap = 1e-5\nallowed_plans = [\"small\"]\n"),
          with(6, model::SmallSeat(1))};
}

}  // namespace veilsum::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace veilsum::fuzz;  // NOLINT
  if (size == 0) return 0;
  const std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0]) {
    case 0:
      TryJson(text);
      break;
    case 1:
      TryPlan(veilsum::model::PlanFromJson(text), text);
      break;
    case 2:
      TryContract(text);
      break;
    case 3:
      TryStep(text);
      break;
    case 4:
      TryPlan(veilsum::model::ParsePlanToml(text, "fuzz.toml"), "");
      break;
    case 5:
      (void)veilsum::client::ParsePolicy(text, "fuzz.toml").ok();
      break;
    case 6:
      TryIdentity(text);
      break;
    default:
      break;
  }
  return 0;
}
