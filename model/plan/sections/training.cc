#include "model/plan/sections/training.h"

#include "model/plan/names.h"

namespace veilsum::model {
namespace {

const Fields::Range kClipNorm{Exactly(0), Exactly(1'000'000), true, false};
const Fields::Range kLearningRate{Exactly(0), Exactly(100), true, false};

const Fields::Range kPenalty{Exactly(0), Exactly(1000)};

void ReadOptimizer(Fields& fields, Training& training) {
  const bool at_home = training.mode != Mode::kDistributed;  // the steps are the merchants'
  training.optimizer = static_cast<Optimizer>(
      fields.Choice("optimizer", at_home ? kOptimizerNames : std::span(kOptimizerNames).first(4),
                    static_cast<std::size_t>(at_home ? Optimizer::kAverage : Optimizer::kAdam)));
  if (training.optimizer == Optimizer::kSgd)
    training.momentum =
        fields.Real("momentum", {Exactly(0), Exactly(1), false, true}, training.momentum);
  training.learning_rate = fields.Real("learning_rate", kLearningRate);
  if (at_home && training.optimizer != Optimizer::kAverage)
    training.server_learning_rate = fields.Real("server_learning_rate", kLearningRate);
}

// A step of a merchant's own must not go past what it is pulled to.
void CheckPull(Fields& fields, const Training& training) {
  const Regularisation& pull = training.regularisation;
  const double most =
      training.learning_rate.ToDouble() * (pull.l2.ToDouble() + pull.proximal.ToDouble());
  if (most > 1)
    fields.Refuse("proximal", absl::StrFormat("plus l2, times learning_rate, is %g, must be at "
                                              "most 1: a step would go past what it is pulled to",
                                              most));
}

void ReadRegularisation(Fields& fields, Training& training) {
  Regularisation& read = training.regularisation;
  read.l1 = fields.Real("l1", kPenalty, Exactly(0));
  read.l2 = fields.Real("l2", kPenalty, Exactly(0));
  if (training.mode == Mode::kDistributed) return;
  read.proximal = fields.Real("proximal", kPenalty, Exactly(0));
  CheckPull(fields, training);
}

void ReadBands(Fields& fields, Training& training) {
  training.bands = static_cast<std::uint32_t>(fields.Int("bands", 1, kMaxPlanBands, 1));
  const Rational& rate = training.sampling_rate;
  if (training.bands > rate.denominator() / std::max<std::uint64_t>(1, rate.numerator()))
    fields.Refuse("bands", absl::StrFormat("is %d: times sampling_rate %s it must be at most 1",
                                           training.bands, rate.ToString()));
  if (training.bands > training.steps)
    fields.Refuse("bands", absl::StrFormat("is %d, must be at most steps, %d", training.bands,
                                           training.steps));
}

MerchantClip ReadMerchantClip(Fields& fields) {
  MerchantClip clip;
  clip.initial = fields.Real("initial_clip", kClipNorm);
  clip.quantile = fields.Real("clip_quantile", {Exactly(0), Exactly(1), true, true}, clip.quantile);
  clip.rate = fields.Real("clip_rate", {Exactly(0), Exactly(2), true, false}, clip.rate);
  clip.expected_merchants = fields.Int("expected_merchants", 3, kMaxPlanCohorts * 255);
  clip.bit_noise =
      fields.Real("bit_noise", {Exactly(0), Exactly(1'000'000), true, false}, clip.bit_noise);
  return clip;
}

}  // namespace

Network ReadNetwork(Fields fields) {
  Network network;
  for (const std::uint64_t width : fields.Ints("hidden", 8, 1, 4096))
    network.hidden.push_back(width);
  fields.Choice("activation", kActivationNames, 0);
  network.layer_norm = fields.Choice("normalisation", kNormalisationNames, 0) == 1;
  network.dropout = fields.Real("dropout", {Exactly(0), Exactly(1), false, true}, Exactly(0));
  if (fields.Has("start")) network.start = fields.Sha256Text("start");
  fields.Done();
  return network;
}

Training ReadTraining(Fields fields) {
  Training training;
  training.mode = static_cast<Mode>(fields.Choice("mode", kModeNames));
  training.steps = fields.Int("steps", 1, kMaxPlanSteps);
  training.attempts_max = fields.Int("attempts_max", training.steps, 2 * kMaxPlanSteps);
  training.sampling_rate = fields.Probability("sampling_rate");
  training.expected_batch = fields.Int("expected_batch", 1, 1'000'000'000);
  training.clip_norm = fields.Real("clip_norm", kClipNorm);
  ReadOptimizer(fields, training);
  ReadRegularisation(fields, training);
  if (fields.Has("averaging"))
    training.averaging = fields.Real("averaging", {Exactly(0), Exactly(1), true, true});
  if (training.mode == Mode::kDistributed) ReadBands(fields, training);
  if (training.mode == Mode::kLocal) {
    training.local_steps = static_cast<std::uint32_t>(fields.Int("local_steps", 1, 10'000));
    training.update_clamp = fields.Real("update_clamp", {Exactly(0), Exactly(1000), true, false});
  }
  if (training.mode == Mode::kMerchant) {
    training.local_steps = static_cast<std::uint32_t>(fields.Int("local_steps", 1, 10'000));
    training.merchant = ReadMerchantClip(fields);
  }
  fields.Done();
  return training;
}

std::optional<NonPrivate> ReadNonPrivate(Fields& plan) {
  if (!plan.Has("nonprivate")) return std::nullopt;
  Fields fields = plan.Section("nonprivate");
  NonPrivate section;
  section.clip_norm = fields.Real("clip_norm", kClipNorm);
  section.steps = fields.Int("steps", 1, kMaxPlanSteps);
  section.learning_rate = fields.Real("learning_rate", kLearningRate);
  fields.Done();
  return section;
}

}  // namespace veilsum::model
