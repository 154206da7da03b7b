// Row invariance of a device's contributions (DP-07, A11): what a plain product of matrices fails.
#include "client/train/torch/device_group.h"
#include "client/train/torch/row_invariance.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/client/train/torch_case.h"

namespace veilsum::client {
namespace {

using torch_engine::Batch, torch_engine::DeviceGroup, torch_engine::RowInvarianceError;

std::string ErrorOf(const TorchShape& shape, const std::vector<std::string>& devices) {
  const TorchCase f(shape);
  std::string error;
  const auto group = DeviceGroup::Create(f.Net(), devices, error);
  if (!group) return error;
  return RowInvarianceError(f.Net(), f.Batch(), [&](const Batch& batch, double* sum, auto& why) {
    return group->Sum(f.model().data(), batch, 1, sum, why);
  });
}

TEST(TorchInvariance, OfEveryShapeOnCuda) {
  if (!torch_engine::HasCuda()) GTEST_SKIP() << "no CUDA device, or a libtorch without CUDA";
  for (const TorchShape& shape : TorchShapes())
    EXPECT_EQ(ErrorOf(shape, {"cuda"}), "") << shape.name;
}

// The negative control: parts of different sizes are products of different shapes, for which a
// library adds up in different orders.
TEST(TorchInvariance, ProductsOfDifferentShapesFail) {
  const std::vector<std::string> seven(7, "cpu");
  EXPECT_NE(ErrorOf({"plain"}, seven).find("has other bits"), std::string::npos);
}

}  // namespace
}  // namespace veilsum::client
