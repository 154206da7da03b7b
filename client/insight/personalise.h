// A released model fitted to one merchant's own customers, for that merchant alone: a head of its
// own, or all of it held near the release (Ditto: Li et al. 2021, arXiv 2012.04221, equation 2,
// with one personal model for good).
#pragma once

#include "base/secure_rng.h"
#include "client/serve/compare.h"
#include "client/serve/personal_model.h"

namespace veilsum::client {

enum class PersonalPart { kHead, kAll };  // what moves: the last layer and linear paths, or all

struct Personalisation {
  PersonalPart part = PersonalPart::kHead;
  std::uint32_t steps = 300;
  double learning_rate = 0.0003;
  double pull = 0.1;  // (pull/2) ||parameters - the release's||^2 beside a customer's mean loss
};

struct Personalised {
  PersonalModel model;
  Comparison quality;         // the release, then the personal model
  std::size_t moved = 0;      // parameters that were free to move
  std::size_t customers = 0;  // trained on
};

// Trains on `training` without noise, as TrainAlone, buffers as released; measures on `holdout`,
// whose customers are not among them. FailedPrecondition: a task other than binary, multi-class and
// regression. Errors of TrainAlone and Compare.
absl::StatusOr<Personalised> Personalise(const release::Release& release,
                                         const model::Examples& training,
                                         const model::Examples& holdout,
                                         const Personalisation& settings, SecureRng& rng);
// FailedPrecondition: the release is better on the hold-out.
absl::Status CheckIsBetter(const Comparison& quality);

}  // namespace veilsum::client
