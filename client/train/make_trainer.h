// The trainer for what a plan's heads are: the one place that chooses.
#pragma once

#include <memory>

#include "client/train/device/device_sums.h"
#include "client/train/trainer.h"
#include "model/examples.h"
#include "model/heads.h"

namespace veilsum::client {

// Of Loss::kCentres a centre trainer (centre_trainer.h), which has little to do; else the devices
// that are named (device/device_trainer.h), else the CPU engine (cpu/cpu_trainer.h), with their
// references, terms and errors.
absl::StatusOr<std::unique_ptr<Trainer>> MakeTrainer(const model::Layout& layout,
                                                     const model::Examples& examples,
                                                     std::uint32_t max_rows, model::Heads heads,
                                                     double dropout, const Devices& devices = {});

}  // namespace veilsum::client
