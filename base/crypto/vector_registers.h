// What wiping the vector registers is made of: no compiler offers it, and an instruction names its
// register in its text. Internal to base/crypto.
#pragma once

// `clear` of each register that every x86-64 has, and of those that AVX-512 adds.
#define VEILSUM_EACH_LOW_REGISTER(clear)                                                    \
  clear(0) clear(1) clear(2) clear(3) clear(4) clear(5) clear(6) clear(7) clear(8) clear(9) \
      clear(10) clear(11) clear(12) clear(13) clear(14) clear(15)
#define VEILSUM_EACH_HIGH_REGISTER(clear)                                                   \
  clear(16) clear(17) clear(18) clear(19) clear(20) clear(21) clear(22) clear(23) clear(24) \
      clear(25) clear(26) clear(27) clear(28) clear(29) clear(30) clear(31)

// The lower 128 bits of register n, on any CPU.
#define VEILSUM_CLEAR_XMM(n) __asm__ volatile("pxor %%xmm" #n ", %%xmm" #n : : : "xmm" #n);
// All 512 bits of it. The second form is for code that is not compiled for AVX-512, to which the
// registers above 15 do not exist.
#define VEILSUM_CLEAR_ZMM(n) \
  __asm__ volatile("vpxord %%zmm" #n ", %%zmm" #n ", %%zmm" #n : : : "xmm" #n);
#define VEILSUM_CLEAR_UNKNOWN_ZMM(n) __asm__ volatile("vpxord %zmm" #n ", %zmm" #n ", %zmm" #n);
