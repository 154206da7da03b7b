#include "cli/demo/report/report_html.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_format.h"
#include "cli/demo/report/result_table.h"
#include "cli/demo/report/svg/markup.h"
#include "cli/demo/report/svg/plot.h"

namespace veilsum::cli {
namespace {

constexpr std::string_view kPageStyle = R"css(
:root { color-scheme: light; }
body { margin: 0; background: #f4f6fa; color: #1b2333; font: 15px/1.5 system-ui, -apple-system, "Segoe UI", sans-serif; }
main { max-width: 1060px; margin: 0 auto; padding: 32px 24px 56px; }
h1 { font-size: 26px; margin: 0 0 4px; } h2 { font-size: 18px; margin: 34px 0 12px; }
.lead { color: #556; margin: 0 0 20px; }
.tag { display: inline-block; padding: 1px 9px; border-radius: 10px; font-size: 12px; font-weight: 600;
  background: #e3ebf8; color: #1f5fbf; margin-right: 6px; }
.tag.warn { background: #fbe9db; color: #a14a0c; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(165px, 1fr)); gap: 12px; }
.tile, figure, .panel { background: #fff; border: 1px solid #e1e5ee; border-radius: 8px; }
.tile { padding: 12px 16px; } .tile b { display: block; font-size: 24px; line-height: 1.3; }
.tile span { color: #667; font-size: 13px; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(430px, 1fr)); gap: 14px; }
figure { margin: 0; padding: 14px 16px 10px; } figcaption { font-weight: 600; margin-bottom: 6px; }
figcaption small { display: block; font-weight: 400; color: #667; }
.panel { padding: 6px 16px 12px; overflow-x: auto; }
table { border-collapse: collapse; width: 100%; } th, td { text-align: left; padding: 6px 10px 6px 0; vertical-align: top; }
tr + tr > * { border-top: 1px solid #edf0f5; } th { font-weight: 600; color: #445; width: 34%; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; width: auto; }
code { font: 12.5px ui-monospace, monospace; overflow-wrap: anywhere; }
.key i { display: inline-block; width: 11px; height: 11px; border-radius: 2px; margin: 0 5px 0 12px; }
.key .a { background: #1f5fbf; } .key .b { background: #e0a06f; }
.note { border-left: 4px solid #c8611a; background: #fdf4ec; padding: 10px 14px; border-radius: 0 6px 6px 0; margin: 14px 0; }
@media (max-width: 480px) { .figures { grid-template-columns: 1fr; } }
@media print {
  body { background: #fff; font-size: 11pt; } main { max-width: none; padding: 0; }
  figure, .tile, .panel { break-inside: avoid; } h2 { break-after: avoid; }
  .figures { grid-template-columns: 1fr 1fr; }
}
)css";

constexpr double kTooNoisy = 0.25;  // a private share with a larger error is not drawn

std::string Tile(const std::string& value, std::string_view name) {
  return absl::StrFormat("<div class=\"tile\"><b>%s</b><span>%s</span></div>\n", Escaped(value),
                         Escaped(name));
}

std::string TableRow(std::string_view name, const std::string& value) {
  return absl::StrFormat("<tr><th>%s</th><td>%s</td></tr>\n", Escaped(name), Escaped(value));
}

std::string Figure(std::string_view title, std::string_view detail, const std::string& body) {
  return absl::StrFormat("<figure><figcaption>%s<small>%s</small></figcaption>%s</figure>\n",
                         Escaped(title), Escaped(detail), body);
}

std::string Note(std::string_view text) {
  return absl::StrFormat("<p class=\"note\">%s</p>\n", Escaped(text));
}

struct Range {
  double lo = INFINITY, hi = -INFINITY;
  void Add(double value) {
    if (std::isfinite(value)) lo = std::min(lo, value), hi = std::max(hi, value);
  }
};

Points CurveOf(const Report& r, std::optional<double> (*value)(const CurvePoint&)) {
  Points points;
  for (const CurvePoint& point : r.curve)
    if (const auto y = value(point)) points.emplace_back(static_cast<double>(point.step), *y);
  return points;
}

std::string CurveSvg(Frame frame, const Points& points, bool from_zero) {
  if (points.empty()) return "<p>No model was scored.</p>";
  Range range;
  for (const auto& point : points) range.Add(point.second);
  LinePlot plot(std::move(frame), Axis::Exactly(0, std::max(1.0, points.back().first), 6),
                Axis(from_zero ? 0 : range.lo, range.hi, 5));
  plot.AddLine(points, "a");
  if (points.size() < 40) plot.AddDots(points, std::vector<double>(points.size(), 2.5), "a");
  return plot.Svg();
}

std::string EpsilonSvg(const Report& r) {
  Points points;
  for (const CurvePoint& point : r.curve)
    if (point.epsilon) points.emplace_back(static_cast<double>(point.round), *point.epsilon);
  if (points.empty()) return "<p>No privacy loss to show: no noise was added.</p>";
  const double top = std::max(points.back().second, r.privacy.epsilon.value_or(0));
  LinePlot plot(
      {.title = "epsilon over rounds", .x_label = "round (attempt)", .y_label = "epsilon"},
      Axis::Exactly(0, std::max(1.0, points.back().first), 6), Axis(0, top, 5));
  if (r.privacy.epsilon)
    plot.AddLine({{0, *r.privacy.epsilon}, {points.back().first, *r.privacy.epsilon}}, "guide");
  plot.AddLine(points, "a");
  return plot.Svg();
}

std::string CalibrationSvg(const Report& r) {
  Points points;
  std::vector<double> radii;
  double most = 1;
  for (const CalibrationPoint& bin : r.quality.calibration)
    most = std::max(most, static_cast<double>(bin.count));
  for (const CalibrationPoint& bin : r.quality.calibration) {
    if (bin.count == 0) continue;
    points.emplace_back(bin.predicted, bin.observed);
    radii.push_back(2.5 + 6 * std::sqrt(static_cast<double>(bin.count) / most));
  }
  if (points.empty()) return "<p>No model was scored.</p>";
  LinePlot plot(
      {.title = "calibration", .x_label = "predicted probability", .y_label = "share that did"},
      Axis(0, 1, 5), Axis(0, 1, 5));
  plot.AddLine({{0, 0}, {1, 1}}, "guide");
  plot.AddLine(points, "a");
  plot.AddDots(points, radii, "a");
  Points noisy;
  std::vector<double> noisy_radii;
  for (const PrivateCalibrationPoint& bin : r.quality.calibration_private) {
    if (bin.error > kTooNoisy) continue;
    noisy.emplace_back(bin.predicted, bin.observed);
    noisy_radii.push_back(3.5);
  }
  plot.AddDots(noisy, noisy_radii, "b");
  return plot.Svg();
}

std::string MerchantSvg(const Report& r) {
  const bool by_value = r.quality.by_value() || r.quality.of_segments();
  Range range;
  range.Add(by_value ? 0 : 0.5);
  std::vector<BarGroup> groups;
  for (const MerchantQuality& m : r.quality.per_merchant) {
    BarGroup group{.label = m.name, .bars = {}};
    if (const auto joint = LeadingOf(m)) group.bars.emplace_back("a", *joint), range.Add(*joint);
    if (const auto alone = AloneOf(m)) group.bars.emplace_back("b", *alone), range.Add(*alone);
    groups.push_back(std::move(group));
  }
  if (groups.empty()) return "<p>No merchant was scored.</p>";
  const std::string name = LeadingName(r.quality);
  return BarPlot(
      {.title = name + " per merchant", .x_label = "hold-out " + name, .y_label = "", .width = 940},
      Axis(range.lo, by_value ? range.hi : std::max(0.8, range.hi), 5), groups);
}

std::string Tags(const Report& r) {
  std::string tags = absl::StrFormat("<span class=\"tag%s\">%s</span>",
                                     r.outcome == "finished" ? "" : " warn", Escaped(r.outcome));
  if (r.data.synthetic) tags += "<span class=\"tag warn\">synthetic data</span>";
  if (!r.privacy.is_private)
    tags += "<span class=\"tag warn\">no privacy: no noise was added</span>";
  return tags;
}

std::string Header(const Report& r) {
  std::string html =
      absl::StrFormat("<h1>%s</h1>\n<p class=\"lead\">%s%d merchants, %d rounds%s</p>\n",
                      Escaped(r.plan.name), Tags(r), r.federation.merchants, r.federation.rounds,
                      r.reason.empty() ? "" : Escaped(". " + r.reason));
  html += "<div class=\"tiles\">\n";
  html += Tile(r.privacy.is_private ? Shown(r.privacy.epsilon, 3) : "none",
               r.privacy.delta && r.privacy.is_private
                   ? absl::StrFormat("epsilon at delta %g", *r.privacy.delta)
                   : "epsilon");
  html += Tile(Shown(LeadingOf(r.quality), 4), LeadingName(r.quality) + ", joint model");
  if (r.quality.roc_auc_private)
    html += Tile(ShownPrivateAuc(r.quality), "ROC-AUC from private histograms, 95 %");
  html += Tile(Shown(AloneOf(r.quality), 4), LeadingName(r.quality) + ", merchants alone (mean)");
  html += Tile(Shown(r.cost.rounds_per_second, 1), "rounds per second");
  html += Tile(ShownBytes(r.cost.upload_bytes_per_client_round), "upload, one client and round");
  return html + "</div>\n";
}

std::string Notes(const Report& r) {
  std::string html;
  if (r.data.synthetic)
    html += Note(
        "The data are synthetic: shops made by the generative model in docs/synthetic-shops.md. "
        "What the numbers say "
        "about real customers is nothing; they show that the machinery works.");
  html += Note(
      "Metrics here are exact and on hold-out customers only. They exist because the demo owns "
      "every merchant's files "
      "on one machine; in a real federation no exact metric and no loss leaves a merchant.");
  if (r.quality.roc_auc_private)
    html += Note(
        "The ROC-AUC from private histograms is what a real federation has instead: every merchant "
        "scored its own hold-out, and only the noisy sum of their histograms was opened. Its "
        "interval covers that noise, and that the hold-outs are a sample.");
  for (const std::string& note : r.notes) html += Note(note);
  return html;
}

std::string Figures(const Report& r) {
  const Points loss =
      CurveOf(r, [](const CurvePoint& p) -> std::optional<double> { return p.loss; });
  const Points leading = CurveOf(r, [](const CurvePoint& p) { return LeadingOf(p); });
  const std::string name = "hold-out " + LeadingName(r.quality);
  std::string html = "<div class=\"figures\">\n";
  html += Figure(
      "Training: hold-out loss",
      r.quality.of_segments() ? "half the mean squared distance to the nearest published centre"
      : r.quality.by_value()  ? "the trained loss of the published models, on the label's scale"
                              : "log loss of the published models, natural logarithm",
      CurveSvg({.title = "hold-out loss", .x_label = "step", .y_label = "loss"}, loss, false));
  html += Figure("Training: " + name, "all merchants' hold-outs together",
                 CurveSvg({.title = name, .x_label = "step", .y_label = LeadingName(r.quality)},
                          leading, false));
  html += Figure(
      "Privacy spent",
      "epsilon of statistics and training so far; dashed: the plan's claim at its last attempt",
      EpsilonSvg(r));
  if (!r.quality.calibration.empty())
    html +=
        Figure("Calibration",
               r.quality.calibration_private.empty()
                   ? "predicted probability against what happened; larger dots hold more customers"
                   : "predicted probability against what happened; larger dots hold more "
                     "customers; orange: from private histograms",
               CalibrationSvg(r));
  return html + "</div>\n<div style=\"height:14px\"></div>\n" +
         "<figure><figcaption>Each merchant: the joint model and one trained alone"
         "<small class=\"key\"><i class=\"a\"></i>joint model<i "
         "class=\"b\"></i>alone</small></figcaption>" +
         MerchantSvg(r) + "</figure>\n";
}

std::string PrivacyTable(const Report& r) {
  const PrivacyFacts& p = r.privacy;
  std::string html = "<h2>Privacy</h2><div class=\"panel\"><table>\n";
  html +=
      TableRow("epsilon, coordinator and " + std::to_string(p.colluders) + " colluding merchant(s)",
               ShownEpsilon(p));
  html += TableRow("epsilon, coordinator alone", Shown(p.epsilon_coordinator, 4));
  html += TableRow("epsilon, outsider who sees the models", Shown(p.epsilon_outsider, 4));
  html += TableRow("epsilon, everybody else conspires", Shown(p.epsilon_all_others, 4));
  if (p.mode == "merchant")  // else it is the first row's
    html += TableRow("epsilon, one customer of a merchant", Shown(p.epsilon_customer, 4));
  html += TableRow("epsilon, a customer of 2 / of 3 merchants",
                   Shown(p.epsilon_person_2, 4) + " / " + Shown(p.epsilon_person_3, 4));
  html += TableRow("epsilon by the Renyi accountant", Shown(p.epsilon_rdp, 4));
  html += TableRow("smallest block budget that admits this run", Shown(p.epsilon_filter, 4));
  html += TableRow("of which statistics alone", Shown(p.statistics_epsilon, 4));
  html += TableRow("evaluation alone, of customers who are held out and in no other sum",
                   Shown(p.evaluation_epsilon, 4));
  html += TableRow("part of delta that pays for integer noise, sampler and padding",
                   p.delta_slack ? absl::StrFormat("%.2g", *p.delta_slack) : "-");
  html += TableRow("accountant", p.accountant);
  html += TableRow("privacy unit", p.unit);
  html += TableRow(
      "noise multiplier, sampling rate, clip norm",
      absl::StrFormat("%s, %s, %s%s", Shown(p.noise_multiplier, 4), Shown(p.sampling_rate, 4),
                      Shown(p.clip_norm, 3), ShownMechanism(p)));
  html += TableRow(
      "attempts charged, of at most",
      absl::StrFormat("%d of %d (%d published steps)", p.attempts, p.attempts_max, p.steps));
  for (const std::string& what : p.unprotected) html += TableRow("not protected", what);
  return html + "</table></div>\n";
}

std::string CostTable(const Report& r) {
  std::string html = "<h2>Cost</h2><div class=\"panel\"><table>\n";
  html += TableRow("time of the run", absl::StrFormat("%.1f s", r.cost.seconds));
  html += TableRow("rounds per second", Shown(r.cost.rounds_per_second, 1));
  html +=
      TableRow("upload, one client and round", ShownBytes(r.cost.upload_bytes_per_client_round));
  html += TableRow("the same as plain words", ShownBytes(r.cost.plain_bytes_per_client_round));
  html += TableRow("padding overhead", Shown(r.cost.padding_overhead, 3));
  html += TableRow("peak memory, coordinator / largest client",
                   ShownBytes(r.cost.coordinator_peak_rss_bytes) + " / " +
                       ShownBytes(r.cost.client_peak_rss_bytes));
  html += TableRow("engine", absl::StrFormat("%s on %s, %d thread(s)", r.environment.engine,
                                             r.environment.device, r.environment.threads));
  return html + "</table></div>\n";
}

std::string RunTable(const Report& r) {
  std::string files, declined;
  for (const std::string& file : r.model.files) files += (files.empty() ? "" : ", ") + file;
  std::string html = "<h2>Run</h2><div class=\"panel\"><table>\n";
  html += TableRow("plan", r.plan.name);
  html += absl::StrFormat("<tr><th>plan SHA-256</th><td><code>%s</code></td></tr>\n",
                          Escaped(r.plan.sha256));
  html += absl::StrFormat("<tr><th>model SHA-256</th><td><code>%s</code></td></tr>\n",
                          Escaped(r.model.sha256.value_or("-")));
  html += TableRow("model files", files.empty() ? "-" : files);
  html += TableRow("data", r.data.source + (r.data.synthetic ? " (synthetic)" : ""));
  html += TableRow("rounds without a result", std::to_string(r.federation.aborted));
  html += TableRow("fewest survivors of a round",
                   r.federation.survivors_min ? std::to_string(*r.federation.survivors_min) : "-");
  for (const std::string& who : r.federation.declined) html += TableRow("declined", who);
  html += TableRow("version", r.environment.version);
  return html + "</table></div>\n";
}

std::string PrivateLine(const Report& r) {
  if (!r.quality.roc_auc_private) return "";
  return absl::StrFormat(
             "<p>ROC-AUC of all hold-outs from private histograms, with 95 %% interval: <b>%s</b> "
             "(standard deviation from noise alone: %s). A difference between two models below "
             "about %s "
             "could not be seen this way.</p>",
             ShownPrivateAuc(r.quality), Shown(r.quality.roc_auc_private_noise, 4),
             Shown(SmallestDifference(r.quality), 3)) +
         absl::StrFormat("<p>From the same histograms: accuracy %s, log loss %s.</p>",
                         ShownFigure(r.quality.accuracy_private),
                         ShownFigure(r.quality.log_loss_private));
}

std::string GroupsTable(const QualityFacts& q) {
  if (q.groups_private.empty()) return "";
  std::string html =
      "<p>Groups, from private histograms with 95 % intervals; shares are of predictions above "
      "1/2.</p><table>\n<tr><th>group</th><th class=\"n\">ROC-AUC</th><th class=\"n\">share</th>"
      "<th class=\"n\">true positives</th><th class=\"n\">false positives</th></tr>\n";
  for (const PrivateGroupQuality& g : q.groups_private) {
    absl::StrAppendFormat(&html, "<tr><td>%s%s</td>", Escaped(g.name),
                          g.unusable.empty() ? "" : Escaped(": " + g.unusable));
    for (const auto* figure : {&g.roc_auc, &g.selected, &g.true_positives, &g.false_positives})
      absl::StrAppendFormat(&html, "<td class=\"n\">%s</td>", ShownFigure(*figure));
    html += "</tr>\n";
  }
  return html + "</table>";
}

std::string OtherFigures(const QualityFacts& q) {
  if (q.of_segments())
    return absl::StrFormat(
        "Distances are between standardised numbers; alone is k-means of the merchant's own "
        "customers. The joint centres explain %s of the variance of all hold-outs. Shares of "
        "customers that the model states, with noise: %s.",
        Shown(q.segments ? q.segments->explained : std::nullopt, 4), ShownShares(q));
  if (q.by_value())
    return absl::StrFormat(
        "RMSE and mean absolute error (%s) are in the units of the label's column; R squared %s.",
        Shown(q.mae, 4), Shown(q.r2, 4));
  const std::string baseline = absl::StrFormat("Always answering the majority label: accuracy %s.",
                                               Shown(q.majority_accuracy, 4));
  return q.pr_auc ? absl::StrFormat("PR-AUC %s. %s", Shown(q.pr_auc, 4), baseline) : baseline;
}

// Of a plan with several heads: what the trunk does for the others, all hold-outs together.
std::string HeadTable(const std::vector<HeadQuality>& heads) {
  if (heads.empty()) return "";
  std::string html =
      "<p>Side heads of the same trunk, on the hold-out rows that have their label:</p><table>\n"
      "<tr><th>head</th><th class=\"n\">rows</th><th class=\"n\">ROC-AUC</th><th "
      "class=\"n\">accuracy</th><th class=\"n\">majority</th><th class=\"n\">RMSE</th><th "
      "class=\"n\">mean error</th></tr>\n";
  for (const HeadQuality& head : heads) {
    absl::StrAppendFormat(&html, "<tr><td>%s</td><td class=\"n\">%d</td>", Escaped(head.label),
                          head.rows);
    for (const std::optional<double>& figure :
         {head.roc_auc, head.accuracy, head.majority_accuracy, head.rmse, head.mae})
      absl::StrAppendFormat(&html, "<td class=\"n\">%s</td>", Shown(figure, 4));
    html += "</tr>\n";
  }
  return html + "</table>\n";
}

// Of q_learning: what counts there is what the actions earn.
std::string PolicyLine(const std::optional<PolicyQuality>& policy) {
  if (!policy) return "";
  return absl::StrFormat(
      "<p>The model's best actions would earn a customer %s (95 %% interval: %s to %s), the logged "
      "ones earned %s: a doubly robust estimate from %d decisions of %d customers, of which %s "
      "count in effect.</p>",
      Shown(policy->value, 3), Shown(policy->value - 1.96 * policy->value_error, 3),
      Shown(policy->value + 1.96 * policy->value_error, 3), Shown(policy->logged, 3),
      policy->decisions, policy->customers, Shown(policy->effective_customers, 0));
}

std::string QualityTable(const Report& r) {
  std::string html = absl::StrFormat(
      "<h2>Quality on hold-outs</h2><div class=\"panel\"><table>\n<tr><th>merchant</th><th "
      "class=\"n\">customers</th>"
      "<th class=\"n\">%s joint</th><th class=\"n\">alone</th><th class=\"n\">log "
      "loss</th><th class=\"n\">accuracy</th></tr>\n",
      LeadingName(r.quality));
  const auto row = [&](const std::string& name, const std::string& rows, const auto& joint,
                       const auto& alone, const std::optional<double>& loss,
                       const std::optional<double>& accuracy) {
    absl::StrAppendFormat(
        &html,
        "<tr><td>%s</td><td class=\"n\">%s</td><td class=\"n\">%s</td><td class=\"n\">%s</td>"
        "<td class=\"n\">%s</td><td class=\"n\">%s</td></tr>\n",
        Escaped(name), rows, Shown(joint, 4), Shown(alone, 4), Shown(loss, 4), Shown(accuracy, 4));
  };
  std::uint64_t rows = 0;
  for (const MerchantQuality& m : r.quality.per_merchant) {
    rows += m.holdout_rows;
    row(m.name, std::to_string(m.holdout_rows), LeadingOf(m), AloneOf(m), m.log_loss, m.accuracy);
  }
  row("all", std::to_string(rows), LeadingOf(r.quality), AloneOf(r.quality), r.quality.log_loss,
      r.quality.accuracy);
  return html + absl::StrFormat("</table><p>%s</p>%s%s%s%s</div>\n", OtherFigures(r.quality),
                                PolicyLine(r.quality.policy), HeadTable(r.quality.heads),
                                PrivateLine(r), GroupsTable(r.quality));
}

// Nothing was released before: the model that training began with stands for it.
std::string ComparisonTable(const ReleaseFacts& r) {
  if (r.compared.empty()) return "";
  std::string html = absl::StrFormat(
      "<p>Against the model that the run began with, on the same hold-out rows, with the 95 %% "
      "interval of the difference:</p><table>\n<tr><th>merchant</th><th class=\"n\">rows</th>"
      "<th class=\"n\">%s before</th><th class=\"n\">now</th><th class=\"n\">difference</th>"
      "</tr>\n",
      Escaped(r.compared.front().figure));
  for (const ComparisonFact& c : r.compared)
    absl::StrAppendFormat(
        &html,
        "<tr><td>%s</td><td class=\"n\">%d</td><td class=\"n\">%.4f</td><td class=\"n\">%.4f</td>"
        "<td class=\"n\">%+.4f (%+.4f to %+.4f)</td></tr>\n",
        Escaped(c.merchant), c.rows, c.before, c.after, c.difference, c.low, c.high);
  return html + "</table>";
}

std::string ReleaseTable(const Report& report) {
  if (!report.release) return "";
  const ReleaseFacts& r = *report.release;
  std::string html = "<h2>Release</h2><div class=\"panel\"><table>\n", canary;
  html += TableRow("release", r.model_id + " " + r.version + ", " + r.folder);
  html += absl::StrFormat("<tr><th>digest</th><td><code>%s</code></td></tr>\n", Escaped(r.digest));
  for (const VariantFact& v : r.variants)
    html += TableRow("variant " + v.name,
                     absl::StrFormat("ROC-AUC %s against float32, largest logit difference %s",
                                     v.auc_delta ? absl::StrFormat("%+.5f", *v.auc_delta) : "-",
                                     v.max_abs_logit_diff));
  for (const RolloutFact& step : r.rollout)
    html += TableRow(step.stage, absl::StrFormat("%d %% of clients%s%s", step.percent,
                                                 step.reason.empty() ? "" : ": ", step.reason));
  for (const std::string& who : r.canary) canary += (canary.empty() ? "" : ", ") + who;
  html += TableRow("canary at", canary);
  html += TableRow("merchants that serve it / that refused it",
                   absl::StrFormat("%d / %d", r.installed, r.refused));
  html += TableRow("predictions",
                   absl::StrFormat("%d hold-out rows of %s, mean probability %s", r.predicted_rows,
                                   r.predicted_at, Shown(r.predicted_mean, 4)));
  if (const auto& best = r.recommendation)
    html +=
        TableRow("recommended",
                 absl::StrFormat(
                     best->kind == "customers"
                         ? "the best %d of %d customers: %.1f %% buy, %.1f %% of all do; NDCG %.3f"
                         : "the best %d of %d classes: %.1f %% right, %.1f %% by chance; NDCG %.3f",
                     best->best, best->of, 100 * best->hit_rate, 100 * best->chance, best->ndcg));
  if (r.recommendation && r.recommendation->popularity) {
    const PopularityFact& p = *r.recommendation->popularity;
    html += TableRow(
        "the most popular instead",
        absl::StrFormat("%.1f %% right; NDCG %.3f; the release is %+.1f points above "
                        "(%+.1f to %+.1f)",
                        100 * p.hit_rate, p.ndcg, 100 * p.margin, 100 * p.low, 100 * p.high));
  }
  for (const AttributionFact& by : r.attribution)
    html += TableRow("moved by " + by.column,
                     absl::StrFormat("%.4f of the logit, mean absolute", by.mean_absolute));
  return html + "</table>" + ComparisonTable(r) + "</div>\n";
}

}  // namespace

std::string ReportHtml(const Report& r) {
  return absl::StrFormat(
             "<!DOCTYPE html>\n<html lang=\"en\" "
             "xmlns=\"http://www.w3.org/1999/xhtml\">\n<head>\n<meta charset=\"utf-8\"/>\n"
             "<meta name=\"viewport\" content=\"width=device-width, "
             "initial-scale=1\"/>\n<title>Veilsum: %s</title>\n"
             "<style>%s%s</style>\n</head>\n<body><main>\n",
             Escaped(r.plan.name), kPageStyle, kPlotStyle) +
         Header(r) + Notes(r) + Figures(r) + QualityTable(r) + ReleaseTable(r) + PrivacyTable(r) +
         CostTable(r) + RunTable(r) + "</main></body>\n</html>\n";
}

}  // namespace veilsum::cli
