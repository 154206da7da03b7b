#include "client/cli/odometer_command.h"

#include <cstdio>

#include "base/canonical_json.h"
#include "client/cli/config.h"
#include "client/policy/odometer.h"

namespace veilsum::client {
namespace {

struct NamedTotals {
  std::string block;
  BlockTotals totals;
};

absl::StatusOr<std::vector<NamedTotals>> ReadBlocks(const std::filesystem::path& file) {
  std::vector<NamedTotals> out;
  if (!std::filesystem::exists(file)) return out;
  VEILSUM_ASSIGN_OR_RETURN(const std::unique_ptr<Odometer> odometer, Odometer::Open(file));
  VEILSUM_ASSIGN_OR_RETURN(const std::vector<std::string> blocks, odometer->Blocks());
  for (const std::string& block : blocks) {
    VEILSUM_ASSIGN_OR_RETURN(const BlockTotals totals, odometer->Totals(block));
    out.push_back({block, totals});
  }
  return out;
}

// Shares of a block's limit, which is what admission compares.
double Share(double part, const BlockTotals& totals) {
  return totals.limit > 0 ? part / totals.limit : 0;
}

Json AsJson(const std::vector<NamedTotals>& blocks) {
  Json list = Json::array();
  for (const auto& [block, t] : blocks)
    list.push_back(Json{{"block", block},
                        {"epsilon", t.budget.epsilon},
                        {"delta", t.budget.delta},
                        {"order", t.budget.order},
                        {"epsilon_spent", t.epsilon_spent},
                        {"spent_share", Share(t.spent, t)},
                        {"reserved_share", Share(t.reserved, t)}});
  return Json{{"schema", "veilsum.odometer.v1"}, {"blocks", std::move(list)}};
}

std::string InWords(const std::vector<NamedTotals>& blocks) {
  if (blocks.empty()) return "nothing is spent: no run was approved here\n";
  std::string text;
  for (const auto& [block, t] : blocks)
    absl::StrAppendFormat(&text,
                          "%s\n  budget    epsilon %.6g at delta %g, Renyi order %d\n"
                          "  spent     epsilon %.6g (%.1f %% of the budget's limit)\n"
                          "  reserved  %.1f %%\n  left      %.1f %%\n",
                          block, t.budget.epsilon, t.budget.delta, t.budget.order, t.epsilon_spent,
                          100 * Share(t.spent, t), 100 * Share(t.reserved, t),
                          100 * Share(std::max(0.0, t.limit - t.spent - t.reserved), t));
  return text;
}

}  // namespace

ExitCode RunOdometer(const std::filesystem::path& config_file, bool json) {
  const absl::StatusOr<ClientConfig> config = ReadClientConfig(config_file);
  if (!config.ok()) {
    std::fprintf(stderr, "veilsum-client: %s\n", std::string(config.status().message()).c_str());
    return ExitCode::kConfiguration;
  }
  const absl::StatusOr<std::vector<NamedTotals>> blocks = ReadBlocks(config->odometer);
  if (!blocks.ok()) {
    std::fprintf(stderr, "veilsum-client: %s\n", std::string(blocks.status().message()).c_str());
    return ExitCodeOf(blocks.status());
  }
  std::fputs(json ? (AsJson(*blocks).dump() + "\n").c_str() : InWords(*blocks).c_str(), stdout);
  return ExitCode::kDone;
}

}  // namespace veilsum::client
