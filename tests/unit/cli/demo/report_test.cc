// What is made from a report: JSON with every promised key, well-formed HTML, SVG that stays inside
// its frame, a table.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <regex>

#include "cli/demo/report/report_html.h"
#include "cli/demo/report/report_json.h"
#include "cli/demo/report/result_table.h"
#include "cli/demo/report/svg/axis.h"
#include "cli/demo/report/svg/markup.h"
#include "cli/demo/report/svg/plot.h"
#include "tests/unit/cli/demo/sample_report.h"

namespace veilsum::cli {
namespace {

using testing::Test;

// Checks that tags nest and attributes are quoted, as XML asks. Empty when good, else what is
// wrong.
std::string XmlComplaint(std::string text) {
  text = std::regex_replace(text, std::regex("<!DOCTYPE html>|<style>[^<]*</style>"), "");
  const std::regex tag(
      R"re(^<(/?)([a-zA-Z][a-zA-Z0-9]*)((?:\s+[a-zA-Z0-9:-]+="[^"<]*")*)\s*(/?)>)re");
  std::vector<std::string> open;
  for (std::size_t at = 0; (at = text.find_first_of("<&", at)) != std::string::npos; ++at) {
    std::smatch match;
    const std::string rest = text.substr(at, 2000);
    if (text[at] == '&') {
      if (!std::regex_search(rest, std::regex("^&(amp|lt|gt|quot|#39);")))
        return "bare & at: " + rest.substr(0, 60);
      continue;
    }
    if (rest.rfind("<polyline", 0) == 0) continue;  // one long tag without children
    if (!std::regex_search(rest, match, tag)) return "bad tag: " + rest.substr(0, 80);
    if (match[1].length() == 0 && match[4].length() == 0) open.push_back(match[2]);
    if (match[1].length() > 0) {
      if (open.empty() || open.back() != match[2]) return "unexpected </" + match[2].str() + ">";
      open.pop_back();
    }
  }
  return open.empty() ? "" : "never closed: " + open.back();
}

void ExpectKeys(const nlohmann::ordered_json& object, std::initializer_list<const char*> keys) {
  for (const char* key : keys) EXPECT_TRUE(object.contains(key)) << key;
}

TEST(ReportJson, HoldsEveryKeyOfTheSchemaEvenWhenEmpty) {
  for (const Report& report : {Report{}, SampleReport()}) {
    const auto json = ReportJson(report);
    EXPECT_EQ(json["schema"], "veilsum.report.v1");
    ExpectKeys(json["plan"], {"name", "sha256"});
    ExpectKeys(json["data"], {"source", "synthetic"});
    ExpectKeys(json["federation"], {"merchants", "survivors_min", "rounds", "aborted"});
    ExpectKeys(json["privacy"], {"private",
                                 "epsilon",
                                 "delta",
                                 "accountant",
                                 "epsilon_rdp",
                                 "epsilon_outsider",
                                 "epsilon_coordinator",
                                 "epsilon_coordinator_plus_t",
                                 "epsilon_all_others",
                                 "epsilon_customer",
                                 "epsilon_person",
                                 "epsilon_filter",
                                 "delta_slack",
                                 "colluders",
                                 "unit",
                                 "noise_multiplier",
                                 "sampling_rate",
                                 "steps",
                                 "attempts",
                                 "attempts_max",
                                 "clip_norm",
                                 "statistics_epsilon",
                                 "evaluation_epsilon",
                                 "unprotected"});
    ExpectKeys(json["privacy"]["epsilon_person"], {"2", "3"});
    ExpectKeys(json["quality"],
               {"roc_auc", "pr_auc", "accuracy", "majority_accuracy", "log_loss", "roc_auc_private",
                "roc_auc_private_interval", "roc_auc_private_noise", "local_only_roc_auc",
                "per_merchant", "calibration", "calibration_private", "groups_private"});
    ExpectKeys(json["cost"], {"seconds", "rounds_per_second", "upload_bytes_per_client_round",
                              "plain_bytes_per_client_round", "padding_overhead",
                              "coordinator_peak_rss_bytes", "client_peak_rss_bytes"});
    ExpectKeys(json["ledger"], {"size", "root", "verified"});
    ExpectKeys(json["model"], {"version", "sha256", "files"});
    ExpectKeys(json["environment"], {"engine", "device", "threads", "version"});
  }
}

TEST(ReportJson, WhatThisRunDoesNotHaveIsNull) {
  Report report = SampleReport();
  report.privacy.is_private = false;
  report.privacy.epsilon.reset();
  report.quality.roc_auc = std::numeric_limits<double>::quiet_NaN();
  const auto json = ReportJson(report);
  EXPECT_EQ(json["privacy"]["private"], false);
  EXPECT_TRUE(json["privacy"]["epsilon"].is_null());
  EXPECT_TRUE(json["quality"]["roc_auc"].is_null());
  EXPECT_TRUE(json["ledger"]["root"].is_null());
}

TEST(Report, ShowsThePrivateRocAucBesideTheExactOne) {
  Report report = SampleReport();
  report.quality.roc_auc_private = 0.7512;
  report.quality.roc_auc_private_interval = {0.718, 0.784};
  report.quality.roc_auc_private_noise = 0.01;
  report.quality.calibration_private = {{0.1, 0.12, 0.02, 300}, {0.9, 0.4, 0.9, 1}};
  const auto json = ReportJson(report);
  EXPECT_EQ(json["quality"]["roc_auc_private_interval"][1], 0.784);
  EXPECT_EQ(json["quality"]["calibration_private"][0]["customers"], 300);
  const std::string html = ReportHtml(report);
  EXPECT_EQ(XmlComplaint(html), "");
  EXPECT_NE(html.find("<b>0.7512 (0.718 to 0.784)</b>"), std::string::npos);
  EXPECT_NE(html.find("below about 0.028 could not be seen"), std::string::npos);
  EXPECT_NE(ResultTable(report).find("0.7512 (0.718 to 0.784)"), std::string::npos);
  EXPECT_EQ(ReportHtml(SampleReport()).find("private histograms"), std::string::npos);
}

TEST(Report, ShowsGroups) {
  Report report = SampleReport();
  EXPECT_EQ(ReportJson(report)["quality"]["groups_private"].size(), 0u);
  const auto figure = [](double value) {
    return PrivateFigure{value, {value - 0.05, value + 0.05}};
  };
  report.quality.groups_private = {
      {"<b>", figure(0.75), figure(0.25), figure(0.5), figure(0.125), 80, 20, ""},
      {"other", {}, {}, {}, {}, {}, {}, "label 0 has a noisy total of 1"}};
  const auto groups = ReportJson(report)["quality"]["groups_private"];
  ASSERT_EQ(groups.size(), 2u);
  EXPECT_EQ(groups[0]["roc_auc"], 0.75);
  EXPECT_DOUBLE_EQ(groups[0]["selected_interval"][1], 0.3);
  EXPECT_EQ(groups[0]["true_positives"], 0.5);
  EXPECT_EQ(groups[0]["false_positives"], 0.125);
  EXPECT_EQ(groups[0]["positives"], 80);
  EXPECT_TRUE(groups[0]["unusable"].is_null());
  EXPECT_TRUE(groups[1]["roc_auc"].is_null());
  EXPECT_EQ(groups[1]["unusable"], "label 0 has a noisy total of 1");
  const std::string html = ReportHtml(report);
  EXPECT_EQ(XmlComplaint(html), "");
  EXPECT_NE(html.find("<td>&lt;b&gt;</td>"), std::string::npos);
  EXPECT_NE(html.find("0.2500 (0.200 to 0.300)"), std::string::npos);
  EXPECT_NE(html.find("other: label 0 has a noisy total of 1"), std::string::npos);
}

TEST(Report, OfRegressionShowsErrorsInsteadOfAreas) {
  Report report = SampleReport();
  report.quality = {};
  report.quality.task = "regression";
  report.quality.rmse = 12.5, report.quality.mae = 9.25, report.quality.r2 = 0.31;
  report.quality.local_only_rmse = 14;
  MerchantQuality& shop = report.quality.per_merchant.emplace_back();
  shop.name = "shop_1", shop.holdout_rows = 5, shop.rmse = 12, shop.local_only_rmse = 15;
  const auto json = ReportJson(report);
  EXPECT_TRUE(json["quality"]["roc_auc"].is_null());
  EXPECT_TRUE(json["quality"]["accuracy"].is_null());
  EXPECT_TRUE(json["curve"][0]["log_loss"].is_null());
  EXPECT_EQ(json["quality"]["rmse"], 12.5);
  EXPECT_EQ(json["quality"]["per_merchant"][0]["local_only_rmse"], 15.0);
  const std::string html = ReportHtml(report), table = ResultTable(report);
  EXPECT_EQ(XmlComplaint(html), "");
  EXPECT_NE(html.find("RMSE, joint model"), std::string::npos);
  EXPECT_EQ(html.find("Calibration"), std::string::npos);
  EXPECT_NE(table.find("hold-out RMSE            12.5000   (merchants alone, mean: 14.0000)"),
            std::string::npos)
      << table;
  EXPECT_EQ(table.find("AUC"), std::string::npos) << table;
}

TEST(Report, OfSegmentsShowsDistances) {
  Report report = SampleReport();
  EXPECT_FALSE(ReportJson(report)["quality"].contains("segments")) << "of other tasks";
  EXPECT_FALSE(ReportJson(report)["quality"]["per_merchant"][0].contains("segments"));
  report.quality = {};
  report.quality.task = "segments";
  report.quality.segments = SegmentFacts{2.25, 0.7, 2.5, {30, 10}};
  report.quality.segment_shares = {0.76, 0.23};
  MerchantQuality& shop = report.quality.per_merchant.emplace_back();
  shop.name = "shop_1", shop.holdout_rows = 40,
  shop.segments = SegmentFacts{2.125, {}, 2.75, {4, 6}};
  report.curve = {{.round = 1, .step = 1, .epsilon = 0.5, .loss = 1.25}};
  report.curve[0].mean_squared_distance = 2.5;
  const auto json = ReportJson(report);
  const auto& segments = json["quality"]["segments"];
  EXPECT_EQ(segments["mean_squared_distance"], 2.25);
  EXPECT_EQ(segments["explained"], 0.7);
  EXPECT_EQ(segments["local_only_mean_squared_distance"], 2.5);
  EXPECT_EQ(segments["sizes"], (std::vector<int>{30, 10}));
  EXPECT_EQ(segments["shares_private"], (std::vector<double>{0.76, 0.23}));
  EXPECT_EQ(json["quality"]["per_merchant"][0]["segments"]["mean_squared_distance"], 2.125);
  EXPECT_TRUE(json["quality"]["per_merchant"][0]["segments"]["explained"].is_null());
  EXPECT_EQ(json["curve"][0]["mean_squared_distance"], 2.5);
  EXPECT_TRUE(json["curve"][0]["log_loss"].is_null());
  const std::string html = ReportHtml(report), table = ResultTable(report);
  EXPECT_EQ(XmlComplaint(html), "");
  EXPECT_NE(html.find("squared distance, joint model"), std::string::npos);
  EXPECT_NE(html.find("76.0 %, 23.0 %"), std::string::npos);
  EXPECT_EQ(html.find("majority"), std::string::npos);
  EXPECT_NE(table.find("hold-out squared distance 2.2500   (merchants alone, mean: 2.5000)"),
            std::string::npos)
      << table;
  EXPECT_NE(table.find("76.0 %, 23.0 %   (noisy)"), std::string::npos) << table;
  EXPECT_EQ(table.find("AUC"), std::string::npos) << table;
}

TEST(ReportHtml, ShowsEachSideHead) {
  Report report = SampleReport();
  EXPECT_EQ(ReportHtml(report).find("Side heads"), std::string::npos);
  report.quality.heads.push_back({.label = "visits.<returns>",
                                  .rows = 321,
                                  .roc_auc = 0.7125,
                                  .accuracy = 0.81,
                                  .majority_accuracy = 0.8,
                                  .rmse = {},
                                  .mae = {}});
  report.quality.heads.push_back({.label = "visits.minutes",
                                  .rows = 300,
                                  .roc_auc = {},
                                  .accuracy = {},
                                  .majority_accuracy = {},
                                  .rmse = 4.5,
                                  .mae = 3.25});
  const std::string html = ReportHtml(report);
  EXPECT_EQ(XmlComplaint(html), "");
  const std::string n = "<td class=\"n\">";
  EXPECT_NE(html.find("visits.&lt;returns&gt;</td>" + n + "321</td>" + n + "0.7125</td>" + n +
                      "0.8100</td>" + n + "0.8000</td>"),
            std::string::npos);
  EXPECT_NE(html.find(n + "4.5000</td>" + n + "3.2500</td></tr>"), std::string::npos);
}

TEST(ReportHtml, IsWellFormed) {
  EXPECT_EQ(XmlComplaint(ReportHtml(SampleReport())), "");
  EXPECT_EQ(XmlComplaint(ReportHtml(Report{})), "");
}

TEST(ReportHtml, EscapesWhatComesFromOutside) {
  Report report = SampleReport();
  report.plan.name = "<script>alert('x')</script>";
  report.quality.per_merchant[0].name = "a & b \"c\"";
  const std::string html = ReportHtml(report);
  EXPECT_EQ(html.find("<script"), std::string::npos);
  EXPECT_NE(html.find("a &amp; b &quot;c&quot;"), std::string::npos);
  EXPECT_EQ(XmlComplaint(html), "");
}

TEST(ReportHtml, NeedsNothingFromElsewhere) {
  const std::string html = ReportHtml(SampleReport());
  for (const char* remote : {"src=", "href=", "@import", "url(", "<link", "<script"})
    EXPECT_EQ(html.find(remote), std::string::npos) << remote;
}

TEST(ReportHtml, SaysWhatTheNumbersAre) {
  EXPECT_NE(ReportHtml(SampleReport()).find("The data are synthetic"), std::string::npos);
  EXPECT_NE(ReportHtml(SampleReport()).find("Metrics here are exact"), std::string::npos);
  Report real = SampleReport();
  real.data.synthetic = false;
  EXPECT_EQ(ReportHtml(real).find("synthetic"), std::string::npos);
}

TEST(ResultTable, ShowsPrivacyAndGain) {
  const std::string table = ResultTable(SampleReport());
  EXPECT_NE(table.find("2.9712 (delta 1e-05)"), std::string::npos);
  EXPECT_NE(table.find("shop_6"), std::string::npos);
  Report open = SampleReport();
  open.privacy.is_private = false;
  EXPECT_NE(ResultTable(open).find("none: no noise was added"), std::string::npos);
}

TEST(Axis, WidensToRoundNumbers) {
  const Axis axis(0.433, 0.689, 5);
  EXPECT_DOUBLE_EQ(axis.lo(), 0.4);
  EXPECT_DOUBLE_EQ(axis.hi(), 0.7);
  EXPECT_EQ(axis.Label(axis.Ticks()[1]), "0.45");
  EXPECT_DOUBLE_EQ(axis.Place(0.55), 0.5);
  EXPECT_DOUBLE_EQ(axis.Place(9), 1);
}

TEST(Axis, SurvivesAnEmptyRangeAndNan) {
  for (const Axis& axis : {Axis(1, 1, 5), Axis(3, -2, 5), Axis(0, 0, 5), Axis(NAN, INFINITY, 5)}) {
    EXPECT_LT(axis.lo(), axis.hi());
    EXPECT_LE(axis.Ticks().size(), 15u);
    EXPECT_TRUE(std::isfinite(axis.Place(NAN)));
  }
}

TEST(LinePlot, StaysInsideItsFrame) {
  LinePlot plot({.title = "t", .x_label = "x", .y_label = "y"}, Axis(0, 1, 5), Axis(0, 1, 5));
  plot.AddLine({{-5, -5}, {5, 5}, {0.5, INFINITY}}, "a");
  const std::string svg = plot.Svg();
  EXPECT_EQ(XmlComplaint(svg), "");
  const std::regex pair(R"((-?[0-9.]+),(-?[0-9.]+)[ "])");
  for (std::sregex_iterator it(svg.begin(), svg.end(), pair), end; it != end; ++it) {
    EXPECT_GE(std::stod((*it)[1]), 0);
    EXPECT_LE(std::stod((*it)[1]), 460);
    EXPECT_GE(std::stod((*it)[2]), 0);
    EXPECT_LE(std::stod((*it)[2]), 270);
  }
}

TEST(Markup, PlainNumbersHaveNoTail) {
  EXPECT_EQ(Plain(0.25), "0.25");
  EXPECT_EQ(Plain(12), "12");
  EXPECT_EQ(Plain(100, 0), "100");
  EXPECT_EQ(Plain(-0.001), "0");
  EXPECT_EQ(Escaped("a\x01<"), "a\xef\xbf\xbd&lt;");
}

}  // namespace
}  // namespace veilsum::cli
