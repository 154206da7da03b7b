// No proof, no update: a participant and the ledger of its coordinator, round by round.
#include "base/crypto/ed25519.h"
#include "base/secure_rng.h"
#include "client/witness/ledger_guard.h"
#include "coordinator/store/ledger_subjects.h"
#include "model/ledger/ledger_rules.h"
#include "tests/support/test_pki.h"
#include "tests/unit/client/round/one_participant.h"

namespace veilsum::client {
namespace {

using absl::StatusCode;
using testing::IsEmpty;

std::shared_ptr<const Ed25519Signer> KeyOf(std::uint8_t seed) {
  ByteArray<32> bytes{seed};
  return std::make_shared<const Ed25519Signer>(Secret<32>(std::span(bytes)));
}

coordinator::LedgerOptions Options() {
  InitialiseCrypto();
  coordinator::LedgerOptions options;
  options.federation = "fed.test";
  options.actor = "spiffe://fed.test/coordinator/c1";
  options.root_ca = Hash32{7};
  options.signer = KeyOf(1);
  return options;
}

class ParticipantLedger : public testing::Test {
 protected:
  void SetUp() override {
    guard_.reset();
    store_.reset();
    store_ = WitnessStore::Open(folder_.path() / "witness.sqlite").value();
    guard_ = LedgerGuard::Create({p_.mine(), "fed.test", Hash32{7}, p_.world.signers[p_.mine()]},
                                 KeyOf(2), *store_)
                 .value();
    p_.ledger = guard_.get();
  }
  coordinator::LedgerView& view() { return *p_.world.memory->ledger(); }
  ledger::LedgerRules Replay() {
    ledger::LedgerRules rules([&](const Hash32& sha256) { return view().Blob(sha256); });
    for (std::uint64_t i = 0; i < view().Head().size; ++i)
      EXPECT_TRUE(rules.Apply(*view().Leaf(i)).empty()) << i;
    return rules;
  }
  std::string Declined() const {
    for (const ClientMessage& message : p_.written)
      if (message.has_decline()) return message.decline().code();
    return "";
  }

  OneParticipant p_{coordinator::QuickPlan(), 5, Options()};
  TestFolder folder_;
  std::unique_ptr<WitnessStore> store_;
  std::unique_ptr<LedgerGuard> guard_;
};

TEST_F(ParticipantLedger, AWholeRunIsInTheLedgerAndWitnessed) {
  ASSERT_OK(p_.Run());
  EXPECT_EQ(p_.world.state(), "finished") << p_.world.reason();
  const ledger::LedgerRules rules = Replay();
  ASSERT_EQ(rules.runs().size(), 1u);
  const ledger::RegisteredRun& run = rules.runs().begin()->second;
  EXPECT_TRUE(run.ended);
  EXPECT_EQ(run.committed, 3u);
  EXPECT_GE(run.opened, p_.odometer.entry.attempts);  // SE-09
  EXPECT_EQ(guard_->size(), view().Head().size) << "the last head as well";
  EXPECT_EQ(guard_->first_unended(), 0u);
  EXPECT_EQ(store_->Receipts()->size(), 1u);
  ASSERT_OK_AND_ASSIGN(const tlog::Note head, view().SignedHead());
  EXPECT_OK(tlog::VerifyCosignature(head, guard_->key()));
}

TEST_F(ParticipantLedger, WithoutProofItStopsBeforeItSpendsOrComputes) {
  p_.before_read = [](ServerMessage& message) {
    if (message.has_ledger() && message.ledger().entries_size() > 1)
      message.mutable_ledger()->mutable_entries()->RemoveLast();  // the rounds opened
    return absl::OkStatus();
  };
  EXPECT_THAT(p_.Run(), StatusIs(StatusCode::kFailedPrecondition, "LEDGER_NO_PROOF"));
  EXPECT_THAT(p_.events, IsEmpty());
  EXPECT_EQ(Declined(), "LEDGER_NO_PROOF");
  EXPECT_GT(*store_->Counted(LedgerRefusal::kNoProof), 0u);
}

TEST_F(ParticipantLedger, ABlockLongerThanTheLedgersStopsIt) {
  p_.before_read = [](ServerMessage& message) {
    if (message.has_start()) {
      auto config = model::ParseStepConfig(AsBytes(message.start().step_config())).value();
      ++config.last;  // SE-09: more charged here than there
      message.mutable_start()->set_step_config(
          std::string(AsText(model::EncodeStepConfig(config))));
    }
    return absl::OkStatus();
  };
  EXPECT_THAT(p_.Run(), StatusIs(StatusCode::kFailedPrecondition, "SE-09"));
  EXPECT_THAT(p_.events, IsEmpty());
}

TEST_F(ParticipantLedger, ACoordinatorThatForgotStopsItWhenItJoins) {
  // What an earlier life of this coordinator showed, of the same ledger.
  KnownLog known;
  known.log_key =
      tlog::VerifierKey::Create("fed.test/ledger", tlog::KeyType::kEd25519, KeyOf(1)->public_key())
          ->ToString();
  known.actor = Options().actor;
  known.actor_key = KeyOf(1)->public_key();
  known.head = {1000, Hash32{5}};
  ASSERT_OK(store_->Save("fed.test/ledger", known, std::nullopt));
  SetUp();
  EXPECT_THAT(p_.Run(), StatusIs(StatusCode::kDataLoss, "LEDGER_ROLLBACK"));
  EXPECT_EQ(Declined(), "LEDGER_ROLLBACK");
  EXPECT_THAT(p_.events, IsEmpty());
  EXPECT_EQ(p_.odometer.entry.attempts_max, 0u) << "the contract was not even approved";
}

}  // namespace
}  // namespace veilsum::client
