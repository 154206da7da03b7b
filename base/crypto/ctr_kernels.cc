#include "base/crypto/ctr_kernels.h"

namespace veilsum {

std::vector<const CtrKernels*> AvailableCtrKernels() {
  std::vector<const CtrKernels*> available = {&OpensslCtrKernels()};
  for (const CtrKernels* kernels : {AesNiCtrKernels(), Vaes256CtrKernels(), Vaes512CtrKernels()}) {
    if (kernels != nullptr) available.push_back(kernels);
  }
  return available;
}

const CtrKernels& BestCtrKernels() {
  static const CtrKernels& best = *AvailableCtrKernels().back();
  return best;
}

}  // namespace veilsum
