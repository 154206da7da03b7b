// The secure sum in one process and one thread: its kernels against the best known other form, and
// the whole client mask and server unmask against the sum of their kernels. One JSON object a line.
// Arguments: prefixes of names; without any, everything.
#include "base/secure_rng.h"
#include "tests/bench/secagg_kernels.h"
#include "tests/bench/secagg_round.h"

int main(int argc, char** argv) {
  veilsum::InitialiseCrypto();
  const veilsum::bench::Names names(argc, argv);
  veilsum::bench::RunSecaggKernels(names);
  veilsum::bench::RunSecaggRound(names, 100, std::size_t{1} << 20);
  veilsum::bench::RunSecaggRound(names, 32, 10'000'000);
  return 0;
}
