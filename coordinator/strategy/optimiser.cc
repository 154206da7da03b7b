#include "coordinator/strategy/optimiser.h"

#include <cmath>

namespace veilsum::coordinator {
namespace {
constexpr double kBeta1 = 0.9, kBeta2 = 0.999, kEpsilon = 1e-8;
}

Adam::Adam(std::size_t parameters, double learning_rate)
    : learning_rate_(learning_rate), first_(parameters), second_(parameters) {}

void Adam::Update(std::uint64_t step, std::span<const double> gradient, std::span<float> x) {
  const double unbias_first = 1 - std::pow(kBeta1, static_cast<double>(step));
  const double unbias_second = 1 - std::pow(kBeta2, static_cast<double>(step));
  for (std::size_t i = 0; i < gradient.size(); ++i) {
    const double g = gradient[i];
    first_[i] = kBeta1 * first_[i] + (1 - kBeta1) * g;
    second_[i] = kBeta2 * second_[i] + (1 - kBeta2) * (g * g);
    const double denominator = std::sqrt(second_[i] / unbias_second) + kEpsilon;
    x[i] = static_cast<float>(x[i] - learning_rate_ * (first_[i] / unbias_first) / denominator);
  }
}

MomentumSgd::MomentumSgd(std::size_t parameters, double learning_rate, double momentum)
    : learning_rate_(learning_rate), momentum_(momentum), velocity_(parameters) {}

void MomentumSgd::Update(std::uint64_t, std::span<const double> gradient, std::span<float> x) {
  for (std::size_t i = 0; i < gradient.size(); ++i) {
    velocity_[i] = momentum_ * velocity_[i] + gradient[i];
    x[i] = static_cast<float>(x[i] - learning_rate_ * velocity_[i]);
  }
}

}  // namespace veilsum::coordinator
