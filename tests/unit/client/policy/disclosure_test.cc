// Hidden values: the ledger has a digest, the merchant the rest, until it is erased. And what a
// merchant says of itself.
#include <fstream>
#include <sstream>

#include "base/file.h"
#include "client/witness/own_statement.h"
#include "model/ledger/statement_file.h"
#include "tests/support/status_matchers.h"
#include "tests/support/test_pki.h"

namespace veilsum::client {
namespace {

using absl::StatusCode;

std::string Everything(const std::filesystem::path& folder) {
  std::ostringstream all;
  for (const auto& file : std::filesystem::directory_iterator(folder))
    all << std::ifstream(file.path(), std::ios::binary).rdbuf();
  return all.str();
}

TEST(Disclosures, AreWhatTheDigestSaysUntilTheyAreErased) {
  InitialiseCrypto();
  const TestFolder folder;
  const std::filesystem::path file = folder.path() / "disclosures.sqlite";
  SystemRng rng;
  const Json value = {{"rows", 12345}, {"source", "a shop in Kowloon"}};
  Hash32 digest{}, other{};
  {
    ASSERT_OK_AND_ASSIGN(const auto store, DisclosureStore::Open(file));
    ASSERT_OK_AND_ASSIGN(digest, store->Hide("manifest", value, rng));
    ASSERT_OK_AND_ASSIGN(other, store->Hide("manifest", value, rng));
    EXPECT_NE(digest, other);  // the same value twice cannot be told
    EXPECT_THAT(store->Hide("manifest", Json(0.5), rng),
                StatusIs(StatusCode::kInvalidArgument, ""));
  }
  ASSERT_OK_AND_ASSIGN(auto store, DisclosureStore::Open(file));
  ASSERT_OK_AND_ASSIGN(const Disclosure shown, store->Disclose(digest));
  EXPECT_EQ(shown.value, value);
  EXPECT_EQ(ledger::HiddenDigest(shown.salt, shown.value).value(), digest);
  EXPECT_NE(ledger::HiddenDigest(shown.salt, Json("else")).value(), digest);
  ASSERT_OK(store->Erase(digest));
  EXPECT_THAT(store->Disclose(digest), StatusIs(StatusCode::kNotFound, ""));
  EXPECT_OK(store->Erase(digest)) << "it is erased, whoever asks again";
  EXPECT_THAT(store->Erase(Hash32{9}), StatusIs(StatusCode::kNotFound, ""));
  EXPECT_OK(store->Disclose(other));
  ASSERT_OK(store->Erase(other));
  store.reset();
  EXPECT_EQ(Everything(folder.path()).find("Kowloon"), std::string::npos) << "it is still on disk";
}

// The crash leaves the erased row in the log and the page with the value below it.
TEST(Disclosures, AnErasureThatACrashInterruptedIsFinishedWhenTheyAreOpened) {
  InitialiseCrypto();
  const TestFolder folder, crashed;
  const std::string name = "disclosures.sqlite";
  SystemRng rng;
  {
    ASSERT_OK_AND_ASSIGN(const auto store, DisclosureStore::Open(folder.path() / name));
    ASSERT_OK(store->Hide("manifest", "a shop in Kowloon", rng));
  }
  {
    ASSERT_OK_AND_ASSIGN(auto db, sqlite::Database::Open(folder.path() / name));
    for (const char* sql : {"PRAGMA secure_delete = ON", "DELETE FROM disclosures"}) {
      ASSERT_OK_AND_ASSIGN(auto statement, db.Prepare(sql));
      ASSERT_OK(statement.Step().status());
    }
    for (const auto& file : std::filesystem::directory_iterator(folder.path()))
      std::filesystem::copy(file.path(), crashed.path());
  }
  std::filesystem::remove(crashed.path() / (name + "-shm"));
  ASSERT_NE(Everything(crashed.path()).find("Kowloon"), std::string::npos);
  ASSERT_OK_AND_ASSIGN(const auto store, DisclosureStore::Open(crashed.path() / name));
  EXPECT_EQ(Everything(crashed.path()).find("Kowloon"), std::string::npos) << "it is still on disk";
}

// ---- What the merchant says of itself

class OwnStatement : public testing::Test {
 protected:
  Speaker Says(const std::string& federation = "fed.test") const {
    return {federation, "spiffe://fed.test/tenant/acme/client/a", "2026-11-21T20:00:00.000Z",
            signer_, ByteView(certificate_)};
  }
  std::filesystem::path File(const std::string& name) const { return folder_.path() / name; }

