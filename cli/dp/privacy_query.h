// What `veilsum dp` was asked, as typed on the command line, and its answer as text. No parsing of
// argv here.
#pragma once

#include <cstdint>
#include <string>

#include "base/canonical_json.h"
#include "base/exit_code.h"
#include "base/status.h"
#include "dp/accountant/accountant.h"

namespace veilsum::cli {

struct PrivacyQuery {
  double noise_multiplier = 0;  // not of `noise` and `events`
  double epsilon = 0;           // `noise` only
  double delta = 0;
  std::string sampling_rate = "1";
  std::uint64_t steps = 1;
  std::uint32_t merchants = 1;
  std::uint64_t bands =
      1;  // of a banded run: sampling_rate is that of all customers over all steps
  std::uint64_t most_bands = 64;  // `bands` only
  double sensitivity = 0;  // of integer noise, on its grid; 0: so fine that it does not matter
  double sensitivity_l1 = 0;
  std::uint64_t dimension = 0;
  std::string mechanism = "gaussian";
  std::string accountant = "rdp";
  std::string neighbouring = "add-remove";
  std::string file;  // `events` only
  bool json = false;
};

// One line of text, or one JSON object: {"accountant","delta","epsilon","epsilon_rdp","mechanism",
// "merchants","neighbouring","noise_multiplier","order","sampling_rate","steps"} and, where it is
// not 1, "bands"; an epsilon that is infinite or unknown is null. InvalidArgument names the flag's
// field and bound; Unimplemented what the accountant cannot do; FailedPrecondition when no noise
// meets the target.
absl::StatusOr<std::string> AnswerEpsilon(const PrivacyQuery& query);
absl::StatusOr<std::string> AnswerNoise(const PrivacyQuery& query);
// Epsilon over steps 1..steps at a dozen points: a plot of text, or the same object with "points".
absl::StatusOr<std::string> AnswerCurve(const PrivacyQuery& query);
// A paragraph for people who are no mathematicians, or the same object with "text".
absl::StatusOr<std::string> AnswerExplain(const PrivacyQuery& query);
// The numbers of bands that a run could have, the best first (dp/mechanism/choose_bands.h): a
// table, or one object with "choices".
absl::StatusOr<std::string> AnswerBands(const PrivacyQuery& query);
// The composition of a JSON list of events in query.file; docs/accounting.md has the format.
// DataLoss names the place of what is wrong in it.
absl::StatusOr<std::string> AnswerEvents(const PrivacyQuery& query);

// kUsage for InvalidArgument and Unimplemented, which the caller mends by other flags; kFindings
// for DataLoss: a file of events that says something wrong.
ExitCode ExitCodeOfAnswer(const absl::Status& status);

// ---- What the answers share.

// A query's fields as checked values.
struct PrivacySetting {
  dp::AccountantKind accountant;
  dp::Neighbouring neighbouring;
  dp::Delta delta;
  dp::PrivacyEvent event;  // with the query's noise multiplier and steps
};
// The fields of one event; `noise_multiplier` is checked too. A banded run is ceil(steps / bands)
// releases of a group that is sampled at bands * sampling_rate (DP-15).
absl::StatusOr<dp::PrivacyEvent> EventOf(const PrivacyQuery& query);
absl::StatusOr<PrivacySetting> SettingOf(const PrivacyQuery& query);
absl::StatusOr<dp::AccountantKind> AccountantOf(const std::string& name);
absl::StatusOr<dp::Neighbouring> NeighbouringOf(const std::string& name);
absl::StatusOr<dp::PrivacyLoss> LossOf(const PrivacySetting& setting,
                                       const dp::PrivacySchedule& schedule,
                                       const std::vector<dp::Selection>& selections = {});
// By Renyi accounting, for comparison; infinite where that has no bound.
double RenyiEpsilonOf(const PrivacySetting& setting, const dp::PrivacySchedule& schedule,
                      const std::vector<dp::Selection>& selections = {});
Json NumberOrNull(double value);
Json AnswerObject(const PrivacyQuery& query, double noise_multiplier, const dp::PrivacyLoss& loss,
                  double epsilon_rdp);

}  // namespace veilsum::cli
