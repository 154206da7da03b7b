#include "cli/demo/report/html/release_tables.h"

#include "absl/strings/str_format.h"
#include "cli/demo/report/html/parts.h"
#include "cli/demo/report/result_table.h"
#include "cli/demo/report/svg/markup.h"

namespace veilsum::cli {
namespace {

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

}  // namespace

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

}  // namespace veilsum::cli
