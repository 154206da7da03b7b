// Where a merchant makes up its mind about a release that it was given in a canary.
#pragma once

#include "client/cli/config.h"
#include "client/release/updater.h"

namespace veilsum::client {

// The bit that was drawn on the release and stage of this report, without a look at the rows. None:
// nothing was. Errors of Odometer::Open.
absl::StatusOr<std::optional<KeptVote>> VoteBefore(const ClientConfig& config,
                                                   const UpdateReport& report);

// The bit to send about the release of this report. It is judged on the hold-out of [data], of
// customers who are of the open data epoch and have not objected, against the release that the
// store had before: the merchant objects when the new one is worse by more than 0.01 of ROC-AUC or
// accuracy, or by more than a hundredth of the absolute error, and the whole interval of the
// difference is on that side of nothing. Too few rows of either label are no objection.
// FailedPrecondition: it is no canary, it has nothing before it, or the merchant does not vote;
// errors of LoadDataset, Odometer::Open and Vote.
absl::StatusOr<KeptVote> VoteOn(const ClientConfig& config, const ModelStore& store,
                                const UpdateReport& report);

}  // namespace veilsum::client
