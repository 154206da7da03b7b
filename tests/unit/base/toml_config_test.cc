#include "base/config/toml_config.h"

#include <fstream>

#include "tests/support/status_matchers.h"
#include "tests/support/temp_folder.h"

namespace veilsum {
namespace {

TEST(TomlConfig, GivesWhatIsThereAndFallsBack) {
  ASSERT_OK_AND_ASSIGN(
      TomlConfig config,
      TomlConfig::Parse("[a]\nname = \"x\"\nn = 3\nlist = [\"p\", \"q\"]\n", "f.toml"));
  EXPECT_EQ(config.Text("a.name"), "x");
  EXPECT_EQ(config.Integer("a.n", 1, 0, 9), 3);
  EXPECT_EQ(config.Integer("a.other", 1, 0, 9), 1);
  EXPECT_THAT(config.Texts("a.list", {}), testing::ElementsAre("p", "q"));
  EXPECT_OK(config.Finish());
}

TEST(TomlConfig, FlagsWinOverTheEnvironmentOverTheFile) {
  const TempFolder folder;
  const std::filesystem::path file = folder.path() / "layers.toml";
  std::ofstream(file) << "[cfg]\nname = \"file\"\nn = 1\nlist = [\"p\"]\non = false\n";
  setenv("VEILSUM_CFG_NAME", "environment", 1);
  setenv("VEILSUM_CFG_N", "2", 1);
  setenv("VEILSUM_CFG_ON", "true", 1);
  ASSERT_OK_AND_ASSIGN(TomlConfig config,
                       TomlConfig::Read(file, {"cfg.n=3", "cfg.list=a,b", "cfg.odd=x"}));
  EXPECT_EQ(config.Text("cfg.name"), "environment");
  EXPECT_EQ(config.Integer("cfg.n", 0, 0, 9), 3);
  EXPECT_THAT(config.Texts("cfg.list", {}), testing::ElementsAre("a", "b"));
  EXPECT_TRUE(config.Flag("cfg.on", false));
  EXPECT_THAT(config.Finish(),
              StatusIs(absl::StatusCode::kInvalidArgument, "--set cfg.odd: unknown key"));
  setenv("VEILSUM_CFG_N", "many", 1);
  ASSERT_OK_AND_ASSIGN(TomlConfig again, TomlConfig::Read(file));
  again.Integer("cfg.n", 0, 0, 9);
  EXPECT_THAT(again.Finish(), StatusIs(absl::StatusCode::kInvalidArgument, "VEILSUM_CFG_N"));
  EXPECT_THAT(TomlConfig::Read(file, {"n=3"}),
              StatusIs(absl::StatusCode::kInvalidArgument, "SECTION.NAME=VALUE"));
  for (const char* name : {"VEILSUM_CFG_NAME", "VEILSUM_CFG_N", "VEILSUM_CFG_ON"}) unsetenv(name);
}

TEST(TomlConfig, NamesFileLineAndKey) {
  const auto error = [](std::string_view text, auto use) {
    auto config = TomlConfig::Parse(text, "f.toml");
    if (!config.ok()) return config.status();
    use(*config);
    return config->Finish();
  };
  const auto nothing = [](TomlConfig&) {};
  EXPECT_THAT(error("[a]\nb = 1\n", nothing),
              StatusIs(absl::StatusCode::kInvalidArgument, "f.toml:2: unknown key a.b"));
  EXPECT_THAT(error("[a\n", nothing), StatusIs(absl::StatusCode::kInvalidArgument, "f.toml:1"));
  EXPECT_THAT(error("", [](TomlConfig& c) { c.Text("a.b"); }),
              StatusIs(absl::StatusCode::kInvalidArgument, "a.b is missing"));
  EXPECT_THAT(
      error("[a]\nb = 10\n", [](TomlConfig& c) { c.Integer("a.b", 1, 0, 9); }),
      StatusIs(absl::StatusCode::kInvalidArgument, "f.toml:2: a.b must be an integer from 0 to 9"));
  EXPECT_THAT(error("[a]\nb = 1\n", [](TomlConfig& c) { c.Text("a.b"); }),
              StatusIs(absl::StatusCode::kInvalidArgument, "a.b must be a text"));
}

}  // namespace
}  // namespace veilsum
