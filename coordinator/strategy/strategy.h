// What the coordinator does with a decoded noisy sum: one step of a server optimiser (Adam, Kingma
// and Ba 2015, arXiv 1412.6980; SGD with momentum, Polyak 1964; Yogi, Zaheer et al. 2018, and
// Adagrad, Duchi et al. 2011, as Reddi et al. 2021, arXiv 2003.00295, algorithm 2, have them at a
// server) and exponential averaging of the iterates. Pure post-processing of the sums: the same
// sums give the same bits, and a strategy restored from its state continues bit for bit.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "base/bytes.h"
#include "dp/mechanism/penalty.h"
#include "model/layout.h"

namespace veilsum::coordinator {

struct StrategyConfig {
  std::string optimizer = "adam";  // adam | yogi | adagrad | sgd
  double learning_rate = 0.005;
  double momentum = 0.9;  // sgd only, in [0, 1)
  double averaging = 0;  // decay of the weight average per step, in [0, 1); 0 publishes the iterate
  double scale = 0;      // of the training sum: a power of two
  double expected_batch =
      0;  // the public constant that a sum is divided by, never a sampled or true size
  std::size_t buffers = 0;     // leading floats of the model that are not trained: layout.buffers()
  std::size_t parameters = 0;  // layout.parameters()
  dp::Penalty penalty = {};    // l1 and l2, added to every gradient; proximal must be 0
};

// Not thread-safe: the run's event loop owns it.
class Strategy {
 public:
  virtual ~Strategy() = default;
  // iterate <- one step along -sum / (scale * expected_batch). Only parameters change. Needs
  // sum.size() == parameters and iterate.size() == buffers + parameters. The iterate is what the
  // next round trains on.
  virtual void Step(model::ModelVector& iterate, std::span<const std::int64_t> sum) = 0;
  // The same from a gradient that something else has made of the sum, already divided, and of the
  // plan's sign: the penalty is added to it.
  virtual void StepBy(model::ModelVector& iterate, std::span<const double> gradient) = 0;
  // What to publish: the bias-corrected average of the iterates after each step, with the buffers
  // of `iterate`; `iterate` itself before the first step or when averaging is 0.
  virtual model::ModelVector Averaged(const model::ModelVector& iterate) const = 0;
  // Steps taken so far.
  virtual std::uint64_t steps() const = 0;
  // Version byte, optimiser, step count, then the moments exactly. The iterate is not in it.
  virtual Bytes SaveState() const = 0;
  // All or nothing. InvalidArgument: another version, optimiser or size, or numbers that are not
  // finite.
  virtual absl::Status LoadState(ByteView state) = 0;
};

// InvalidArgument names the setting that is out of range.
absl::StatusOr<std::unique_ptr<Strategy>> MakeStrategy(const StrategyConfig& config);

}  // namespace veilsum::coordinator
