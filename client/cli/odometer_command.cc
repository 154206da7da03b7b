#include "client/cli/odometer_command.h"

#include <cstdio>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "base/canonical_json.h"
#include "client/cli/config.h"
#include "client/policy/odometer.h"

namespace veilsum::client {
namespace {

struct NamedTotals {
  std::string block;
  BlockTotals totals;
};

struct Reading {
  std::vector<DataEpoch> epochs;
  std::vector<NamedTotals> blocks;
  std::vector<KeptVote> votes;
};

absl::StatusOr<Reading> Read(const std::filesystem::path& file) {
  Reading out;
  if (!std::filesystem::exists(file)) return out;
  VEILSUM_ASSIGN_OR_RETURN(const std::unique_ptr<Odometer> odometer, Odometer::Open(file));
  VEILSUM_ASSIGN_OR_RETURN(out.epochs, odometer->Epochs());
  VEILSUM_ASSIGN_OR_RETURN(const std::vector<std::string> blocks, odometer->Blocks());
  for (const std::string& block : blocks) {
    VEILSUM_ASSIGN_OR_RETURN(const BlockTotals totals, odometer->Totals(block));
    out.blocks.push_back({block, totals});
  }
  VEILSUM_ASSIGN_OR_RETURN(out.votes, odometer->Votes());
  return out;
}

Json AsJson(const DataEpoch& epoch) {
  return Json{{"epoch", epoch.number},
              {"reason", epoch.reason},
              {"opened", epoch.opened},
              {"customers", epoch.customers}};
}

std::string InWords(const DataEpoch& epoch) {
  if (epoch.number == 1) return absl::StrFormat("data epoch 1, %d customers\n", epoch.customers);
  return absl::StrFormat(
      "data epoch %d, %d customers, opened %s: %s\n", epoch.number, epoch.customers,
      absl::FormatTime("%Y-%m-%d", absl::FromUnixSeconds(epoch.opened), absl::UTCTimeZone()),
      epoch.reason);
}

// Says on stderr what went wrong.
ExitCode Fail(const absl::Status& status, ExitCode code) {
  std::fprintf(stderr, "veilsum-client: %s\n", std::string(status.message()).c_str());
  return code;
}

// Shares of a block's limit, which is what admission compares.
double Share(double part, const BlockTotals& totals) {
  return totals.limit > 0 ? part / totals.limit : 0;
}

Json AsJson(const Reading& reading) {
  Json epochs = Json::array(), list = Json::array();
  for (const DataEpoch& epoch : reading.epochs) epochs.push_back(AsJson(epoch));
  for (const auto& [block, t] : reading.blocks)
    list.push_back(Json{{"block", block},
                        {"epsilon", t.budget.epsilon},
                        {"delta", t.budget.delta},
                        {"order", t.budget.order},
                        {"epsilon_spent", t.epsilon_spent},
                        {"spent_share", Share(t.spent, t)},
                        {"reserved_share", Share(t.reserved, t)}});
  Json votes = Json::array();
  for (const KeptVote& vote : reading.votes)
    votes.push_back(Json{{"release", vote.release},
                         {"stage", vote.stage},
                         {"epsilon_millis", vote.epsilon_millis},
                         {"protected", vote.epsilon_millis != 0}});
  return Json{{"schema", "veilsum.odometer.v1"},
              {"epochs", std::move(epochs)},
              {"blocks", std::move(list)},
              {"votes", std::move(votes)}};
}

// What was told about releases: what is unprotected is said so.
std::string InWords(const KeptVote& vote) {
  const std::string what =
      vote.epsilon_millis == 0
          ? "as it is, unprotected: no budget covers it"
          : absl::StrFormat("by randomised response, epsilon %g", vote.epsilon_millis / 1000.0);
  return absl::StrFormat("vote on release %s in %s: %s\n", vote.release.substr(0, 12), vote.stage,
                         what);
}

std::string InWords(const Reading& reading) {
  std::string text;
  for (const KeptVote& vote : reading.votes) text += InWords(vote);
  if (reading.epochs.size() > 1)
    for (const DataEpoch& epoch : reading.epochs) text += InWords(epoch);
  if (reading.blocks.empty()) return text + "nothing is spent: no run was approved here\n";
  for (const auto& [block, t] : reading.blocks)
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
  if (!config.ok()) return Fail(config.status(), ExitCode::kConfiguration);
  const absl::StatusOr<Reading> reading = Read(config->odometer);
  if (!reading.ok()) return Fail(reading.status(), ExitCodeOf(reading.status()));
  std::fputs(json ? (AsJson(*reading).dump() + "\n").c_str() : InWords(*reading).c_str(), stdout);
  return ExitCode::kDone;
}

ExitCode RunOpenEpoch(const std::filesystem::path& config_file, const std::string& reason,
                      bool json) {
  const absl::StatusOr<ClientConfig> config = ReadClientConfig(config_file);
  if (!config.ok()) return Fail(config.status(), ExitCode::kConfiguration);
  // Who trains has claimed its customers for the epoch that would be closed.
  const absl::StatusOr<FileLock> alone = LockForTraining(config->odometer);
  if (!alone.ok()) return Fail(alone.status(), ExitCodeOf(alone.status()));
  const auto odometer = Odometer::Open(config->odometer);
  if (!odometer.ok()) return Fail(odometer.status(), ExitCodeOf(odometer.status()));
  const absl::StatusOr<DataEpoch> epoch =
      (*odometer)->OpenEpoch(reason, absl::ToUnixSeconds(absl::Now()));
  if (!epoch.ok())
    return Fail(epoch.status(), absl::IsInvalidArgument(epoch.status())
                                    ? ExitCode::kUsage
                                    : ExitCodeOf(epoch.status()));
  std::fputs(json ? (AsJson(*epoch).dump() + "\n").c_str() : InWords(*epoch).c_str(), stdout);
  return ExitCode::kDone;
}

}  // namespace veilsum::client
