#include "client/train/device/device_trainer.h"

#include <cmath>

#include "base/secure_rng.h"
#include "client/train/cpu/engine.h"
#include "client/train/device/device_batch.h"
#include "client/train/device/net_of.h"
#include "client/train/random_slots.h"
#include "client/train/torch/row_invariance.h"

namespace veilsum::client {
namespace {

class DeviceTrainer final : public Trainer {
 public:
  DeviceTrainer(const model::Layout& layout, const model::Examples& examples,
                std::uint32_t max_rows, model::Heads heads, double dropout, torch_engine::Net net,
                std::unique_ptr<DeviceSums> sums, std::size_t devices)
      : layout_(layout),
        examples_(examples),
        max_rows_(max_rows),
        heads_(std::move(heads)),
        dropout_(dropout),
        devices_(static_cast<std::uint32_t>(devices)),
        net_(std::move(net)),
        device_sums_(std::move(sums)),
        sum_(layout.parameters()) {}

  absl::StatusOr<dp::ClippedSum> GradientSum(const model::ModelVector& model,
                                             std::span<const std::uint32_t> customers,
                                             const StepShape& shape) override {
    VEILSUM_RETURN_IF_ERROR(Prepare(shape));
    if (model.size() != layout_.size())
      return InvalidArgument("model has %d numbers, must have %d", model.size(), layout_.size());
    VEILSUM_RETURN_IF_ERROR(
        CheckSelection(customers, examples_.customers(), shape.padded_customers));
    SetTarget(model);
    batch_->Fill(model, customers, RandomSlots(customers.size(), places_, rng_),
                 rng_.NewSecret<32>());
    VEILSUM_RETURN_IF_ERROR(device_sums_->Sum(model.data() + layout_.buffers(), batch_->batch(),
                                              shape.clip_norm, sum_));
    return OnTheGrid(shape.scale);
  }

  absl::Status Prepare(const StepShape& shape) override {
    VEILSUM_RETURN_IF_ERROR(CheckShape(shape));
    // Each device has equally many.
    const std::uint32_t places = (shape.padded_customers + devices_ - 1) / devices_ * devices_;
    if (places == places_) return absl::OkStatus();
    places_ = 0;
    batch_.emplace(layout_, examples_, heads_, max_rows_, places, dropout_);
    VEILSUM_RETURN_IF_ERROR(Look(shape.clip_norm));
    places_ = places;
    return absl::OkStatus();
  }

 private:
  // Of a model and rows of nobody.
  absl::Status Look(double clip_norm) {
    model::ModelVector model(layout_.parameters());
    for (float& x : model) x = MadeUpNumber(rng_) / 4;
    batch_->FillAtRandom(rng_);
    batch_->SetTarget(model.data());
    absl::Status failed;
    const std::string differs = torch_engine::RowInvarianceError(
        net_, batch_->batch(), [&](const auto& batch, double* sum, std::string& error) {
          failed = device_sums_->Sum(model.data(), batch, clip_norm, {sum, sum_.size()});
          error = std::string(failed.message());
          return failed.ok();
        });
    VEILSUM_RETURN_IF_ERROR(failed);
    if (differs.empty()) return absl::OkStatus();
    return FailedPrecondition(
        "DP-07: train.devices change a contribution with its neighbours (%s): train on the CPU",
        differs);
  }

  // As the CPU engine keeps it.
  void SetTarget(const model::ModelVector& model) {
    if (heads_.front().loss != model::Loss::kTemporal) return;
    if (steps_++ % heads_.front().target_every == 0) target_ = model;
    batch_->SetTarget(target_.data() + layout_.buffers());
  }

  absl::StatusOr<dp::ClippedSum> OnTheGrid(double scale) const {
    std::vector<std::int64_t> grid(sum_.size());
    for (std::size_t i = 0; i < grid.size(); ++i) {
      const double scaled = std::nearbyint(sum_[i] * scale);  // halves to even
      // No customer can do that, only a device that is broken.
      if (!(std::abs(scaled) < 0x1p52))
        return Internal("train.devices made a sum that no clipped customers have");
      grid[i] = static_cast<std::int64_t>(scaled);
    }
    return dp::ClippedSum::FromCertifiedContributions(std::move(grid));
  }

  const model::Layout& layout_;
  const model::Examples& examples_;
  const std::uint32_t max_rows_;
  const model::Heads heads_;
  const double dropout_;
  const std::uint32_t devices_;
  const torch_engine::Net net_;
  std::unique_ptr<DeviceSums> device_sums_;
  std::vector<double> sum_;
  std::uint32_t places_ = 0;  // of the shape that was looked at
  std::optional<DeviceBatch> batch_;
  model::ModelVector target_;
  std::uint64_t steps_ = 0;
  SystemRng rng_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Trainer>> MakeDeviceTrainer(
    const model::Layout& layout, const model::Examples& examples, std::uint32_t max_rows,
    const model::Heads& heads, double dropout, std::unique_ptr<DeviceSums> sums,
    std::size_t devices) {
  // What the CPU engine refuses of examples, heads and dropout.
  VEILSUM_RETURN_IF_ERROR(
      cpu::Engine::Create(layout, examples, max_rows, cpu::BaselineKernels(), heads, dropout)
          .status());
  model::Heads known = heads.empty() ? model::Heads{model::Head{}} : heads;
  VEILSUM_ASSIGN_OR_RETURN(torch_engine::Net net, NetOf(layout, known));
  return std::make_unique<DeviceTrainer>(layout, examples, max_rows, std::move(known), dropout,
                                         std::move(net), std::move(sums), devices);
}

}  // namespace veilsum::client
