#include "cli/demo/report/report_html.h"

#include "absl/strings/str_format.h"
#include "cli/demo/report/html/figures.h"
#include "cli/demo/report/html/parts.h"
#include "cli/demo/report/html/quality_tables.h"
#include "cli/demo/report/html/release_tables.h"
#include "cli/demo/report/html/run_tables.h"
#include "cli/demo/report/result_table.h"
#include "cli/demo/report/svg/markup.h"
#include "cli/demo/report/svg/plot.h"

namespace veilsum::cli {
namespace {

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
