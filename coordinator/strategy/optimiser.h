// The server optimisers as plain arithmetic on fp64 moments. Every function is one fixed
// sequence of operations a coordinate, so that the same inputs give the same bits.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "coordinator/strategy/strategy.h"

namespace veilsum::coordinator {

class Optimiser {
 public:
  virtual ~Optimiser() = default;
  // x_i <- x_i - update of gradient_i; `step` counts from 1.
  virtual void Update(std::uint64_t step, std::span<const double> gradient, std::span<float> x) = 0;
  // The moments, for saving and loading; their sizes never change.
  virtual std::vector<std::vector<double>*> moments() = 0;
};

// Adam with (0.9, 0.999, 1e-8) and bias correction.
class Adam final : public Optimiser {
 public:
  Adam(std::size_t parameters, double learning_rate);
  void Update(std::uint64_t step, std::span<const double> gradient, std::span<float> x) override;
  std::vector<std::vector<double>*> moments() override { return {&first_, &second_}; }

 private:
  double learning_rate_;
  std::vector<double> first_, second_;
};

// First moments as Adam without bias correction, second ones that grow and shrink by a fixed share
// of the squared gradient: v <- v - (1 - beta2) sign(v - g^2) g^2, (0.9, 0.99, 1e-3), v_0 = 1e-6.
class Yogi final : public Optimiser {
 public:
  Yogi(std::size_t parameters, double learning_rate);
  void Update(std::uint64_t step, std::span<const double> gradient, std::span<float> x) override;
  std::vector<std::vector<double>*> moments() override { return {&first_, &second_}; }

 private:
  double learning_rate_;
  std::vector<double> first_, second_;
};

// v <- v + g^2; x <- x - learning_rate g / (sqrt(v) + 1e-3), v_0 = 1e-6.
class Adagrad final : public Optimiser {
 public:
  Adagrad(std::size_t parameters, double learning_rate);
  void Update(std::uint64_t step, std::span<const double> gradient, std::span<float> x) override;
  std::vector<std::vector<double>*> moments() override { return {&squares_}; }

 private:
  double learning_rate_;
  std::vector<double> squares_;
};

// v <- momentum v + gradient; x <- x - learning_rate v.
class MomentumSgd final : public Optimiser {
 public:
  MomentumSgd(std::size_t parameters, double learning_rate, double momentum);
  void Update(std::uint64_t step, std::span<const double> gradient, std::span<float> x) override;
  std::vector<std::vector<double>*> moments() override { return {&velocity_}; }

 private:
  double learning_rate_, momentum_;
  std::vector<double> velocity_;
};

}  // namespace veilsum::coordinator
