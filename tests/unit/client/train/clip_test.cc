// A12: whatever the data, factor * |gradient| <= C for the gradient of the stored operands,
// materialised in long double.
#include "client/train/cpu/clip.h"

#include <cmath>
#include <limits>

#include "tests/support/status_matchers.h"
#include "tests/unit/client/train/reference.h"

namespace veilsum::client {
namespace {

constexpr double kClip = 1;

// One layer of one customer: R rows of a (without the bias's 1) and delta, widths multiples of
// kColumnTile.
struct Operands {
  std::size_t rows, in, out;
  std::vector<float> a, delta;
};

double FactorOf(const Operands& o, const cpu::Kernels& path) {
  std::vector<double> inputs(o.rows * o.rows), deltas(o.rows * o.rows);
  for (std::size_t r = 0; r < o.rows; ++r)
    for (std::size_t s = 0; s < o.rows; ++s) {
      inputs[r * o.rows + s] = 1 + path.dot(o.in, &o.a[r * o.in], &o.a[s * o.in]);
      deltas[r * o.rows + s] = path.dot(o.out, &o.delta[r * o.out], &o.delta[s * o.out]);
    }
  cpu::CertifiedNorm norm;
  norm.AddLayer(o.in, o.out, o.rows, inputs, deltas);
  return norm.Factor(kClip, CancellationLimit(o.rows));
}

long double NormOf(const Operands& o) {
  Exact gradient((o.in + 1) * o.out);
  for (std::size_t r = 0; r < o.rows; ++r)
    for (std::size_t i = 0; i <= o.in; ++i)
      for (std::size_t n = 0; n < o.out; ++n)
        gradient[i * o.out + n] += (i < o.in ? static_cast<long double>(o.a[r * o.in + i]) : 1.0L) *
                                   static_cast<long double>(o.delta[r * o.out + n]);
  return Norm(gradient);
}

Operands RandomOperands(std::size_t rows, double a_size, double delta_size, std::mt19937& rng) {
  Operands o{rows, 32, 16, {}, {}};
  std::normal_distribution<double> normal;
  for (std::size_t i = 0; i < rows * o.in; ++i)
    o.a.push_back(static_cast<float>(a_size * normal(rng)));
  for (std::size_t i = 0; i < rows * o.out; ++i)
    o.delta.push_back(static_cast<float>(delta_size * normal(rng)));
  return o;
}

// Pairs of rows that cancel but for `residue`: what a Gram in fp32 gets wrong by a factor of ten
// (C2).
void MakeRowsCancel(Operands& o, double residue, std::mt19937& rng) {
  std::normal_distribution<double> normal;
  for (std::size_t r = 1; r < o.rows; r += 2) {
    for (std::size_t i = 0; i < o.in; ++i)
      o.a[r * o.in + i] = static_cast<float>(o.a[(r - 1) * o.in + i] * (1 + residue * normal(rng)));
    for (std::size_t n = 0; n < o.out; ++n) o.delta[r * o.out + n] = -o.delta[(r - 1) * o.out + n];
  }
}

TEST(CertifiedNorm, NeverLetsMoreThanTheClipNormThrough) {
  std::mt19937 rng(1);
  const double denormal = std::numeric_limits<float>::denorm_min() * 100;
  for (const cpu::Kernels* path : AllPaths())
    for (std::size_t rows = 1; rows <= 8; ++rows)
      for (const double a_size : {denormal, 1e-6, 1.0, 1e4, 1e18, 1e30})
        for (const double delta_size : {denormal, 1e-6, 1.0, 1e18})
          for (const double residue : {1.0, 1e-3, 1e-7, 0.0}) {
            Operands o = RandomOperands(rows, a_size, delta_size, rng);
            if (residue < 1) MakeRowsCancel(o, residue, rng);
            const double factor = FactorOf(o, *path);
            ASSERT_GE(factor, 0);
            ASSERT_LE(factor, 1);
            ASSERT_LE(factor * NormOf(o), kClip)
                << path->name << " R=" << rows << " a=" << a_size << " delta=" << delta_size
                << " residue=" << residue;
          }
}

TEST(CertifiedNorm, IsTightOnBenignRows) {
  std::mt19937 rng(2);
  for (const cpu::Kernels* path : AllPaths())
    for (std::size_t rows = 1; rows <= 8; ++rows)
      for (const double delta_size : {1e-4, 0.1, 10.0}) {
        const Operands o = RandomOperands(rows, 1, delta_size, rng);
        const long double best = std::min(1.0L, kClip / NormOf(o));
        EXPECT_GE(FactorOf(o, *path), 0.999L * best);
      }
}

TEST(CertifiedNorm, BoundsTheTermsOfACancellingSum) {
  std::mt19937 rng(3);
  Operands o = RandomOperands(8, 100, 100, rng);
  MakeRowsCancel(o, 0, rng);
  double terms = 0;
  for (std::size_t r = 0; r < o.rows; ++r) {
    double a = 1, delta = 0;
    for (std::size_t i = 0; i < o.in; ++i) a += std::pow(o.a[r * o.in + i], 2);
    for (std::size_t n = 0; n < o.out; ++n) delta += std::pow(o.delta[r * o.out + n], 2);
    terms += std::sqrt(a * delta);
  }
  EXPECT_LE(FactorOf(o, *AllPaths().back()) * terms, 64 * kClip * (1 + 1e-9)) << "DP-08, K = 64";
}

// As many rows as a plan may have, every one as long as the clip norm, and their sum next to
// nothing.
TEST(CertifiedNorm, RowsWithinTheClipNormAreNotShortenedForCancelling) {
  std::mt19937 rng(4);
  for (const std::size_t rows : {2u, 3u, 8u, 64u}) {
    Operands o = RandomOperands(rows, 1, 0.02, rng);
    for (std::size_t r = 1; r < rows; ++r) std::copy_n(&o.a[0], o.in, &o.a[r * o.in]);
    for (std::size_t r = 1; r < rows; ++r)
      for (std::size_t n = 0; n < o.out; ++n)
        o.delta[r * o.out + n] = r % 2 == 0 ? o.delta[n] : -o.delta[n];
    Operands one{1, o.in, o.out, {o.a.begin(), o.a.begin() + 32}, {&o.delta[0], &o.delta[16]}};
    const auto longest = static_cast<float>(kClip / (NormOf(one) * 1.0001L));
    for (float& delta : o.delta) delta *= longest;
    EXPECT_EQ(FactorOf(o, *AllPaths().back()), 1) << rows;
  }
}

TEST(CertifiedNorm, AnythingNotFiniteGivesExactlyZero) {
  std::mt19937 rng(4);
  const float bad[] = {NAN, INFINITY, -INFINITY};
  for (const cpu::Kernels* path : AllPaths())
    for (const std::size_t rows : {1u, 3u})
      for (const float value : bad) {
        Operands o = RandomOperands(rows, 1, 1, rng);
        o.a[5] = value;
        EXPECT_EQ(FactorOf(o, *path), 0) << "DP-09";
        o = RandomOperands(rows, 1, 1, rng);
        o.delta[7] = value;
        EXPECT_EQ(FactorOf(o, *path), 0) << "DP-09";
      }
}

// The same through the engine: its stored operands, its Gram, its factor.
TEST(Engine, ContributionsAreClippedWhateverTheInput) {
  for (const cpu::Kernels* path : AllPaths())
    for (std::uint32_t max_rows = 1; max_rows <= 8; ++max_rows)
      for (const double size : {1e-38, 1.0, 1e6, 1e18}) {
        std::mt19937 rng(max_rows);
        const ExampleShape shape{12, max_rows, 5, {4, 8}};
        model::Examples examples = RandomExamples(shape, rng);
        for (float& u : examples.numeric_values) u = static_cast<float>(u * size);
        for (std::size_t i = 1; i < examples.rows();
             ++i)  // neighbours with the same input and opposite labels cancel
          if (rng() % 2)
            std::copy_n(&examples.numeric_values[(i - 1) * 5], 5, &examples.numeric_values[i * 5]);
        const auto layout = model::Layout::Mlp(5, OneHot(shape), {20, 9}, false);
        const model::ModelVector model = RandomModel(layout, rng, 3);
        ASSERT_OK_AND_ASSIGN(auto engine, cpu::Engine::Create(layout, examples, max_rows, *path));
        cpu::Trace trace;
        engine->set_trace(&trace);
        ASSERT_OK(engine->Sum(model, Everyone(examples), 12, kClip));
        for (std::uint32_t u = 0; u < 12; ++u) {
          const long double norm = StoredNorm(layout, examples, u, trace.operands[u]);
          ASSERT_LE(trace.factors[u] * norm, kClip)
              << path->name << " R=" << max_rows << " size=" << size;
          if (size == 1.0 && max_rows == 1) {
            EXPECT_GE(trace.factors[u], 0.999L * std::min(1.0L, kClip / norm));
          }
        }
      }
}

TEST(Engine, ACustomerThatIsNotFiniteContributesExactlyZero) {
  std::mt19937 rng(9);
  const ExampleShape shape{12, 3, 5, {4, 8}};
  const model::Examples good = RandomExamples(shape, rng);
  const auto layout = model::Layout::Mlp(5, OneHot(shape), {20, 9}, true);
  const model::ModelVector model = RandomModel(layout, rng);
  std::vector<std::uint32_t> others = Everyone(good);
  others.erase(others.begin() + 4);
  for (const cpu::Kernels* path : AllPaths()) {
    model::Examples bad = good;
    bad.numeric_values[bad.first_row[4] * 5 + 2] = NAN;
    ASSERT_OK_AND_ASSIGN(auto engine, cpu::Engine::Create(layout, bad, 3, *path));
    ASSERT_OK_AND_ASSIGN(const auto with, engine->GridSum(model, Everyone(bad), {12, 1, 0x1p20}));
    ASSERT_OK_AND_ASSIGN(const auto without, engine->GridSum(model, others, {12, 1, 0x1p20}));
    EXPECT_EQ(with, without) << "DP-09 " << path->name;
    EXPECT_TRUE(std::any_of(with.begin(), with.end(), [](std::int64_t x) { return x != 0; }));
  }
}

// Weights so large that every forward pass overflows: nobody contributes, and no NaN reaches the
// grid.
TEST(Engine, AnOverflowingModelGivesZeros) {
  std::mt19937 rng(10);
  const ExampleShape shape{12, 2, 5, {4}};
  const model::Examples examples = RandomExamples(shape, rng);
  const auto layout = model::Layout::Mlp(5, OneHot(shape), {20, 9}, false);
  const model::ModelVector model(layout.size(), 3e38f);
  for (const cpu::Kernels* path : AllPaths()) {
    ASSERT_OK_AND_ASSIGN(auto engine, cpu::Engine::Create(layout, examples, 2, *path));
    ASSERT_OK_AND_ASSIGN(const auto grid,
                         engine->GridSum(model, Everyone(examples), {16, 1, 0x1p20}));
    for (const std::int64_t x : grid) EXPECT_LE(std::abs(x), 12 << 20);
  }
}

}  // namespace
}  // namespace veilsum::client
