// The draft of a plan asks for public bounds and is good once they are there.
#include "cli/plan/first_plan.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "absl/strings/str_replace.h"
#include "model/plan/plan_format.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_folder.h"

namespace veilsum::cli {
namespace {

using client::ColumnKind;
using ::testing::HasSubstr;
using ::testing::Not;

FirstPlan Shop() {
  return {.name = "my shop",
          .unit = "",
          .label = "",
          .numeric = {},
          .categorical = {"browser"},
          .tables = {{.file = "browsing.csv",
                      .columns = {{"user_id", ColumnKind::kWord},
                                  {"seconds", ColumnKind::kNumber},
                                  {"browser", ColumnKind::kNumber},
                                  {"said \"so\"", ColumnKind::kWord},
                                  {"seen_at", ColumnKind::kTime},
                                  {"review", ColumnKind::kText}}},
                     {.file = "labels.csv",
                      .columns = {{"user_id", ColumnKind::kWord},
                                  {"split", ColumnKind::kWord},
                                  {"label", ColumnKind::kBinary}}}}};
}

std::string Filled(const std::string& text) {
  return absl::StrReplaceAll(text, {{"# lo = ", "lo = 0"}, {"# hi = ", "hi = 9"}});
}

TEST(FirstPlan, AsksForBoundsAndIsGoodWithThem) {
  const absl::StatusOr<std::string> text = WriteFirstPlan(Shop());
  ASSERT_TRUE(text.ok()) << text.status();
  EXPECT_THAT(model::ParsePlanToml(*text, "p.toml").status().message(), HasSubstr("lo is missing"));
  const absl::StatusOr<model::Plan> plan = model::ParsePlanToml(Filled(*text), "p.toml");
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_TRUE(model::CheckRunnable(*plan).ok());
  EXPECT_EQ(plan->name, "my-shop");
  EXPECT_EQ(plan->unit.column, "user_id");
  EXPECT_EQ(plan->features.size(), 4u);  // not the time, the id, the split, the label
}

TEST(FirstPlan, GuessesOnlyWhatNamesSay) {
  FirstPlan draft = Shop();
  draft.tables[1].columns[2].name = "bought";
  EXPECT_THAT(WriteFirstPlan(draft).status().message(), HasSubstr("--label"));
  draft.label = "labels.bought";
  EXPECT_TRUE(WriteFirstPlan(draft).ok());
  for (client::TableSketch& table : draft.tables) table.columns[0].name = "who";
  EXPECT_THAT(WriteFirstPlan(draft).status().message(), HasSubstr("--unit"));
  draft.unit = "who";
  EXPECT_TRUE(WriteFirstPlan(draft).ok());
  draft.unit = "seconds";
  EXPECT_THAT(WriteFirstPlan(draft).status().message(), HasSubstr("not every table"));
}

class SketchTable : public ::testing::Test {
 protected:
  absl::StatusOr<client::TableSketch> Of(const std::string& csv) {
    std::ofstream(file_) << csv;
    return client::SketchTable(file_);
  }

  TempFolder folder_;
  const std::filesystem::path file_ = folder_.path() / "table.csv";
};

TEST_F(SketchTable, TellsKinds) {
  const auto table =
      Of("id,n,b,t,w,x,e\n"
         "u1,1.5,0,2026-01-02,red,\"one two three four five\",\n"
         "u2,-3e2,1,2026-01-03,2x,\"six seven eight nine ten\",\n"
         "u3,,1,,,,\n");
  ASSERT_TRUE(table.ok()) << table.status();
  std::vector<ColumnKind> kinds;
  for (const client::ColumnSketch& column : table->columns) kinds.push_back(column.kind);
  using enum ColumnKind;
  EXPECT_EQ(kinds, (std::vector{kWord, kNumber, kBinary, kTime, kWord, kText, kEmpty}));
}

TEST_F(SketchTable, NoHeaderIsAnError) {
  EXPECT_THAT(Of("").status().message(), HasSubstr("no header"));
  EXPECT_THAT(Of("a,,b\n").status().message(), HasSubstr("no name"));
}

}  // namespace
}  // namespace veilsum::cli
