// Every document that arrives as text: the first byte says which, the rest is the text. A canonical
// one that is accepted is what its encoder writes, byte for byte.
#include "base/pki/spiffe_id.h"
#include "base/tlog/trust_policy.h"
#include "client/policy/policy.h"
#include "model/contract/privacy_terms.h"
#include "model/contract/round_schedule.h"
#include "model/ledger/ledger_rules.h"
#include "model/ledger/receipt.h"
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

const Ed25519Signer& SomeSigner() {
  ByteArray<32> bytes{7};
  static const Ed25519Signer signer{Secret<32>(std::span(bytes))};
  return signer;
}

void TryEntry(std::string_view text) {
  const absl::StatusOr<ledger::SignedEntry> entry = ledger::ParseEntry(AsBytes(text));
  if (entry.ok()) Require(entry->envelope.ToJson() == text, "one entry has one encoding");
  ledger::LedgerRules rules(
      [](const Hash32&) -> absl::StatusOr<std::string> { return NotFound("no blobs"); });
  for (int i = 0; i < 2; ++i) (void)rules.Apply(AsBytes(text));
  Require(rules.size() == 2, "every leaf counts");
}

void TryReceipt(std::string_view text) {
  const absl::StatusOr<ledger::SignedReceipt> read = ledger::ParseReceipt(AsBytes(text));
  if (!read.ok()) return;
  const auto again = ledger::SignReceipt(read->receipt, SomeSigner());
  Require(again.ok() && ledger::ParseReceipt(*again)->receipt == read->receipt,
          "what was accepted is accepted again");
}

void TryNote(std::string_view text) {
  const absl::StatusOr<tlog::Note> note = tlog::Note::Parse(text);
  if (!note.ok()) return;
  Require(note->ToString() == text, "one note has one encoding");
  const absl::StatusOr<tlog::Checkpoint> head = tlog::Checkpoint::Parse(note->text);
  Require(!head.ok() || head->ToText() == note->text, "one checkpoint has one encoding");
}

void TryTrust(std::string_view text) {
  const absl::StatusOr<tlog::TrustPolicy> policy = tlog::TrustPolicy::Parse(text);
  if (!policy.ok()) return Require(!policy.status().message().empty(), "a refusal says why");
  for (const tlog::VerifierKey& key : policy->logs())
    Require(tlog::VerifierKey::Parse(key.ToString()).ok(), "a key is its text");
}

std::string SomeEntry() {
  ledger::Entry entry;
  entry.header.federation = "fed.test";
  entry.header.actor = "spiffe://fed.test/coordinator/c1";
  entry.header.time = "2026-11-21T20:00:00.000Z";
  entry.type = "federation.genesis";
  entry.subject = "fed.test";
  entry.body = {{"root_ca_sha256", HexEncode(Hash32{7})},
                {"log_key", "fed.test/ledger"},
                {"key", HexEncode(SomeSigner().public_key())}};
  return std::string(AsText(ledger::SignEntry(entry, SomeSigner()).value()));
}

std::string SomeReceipt() {
  const ledger::Receipt receipt{"spiffe://fed.test/tenant/shop-1/client/a",
                                "00",
                                1,
                                4,
                                9,
                                {1},
                                10,
                                {2},
                                "2026-11-21T20:00:00.000Z"};
  return std::string(AsText(ledger::SignReceipt(receipt, SomeSigner()).value()));
}

tlog::VerifierKey SomeKey(const char* name, tlog::KeyType type) {
  return tlog::VerifierKey::Create(name, type, SomeSigner().public_key()).value();
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
          with(6, model::SmallSeat(1)),
          with(7, SomeEntry()),
          with(8, SomeReceipt()),
          with(9, tlog::SignCheckpoint({"fed.test/ledger", 7, {3}},
                                       SomeKey("fed.test/ledger", tlog::KeyType::kEd25519),
                                       SomeSigner())
                      .ToString()),
          with(10, "log " + SomeKey("fed.test/ledger", tlog::KeyType::kEd25519).ToString() +
                       "\nwitness w " + SomeKey("w", tlog::KeyType::kCosignature).ToString() +
                       "\ngroup g any w\nquorum g\n")};
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
    case 7:
      TryEntry(text);
      break;
    case 8:
      TryReceipt(text);
      break;
    case 9:
      TryNote(text);
      break;
    case 10:
      TryTrust(text);
      break;
    default:
      break;
  }
  return 0;
}
