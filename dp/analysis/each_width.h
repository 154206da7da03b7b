// Marks a hot loop that is compiled for each vector width and chosen by the loader. Results of the
// widths differ by rounding only. Not under the thread sanitizer, whose runtime is not up yet when
// the loader chooses.
#pragma once

#if defined(__x86_64__) && defined(__linux__) && !defined(__SANITIZE_THREAD__)
#define VEILSUM_EACH_WIDTH \
  __attribute__((optimize("O3"), target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define VEILSUM_EACH_WIDTH
#endif
