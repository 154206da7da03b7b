// What makes inputs of a sequence of events.
#pragma once

namespace veilsum::model {

enum class Encoder { kConvolution, kRecurrent };

}  // namespace veilsum::model
