#include "base/file.h"
#include "coordinator/rollout/client_report.h"
#include "coordinator/rollout/conductor.h"
#include "coordinator/rollout/rollout_figures.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_folder.h"

namespace veilsum::coordinator {
namespace {

namespace fs = std::filesystem;

double Of(const std::vector<RolloutFigure>& figures, const std::string& name,
          const std::vector<std::pair<std::string, std::string>>& labels) {
  for (const RolloutFigure& figure : figures)
    if (figure.name == name && figure.labels == labels) return figure.value;
  return -1;
}

class FiguresTest : public testing::Test {
 protected:
  void Begin(const std::string& id, Stage stage) {
    Rollout rollout;
    rollout.spec.rollout_id = id;
    rollout.spec.digest = std::string(64, 'a');
    rollout.stage = stage;
    rollout.step = 1;
    fs::create_directories(temp_.path() / "rollouts" / id / "gates");
    ASSERT_OK(SaveRollout(rollout, temp_.path() / "rollouts" / id / "rollout.json"));
  }
  void Report(const std::string& client, const std::string& result, const std::string& code) {
    ClientReport report;
    report.client = client;
    report.result = result;
    report.code = code;
    ASSERT_OK(SaveReport(temp_.path(), report));
  }
  TempFolder temp_;
};

TEST_F(FiguresTest, StagesGatesAndClientsAreCounted) {
  EXPECT_TRUE(FiguresOf(temp_.path() / "nowhere").empty());
  Begin("r-1", Stage::kRolledBack);
  Begin("r-2", Stage::kCanary);
  GateResult gate;
  gate.name = "veto";
  ASSERT_OK(WriteFile(temp_.path() / "rollouts/r-1/gates/x.json", GateReportJson({gate})));
  Report("a", "installed", "");
  Report("b", "refused", "T605");
  Report("c", "refused", "Z999");  // a code that nobody writes: a label of nobody's choice
  const auto figures = FiguresOf(temp_.path());
  EXPECT_EQ(Of(figures, "veilsum_rollout_stage", {{"rollout", "r-1"}}), 6);
  EXPECT_EQ(Of(figures, "veilsum_rollout_stage", {{"rollout", "r-2"}}), 3);
  EXPECT_EQ(Of(figures, "veilsum_rollout_percent", {{"rollout", "r-2"}}), 5);
  EXPECT_EQ(Of(figures, "veilsum_rollout_votes", {{"rollout", "r-2"}}), 0);
  EXPECT_EQ(Of(figures, "veilsum_rollout_gate", {{"gate", "veto"}, {"result", "inconclusive"}}), 1);
  EXPECT_EQ(Of(figures, "veilsum_rollout_clients", {{"result", "refused"}}), 2);
  EXPECT_EQ(Of(figures, "veilsum_rollout_clients", {{"result", "up_to_date"}}), 0);
  EXPECT_EQ(Of(figures, "veilsum_rollout_refusals", {{"code", "T605"}}), 1);
  EXPECT_EQ(Of(figures, "veilsum_rollout_refusals", {{"code", "other"}}), 1);
  EXPECT_EQ(Of(figures, "veilsum_rollout_refusals", {{"code", "Z999"}}), -1);
}

TEST_F(FiguresTest, WhatIsDamagedIsLeftOut) {
  Begin("r-1", Stage::kStable);
  Begin("r-2", Stage::kStable);
  temp_.Write("rollouts/r-2/rollout.json", "{}");
  temp_.Write("rollouts/r-1/gates/y.json", R"({"gates":[{"name":7}]})");
  const auto figures = FiguresOf(temp_.path());
  EXPECT_EQ(Of(figures, "veilsum_rollout_percent", {{"rollout", "r-1"}}), 100);
  EXPECT_EQ(Of(figures, "veilsum_rollout_stage", {{"rollout", "r-2"}}), -1);
}

}  // namespace
}  // namespace veilsum::coordinator
