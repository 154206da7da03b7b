#include "cli/demo/report/result_table.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cli/demo/report/svg/markup.h"

namespace veilsum::cli {
namespace {

std::string Row(std::string_view name, const std::string& value) {
  return absl::StrFormat("  %-24s %s\n", name, value);
}

std::string MerchantRows(const QualityFacts& quality) {
  const std::vector<MerchantQuality>& merchants = quality.per_merchant;
  const char* figure = quality.of_segments() ? "dist." : quality.by_value() ? "RMSE" : "AUC";
  std::size_t width = 8;
  for (const MerchantQuality& m : merchants) width = std::max(width, m.name.size());
  const int w = static_cast<int>(width);
  std::string text =
      absl::StrFormat("\n  %-*s  hold-out  %10s  %10s\n", w, "merchant",
                      absl::StrCat("joint ", figure), absl::StrCat("alone ", figure));
  for (const MerchantQuality& m : merchants)
    absl::StrAppendFormat(&text, "  %-*s  %8d  %10s  %10s\n", w, m.name, m.holdout_rows,
                          Shown(LeadingOf(m), 4), Shown(AloneOf(m), 4));
  return text;
}

std::string QualityRows(const QualityFacts& q) {
  if (q.of_segments())
    return Row("hold-out explained", Shown(q.segments ? q.segments->explained : std::nullopt, 4) +
                                         "   (share of the variance)") +
           Row("segments", ShownShares(q) + "   (noisy)");
  if (q.by_value())
    return Row("hold-out MAE", Shown(q.mae, 4)) + Row("hold-out R squared", Shown(q.r2, 4));
  std::string text;
  if (q.pr_auc) text += Row("hold-out PR-AUC", Shown(q.pr_auc, 4));
  return text + Row("hold-out log loss", Shown(q.log_loss, 4)) +
         Row("hold-out accuracy",
             absl::StrFormat("%s   (always the majority: %s)", Shown(q.accuracy, 4),
                             Shown(q.majority_accuracy, 4)));
}

}  // namespace

std::string LeadingName(const QualityFacts& quality) {
  if (quality.by_value()) return "RMSE";
  if (quality.of_segments()) return "squared distance";
  return quality.task == "multi_class" ? "mean ROC-AUC" : "ROC-AUC";
}

std::string Shown(const std::optional<double>& value, int digits) {
  return value && std::isfinite(*value) ? absl::StrFormat("%.*f", digits, *value) : "-";
}

std::string ShownBytes(const std::optional<std::uint64_t>& bytes) {
  if (!bytes) return "-";
  double value = static_cast<double>(*bytes);
  for (const char* unit : {"B", "kB", "MB", "GB"}) {
    if (value < 1000) return Plain(value, 1) + " " + unit;
    value /= 1000;
  }
  return Plain(value, 1) + " TB";
}

std::string ShownEpsilon(const PrivacyFacts& privacy) {
  if (!privacy.is_private) return "none: no noise was added";
  if (!privacy.epsilon) return "-";
  std::string text = Plain(*privacy.epsilon, 4);
  if (privacy.delta) text += absl::StrFormat(" (delta %g)", *privacy.delta);
  if (privacy.mode == "merchant")
    text += " of a merchant; of one customer " + Shown(privacy.epsilon_customer, 4);
  return text;
}

std::string ShownPrivateAuc(const QualityFacts& quality) {
  if (!quality.roc_auc_private) return "-";
  std::string text = Shown(quality.roc_auc_private, 4);
  if (const auto& interval = quality.roc_auc_private_interval)
    text += absl::StrFormat(" (%s to %s)", Shown(interval->first, 3), Shown(interval->second, 3));
  return text;
}

std::string ShownMechanism(const PrivacyFacts& privacy) {
  if (privacy.bands > 1) return absl::StrFormat(", %d bands", privacy.bands);
  if (privacy.mode == "merchant")
    return absl::StrFormat(", merchant mode with %d steps a round", privacy.local_steps);
  if (privacy.mode != "local") return "";
  return absl::StrFormat(", local mode with %d steps a round", privacy.local_steps);
}

std::string ShownFigure(const std::optional<PrivateFigure>& figure) {
  if (!figure) return "-";
  return absl::StrFormat("%s (%s to %s)", Shown(figure->value, 4), Shown(figure->interval.first, 3),
                         Shown(figure->interval.second, 3));
}

std::string ShownShares(const QualityFacts& quality) {
  std::string text;
  for (const double share : quality.segment_shares)
    text += (text.empty() ? "" : ", ") + Shown(100 * share, 1) + " %";
  return text.empty() ? "-" : text;
}

std::optional<double> SmallestDifference(const QualityFacts& quality) {
  if (!quality.roc_auc_private_noise) return std::nullopt;
  return 2 * std::sqrt(2.0) * *quality.roc_auc_private_noise;
}

std::string ResultTable(const Report& r) {
  std::string text = absl::StrFormat("\n%s: %s%s%s\n\n", r.plan.name, r.outcome,
                                     r.reason.empty() ? "" : ", ", r.reason);
  text += Row("data", r.data.source + (r.data.synthetic ? " (synthetic)" : ""));
  text += Row("merchants", absl::StrFormat("%d trained, %d declined", r.federation.merchants,
                                           r.federation.declined.size()));
  text += Row("rounds", absl::StrFormat("%d, of which %d without a result", r.federation.rounds,
                                        r.federation.aborted));
  text += Row("epsilon", ShownEpsilon(r.privacy));
  if (r.privacy.epsilon_filter)
    text += Row("block budget",
                Plain(*r.privacy.epsilon_filter, 4) + "   (the smallest that admits this run)");
  if (r.privacy.is_private)
    text +=
        Row("noise multiplier",
            absl::StrFormat("%s, sampling rate %s, accountant %s%s",
                            Shown(r.privacy.noise_multiplier, 4), Shown(r.privacy.sampling_rate, 4),
                            r.privacy.accountant, ShownMechanism(r.privacy)));
  text += Row("hold-out " + LeadingName(r.quality),
              absl::StrFormat("%s   (merchants alone, mean: %s)", Shown(LeadingOf(r.quality), 4),
                              Shown(AloneOf(r.quality), 4)));
  if (r.quality.roc_auc_private)
    text += Row("private ROC-AUC", ShownPrivateAuc(r.quality) + "   (noisy histograms, 95 %)");
  if (r.quality.accuracy_private)
    text += Row("private accuracy", ShownFigure(r.quality.accuracy_private));
  if (r.quality.log_loss_private)
    text += Row("private log loss", ShownFigure(r.quality.log_loss_private));
  text += QualityRows(r.quality);
  if (const auto& policy = r.quality.policy)
    text += Row("best actions earn",
                absl::StrFormat("%s a customer, standard error %s   (the logged ones: %s)",
                                Shown(policy->value, 3), Shown(policy->value_error, 3),
                                Shown(policy->logged, 3)));
  for (const HeadQuality& head : r.quality.heads)
    text += Row("head " + head.label,
                head.rmse ? absl::StrFormat("RMSE %s, mean absolute error %s, %d rows",
                                            Shown(head.rmse, 4), Shown(head.mae, 4), head.rows)
                          : absl::StrFormat("ROC-AUC %s, accuracy %s (majority %s), %d rows",
                                            Shown(head.roc_auc, 4), Shown(head.accuracy, 4),
                                            Shown(head.majority_accuracy, 4), head.rows));
  text += Row("time", absl::StrFormat("%.1f s, %s rounds/s", r.cost.seconds,
                                      Shown(r.cost.rounds_per_second, 1)));
  text += Row("upload per round", absl::StrFormat("%s a client (plain words: %s)",
                                                  ShownBytes(r.cost.upload_bytes_per_client_round),
                                                  ShownBytes(r.cost.plain_bytes_per_client_round)));
  if (!r.quality.per_merchant.empty()) text += MerchantRows(r.quality);
  for (const std::string& note : r.notes) text += "\n  " + note + "\n";
  return text;
}

}  // namespace veilsum::cli
