// The torch engine against the CPU engine: the same clipped sums to 1e-4 relative.
#include "client/train/torch/torch_engine.h"

#include <cmath>

#include "tests/support/status_matchers.h"
#include "tests/unit/client/train/reference.h"

namespace veilsum::client {
namespace {

struct Fixture {
  Fixture() : rng(5) {
    examples = RandomExamples({300, 1, 37, {}}, rng);
    layout = model::Layout::Mlp(37, 0, {70, 33}, false);
    model = RandomModel(layout, rng);
  }
  std::mt19937 rng;
  model::Examples examples;
  model::Layout layout = model::Layout::Mlp(1, 1, {}, false);
  model::ModelVector model;
};

void ExpectAgreement(const std::string& device) {
  Fixture f;
  std::string error;
  const auto torch = torch_engine::TorchEngine::Create({37, 70, 33, 1}, device, error);
  ASSERT_TRUE(torch) << error;
  ASSERT_EQ(torch->parameters(), f.layout.parameters());
  ASSERT_OK_AND_ASSIGN(auto cpu, cpu::Engine::Create(f.layout, f.examples, 1, cpu::BestKernels()));
  for (const bool broken : {false, true})
    for (const double clip_norm : {0.05, 1.0, 1e6}) {
      if (broken) f.examples.numeric_values[37 * 7 + 3] = NAN;
      ASSERT_OK_AND_ASSIGN(const auto expected,
                           cpu->Sum(f.model, Everyone(f.examples), 300, clip_norm));
      std::vector<float> sum(torch->parameters());
      ASSERT_TRUE(torch->Sum(f.model.data(), 300, f.examples.numeric_values.data(),
                             f.examples.labels.data(), clip_norm, sum.data(), error))
          << error;
      double difference = 0, norm = 0;
      for (std::size_t i = 0; i < sum.size(); ++i) {
        difference += std::pow(static_cast<double>(sum[i]) - expected[i], 2);
        norm += expected[i] * expected[i];
      }
      EXPECT_LT(std::sqrt(difference), 1e-4 * std::sqrt(norm)) << "clip " << clip_norm;
    }
}

TEST(TorchEngine, AgreesWithTheCpuEngine) { ExpectAgreement("cpu"); }

TEST(TorchEngine, AgreesWithTheCpuEngineOnCuda) {
  if (!torch_engine::HasCuda()) GTEST_SKIP() << "no CUDA device, or a libtorch without CUDA";
  ExpectAgreement("cuda");
}

TEST(TorchEngine, RefusesWhatItCannotRun) {
  std::string error;
  EXPECT_FALSE(torch_engine::TorchEngine::Create({3, 2}, "cpu", error));
  EXPECT_NE(error.find("end in 1"), std::string::npos);
  EXPECT_FALSE(torch_engine::TorchEngine::Create({3, 1}, "abacus", error));
  EXPECT_NE(error.find("abacus"), std::string::npos);
}

}  // namespace
}  // namespace veilsum::client
