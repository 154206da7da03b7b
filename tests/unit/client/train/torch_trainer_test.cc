// The trainer on devices, with the library that a client loads, against the CPU engine: the same
// sums on the grid, and one customer more moves them by at most D2 (A10, A13; DP-02).
#include <cmath>
#include <numeric>

#include "client/train/make_trainer.h"
#include "dp/mechanism/noise_share.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/client/train/torch_case.h"

namespace veilsum::client {
namespace {

const StepShape kStep{TorchCase::kCustomers + 1, 0.8, 0x1p20};

Devices OfThisBuild(std::vector<std::string> names) {
  return {std::move(names), VEILSUM_TORCH_LIBRARY};
}

// What a ClippedSum holds, which only a mechanism can see.
std::vector<std::int64_t> Opened(dp::ClippedSum sum) {
  SystemRng rng;
  return dp::NoiseShare::CreateWithoutPrivacy().AddTo(std::move(sum), rng).integers();
}

std::vector<std::int64_t> SumOf(Trainer& trainer, const TorchCase& f,
                                std::span<const std::uint32_t> customers) {
  return Opened(trainer.GradientSum(f.model(), customers, kStep).value());
}

double Apart(const std::vector<std::int64_t>& x, const std::vector<std::int64_t>& y) {
  double squares = 0;
  for (std::size_t i = 0; i < x.size(); ++i)
    squares += std::pow(static_cast<double>(x[i] - y[i]), 2);
  return std::sqrt(squares);
}

// All customers' by the CPU engine in fp64, in grid points.
class Expected {
 public:
  explicit Expected(const TorchCase& f)
      : all_(Everyone(f.examples())),
        engine_(cpu::Engine::Create(f.layout(), f.examples(), f.shape().max_rows,
                                    cpu::BestKernels(), f.shape().heads)
                    .value()) {}
  void Check(const model::ModelVector& model, const std::vector<std::int64_t>& sum) {
    const auto exact = engine_->Sum(model, all_, kStep.padded_customers, kStep.clip_norm).value();
    std::vector<std::int64_t> grid;
    for (const double x : exact) grid.push_back(std::llround(x * kStep.scale));
    EXPECT_LT(Apart(sum, grid), 1e-4 * Apart(grid, std::vector<std::int64_t>(grid.size())));
  }

 private:
  std::vector<std::uint32_t> all_;
  std::unique_ptr<cpu::Engine> engine_;
};

// Without masks or sampled negatives, whose keys are a trainer's own.
bool HasNoKey(const TorchShape& shape) {
  return shape.dropout == 0 && shape.heads.front().negatives == 0;
}

absl::StatusOr<std::unique_ptr<Trainer>> TrainerOf(const TorchCase& f, const Devices& devices) {
  return MakeTrainer(f.layout(), f.examples(), f.shape().max_rows, f.shape().heads,
                     f.shape().dropout, devices);
}

TEST(TorchTrainer, SumsWhatTheCpuEngineDoes) {
  for (const TorchShape& shape : TorchShapes()) {
    if (!HasNoKey(shape)) continue;
    SCOPED_TRACE(shape.name);
    TorchCase f(shape);
    f.Break();
    ASSERT_OK_AND_ASSIGN(const auto torch, TrainerOf(f, OfThisBuild({"cpu", "cpu"})));
    Expected(f).Check(f.model(), SumOf(*torch, f, Everyone(f.examples())));
    EXPECT_EQ(SumOf(*torch, f, {}), std::vector<std::int64_t>(f.layout().parameters()));
  }
}

TEST(TorchTrainer, OneCustomerMoreMovesASumByD2AtMost) {
  for (const TorchShape& shape : TorchShapes()) {
    if (!HasNoKey(shape) || shape.heads.front().loss == model::Loss::kTemporal) continue;
    SCOPED_TRACE(shape.name);
    const TorchCase f(shape);
    ASSERT_OK_AND_ASSIGN(const auto torch, TrainerOf(f, OfThisBuild({"cpu"})));
    const auto all = Everyone(f.examples());
    const double limit = kStep.scale * kStep.clip_norm * (1 + 0x1p-20) +
                         std::sqrt(static_cast<double>(f.layout().parameters())) +
                         SummationError(kStep, shape.max_rows);
    const auto most = std::span(all).first(all.size() - 1);
    const double moved = Apart(SumOf(*torch, f, all), SumOf(*torch, f, most));
    EXPECT_LE(moved, limit);
    EXPECT_GT(moved, 0);
  }
}

TEST(TorchTrainer, KeepsTheTargetModelOfTheCpuEngine) {
  model::Head actions{.loss = model::Loss::kTemporal, .outputs = 6, .huber = 0.5, .discount = 0.8};
  actions.target_every = 3;
  TorchCase f({"actions", {20}, 0, false, {actions}, 4});
  ASSERT_OK_AND_ASSIGN(const auto torch, TrainerOf(f, OfThisBuild({"cpu"})));
  Expected expected(f);
  const auto all = Everyone(f.examples());
  model::ModelVector model = f.model();
  for (int step = 0; step < 7; ++step) {
    for (float& x : model) x *= 0.9f;
    SCOPED_TRACE(step);
    expected.Check(model, Opened(torch->GradientSum(model, all, kStep).value()));
  }
}

TEST(TorchTrainer, SaysWhatItCannotHave) {
  const TorchCase f({"plain"});
  constexpr auto kAway = absl::StatusCode::kFailedPrecondition;
  EXPECT_THAT(TrainerOf(f, OfThisBuild({"abacus"})), StatusIs(kAway, "train.devices"));
  EXPECT_THAT(TrainerOf(f, {{"cpu"}, "/nowhere/libveilsum_torch.so"}),
              StatusIs(kAway, "libveilsum_torch.so"));
}

}  // namespace
}  // namespace veilsum::client
