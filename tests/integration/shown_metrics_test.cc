// What deploy and docs say about metrics, against what a coordinator's and a client's endpoint
// show: an alert or a panel on a name that nobody exports never fires and stays empty.
#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <nlohmann/json.hpp>
#include <regex>
#include <set>

#include "absl/strings/ascii.h"
#include "base/file.h"
#include "base/secure_rng.h"
#include "client/cli/node_metrics.h"
#include "coordinator/cli/node_metrics.h"
#include "coordinator/rollout/client_report.h"
#include "coordinator/rollout/conductor.h"
#include "tests/support/status_matchers.h"
#include "tests/support/temp_folder.h"

namespace veilsum {
namespace {

using nlohmann::json;
using testing::IsEmpty;
using testing::IsSupersetOf;
using testing::SizeIs;
using Names = std::set<std::string>;

constexpr std::size_t kFileLimit = 1 << 20;
const char* const kDashboard = "deploy/grafana/veilsum.json";
const char* const kRules = "deploy/prometheus/veilsum.rules.yml";
const char* const kDocs = "docs/operations.md";

std::string Read(const std::filesystem::path& file) { return ReadFile(file, kFileLimit).value(); }

Names AllMatches(const std::string& text, const std::regex& pattern) {
  Names out;
  for (std::sregex_iterator at(text.begin(), text.end(), pattern), end; at != end; ++at)
    out.insert((*at)[1]);
  return out;
}
Names MetricsIn(const std::string& text) {
  static const std::regex kName("\\b(veilsum_[a-z0-9_]+)");
  return AllMatches(text, kName);
}
Names Missing(const Names& wanted, const Names& there) {
  Names out;
  std::ranges::set_difference(wanted, there, std::inserter(out, out.end()));
  return out;
}

std::string Scrape(int port) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(static_cast<std::uint16_t>(port));
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  std::string answer;
  if (connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0) {
    const std::string ask = "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    (void)!write(fd, ask.data(), ask.size());
    char part[4096];
    for (ssize_t n; (n = read(fd, part, sizeof part)) > 0;)
      answer.append(part, static_cast<std::size_t>(n));
  }
  close(fd);
  return answer;
}

// What an endpoint shows: families, and the series that expressions name.
struct Exported {
  explicit Exported(const std::string& text)
      : families(AllMatches(text, std::regex("# TYPE (veilsum_[a-z0-9_]+) "))),
        series(AllMatches(text, std::regex("\n(veilsum_[a-z0-9_]+)[{ ]"))) {}
  Names families, series;
};

// A rollout with a gate's decision, and a client that refused its release.
void MakeRollout(const std::filesystem::path& folder) {
  coordinator::Rollout rollout;
  rollout.spec.rollout_id = "r-1";
  rollout.spec.digest = std::string(64, 'a');
  const std::filesystem::path at = folder / "rollouts" / "r-1";
  std::filesystem::create_directories(at / "gates");
  ASSERT_OK(coordinator::SaveRollout(rollout, at / "rollout.json"));
  coordinator::GateResult gate;
  gate.name = "veto";
  ASSERT_OK(WriteFile(at / "gates" / "x.json", coordinator::GateReportJson({gate})));
  coordinator::ClientReport report;
  report.client = "a";
  report.result = "refused";
  ASSERT_OK(coordinator::SaveReport(folder, report));
}

// A node that has led a committed round, refused somebody and met a limit, with a ledger.
Exported CoordinatorExports() {
  InitialiseCrypto();
  const TempFolder folder;
  Log log("veilsum-coordinator", "", {});
  coordinator::NodeMetrics metrics(log);
  coordinator::SqliteRunStoreOptions options;
  options.on_commit = [&](std::chrono::nanoseconds took) { metrics.TransactionTook(took); };
  options.ledger.emplace();
  options.ledger->federation = "fed.test";
  options.ledger->actor = "spiffe://fed.test/coordinator/c1";
  ByteArray<32> seed{1};
  options.ledger->signer = std::make_shared<const Ed25519Signer>(Secret<32>(std::span(seed)));
  const std::filesystem::path file = folder.path() / "runs.db";
  const auto store = coordinator::OpenSqliteRunStore(file, options).value();
  metrics.Watch(*store, file);
  metrics.RoundEnded({.run_id = "run-1", .round = 1, .committed = true, .participants = 3});
  metrics.Denied("handshake");
  metrics.Limited("calls", "tenant a");
  MakeRollout(folder.path() / "releases");
  metrics.WatchReleases(folder.path() / "releases");
  return Exported(Scrape(metrics.Serve("127.0.0.1:0").value()->port()));
}

// A node that has sent in a round of an approved contract.
Exported ClientExports() {
  const TempFolder folder;
  const auto odometer = client::Odometer::Open(folder.path() / "odometer.db").value();
  const dp::BlockBudget budget{2, 1e-6, 12};
  const client::BlockCharge charge{
      "epoch-1/training", budget, {{"train", {dp::RenyiLimit(budget) / 100, 1e-24, 1e-20}, 10}}};
  EXPECT_OK(odometer->Approve(Hash32{1}, 10, charge));
  client::NodeMetrics metrics(*odometer);
  metrics.On(client::ParticipantEvent::kConnected);
  metrics.On(client::ParticipantEvent::kContributed);
  metrics.LedgerSeen(2);
  return Exported(Scrape(metrics.Serve("127.0.0.1:0").value()->port()));
}

class ShownMetrics : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    coordinator_ = new Exported(CoordinatorExports());
    client_ = new Exported(ClientExports());
  }
  static void TearDownTestSuite() {
    delete coordinator_;
    delete client_;
  }
  static Names Series() {
    Names all = coordinator_->series;
    all.insert(client_->series.begin(), client_->series.end());
    return all;
  }
  static inline Exported *coordinator_ = nullptr, *client_ = nullptr;
};

