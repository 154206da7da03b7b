// The trainer on devices with devices that are not what they should be: what it looks at, and what
// it refuses (DP-06, DP-07).
#include "client/train/device/device_trainer.h"

#include <cmath>
#include <functional>

#include "tests/support/status_matchers.h"
#include "tests/unit/client/train/reference.h"

namespace veilsum::client {
namespace {

using absl::StatusCode;
using torch_engine::Batch;

// Adds up the first numbers of live rows.
class Abacus : public DeviceSums {
 public:
  absl::Status Sum(const float*, const Batch& batch, double, std::span<double> sum) override {
    batches_.push_back(batch);
    std::ranges::fill(sum, 0.0);
    const std::size_t numeric = 5;
    for (std::size_t row = 0; row < batch.rows; ++row)
      if (static_cast<std::int64_t>(row % batch.customer_rows) <
          batch.lengths[row / batch.customer_rows])
        sum[0] += static_cast<double>(batch.x[row * numeric]);
    spoil(batch, sum);
    return status;
  }
  std::function<void(const Batch&, std::span<double>)> spoil = [](const Batch&, auto) {};
  absl::Status status;
  std::vector<Batch> batches_;
};

struct Counted {
  Counted() : rng(3), examples(RandomExamples({40, 2, 5, {}}, rng)) {
    model = RandomModel(layout, rng);
    auto sums = std::make_unique<Abacus>();
    abacus = sums.get();
    trainer =
        MakeDeviceTrainer(layout, examples, 2, {model::Head{}}, 0, std::move(sums), 3).value();
  }
  absl::Status Step(std::uint32_t customers, StepShape shape = {40, 1, 1024}) {
    auto all = Everyone(examples);
    all.resize(customers);
    return trainer->GradientSum(model, all, shape).status();
  }

  std::mt19937 rng;
  model::Layout layout = model::Layout::Mlp(5, 0, {4}, false);
  model::Examples examples;
  model::ModelVector model;
  Abacus* abacus;
  std::unique_ptr<Trainer> trainer;
};

TEST(DeviceTrainer, RefusesDevicesWhoseSumsChangeWithTheNeighbours) {
  Counted f;
  f.abacus->spoil = [](const Batch& batch, std::span<double> sum) {
    sum[1] += 1e-9 * static_cast<double>(batch.x[0] + batch.x[batch.rows * 5 - 1]);
  };
  EXPECT_THAT(f.Step(3), StatusIs(StatusCode::kFailedPrecondition, "DP-07"));
  EXPECT_THAT(f.trainer->Prepare({40, 1, 1024}), StatusIs(StatusCode::kFailedPrecondition, "DP-07"))
      << "and before any step";
  f.abacus->spoil = [](const Batch&, auto) {};
  EXPECT_OK(f.Step(3));
}

TEST(DeviceTrainer, LooksAtDevicesWithRowsOfNobody) {
  Counted f;
  for (float& value : f.examples.numeric_values) value = 777;
  ASSERT_OK(f.Step(40));
  ASSERT_GT(f.abacus->batches_.size(), 10u);
  const float* mine = f.abacus->batches_.back().x;
  EXPECT_NE(std::find(mine, mine + 5, 777.0f), mine + 5);
  const std::size_t looked = f.abacus->batches_.size();
  ASSERT_OK(f.Step(2));
  EXPECT_EQ(f.abacus->batches_.size(), looked + 1) << "once for a shape";
  ASSERT_OK(f.Step(2, {80, 1, 1024}));
  EXPECT_GT(f.abacus->batches_.size(), looked + 10) << "another shape";
}

TEST(DeviceTrainer, WorksOnAsManyRowsWhoeverIsInThem) {
  Counted f;
  for (const std::uint32_t customers : {0u, 1u, 40u}) {
    ASSERT_OK(f.Step(customers));
    EXPECT_EQ(f.abacus->batches_.back().rows, 42 * 2u) << "three devices with equal parts";
  }
}

TEST(DeviceTrainer, PassesOnWhatDevicesSayAndNoSumThatCannotBe) {
  Counted f;
  ASSERT_OK(f.Step(3));
  f.abacus->spoil = [](const Batch&, std::span<double> sum) { sum[2] = NAN; };
  EXPECT_THAT(f.Step(3), StatusIs(StatusCode::kInternal, "no clipped customers have"));
  f.abacus->spoil = [](const Batch&, std::span<double> sum) { sum[2] = 1e30; };
  EXPECT_THAT(f.Step(3), StatusIs(StatusCode::kInternal, "no clipped customers have"));
  f.abacus->status = Internal("train.devices: it fell off the bus");
  EXPECT_THAT(f.Step(3), StatusIs(StatusCode::kInternal, "fell off the bus"));
}

TEST(DeviceTrainer, RefusesWhatTheCpuTrainerRefuses) {
  Counted f;
  constexpr auto kInvalid = StatusCode::kInvalidArgument;
  EXPECT_THAT(f.Step(3, {2, 1, 1024}), StatusIs(kInvalid, "DP-06"));
  EXPECT_THAT(f.Step(3, {40, 1, 1000}), StatusIs(kInvalid, "power of two"));
  const std::uint32_t twice[] = {1, 1}, beyond[] = {40};
  const StepShape shape{40, 1, 1024};
  EXPECT_THAT(f.trainer->GradientSum(f.model, twice, shape), StatusIs(kInvalid, "twice"));
  EXPECT_THAT(f.trainer->GradientSum(f.model, beyond, shape), StatusIs(kInvalid, "out of range"));
  EXPECT_THAT(f.trainer->GradientSum({}, {}, shape), StatusIs(kInvalid, "model has 0"));
  EXPECT_THAT(MakeDeviceTrainer(f.layout, f.examples, 1, {}, 0, std::make_unique<Abacus>(), 1),
              StatusIs(kInvalid, "max_rows = 1"));
}

}  // namespace
}  // namespace veilsum::client
