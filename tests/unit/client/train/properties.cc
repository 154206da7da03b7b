#include "tests/unit/client/train/properties.h"

#include <cmath>
#include <cstring>

#include "tests/support/status_matchers.h"

namespace veilsum::client {
namespace {

cpu::Trace TraceOf(const NetUnderTest& net, cpu::Engine& engine,
                   const std::vector<std::uint32_t>& customers, std::uint32_t padded) {
  cpu::Trace trace;
  engine.set_trace(&trace);
  net.before_sum(engine);
  EXPECT_OK(engine.Sum(net.model, customers, padded, 1.0));
  engine.set_trace(nullptr);
  return trace;
}

std::vector<cpu::Trace> TracesAlone(const NetUnderTest& net, cpu::Engine& engine) {
  std::vector<cpu::Trace> alone;
  for (const std::uint32_t u : Everyone(net.examples))
    alone.push_back(TraceOf(net, engine, {u}, 1));
  return alone;
}

bool SameBits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

}  // namespace

PlainNet::PlainNet(const ExampleShape& wanted, const std::vector<std::size_t>& hidden,
                   bool standardised, std::uint32_t seed, double gain)
    : shape(wanted),
      rng(seed),
      examples(RandomExamples(shape, rng)),
      layout(model::Layout::Mlp(static_cast<std::size_t>(shape.numeric), OneHot(shape), hidden,
                                standardised, shape.bags, 1, false, false, shape.sequences)),
      model(RandomModel(layout, rng, gain)) {}

std::unique_ptr<cpu::Engine> PlainNet::EngineOn(const cpu::Kernels& path) const {
  auto engine = cpu::Engine::Create(layout, examples, shape.max_rows, path);
  EXPECT_OK(engine);
  return *std::move(engine);
}

NetUnderTest PlainNet::Net() const {
  return {layout, examples, model, shape.max_rows,
          [this](const cpu::Kernels& path) { return EngineOn(path); }};
}

std::vector<Exact> PlainNet::Gradients() const {
  std::vector<Exact> gradients;
  for (const std::uint32_t u : Everyone(examples))
    gradients.push_back(CustomerGradient(layout, exact(), examples, u));
  return gradients;
}

void ExpectDifferencesAgree(const NetUnderTest& net, const Exact& gradient, std::size_t stride,
                            double tolerance,
                            const std::function<long double(const Exact& model)>& loss) {
  Exact model(net.model.begin(), net.model.end());
  for (std::size_t i = 0; i < gradient.size(); i += stride) {
    long double& weight = model[net.layout.buffers() + i];
    const long double before = weight, step = 1e-7L;
    weight = before + step;
    const long double up = loss(model);
    weight = before - step;
    const long double down = loss(model);
    weight = before;
    ASSERT_NEAR(static_cast<double>((up - down) / (2 * step)), static_cast<double>(gradient[i]),
                tolerance)
        << i;
  }
}

Exact ClippedSum(const std::vector<Exact>& gradients, long double clip_norm) {
  Exact sum(gradients.at(0).size());
  for (const Exact& gradient : gradients) {
    const long double norm = Norm(gradient);
    const long double factor = norm > clip_norm ? clip_norm / norm : 1;
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += factor * gradient[i];
  }
  return sum;
}

void ExpectSumsAgree(const NetUnderTest& net, const std::vector<Exact>& gradients,
                     std::uint32_t padded) {
  for (const double clip_norm : {0.05, 1.0, 1e6}) {
    const Exact expected = ClippedSum(gradients, clip_norm);
    for (const cpu::Kernels* path : AllPaths()) {
      const auto engine = net.engine_on(*path);
      net.before_sum(*engine);
      ASSERT_OK_AND_ASSIGN(const auto sum,
                           engine->Sum(net.model, Everyone(net.examples), padded, clip_norm));
      Exact difference(expected);
      for (std::size_t i = 0; i < sum.size(); ++i) difference[i] -= sum[i];
      EXPECT_LT(Norm(difference), 1e-5L * Norm(expected))
          << path->name << " R=" << net.max_rows << " C=" << clip_norm;
    }
  }
}

void ExpectRowInvariance(const NetUnderTest& net, std::mt19937& rng, std::size_t stride) {
  for (const cpu::Kernels* path : AllPaths()) {
    const auto engine = net.engine_on(*path);
    const std::vector<cpu::Trace> alone = TracesAlone(net, *engine);
    std::vector<std::uint32_t> order = Everyone(net.examples);
    for (std::size_t batch = 1; batch <= order.size(); batch += stride) {
      std::shuffle(order.begin(), order.end(), rng);
      const std::vector<std::uint32_t> some(order.begin(),
                                            order.begin() + static_cast<std::ptrdiff_t>(batch));
      const cpu::Trace trace =
          TraceOf(net, *engine, some, static_cast<std::uint32_t>(order.size() + batch % 5));
      ASSERT_EQ(trace.factors.size(), batch);
      for (std::size_t i = 0; i < batch; ++i) {
        ASSERT_TRUE(SameBits(trace.operands[i], alone[some[i]].operands[0]))
            << path->name << " batch " << batch;
        ASSERT_EQ(trace.factors[i], alone[some[i]].factors[0]) << path->name << " batch " << batch;
      }
    }
  }
}

double SensitivityBound(const StepShape& shape, std::uint32_t max_rows, std::size_t d) {
  return shape.scale * shape.clip_norm * (1 + 0x1p-20) + std::sqrt(static_cast<double>(d)) +
         SummationError(shape, max_rows);
}

double Distance(const std::vector<std::int64_t>& a, const std::vector<std::int64_t>& b) {
  double squares = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    squares += std::pow(static_cast<double>(a[i] - b[i]), 2);
  return std::sqrt(squares);
}

void ExpectMovesWithinD2(const NetUnderTest& net, const StepShape& shape) {
  const auto engine = net.engine_on(cpu::BestKernels());
  const std::vector<std::uint32_t> everyone = Everyone(net.examples);
  std::vector<std::uint32_t> slots;
  for (const std::uint32_t u : everyone) slots.push_back((u * 7) % shape.padded_customers);
  net.before_sum(*engine);
  ASSERT_OK_AND_ASSIGN(const auto with, engine->GridSum(net.model, everyone, shape, slots));
  double largest = 0;
  for (const std::uint32_t gone : everyone) {
    std::vector<std::uint32_t> others = everyone, seats = slots;
    others.erase(others.begin() + gone);
    seats.erase(seats.begin() + gone);
    net.before_sum(*engine);
    ASSERT_OK_AND_ASSIGN(const auto without, engine->GridSum(net.model, others, shape, seats));
    largest = std::max(largest, Distance(with, without));
  }
  EXPECT_LE(largest, SensitivityBound(shape, net.max_rows, net.layout.parameters()));
  EXPECT_GT(largest, 0.4 * shape.scale * shape.clip_norm) << "the test sees contributions";
}

}  // namespace veilsum::client
