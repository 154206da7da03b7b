// The AES-256 key schedule by AES-NI, for the paths that use the CPU's AES rounds. Internal to
// base/crypto.
#pragma once

#include "base/crypto/ctr_kernels.h"

namespace veilsum {

// The CPU must have AES-NI. `key` has 32 bytes.
void StartAesNi(CtrState& state, const std::uint8_t* key);
void FinishAesNi(CtrState& state);  // wipes the round keys
// Whether this CPU has VAES; not whether the system keeps the registers that it works on.
bool CpuHasVaes();

}  // namespace veilsum
