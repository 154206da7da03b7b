// From what a run left behind to a report.
#pragma once

#include "cli/demo/report/report.h"
#include "cli/demo/run/follow_run.h"
#include "cli/demo/score/scorer.h"
#include "cli/demo/setup/scenario.h"

namespace veilsum::cli {

// The score of the last model, and of models trained alone where there are such (one per merchant,
// or empty).
QualityFacts QualityOf(const model::Plan& plan, const Score& score,
                       const std::vector<std::string>& names,
                       const std::vector<std::optional<double>>& alone);

// What private evaluation has said, once there is a number, into `quality`.
void AddEvaluation(const admin::v1::Evaluation& evaluation, QualityFacts& quality);

// Outcome, counts, curve and cost as the run reported them. Privacy, quality and model are the
// caller's to add.
Report ReportOfRun(const Scenario& scenario, const FollowedRun& run, std::uint64_t members,
                   std::vector<std::string> declined);

// The same in whole sentences, for what a reader should know beside the numbers.
std::vector<std::string> NotesOf(const Scenario& scenario, const FollowedRun& run);

// Rows that padded steps compute, divided by those of the customers sampled on average (SE-16).
// `size_classes` and `customers` per merchant.
std::optional<double> PaddingOverhead(const model::Plan& plan,
                                      const std::vector<std::uint64_t>& size_classes,
                                      const std::vector<std::uint64_t>& customers);

}  // namespace veilsum::cli
