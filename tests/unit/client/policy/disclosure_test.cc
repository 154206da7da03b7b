// Hidden values: the ledger has a digest, the merchant the rest, until it is erased.
#include <fstream>
#include <sstream>

#include "client/witness/disclosure_store.h"
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
  EXPECT_THAT(store->Erase(digest), StatusIs(StatusCode::kNotFound, ""));
  EXPECT_OK(store->Disclose(other));
  ASSERT_OK(store->Erase(other));
  store.reset();
  EXPECT_EQ(Everything(folder.path()).find("Kowloon"), std::string::npos) << "it is still on disk";
}

}  // namespace
}  // namespace veilsum::client
