#include "coordinator/strategy/optimiser.h"

#include <cmath>

namespace veilsum::coordinator {
namespace {
constexpr double kBeta1 = 0.9, kBeta2 = 0.999, kEpsilon = 1e-8;
// Of Yogi and Adagrad; tau is their epsilon, its square what second moments begin with.
constexpr double kYogiBeta2 = 0.99, kTau = 1e-3;
}  // namespace

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

Yogi::Yogi(std::size_t parameters, double learning_rate)
    : learning_rate_(learning_rate), first_(parameters), second_(parameters, kTau * kTau) {}

void Yogi::Update(std::uint64_t, std::span<const double> gradient, std::span<float> x) {
  for (std::size_t i = 0; i < gradient.size(); ++i) {
    const double g = gradient[i], square = g * g;
    first_[i] = kBeta1 * first_[i] + (1 - kBeta1) * g;
    const double change = (1 - kYogiBeta2) * square;
    second_[i] += second_[i] > square ? -change : second_[i] < square ? change : 0;
    x[i] = static_cast<float>(x[i] - learning_rate_ * first_[i] / (std::sqrt(second_[i]) + kTau));
  }
}

Adagrad::Adagrad(std::size_t parameters, double learning_rate)
    : learning_rate_(learning_rate), squares_(parameters, kTau * kTau) {}

void Adagrad::Update(std::uint64_t, std::span<const double> gradient, std::span<float> x) {
  for (std::size_t i = 0; i < gradient.size(); ++i) {
    const double g = gradient[i];
    squares_[i] += g * g;
    x[i] = static_cast<float>(x[i] - learning_rate_ * g / (std::sqrt(squares_[i]) + kTau));
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
