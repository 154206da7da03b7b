// A training step on devices behind Trainer. What the CPU engine has by construction is looked at
// here: before steps of a shape, that a customer's contribution has the same bits whoever
// stands beside it (DP-07), with rows of nobody. Customers take random places, so that one more
// leaves the others theirs (random_slots.h). Rows are summed in fp64 over the whole step and
// rounded once: SummationError is what that can lose (DP-02).
#pragma once

#include "client/train/device/device_sums.h"
#include "client/train/trainer.h"
#include "model/examples.h"
#include "model/heads.h"

namespace veilsum::client {

// As MakeCpuTrainer. `sums` are of NetOf(layout, heads), and `devices` how many they are spread
// over. Steps and Prepare: FailedPrecondition where the devices fail DP-07, Internal where they
// fail.
absl::StatusOr<std::unique_ptr<Trainer>> MakeDeviceTrainer(
    const model::Layout& layout, const model::Examples& examples, std::uint32_t max_rows,
    const model::Heads& heads, double dropout, std::unique_ptr<DeviceSums> sums,
    std::size_t devices);

}  // namespace veilsum::client
