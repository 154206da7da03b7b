#include "coordinator/strategy/strategy.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "coordinator/strategy/optimiser.h"

namespace veilsum::coordinator {
namespace {

constexpr std::uint8_t kStateVersion = 1;
constexpr std::uint8_t kAdam = 1, kSgd = 2, kYogi = 3, kAdagrad = 4;
static_assert(std::endian::native == std::endian::little, "states are little-endian float64");

class AveragedStrategy final : public Strategy {
 public:
  AveragedStrategy(const StrategyConfig& config, std::uint8_t kind,
                   std::unique_ptr<Optimiser> optimiser)
      : config_(config),
        kind_(kind),
        optimiser_(std::move(optimiser)),
        gradient_(config.parameters),
        average_(config.averaging > 0 ? config.parameters : 0) {}

  void Step(model::ModelVector& iterate, std::span<const std::int64_t> sum) override {
    VEILSUM_CHECK(sum.size() == config_.parameters);
    const double unit = config_.scale * config_.expected_batch;
    for (std::size_t i = 0; i < sum.size(); ++i) gradient_[i] = static_cast<double>(sum[i]) / unit;
    StepBy(iterate, gradient_);
  }

  void StepBy(model::ModelVector& iterate, std::span<const double> gradient) override {
    VEILSUM_CHECK(gradient.size() == config_.parameters &&
                  iterate.size() == config_.buffers + config_.parameters);
    const std::span<float> parameters = std::span(iterate).subspan(config_.buffers);
    if (gradient.data() != gradient_.data()) std::ranges::copy(gradient, gradient_.begin());
    if (config_.penalty.any()) dp::AddGradient(config_.penalty, parameters, {}, gradient_);
    optimiser_->Update(++steps_, gradient_, parameters);
    for (std::size_t i = 0; i < average_.size(); ++i)
      average_[i] = config_.averaging * average_[i] +
                    (1 - config_.averaging) * static_cast<double>(parameters[i]);
  }

  model::ModelVector Averaged(const model::ModelVector& iterate) const override {
    model::ModelVector published = iterate;
    if (average_.empty() || steps_ == 0) return published;
    VEILSUM_CHECK(iterate.size() == config_.buffers + config_.parameters);
    const double weights = 1 - std::pow(config_.averaging, static_cast<double>(steps_));
    for (std::size_t i = 0; i < average_.size(); ++i)
      published[config_.buffers + i] = static_cast<float>(average_[i] / weights);
    return published;
  }

  std::uint64_t steps() const override { return steps_; }

  Bytes SaveState() const override {
    Bytes out = Header(steps_);
    for (const std::vector<double>* numbers : State()) {
      const auto* bytes = reinterpret_cast<const std::uint8_t*>(numbers->data());
      out.insert(out.end(), bytes, bytes + numbers->size() * sizeof(double));
    }
    return out;
  }

  absl::Status LoadState(ByteView state) override {
    const std::size_t header = Header(0).size();
    std::size_t size = header;
    for (const std::vector<double>* numbers : State()) size += numbers->size() * sizeof(double);
    if (state.empty() || state[0] != kStateVersion)
      return InvalidArgument("strategy state has no version %d", kStateVersion);
    if (state.size() != size)
      return InvalidArgument("strategy state has %d bytes, must have %d", state.size(), size);
    if (state[1] != kind_)
      return InvalidArgument("strategy state is of optimiser %d, must be %d", state[1], kind_);
    for (std::size_t at = header; at < size; at += sizeof(double)) {
      double number;
      std::memcpy(&number, state.data() + at, sizeof number);
      if (!std::isfinite(number)) return InvalidArgument("strategy state: a number is not finite");
    }
    std::memcpy(&steps_, state.data() + 2, sizeof steps_);
    std::size_t at = header;
    for (std::vector<double>* numbers : State()) {
      if (!numbers->empty())
        std::memcpy(numbers->data(), state.data() + at, numbers->size() * sizeof(double));
      at += numbers->size() * sizeof(double);
    }
    return absl::OkStatus();
  }

 private:
  static_assert(sizeof(std::uint64_t) == 8);
  Bytes Header(std::uint64_t steps) const {
    Bytes out(2 + sizeof steps);
    out[0] = kStateVersion;
    out[1] = kind_;
    std::memcpy(out.data() + 2, &steps, sizeof steps);
    return out;
  }
  std::vector<std::vector<double>*> State() const {
    std::vector<std::vector<double>*> all = optimiser_->moments();
    all.push_back(const_cast<std::vector<double>*>(&average_));
    return all;
  }

  StrategyConfig config_;
  std::uint8_t kind_;
  std::unique_ptr<Optimiser> optimiser_;
  std::uint64_t steps_ = 0;
  std::vector<double> gradient_;
  std::vector<double>
      average_;  // sum of (1 - decay) decay^(steps - t) iterate_t; empty without averaging
};

bool IsPowerOfTwo(double x) {
  int exponent;
  return std::isfinite(x) && x >= 1 && std::frexp(x, &exponent) == 0.5;
}

absl::StatusOr<std::unique_ptr<Strategy>> ByName(const StrategyConfig& config) {
  const auto with = [&](std::uint8_t kind, std::unique_ptr<Optimiser> optimiser) {
    return std::make_unique<AveragedStrategy>(config, kind, std::move(optimiser));
  };
  const auto [name, d, rate] =
      std::tuple(config.optimizer, config.parameters, config.learning_rate);
  if (name == "adam") return with(kAdam, std::make_unique<Adam>(d, rate));
  if (name == "yogi") return with(kYogi, std::make_unique<Yogi>(d, rate));
  if (name == "adagrad") return with(kAdagrad, std::make_unique<Adagrad>(d, rate));
  if (name == "sgd") return with(kSgd, std::make_unique<MomentumSgd>(d, rate, config.momentum));
  return InvalidArgument("optimizer is \"%s\", must be adam, yogi, adagrad or sgd", name);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Strategy>> MakeStrategy(const StrategyConfig& config) {
  if (!(config.learning_rate > 0 && std::isfinite(config.learning_rate)))
    return InvalidArgument("learning_rate is %g, must be positive", config.learning_rate);
  if (!(config.momentum >= 0 && config.momentum < 1))
    return InvalidArgument("momentum is %g, must be in [0, 1)", config.momentum);
  if (!(config.averaging >= 0 && config.averaging < 1))
    return InvalidArgument("averaging is %g, must be in [0, 1)", config.averaging);
  if (!IsPowerOfTwo(config.scale))
    return InvalidArgument("scale is %g, must be a power of two", config.scale);
  if (!(config.expected_batch > 0 && std::isfinite(config.expected_batch)))
    return InvalidArgument("expected_batch is %g, must be positive", config.expected_batch);
  if (config.parameters == 0) return InvalidArgument("parameters is 0");
  if (config.penalty.proximal != 0)
    return InvalidArgument("penalty.proximal is %g, must be 0: it is of local steps",
                           config.penalty.proximal);
  return ByName(config);
}

}  // namespace veilsum::coordinator