  static Ed25519Signer Signer() {
    InitialiseCrypto();
    ByteArray<32> seed{7};
    return Ed25519Signer(Secret<32>(std::span(seed)));
  }
  const Ed25519Signer signer_ = Signer();
  const Bytes certificate_ = {1, 2, 3};
  const TestFolder folder_;
};

TEST_F(OwnStatement, HasTheBlockThatThePolicyFixesOrSaysThatItHasNone) {
  Policy policy;
  policy.epsilon_cap = 8;
  policy.delta_cap = 1e-5;
  EXPECT_FALSE(StatePolicy(policy)->leaves_block_out);
  policy.block_epsilon = 6;
  policy.block_delta = 2e-6;
  ASSERT_OK_AND_ASSIGN(const PolicyStatement open, StatePolicy(policy));
  EXPECT_TRUE(open.leaves_block_out);
  EXPECT_FALSE(open.body.contains("block"));
  policy.block_order = 1024;
  ASSERT_OK_AND_ASSIGN(const PolicyStatement fixed, StatePolicy(policy));
  EXPECT_FALSE(fixed.leaves_block_out);
  EXPECT_EQ(fixed.body["block"]["order"], 1024);
  policy.block_order = 1025;
  EXPECT_THAT(StatePolicy(policy), StatusIs(StatusCode::kInvalidArgument, "at most 1024"));
  policy.block_order = (std::uint64_t{1} << 32) + 8;
  EXPECT_THAT(StatePolicy(policy), StatusIs(StatusCode::kInvalidArgument, "at most 1024"));
  policy.block_order = 8;
  policy.block_delta = 1e-16;
  EXPECT_THAT(StatePolicy(policy), StatusIs(StatusCode::kInvalidArgument, "delta"));
}

TEST_F(OwnStatement, ErasesOnlyWhatItCanSayAndMayBeAskedAgain) {
  SystemRng rng;
  ASSERT_OK_AND_ASSIGN(const auto store, DisclosureStore::Open(File("disclosures.sqlite")));
  ASSERT_OK_AND_ASSIGN(const Hash32 digest, store->Hide("manifest", "x", rng));
  EXPECT_THAT(EraseAndState(Says("\xff"), *store, digest, File("out")),
              StatusIs(StatusCode::kInvalidArgument, ""));
  EXPECT_OK(store->Disclose(digest)) << "erased before there was a statement";
  EXPECT_THAT(EraseAndState(Says(), *store, Hash32{9}, File("out")),
              StatusIs(StatusCode::kNotFound, ""));
  EXPECT_FALSE(EraseAndState(Says(), *store, digest, File("no/such/folder/out")).ok());
  EXPECT_THAT(store->Disclose(digest), StatusIs(StatusCode::kNotFound, ""));
  ASSERT_OK(EraseAndState(Says(), *store, digest, File("out")));
  ASSERT_OK_AND_ASSIGN(const std::string text, ReadFile(File("out")));
  ASSERT_OK_AND_ASSIGN(const ledger::StatementFile file, ledger::ParseStatementFile(text));
  EXPECT_EQ(file.certificate, certificate_);
  EXPECT_EQ(file.statement.statement.type, "erasure.performed");
  EXPECT_EQ(file.statement.statement.body["kind"], "disclosure");
  EXPECT_TRUE(IsSignedBy(file.statement, signer_.public_key()));
}

}  // namespace
}  // namespace veilsum::client
