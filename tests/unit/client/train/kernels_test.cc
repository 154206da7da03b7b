// Packed weights are the weights, whatever the shape, on every path.
#include <gtest/gtest.h>

#include "tests/unit/client/train/reference.h"

namespace veilsum::client {
namespace {

std::vector<float> Numbered(std::size_t rows, std::size_t ld) {
  std::vector<float> out(rows * ld);
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<float>(i + 1);
  return out;
}

// Where column n of row k of a packed matrix is.
std::size_t Place(std::size_t depth, std::size_t columns, std::size_t panel, std::size_t k,
                  std::size_t n) {
  const std::size_t first = n - n % panel;
  const std::size_t width = std::min(panel, cpu::RoundUp(columns - first, cpu::kColumnTile));
  return first * depth + k * width + n % panel;
}

void ExpectPacked(const cpu::Kernels& path, std::size_t depth, std::size_t columns) {
  const std::size_t padded = cpu::RoundUp(columns, cpu::kColumnTile), ld = depth + columns + 3;
  const std::vector<float> w = Numbered(depth, ld), t = Numbered(columns, ld);
  std::vector<float> plain(depth * padded + 1, -1), transposed(depth * padded + 1, -1);
  path.pack(depth, columns, w.data(), ld, plain.data());
  path.pack_transposed(depth, columns, t.data(), ld, transposed.data());
  for (std::size_t k = 0; k < depth; ++k)
    for (std::size_t n = 0; n < padded; ++n) {
      const std::size_t at = Place(depth, padded, path.panel, k, n);
      ASSERT_EQ(plain[at], n < columns ? w[k * ld + n] : 0) << path.name << " " << k << " " << n;
      ASSERT_EQ(transposed[at], n < columns ? t[n * ld + k] : 0)
          << path.name << " " << k << " " << n;
    }
  EXPECT_EQ(plain.back(), -1) << "nothing is written behind the matrix";
  EXPECT_EQ(transposed.back(), -1);
}

TEST(Kernels, PackAnyShape) {
  for (const cpu::Kernels* path : AllPaths())
    for (const std::size_t depth : {1, 3, 8, 16, 17, 31, 64})
      for (const std::size_t columns : {1, 7, 15, 16, 17, 32, 33, 47, 48, 50, 64})
        ExpectPacked(*path, depth, columns);
}

template <class Packed, class Out, class Unpack>
void ExpectUnpacked(const cpu::Kernels& path, std::size_t depth, std::size_t columns,
                    Unpack&& unpack) {
  const std::size_t padded = cpu::RoundUp(columns, cpu::kColumnTile), ld = columns + 3;
  const std::size_t packed_depth = depth + 2;
  std::vector<Packed> packed(packed_depth * padded);
  for (std::size_t i = 0; i < packed.size(); ++i) packed[i] = static_cast<Packed>(i) - 100;
  std::vector<Out> out(depth * ld, 7);
  unpack(depth, packed_depth, columns, packed.data(), out.data(), ld);
  for (std::size_t k = 0; k < depth; ++k)
    for (std::size_t n = 0; n < ld; ++n) {
      const std::size_t at = Place(packed_depth, padded, path.panel, k, n);
      ASSERT_EQ(out[k * ld + n], n < columns ? static_cast<Out>(packed[at]) : 7)
          << path.name << " " << k << " " << n;
    }
}

TEST(Kernels, UnpackAnyShape) {
  for (const cpu::Kernels* path : AllPaths())
    for (const std::size_t depth : {1, 15, 16, 17, 40})
      for (const std::size_t columns : {1, 15, 16, 17, 32, 33, 47, 48, 50, 64}) {
        ExpectUnpacked<float, double>(*path, depth, columns, path->unpack);
        ExpectUnpacked<std::int32_t, std::int64_t>(*path, depth, columns, path->unpack_grid);
      }
}

TEST(Kernels, AFreshSumTakesThePlaceOfWhatWasThere) {
  constexpr std::size_t kRows = 200, kDepth = 8, kColumns = 48;  // three chains
  const std::vector<float> a = Numbered(kRows, kDepth), e(kRows * kColumns, 0x1p-20f);
  for (const cpu::Kernels* path : AllPaths()) {
    std::vector<float> sum(kDepth * kColumns, 5), zero(sum.size());
    std::vector<std::int32_t> grid(sum.size(), 5), zeros(sum.size());
    for (auto& [to, fresh] : {std::pair{&sum, true}, std::pair{&zero, false}})
      path->accumulate(kRows, kDepth, kColumns, a.data(), kDepth, e.data(), kColumns, fresh,
                       to->data());
    for (auto& [to, fresh] : {std::pair{&grid, true}, std::pair{&zeros, false}})
      path->accumulate_grid(kRows, kDepth, kColumns, a.data(), kDepth, e.data(), kColumns, 1024,
                            fresh, to->data());
    EXPECT_EQ(sum, zero) << path->name;
    EXPECT_EQ(grid, zeros) << path->name;
    EXPECT_GT(zeros.front(), 0);
  }
}

}  // namespace
}  // namespace veilsum::client
