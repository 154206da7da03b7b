#include "cli/demo/report/html/quality_tables.h"

#include <cmath>

#include "absl/strings/str_format.h"
#include "cli/demo/report/html/parts.h"
#include "cli/demo/report/result_table.h"
#include "cli/demo/report/svg/markup.h"

namespace veilsum::cli {
namespace {

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

}  // namespace

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

}  // namespace veilsum::cli
