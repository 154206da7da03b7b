#include "coordinator/cli/node_metrics.h"

#include <ctime>

#include "coordinator/rollout/rollout_figures.h"
#include "coordinator/store/backup.h"
#include "model/ledger/entry.h"

namespace veilsum::coordinator {
namespace {

// A ring is chosen so that an honest sum stays far below it; a sum with a mask left in it does not.
constexpr double kRingNearlyFull = 0.9;

double InSeconds(std::chrono::nanoseconds time) {
  return std::chrono::duration<double>(time).count();
}
double UnixSeconds(std::chrono::system_clock::time_point time) {
  return InSeconds(time.time_since_epoch());
}

void ReadLedger(LedgerView& ledger, Metrics& metrics) {
  const std::uint64_t size = ledger.Head().size;
  metrics.Set("veilsum_ledger_size", static_cast<double>(size));
  if (const auto head = ledger.SignedHead(); head.ok())  // the first signature is the ledger's own
    metrics.Set("veilsum_ledger_cosignatures",
                static_cast<double>(std::max<std::size_t>(head->signatures.size(), 1) - 1));
  if (size == 0) return;
  const absl::StatusOr<Bytes> leaf = ledger.Leaf(size - 1);
  if (!leaf.ok()) return;
  const auto entry = ledger::ParseEntry(*leaf);
  if (!entry.ok()) return;
  std::tm utc{};  // the entry's time is RFC 3339 in UTC: ParseEntry has looked
  if (strptime(entry->entry.header.time.c_str(), "%Y-%m-%dT%H:%M:%S", &utc) != nullptr)
    metrics.Set("veilsum_ledger_checkpoint_age_seconds",
                UnixSeconds(std::chrono::system_clock::now()) - static_cast<double>(timegm(&utc)));
}

}  // namespace

NodeMetrics::NodeMetrics(Log& log, Labels common) : log_(log), metrics_(std::move(common)) {
  for (const auto& [name, help] : std::initializer_list<std::pair<const char*, const char*>>{
           {"veilsum_build_info", "1; the label says which version runs"},
           {"veilsum_leader", "1: this coordinator owns the store"},
           {"veilsum_round_total", "Rounds that ended, by outcome"},
           {"veilsum_round_duration_seconds", "From a round's opening to its end"},
           {"veilsum_round_participants", "Members in the sum of the last committed round"},
           {"veilsum_round_ring_share",
            "Largest coordinate of the last sum, against half the ring; at 1 sums wrap"},
           {"veilsum_update_bytes_total",
            "Masked vectors added (in), models announced to members (out)"},
           {"veilsum_secagg_dropouts_total", "Members of a batch that were not in a round's sum"},
           {"veilsum_privacy_epsilon_spent_ratio",
            "Epsilon of all attempts charged in the run whose round ended last, against its "
            "contract's"},
           {"veilsum_ledger_size", "Entries"},
           {"veilsum_ledger_cosignatures", "Witnesses' signatures under the newest head"},
           {"veilsum_ledger_checkpoint_age_seconds", "Since the newest entry"},
           {"veilsum_auth_denied_total", "Peers and calls that were refused, by reason"},
           {"veilsum_ratelimited_total", "Calls and streams cut by a limit, by its name"},
           {"veilsum_cert_expiry_seconds", "Until the own TLS leaf expires"},
           {"veilsum_db_txn_duration_seconds", "Of transactions of the run store"},
           {"veilsum_trace_spans_dropped_total", "Spans that no collector has taken"},
           {"veilsum_rollout_stage",
            "0 draft, 1 validated, 2 shadow, 3 canary, 4 stable, 5 paused, 6 rolled back, 7 "
            "revoked"},
           {"veilsum_rollout_percent", "Of the clients, that are to have the release"},
           {"veilsum_rollout_untold", "Transitions that the ledger does not know of yet"},
           {"veilsum_rollout_votes", "Merchants that have voted on the release"},
           {"veilsum_rollout_gate", "Gates of all stored decisions, by what they said"},
           {"veilsum_rollout_clients", "Clients by the result of their last look"},
           {"veilsum_rollout_refusals", "Clients whose last look ended in a refusal, by its code"},
           {"veilsum_backup_last_success_timestamp_seconds", "Of the newest good backup"}})
    metrics_.Describe(name, help);
  metrics_.Set("veilsum_build_info", 1, {{"version", VEILSUM_VERSION}});
  metrics_.Set("veilsum_leader", 1);
  // Counters that an alert asks for are there from the beginning.
  for (const char* outcome : {"committed", "aborted"})
    metrics_.Add("veilsum_round_total", 0, {{"outcome", outcome}});
  for (const char* reason : {"handshake", "certificate", "permission"})
    metrics_.Add("veilsum_auth_denied_total", 0, {{"reason", reason}});
  metrics_.Add("veilsum_secagg_dropouts_total", 0);
  metrics_.Add("veilsum_trace_spans_dropped_total", 0);
}

void NodeMetrics::Denied(std::string_view reason) {
  metrics_.Add("veilsum_auth_denied_total", 1, {{"reason", std::string(reason)}});
}

void NodeMetrics::Limited(std::string_view limit, std::string_view who) {
  metrics_.Add("veilsum_ratelimited_total", 1, {{"limit", std::string(limit)}});
  if (limited_.IsDue(std::string(who), std::chrono::steady_clock::now()))
    log_.Write(absl::StrFormat("%s runs into the limit of %s", who, limit),
               {.level = LogLevel::kWarning, .event = "limit"});
}

void NodeMetrics::RoundEnded(const RoundFigures& figures) {
  metrics_.Add("veilsum_round_total", 1,
               {{"outcome", figures.committed ? "committed" : "aborted"}});
  metrics_.Observe("veilsum_round_duration_seconds", InSeconds(figures.took));
  metrics_.Set("veilsum_privacy_epsilon_spent_ratio", figures.epsilon_spent_ratio);
  metrics_.Add("veilsum_update_bytes_total", static_cast<double>(figures.bytes_out),
               {{"direction", "out"}});
  if (!figures.committed) return;
  metrics_.Set("veilsum_round_participants", static_cast<double>(figures.participants));
  metrics_.Set("veilsum_round_ring_share", figures.ring_share);
  if (figures.ring_share > kRingNearlyFull)
    log_.Write(absl::StrFormat("a coordinate of round %d's sum is at %.3f of half the ring, above "
                               "%.2f: sums wrap, or a member's masks are wrong",
                               figures.round, figures.ring_share, kRingNearlyFull),
               {.level = LogLevel::kWarning, .event = "ring", .round = figures.round});
  metrics_.Add("veilsum_secagg_dropouts_total", static_cast<double>(figures.dropped));
  metrics_.Add("veilsum_update_bytes_total", static_cast<double>(figures.bytes_in),
               {{"direction", "in"}});
}

void NodeMetrics::TransactionTook(std::chrono::nanoseconds time) {
  metrics_.Observe("veilsum_db_txn_duration_seconds", InSeconds(time));
}

void NodeMetrics::SpansDropped(std::uint64_t count) {
  metrics_.Add("veilsum_trace_spans_dropped_total", static_cast<double>(count));
}

void NodeMetrics::Leads(bool leads) { metrics_.Set("veilsum_leader", leads ? 1 : 0); }

void NodeMetrics::LeafEnds(WallTime when) { leaf_ends_ = when; }

void NodeMetrics::Watch(RunStore& store, const std::filesystem::path& store_file) {
  metrics_.BeforeRender([this, &store, backup = BackupMark(store_file)](Metrics& metrics) {
    if (LedgerView* const ledger = store.ledger()) ReadLedger(*ledger, metrics);
    metrics.Set("veilsum_cert_expiry_seconds",
                UnixSeconds(leaf_ends_.load()) - UnixSeconds(std::chrono::system_clock::now()));
    std::error_code none;
    const auto written = std::filesystem::last_write_time(backup, none);
    metrics.Set("veilsum_backup_last_success_timestamp_seconds",
                none ? 0 : UnixSeconds(std::chrono::file_clock::to_sys(written)));
  });
}

void NodeMetrics::WatchReleases(const std::filesystem::path& folder) {
  metrics_.BeforeRender([folder](Metrics& metrics) {
    for (const RolloutFigure& figure : FiguresOf(folder))
      metrics.Set(figure.name, figure.value, figure.labels);
  });
}

absl::StatusOr<std::unique_ptr<HttpServer>> NodeMetrics::Serve(const std::string& address) {
  return ServeMetrics(address, metrics_);
}

}  // namespace veilsum::coordinator
