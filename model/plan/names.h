// How a plan's choices are called in TOML and JSON, and wherever people read of them; in the order
// of their enumerators.
#pragma once

#include "model/plan/plan.h"

namespace veilsum::model {

inline constexpr const char* kTaskNames[] = {"binary",    "regression", "multi_class", "multi_task",
                                             "recommend", "q_learning", "segments"};
inline constexpr const char* kModeNames[] = {"distributed", "local", "merchant"};
inline constexpr const char* kOptimizerNames[] = {"adam", "yogi", "adagrad", "sgd", "average"};
inline constexpr const char* kAccountantNames[] = {"pld", "rdp"};
inline constexpr const char* kMechanismNames[] = {"discrete_gaussian", "none"};
inline constexpr const char* kFeatureKindNames[] = {"numeric", "categorical", "text", "events"};
inline constexpr const char* kLabelKindNames[] = {"binary", "class", "value"};
inline constexpr const char* kEncoderNames[] = {"convolution", "gru"};
inline constexpr const char* kStatisticsKindNames[] = {"moments", "quantiles"};
inline constexpr const char* kNormalisationNames[] = {"none", "layer"};
// One each in this version.
inline constexpr const char* kHashNames[] = {"fnv1a64"};
inline constexpr const char* kActivationNames[] = {"relu"};
// Of every one but kNone, which is not written.
inline constexpr const char* kAggregateNames[] = {"count", "sum", "mean", "max", "last", "recency"};

inline const char* NameOf(FeatureKind kind) { return kFeatureKindNames[static_cast<int>(kind)]; }
inline const char* NameOf(Optimizer kind) { return kOptimizerNames[static_cast<int>(kind)]; }
inline const char* NameOf(Aggregate some) { return kAggregateNames[static_cast<int>(some) - 1]; }

}  // namespace veilsum::model