TEST_F(ShownMetrics, EndpointsAreRead) {
  EXPECT_THAT(Series(), IsSupersetOf({"veilsum_build_info", "veilsum_ledger_size",
                                      "veilsum_db_txn_duration_seconds_bucket"}));
  EXPECT_THAT(Missing({"veilsum_leader", "veilsum_that_nobody_exports"}, Series()),
              testing::ElementsAre("veilsum_that_nobody_exports"));
}

TEST_F(ShownMetrics, EveryAlertAsksForWhatIsExported) {
  const std::string rules = Read(kRules);
  std::istringstream lines(rules);
  std::size_t alerts = 0, expressions = 0;
  Names asked;
  for (std::string line; std::getline(lines, line);) {
    if (line.find("- alert: ") != std::string::npos) ++alerts;
    const std::size_t at = line.find(" expr: ");
    if (at == std::string::npos) continue;
    ++expressions;
    asked.merge(MetricsIn(line.substr(at)));
  }
  EXPECT_GT(alerts, 0u);
  EXPECT_EQ(expressions, alerts) << "each has its expression, on one line";
  EXPECT_GT(asked.size(), 5u);
  EXPECT_THAT(Missing(asked, Series()), IsEmpty()) << kRules;
  EXPECT_THAT(Missing(MetricsIn(rules), Series()), IsEmpty()) << kRules;
}

TEST_F(ShownMetrics, EveryAlertIsInTheDocs) {
  const Names alerts = AllMatches(Read(kRules), std::regex("- alert: (\\w+)"));
  Names listed;
  std::istringstream lines(Read(kDocs));
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with("| Veilsum"))
      listed.merge(AllMatches(line.substr(0, line.find(" |")), std::regex("(Veilsum\\w+)")));
  EXPECT_GT(alerts.size(), 5u);
  EXPECT_EQ(listed, alerts);
}

TEST_F(ShownMetrics, EveryPanelAsksForWhatIsExported) {
  const json dashboard = json::parse(Read(kDashboard));
  Names asked;
  for (const json& panel : dashboard.at("panels"))
    for (const json& target : panel.at("targets"))
      asked.merge(MetricsIn(target.at("expr").get<std::string>()));
  EXPECT_GT(asked.size(), 5u);
  EXPECT_THAT(Missing(asked, Series()), IsEmpty()) << kDashboard;
}

TEST_F(ShownMetrics, EveryPanelIsWhole) {
  const json dashboard = json::parse(Read(kDashboard));
  ASSERT_THAT(dashboard.at("panels"), testing::Not(IsEmpty()));
  std::set<int> ids;
  for (const json& panel : dashboard["panels"]) {
    SCOPED_TRACE(panel.value("title", "a panel without a title"));
    EXPECT_NE(panel.value("title", ""), "");
    EXPECT_TRUE(ids.insert(panel.at("id").get<int>()).second) << "its id is another's";
    EXPECT_EQ(panel.at("/datasource/type"_json_pointer), "prometheus");
    EXPECT_EQ(panel.at("/datasource/uid"_json_pointer), "${datasource}");
    EXPECT_NE(panel.at("/fieldConfig/defaults/unit"_json_pointer), "");
    std::set<std::string> refs;
    for (const json& target : panel.at("targets")) {
      EXPECT_NE(target.value("expr", ""), "");
      EXPECT_TRUE(refs.insert(target.at("refId").get<std::string>()).second);
    }
    EXPECT_FALSE(refs.empty());
  }
  EXPECT_EQ(dashboard.at("/templating/list/0/name"_json_pointer), "datasource");
}

std::vector<std::string> CellsOf(const std::string& row) {
  std::vector<std::string> cells;
  std::istringstream text(row.substr(1));
  for (std::string cell; std::getline(text, cell, '|');)
    cells.emplace_back(absl::StripAsciiWhitespace(cell));
  return cells;
}

// Both ways: the list has nothing that is not shown, and nothing is shown that it leaves out.
TEST_F(ShownMetrics, TheListInTheDocsIsWhatEachNodeExports) {
  Names of_coordinator, of_client;
  std::istringstream lines(Read(kDocs));
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("| `veilsum_")) continue;
    const std::vector<std::string> cells = CellsOf(line);
    ASSERT_THAT(cells, SizeIs(3)) << line;
    for (const std::string& name : MetricsIn(cells[0])) {
      if (!cells[1].empty()) of_coordinator.insert(name);
      if (!cells[2].empty()) of_client.insert(name);
    }
  }
  EXPECT_EQ(of_coordinator, coordinator_->families);
  EXPECT_EQ(of_client, client_->families);
}

}  // namespace
}  // namespace veilsum
