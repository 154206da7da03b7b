#include "cli/demo/report/html/run_tables.h"

#include "absl/strings/str_format.h"
#include "cli/demo/report/html/parts.h"
#include "cli/demo/report/result_table.h"
#include "cli/demo/report/svg/markup.h"

namespace veilsum::cli {

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

}  // namespace veilsum::cli
