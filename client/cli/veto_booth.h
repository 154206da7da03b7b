// Where a merchant makes up its mind about a release that it was given in a canary.
#pragma once

#include "client/cli/config.h"
#include "client/release/updater.h"

namespace veilsum::client {

// The bit to send with this report. It is judged on the hold-out of [data], of customers who are of
// the open data epoch and have not objected, against the release that the store had before: the
// merchant objects when the new one is worse by more than 0.01 of ROC-AUC or accuracy, or by more
// than a hundredth of the absolute error, and the whole interval of the difference is on that side
// of nothing. Too few rows of either label are no objection. FailedPrecondition: it is no canary,
// it has nothing before it, or the merchant does not vote; errors of LoadDataset, Odometer::Open
// and Vote.
absl::StatusOr<KeptVote> VoteOn(const ClientConfig& config, const ModelStore& store,
                                const UpdateReport& report);

}  // namespace veilsum::client
