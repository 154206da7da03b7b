// A11: what a customer contributes is bit for bit the same alone, in any batch, at any position, on
// every path (DP-07).
#include <Eigen/Dense>
#include <algorithm>
#include <cstring>

#include "tests/support/status_matchers.h"
#include "tests/unit/client/train/properties.h"

namespace veilsum::client {
namespace {

void ExpectInvariant(std::uint32_t max_rows, const std::vector<std::size_t>& hidden) {
  std::mt19937 rng(max_rows);
  const ExampleShape shape{70, max_rows, 9, {32, 8, 4}};
  const model::Examples examples = RandomExamples(shape, rng);
  const auto layout = model::Layout::Mlp(9, OneHot(shape), hidden, true);
  const model::ModelVector model = RandomModel(layout, rng);
  const auto engine_on = [&](const cpu::Kernels& path) {
    return *cpu::Engine::Create(layout, examples, max_rows, path);
  };
  ExpectRowInvariance({layout, examples, model, max_rows, engine_on}, rng, 1);
}

TEST(RowInvariance, OneRowACustomer) { ExpectInvariant(1, {128, 64, 32}); }
TEST(RowInvariance, SeveralRowsACustomer) { ExpectInvariant(5, {37, 11}); }
TEST(RowInvariance, MoreRowsThanAMicroBatch) { ExpectInvariant(40, {16}); }

TEST(RowInvariance, PathsAgreeUpToRounding) {
  std::mt19937 rng(3);
  const ExampleShape shape{30, 2, 9, {32, 8}};
  const model::Examples examples = RandomExamples(shape, rng);
  const auto layout = model::Layout::Mlp(9, OneHot(shape), {64, 32}, true);
  const model::ModelVector model = RandomModel(layout, rng);
  std::vector<std::vector<double>> sums;
  for (const cpu::Kernels* path : AllPaths()) {
    ASSERT_OK_AND_ASSIGN(auto engine, cpu::Engine::Create(layout, examples, 2, *path));
    ASSERT_OK_AND_ASSIGN(const auto sum, engine->Sum(model, Everyone(examples), 30, 1.0));
    sums.emplace_back(sum.begin(), sum.end());
    for (std::size_t i = 0; i < sum.size(); ++i)
      EXPECT_NEAR(sum[i], sums[0][i], 1e-4) << path->name;
  }
}

// The negative control: a library product that picks its kernel by the batch's shape does not pass
// the test above, which is why the engine has its own. (C1: one ulp can flip a ReLU, and then the
// sensitivity is 2 C B.)
TEST(RowInvariance, ShapeSwitchingProductsFailIt) {
  using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  std::srand(1);
  const Matrix x = Matrix::Random(64, 512), w = Matrix::Random(512, 64);
  const Matrix all = x * w;
  int different = 0;
  for (Eigen::Index r = 0; r < x.rows(); ++r) {
    const Matrix alone = x.row(r) * w;
    if (std::memcmp(alone.data(), all.row(r).data(), sizeof(float) * 64) != 0) ++different;
  }
  EXPECT_GT(different, 0);
}

}  // namespace
}  // namespace veilsum::client
