#include "cli/audit/charge_story.h"

namespace veilsum::cli {
namespace {

// Every second point goes when there are too many: a plot has so many pixels.
void AddTo(ChargeStory::Curve& curve, const ChargeStory::Charge& charge) {
  if (!curve.empty() && curve.back().attempts.total() == charge.attempts.total()) return;
  if (curve.size() == ChargeStory::kMaxCurve) {
    for (std::size_t i = 0; 2 * i + 1 < curve.size(); ++i) curve[i] = curve[2 * i + 1];
    curve.resize(curve.size() / 2);
  }
  curve.push_back(charge);
}

}  // namespace

void ChargeStory::OnEntry(std::uint64_t, const Hash32&, const ledger::LedgerRules& rules) {
  const ledger::Entry* entry = rules.last_entry().get();
  if (entry == nullptr || entry->type != "rounds.opened") return;
  const auto name = entry->body.find("contract_hash");
  if (name == entry->body.end() || !name->is_string()) return;
  const auto run = rules.runs().find(name->get<std::string>());
  if (run == rules.runs().end()) return;
  for (const auto& [tenant, charged] : run->second.charged)
    AddTo(curves_[run->first][tenant], {run->second.opened_through, charged});
}

}  // namespace veilsum::cli
