// A full report for the tests of what is made from one. The numbers are arbitrary.
#pragma once

#include <cmath>

#include "cli/demo/report/report.h"

namespace veilsum::cli {

inline Report SampleReport() {
  Report r;
  r.outcome = "finished";
  r.seed = 1;
  r.plan = {"purchase-intent", std::string(64, 'a')};
  r.data = {"generated", true};
  r.federation = {.merchants = 6,
                  .survivors_min = 5,
                  .rounds = 240,
                  .aborted = 3,
                  .declined = {"corner <shop>: fewer customers than the plan asks for"}};
  r.privacy.epsilon = 2.9712, r.privacy.delta = 1e-5, r.privacy.epsilon_coordinator = 2.61;
  r.privacy.epsilon_coordinator_plus_t = 2.9712, r.privacy.accountant = "rdp",
  r.privacy.colluders = 1;
  r.privacy.unit = "user_id", r.privacy.noise_multiplier = 3.66, r.privacy.sampling_rate = 0.1,
  r.privacy.clip_norm = 1;
  r.privacy.steps = 237, r.privacy.attempts = 240, r.privacy.attempts_max = 256;
  r.privacy.unprotected = {"a merchant's size class"};
  r.quality.roc_auc = 0.7961, r.quality.pr_auc = 0.52, r.quality.accuracy = 0.81,
  r.quality.majority_accuracy = 0.76;
  r.quality.log_loss = 0.431, r.quality.local_only_roc_auc = 0.741;
  for (int i = 1; i <= 6; ++i)
    r.quality.per_merchant.push_back({.name = "shop_" + std::to_string(i),
                                      .holdout_rows = 600u / static_cast<unsigned>(i),
                                      .roc_auc = 0.78 + 0.006 * i,
                                      .local_only_roc_auc = 0.78 - 0.02 * i,
                                      .accuracy = 0.8,
                                      .log_loss = 0.44});
  for (int i = 0; i < 10; ++i)
    r.quality.calibration.push_back({.count = 900u / static_cast<unsigned>(1 + i),
                                     .predicted = 0.05 + 0.1 * i,
                                     .observed = std::min(1.0, 0.03 + 0.105 * i)});
  for (unsigned i = 0; i <= 24; ++i)
    r.curve.push_back({.round = 10 * i,
                       .step = 10 * i,
                       .epsilon = 0.5 + 2.4 * std::sqrt(i / 24.0),
                       .loss = 0.43 + 0.26 * std::exp(-0.2 * i),
                       .roc_auc = 0.796 - 0.29 * std::exp(-0.25 * i)});
  r.cost = {.seconds = 12.5,
            .rounds_per_second = 24.1,
            .upload_bytes_per_client_round = 141000,
            .plain_bytes_per_client_round = 139500,
            .padding_overhead = 1.21,
            .coordinator_peak_rss_bytes = 61000000,
            .client_peak_rss_bytes = 48000000};
  r.model = {.version = 237, .sha256 = std::string(64, 'b'), .files = {"model.safetensors"}};
  r.environment = {.engine = "cpu/avx2", .device = "x86-64", .version = "0.1.0", .threads = 2};
  return r;
}

}  // namespace veilsum::cli
