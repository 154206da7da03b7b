#include "client/cli/node_metrics.h"

namespace veilsum::client {
namespace {

void ReadBlocks(Odometer& odometer, Metrics& metrics) {
  const absl::StatusOr<std::vector<std::string>> blocks = odometer.Blocks();
  if (!blocks.ok()) return;
  for (const std::string& block : *blocks)
    if (const absl::StatusOr<BlockTotals> totals = odometer.Totals(block);
        totals.ok() && totals->limit > 0)
      metrics.Set("veilsum_privacy_epsilon_spent_ratio",
                  totals->epsilon_spent / totals->budget.epsilon, {{"block", block}});
}

}  // namespace

NodeMetrics::NodeMetrics(Odometer& odometer) {
  for (const auto& [name, help] : std::initializer_list<std::pair<const char*, const char*>>{
           {"veilsum_build_info", "1; the label says which version runs"},
           {"veilsum_round_total", "Rounds, by what this node did: sent or refused"},
           {"veilsum_client_connected", "1: the stream to the coordinator is open"},
           {"veilsum_client_connects_total", "Streams opened to the coordinator"},
           {"veilsum_privacy_epsilon_spent_ratio", "Of a data block's budget, by block"},
           {"veilsum_privacy_budget_denied_total", "Contracts and rounds refused for the budget"},
           {"veilsum_ledger_size", "Entries under the largest head that was witnessed"},
           {"veilsum_cert_expiry_seconds", "Until a certificate of this node expires"}})
    metrics_.Describe(name, help);
  metrics_.Set("veilsum_build_info", 1, {{"version", VEILSUM_VERSION}});
  metrics_.Set("veilsum_client_connected", 0);
  metrics_.Add("veilsum_privacy_budget_denied_total", 0);
  metrics_.BeforeRender([this, &odometer](Metrics& metrics) {
    ReadBlocks(odometer, metrics);
    const WallTime now = std::chrono::system_clock::now();
    const auto left = [&](WallTime end) {
      return std::chrono::duration<double>(end - now).count();
    };
    metrics.Set("veilsum_cert_expiry_seconds", left(tls_ends_), {{"certificate", "tls"}});
    metrics.Set("veilsum_cert_expiry_seconds", left(signing_ends_), {{"certificate", "signing"}});
  });
}

void NodeMetrics::On(ParticipantEvent event) {
  switch (event) {
    case ParticipantEvent::kConnected:
      metrics_.Add("veilsum_client_connects_total");
      return metrics_.Set("veilsum_client_connected", 1);
    case ParticipantEvent::kDisconnected:
      return metrics_.Set("veilsum_client_connected", 0);
    case ParticipantEvent::kContributed:
      return metrics_.Add("veilsum_round_total", 1, {{"outcome", "sent"}});
    case ParticipantEvent::kBudgetDenied:
      metrics_.Add("veilsum_privacy_budget_denied_total");
      return metrics_.Add("veilsum_round_total", 1, {{"outcome", "refused"}});
    case ParticipantEvent::kRefused:
      return metrics_.Add("veilsum_round_total", 1, {{"outcome", "refused"}});
  }
}

void NodeMetrics::LedgerSeen(std::uint64_t size) {
  metrics_.Set("veilsum_ledger_size", static_cast<double>(size));
}

void NodeMetrics::CertificatesEnd(WallTime tls, WallTime signing) {
  tls_ends_ = tls;
  signing_ends_ = signing;
}

absl::StatusOr<std::unique_ptr<HttpServer>> NodeMetrics::Serve(const std::string& address) {
  return ServeMetrics(address, metrics_);
}

}  // namespace veilsum::client
