#include "client/train/cpu/kernels.h"

namespace veilsum::client::cpu {

const Kernels& BestKernels() {
  static const Kernels& best = []() -> const Kernels& {
    if (const Kernels* wide = Avx512Kernels()) return *wide;
    if (const Kernels* wide = Avx2Kernels()) return *wide;
    return BaselineKernels();
  }();
  return best;
}

}  // namespace veilsum::client::cpu
