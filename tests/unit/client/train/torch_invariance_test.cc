// Row invariance of a device's contributions (DP-07, A11): what a plain product of matrices fails.
#include <functional>

#include "client/train/torch/row_invariance.h"
#include "client/train/torch/torch_engine.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/client/train/torch_case.h"

namespace veilsum::client {
namespace {

using torch_engine::Batch, torch_engine::RowInvarianceError, torch_engine::TorchEngine;
using Cut = std::function<Batch(const Batch&)>;

std::string ErrorOf(const TorchShape& shape, const std::string& device,
                    const Cut& cut = std::identity()) {
  const TorchCase f(shape);
  std::string error;
  const auto engine = TorchEngine::Create(f.Net(), device, error);
  if (!engine) return error;
  return RowInvarianceError(f.Net(), f.Batch(), [&](const Batch& batch, double* sum, auto& why) {
    return engine->Sum(f.model().data(), cut(batch), 1, sum, why);
  });
}

TEST(TorchInvariance, OfEveryShape) {
  for (const TorchShape& shape : TorchShapes()) EXPECT_EQ(ErrorOf(shape, "cpu"), "") << shape.name;
}

TEST(TorchInvariance, OfEveryShapeOnCuda) {
  if (!torch_engine::HasCuda()) GTEST_SKIP() << "no CUDA device, or a libtorch without CUDA";
  for (const TorchShape& shape : TorchShapes()) EXPECT_EQ(ErrorOf(shape, "cuda"), "") << shape.name;
}

// The negative control: products that leave out empty rows have other shapes, for which a library
// adds up in other orders.
TEST(TorchInvariance, ProductsWithoutEmptyRowsFail) {
  const TorchShape shape{"plain"};
  const TorchCase f(shape);
  const auto only_the_live = [&](const Batch& batch) {
    const std::size_t numeric = torch_engine::NumericInputs(f.Net());
    const bool others = std::ranges::count(std::span(batch.x, 3 * numeric), 0.0f) < 2 * 37;
    const auto live = std::ranges::find(std::span(batch.lengths, batch.rows), 1);
    const auto at = static_cast<std::size_t>(live - std::span(batch.lengths, batch.rows).begin());
    return others ? batch : batch.Part(f.Net(), at, 1);
  };
  EXPECT_NE(ErrorOf(shape, "cpu", only_the_live).find("has other bits alone"), std::string::npos);
}

}  // namespace
}  // namespace veilsum::client
