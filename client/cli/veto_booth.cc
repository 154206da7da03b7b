#include "client/cli/veto_booth.h"

#include "client/data/dataset.h"
#include "client/data/select_customers.h"
#include "client/policy/objections.h"
#include "client/serve/compare.h"
#include "model/release/package.h"

namespace veilsum::client {
namespace {

constexpr double kTolerated = 0.01;

absl::StatusOr<std::shared_ptr<const Predictor>> OpenKept(const ModelStore& store,
                                                          const std::string& digest) {
  VEILSUM_ASSIGN_OR_RETURN(const std::string payload, rollout::PayloadOf(store.root_file()));
  VEILSUM_ASSIGN_OR_RETURN(const rollout::Root root, rollout::ParseRoot(payload));
  VEILSUM_ASSIGN_OR_RETURN(const release::Files files,
                           release::ReadPackage(store.PackageFolder(digest)));
  VEILSUM_ASSIGN_OR_RETURN(release::Release release, OpenByAnyKey(files, root));
  return Predictor::Create(std::move(release));
}

absl::StatusOr<model::Examples> OwnRows(const ClientConfig& config, const model::Plan& plan,
                                        Odometer& odometer) {
  absl::StatusOr<Dataset> data = LoadDataset(plan, config.folders);
  if (!data.ok()) return WithoutQuotations(data.status());
  CustomerIds objected;
  if (!config.objections.empty()) {
    VEILSUM_ASSIGN_OR_RETURN(objected, ReadObjections(config.objections));
  }
  model::Examples& rows = data->holdout;
  VEILSUM_ASSIGN_OR_RETURN(std::vector<bool> keep, odometer.ClaimCustomers(rows.customer_ids));
  for (std::size_t i = 0; i < keep.size(); ++i)
    keep[i] = keep[i] && !objected.contains(rows.customer_ids[i]);
  return SelectCustomers(rows, keep);
}

absl::StatusOr<bool> Objects(const ClientConfig& config, const ModelStore& store,
                             Odometer& odometer) {
  VEILSUM_ASSIGN_OR_RETURN(const auto before, OpenKept(store, store.state().previous.digest));
  VEILSUM_ASSIGN_OR_RETURN(const auto after, OpenKept(store, store.state().current.digest));
  VEILSUM_ASSIGN_OR_RETURN(const model::Examples rows, OwnRows(config, after->plan(), odometer));
  const absl::StatusOr<Comparison> compared = Compare(*before, *after, rows);
  // Whether there is a bit must not tell how few rows there are.
  if (absl::IsInvalidArgument(compared.status())) return false;
  VEILSUM_RETURN_IF_ERROR(compared.status());
  return IsWorse(*compared, kTolerated);
}

}  // namespace

absl::StatusOr<std::optional<KeptVote>> VoteBefore(const ClientConfig& config,
                                                   const UpdateReport& report) {
  VEILSUM_ASSIGN_OR_RETURN(const std::unique_ptr<Odometer> odometer,
                           Odometer::Open(config.odometer));
  return VoteKept({report.wanted, report.channel, false}, *odometer);
}

absl::StatusOr<KeptVote> VoteOn(const ClientConfig& config, const ModelStore& store,
                                const UpdateReport& report) {
  const StoreState& state = store.state();
  if (config.veto.mode == VetoMode::kOff) return FailedPrecondition("this merchant does not vote");
  if (report.channel != "canary" || report.wanted != state.current.digest)
    return FailedPrecondition("the release that serves is no canary");
  if (state.previous.empty())
    return FailedPrecondition("there is no release before it to compare with");
  VEILSUM_ASSIGN_OR_RETURN(const Policy policy, LoadPolicy(config.policy));
  VEILSUM_ASSIGN_OR_RETURN(const std::unique_ptr<Odometer> odometer,
                           Odometer::Open(config.odometer));
  VetoQuestion question{state.current.digest, report.channel, false};
  // Before customers are claimed: if another epoch is opened meanwhile, the charge is refused.
  VEILSUM_ASSIGN_OR_RETURN(const std::vector<DataEpoch> epochs, odometer->Epochs());
  question.epoch = epochs.back().number;
  VEILSUM_ASSIGN_OR_RETURN(const std::optional<KeptVote> kept, VoteKept(question, *odometer));
  if (kept) return *kept;  // without a look at the rows
  VEILSUM_ASSIGN_OR_RETURN(question.objects, Objects(config, store, *odometer));
  SystemRng rng;
  return Vote(question, config.veto, policy, *odometer, rng);
}

}  // namespace veilsum::client
