// Sixteen lanes of floats and integers as static inline functions, which Swift imports as SIMD16 and inlines.
// Only what Swift's own SIMD types do not lower to one instruction stands here (docs/architecture.md, "Kernels").
#ifndef OUNCE_CLANES_H
#define OUNCE_CLANES_H

#include <stdint.h>

#pragma clang fp contract(off)

typedef float lanes_f32 __attribute__((ext_vector_type(16)));
typedef int32_t lanes_i32 __attribute__((ext_vector_type(16)));

#define LANES static inline __attribute__((always_inline))

LANES lanes_f32 lanes_select(lanes_f32 a, lanes_f32 b, lanes_i32 takeB) { return takeB ? b : a; }
LANES lanes_i32 lanes_less(lanes_f32 a, lanes_f32 b) { return a < b; }
LANES lanes_f32 lanes_smaller(lanes_f32 a, lanes_f32 b) { return b < a ? b : a; }
LANES lanes_f32 lanes_larger(lanes_f32 a, lanes_f32 b) { return a < b ? b : a; }
LANES lanes_f32 lanes_root(lanes_f32 a) { return __builtin_elementwise_sqrt(a); }
LANES _Bool lanes_any(lanes_i32 m) { return __builtin_reduce_or(m) != 0; }

// The x86-64 level of the running CPU: 1 to 4; 0 on other machines.
LANES int lanes_cpu_level(void) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("x86-64-v4")) return 4;
  if (__builtin_cpu_supports("x86-64-v3")) return 3;
  if (__builtin_cpu_supports("x86-64-v2")) return 2;
  return 1;
#else
  return 0;
#endif
}

#endif
