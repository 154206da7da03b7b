// What a node shows: metrics as Prometheus reads them, and log lines that no secret passes.
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/observe/log.h"
#include "base/observe/metrics.h"
#include "base/observe/once_per.h"
#include "tests/support/status_matchers.h"

namespace veilsum {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(Metrics, AreWrittenAsPrometheusReadsThem) {
  Metrics metrics;
  metrics.Describe("veilsum_round_total", "Rounds that ended");
  metrics.Add("veilsum_round_total", 2, {{"outcome", "committed"}});
  metrics.Add("veilsum_round_total", 1, {{"outcome", "committed"}});
  metrics.Set("veilsum_ledger_size", 41);
  EXPECT_EQ(metrics.Render(),
            "# TYPE veilsum_ledger_size gauge\n"
            "veilsum_ledger_size 41\n"
            "# HELP veilsum_round_total Rounds that ended\n"
            "# TYPE veilsum_round_total counter\n"
            "veilsum_round_total{outcome=\"committed\"} 3\n");
}

TEST(Metrics, AHistogramsBucketsAddUp) {
  Metrics metrics;
  metrics.Observe("took", 0.002);
  metrics.Observe("took", 0.3);
  metrics.Observe("took", 500);
  const std::string text = metrics.Render();
  EXPECT_THAT(text, HasSubstr("took_bucket{le=\"0.001\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("took_bucket{le=\"0.0025\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("took_bucket{le=\"120\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("took_bucket{le=\"+Inf\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("took_sum 500.302\ntook_count 3\n"));
}

TEST(Metrics, LabelsAreEscapedAndTheirNumberIsBounded) {
  Metrics metrics;
  metrics.Set("one", 1, {{"block", "a\"b\\c\nd"}});
  EXPECT_THAT(metrics.Render(), HasSubstr("one{block=\"a\\\"b\\\\c\\nd\"} 1\n"));
  for (int i = 0; i < 1000; ++i) metrics.Add("many", 1, {{"peer", std::to_string(i)}});
  const std::string text = metrics.Render();
  EXPECT_THAT(text, HasSubstr("many{overflow=\"true\"} 800\n"));
  EXPECT_THAT(text, Not(HasSubstr("peer=\"200\"")));
}

TEST(Metrics, WhatIsCommonIsOnEverySeries) {
  Metrics metrics(Labels{{"federation", "fed.test"}});
  metrics.Set("plain", 1);
  metrics.Observe("took", 1, {{"kind", "x"}});
  for (int i = 0; i < 201; ++i) metrics.Add("many", 1, {{"peer", std::to_string(i)}});
  std::istringstream text(metrics.Render());
  std::size_t lines = 0;
  for (std::string line; std::getline(text, line);) {
    if (line.starts_with("#")) continue;
    ++lines;
    EXPECT_THAT(line, HasSubstr("{federation=\"fed.test\""));
  }
  EXPECT_EQ(lines, 1u + 19 + 201);
  EXPECT_THAT(metrics.Render(), HasSubstr("took_bucket{federation=\"fed.test\",kind=\"x\",le="));
}

TEST(Metrics, WhatIsAskedIsFreshAtEveryReading) {
  Metrics metrics;
  int asked = 0;
  metrics.BeforeRender([&](Metrics& m) { m.Set("asked", ++asked); });
  EXPECT_THAT(metrics.Render(), HasSubstr("asked 1\n"));
  EXPECT_THAT(metrics.Render(), HasSubstr("asked 2\n"));
}

std::string Logged(LogFormat format, std::string_view message, const LogFields& fields = {},
                   const std::string& federation = "") {
  std::FILE* const file = std::tmpfile();
  const auto now = [] {
    return std::chrono::system_clock::time_point(std::chrono::milliseconds(1'700'000'000'123));
  };
  Log log("veilsum-client", "acme", format, file, now, federation);
  log.Write(message, fields);
  std::rewind(file);
  std::string text(4096, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), file));
  std::fclose(file);
  return text;
}

TEST(Log, TextIsAsEver) {
  EXPECT_EQ(Logged(LogFormat::kText, "run ended"), "veilsum-client: run ended\n");
}

TEST(Log, AFederationIsNamedInEveryLine) {
  EXPECT_EQ(Logged(LogFormat::kText, "serves", {}, "fed.test"),
            "veilsum-client: fed.test: serves\n");
  const std::string line = Logged(LogFormat::kJson, "serves", {}, "fed.test");
  EXPECT_EQ(nlohmann::json::parse(line)["federation"], "fed.test");
}

TEST(Log, JsonIsOneObjectALine) {
  const std::string line = Logged(LogFormat::kJson, "refused \"x\"\nSA-31: \\ too late",
                                  {.level = LogLevel::kWarning, .event = "round", .round = 7});
  EXPECT_EQ(std::count(line.begin(), line.end(), '\n'), 1);
  const auto json = nlohmann::json::parse(line);
  EXPECT_EQ(json, nlohmann::json({{"ts", "2023-11-14T22:13:20.123Z"},
                                  {"level", "warning"},
                                  {"component", "veilsum-client"},
                                  {"event", "round"},
                                  {"msg", "refused \"x\" SA-31: \\ too late"},
                                  {"tenant", "acme"},
                                  {"round", 7},
                                  {"code", "SA-31"}}));
}

TEST(Log, BytesThatAreNoTextDoNotBreakTheLine) {
  const std::string line = Logged(LogFormat::kJson, "cut \xc3");
  EXPECT_EQ(nlohmann::json::parse(line)["msg"], "cut \xef\xbf\xbd");
}

TEST(Log, NoSecretGetsThroughInAnyFormat) {
  const std::string token = "vsj1.eyJ0aWQiOiJhY21lIn0.c2VjcmV0LXNlY3JldC1zZWNyZXQ";
  const std::string key =
      "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIA\n-----END ENCRYPTED PRIVATE "
      "KEY-----";
  const std::string certificate = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----";
  for (const LogFormat format : {LogFormat::kText, LogFormat::kJson}) {
    const std::string line = Logged(format, "a " + token + " b " + key + " c " + certificate +
                                                " d -----BEGIN PRIVATE KEY-----\nMC4CAQ");
    EXPECT_THAT(line, HasSubstr("a [secret] b [secret] c -----BEGIN CERTIFICATE"));
    EXPECT_THAT(line, HasSubstr(" d [secret]"));
    for (const char* secret : {"c2VjcmV0", "eyJ0", "MC4C"})
      EXPECT_THAT(line, Not(HasSubstr(secret)));
  }
}

TEST(Log, NobodyForgesALine) {
  EXPECT_EQ(Logged(LogFormat::kText, "a\nveilsum-client: b\r\x1b[2Jc"),
            "veilsum-client: a veilsum-client: b  [2Jc\n");
}

TEST(Log, QuotationsOfAMerchantsDataAreTakenOut) {
  const absl::Status status =
      InvalidArgument("labels.csv:7: customer \"ann \"the\" lee\" is there twice, line 3");
  EXPECT_EQ(WithoutQuotations(status).message(),
            "labels.csv:7: customer \"...\" is there twice, line 3");
  EXPECT_EQ(WithoutQuotations("cut \"off"), "cut \"...\"");
  EXPECT_EQ(WithoutQuotations("none"), "none");
}

TEST(OncePer, EachSubjectHasItsOwnPause) {
  using std::chrono::seconds;
  OncePer limit(seconds(60));
  const OncePer::Time now{seconds(1000)};
  EXPECT_TRUE(limit.IsDue("acme", now));
  EXPECT_FALSE(limit.IsDue("acme", now + seconds(59)));
  EXPECT_TRUE(limit.IsDue("bolt", now + seconds(59)));
  EXPECT_TRUE(limit.IsDue("acme", now + seconds(60)));
  EXPECT_FALSE(limit.IsDue("acme", now + seconds(61)));
}

TEST(Log, FormatsHaveNames) {
  EXPECT_EQ(*Log::ParseFormat("json"), LogFormat::kJson);
  EXPECT_THAT(Log::ParseFormat("xml"), StatusIs(absl::StatusCode::kInvalidArgument, "log.format"));
}

}  // namespace
}  // namespace veilsum
