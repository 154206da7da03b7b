// Several devices of one merchant against one: the same clipped sums, and no half of one.
#include "client/train/torch/device_group.h"

#include <cmath>

#include "tests/support/status_matchers.h"
#include "tests/unit/client/train/torch_case.h"

namespace veilsum::client {
namespace {

using torch_engine::DeviceGroup;

std::vector<double> SumOf(const TorchCase& f, const std::vector<std::string>& devices,
                          torch_engine::Batch batch) {
  std::string error;
  const auto group = DeviceGroup::Create(f.Net(), devices, error);
  EXPECT_TRUE(group) << error;
  std::vector<double> sum(torch_engine::Parameters(f.Net()), NAN);
  EXPECT_TRUE(group->Sum(f.model().data(), batch, 1, sum.data(), error)) << error;
  return sum;
}

void ExpectNear(const std::vector<double>& x, const std::vector<double>& y) {
  double difference = 0, norm = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    difference += std::pow(x[i] - y[i], 2);
    norm += y[i] * y[i];
  }
  EXPECT_LE(std::sqrt(difference), 1e-5 * std::sqrt(norm));
}

TEST(DeviceGroup, ManySumWhatOneDoes) {
  for (const TorchShape& shape : TorchShapes()) {
    SCOPED_TRACE(shape.name);
    const TorchCase f(shape);
    ExpectNear(SumOf(f, {"cpu", "cpu", "cpu"}, f.Batch()), SumOf(f, {"cpu"}, f.Batch()));
  }
}

TEST(DeviceGroup, EveryCudaDeviceHasAPart) {
  if (!torch_engine::HasCuda()) GTEST_SKIP() << "no CUDA device, or a libtorch without CUDA";
  const TorchCase f(TorchShapes().front());
  ExpectNear(SumOf(f, {"cuda", "cuda", "cpu"}, f.Batch()), SumOf(f, {"cuda"}, f.Batch()));
}

TEST(DeviceGroup, ThereMayBeMoreDevicesThanCustomers) {
  const TorchCase f({"rows", {33}, 0, false, {model::Head{}}, 4});
  const torch_engine::Batch two = f.Batch().Part(f.Net(), 7, 2);
  ExpectNear(SumOf(f, {"cpu", "cpu", "cpu", "cpu", "cpu"}, two), SumOf(f, {"cpu"}, two));
  const std::vector<double> none = SumOf(f, {"cpu", "cpu"}, f.Batch().Part(f.Net(), 7, 0));
  EXPECT_EQ(none, std::vector<double>(none.size()));
}

TEST(DeviceGroup, SaysWhichDeviceItCannotHave) {
  std::string error;
  EXPECT_FALSE(DeviceGroup::Create({{3, 1}}, {"cpu", "abacus"}, error));
  EXPECT_NE(error.find("abacus"), std::string::npos) << error;
  EXPECT_FALSE(DeviceGroup::Create({{3, 1}}, {}, error));
  EXPECT_NE(error.find("devices"), std::string::npos) << error;
}

TEST(DeviceGroup, WritesNoHalfOfASum) {
  std::string error;
  const auto group = DeviceGroup::Create({{1, 1}}, {"cpu", "cpu"}, error);
  ASSERT_TRUE(group) << error;
  const float one = 1;
  const float model[2] = {};
  double sum[2] = {5, 6};
  EXPECT_FALSE(
      group->Sum(model, {.rows = 1, .x = &one, .labels = &one, .customer_rows = 2}, 1, sum, error));
  EXPECT_NE(error.find("customer_rows"), std::string::npos) << error;
  EXPECT_EQ(sum[0], 5);
  EXPECT_EQ(sum[1], 6);
}

}  // namespace
}  // namespace veilsum::client
