#include "client/data/manifest.h"

#include "tests/support/status_matchers.h"
#include "tests/support/temp_folder.h"

namespace veilsum::client {
namespace {

TEST(Manifest, NamesTheDataSetAndItsMerchants) {
  const TempFolder data;
  data.Write(
      "manifest.json",
      R"({"dataset":"shops","label":"buys","numeric":["a"],"merchants":{"b":{"x":1},"a":{"x":2}}})");
  data.Write("merchants/b/x.csv", "");
  data.Write("merchants/a/x.csv", "");
  data.Write("merchants/c/x.csv", "");  // not listed: the folders decide (SE-28)
  data.Write("merchants/README", "");   // a file is no merchant
  data.Write("merchants/.cache/x.csv", "");
  ASSERT_OK_AND_ASSIGN(const Manifest manifest, ReadManifest(data.path()));
  EXPECT_EQ(manifest.dataset, "shops");
  EXPECT_EQ(manifest.label, "buys");
  EXPECT_EQ(manifest.merchants, (std::vector<std::string>{"a", "b", "c"}));
}

TEST(Manifest, MayLeaveOutEverything) {
  const TempFolder data;
  data.Write("manifest.json", "{}");
  data.Write("merchants/a/x.csv", "");
  ASSERT_OK_AND_ASSIGN(const Manifest manifest, ReadManifest(data.path()));
  EXPECT_EQ(manifest.dataset, "");
}

struct BrokenManifest {
  const char* name;
  const char* text;
  const char* folder;
  const char* complaint;
};
class ManifestRefuses : public testing::TestWithParam<BrokenManifest> {};

TEST_P(ManifestRefuses, NamingTheFile) {
  const TempFolder data;
  data.Write("manifest.json", GetParam().text);
  data.Write(std::filesystem::path("merchants") / GetParam().folder / "x.csv", "");
  EXPECT_THAT(ReadManifest(data.path()),
              StatusIs(absl::StatusCode::kInvalidArgument, GetParam().complaint));
}

INSTANTIATE_TEST_SUITE_P(
    Manifests, ManifestRefuses,
    testing::Values(BrokenManifest{"NotJson", "{", "a", "manifest.json: not a JSON object"},
                    BrokenManifest{"Empty", "", "a", "manifest.json: not a JSON object"},
                    BrokenManifest{"List", "[]", "a", "manifest.json: not a JSON object"},
                    BrokenManifest{"DatasetIsANumber", R"({"dataset":1})", "a",
                                   "manifest.json: dataset must be a text"},
                    BrokenManifest{"DatasetIsAPath", R"({"dataset":"../x"})", "a",
                                   "dataset may hold at most 64 of"},
                    BrokenManifest{"MerchantsIsAList", R"({"merchants":["a"]})", "a",
                                   "merchants must be an object"},
                    BrokenManifest{"MerchantWithoutFolder", R"({"merchants":{"b":{}}})", "a",
                                   "it names the merchant b, but there is no folder merchants/b"},
                    BrokenManifest{"FolderWithABlank", "{}", "a b",
                                   "may be named with at most 64 of"},
                    BrokenManifest{"NoFolder", "{}", "", "there is no merchant's folder in it"}),
    [](const auto& test) { return std::string(test.param.name); });

TEST(Manifest, SaysWhatIsMissing) {
  const TempFolder data;
  EXPECT_THAT(ReadManifest(data.path()), StatusIs(absl::StatusCode::kNotFound, "manifest.json"));
  data.Write("manifest.json", "{}");
  EXPECT_THAT(ReadManifest(data.path()),
              StatusIs(absl::StatusCode::kNotFound, "merchants: there is no such folder"));
}

TEST(SeatsOf, AppliesPools) {
  const Manifest manifest{"d", "", {"a", "b", "c"}};
  ASSERT_OK_AND_ASSIGN(const std::vector<Seat> seats,
                       SeatsOf("data", manifest, {{"both", {"c", "a"}}}));
  ASSERT_EQ(seats.size(), 2u);
  EXPECT_EQ(seats[0].name, "b");
  EXPECT_EQ(seats[1].name, "both");
  EXPECT_EQ(seats[1].folders,
            (std::vector<std::filesystem::path>{"data/merchants/c", "data/merchants/a"}));
}

TEST(SeatsOf, RefusesAPoolOfStrangersOrWithATakenName) {
  const Manifest manifest{"d", "", {"a", "b", "c"}};
  EXPECT_THAT(SeatsOf("data", manifest, {{"p", {"a", "x"}}}),
              StatusIs(absl::StatusCode::kInvalidArgument, "pool p: there is no merchant x"));
  EXPECT_THAT(SeatsOf("data", manifest, {{"c", {"a", "b"}}}),
              StatusIs(absl::StatusCode::kInvalidArgument, "pool c has the name of a merchant"));
}

}  // namespace
}  // namespace veilsum::client
