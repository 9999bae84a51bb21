// Sixteen lanes of floats and integers as static inline functions, which Swift imports as SIMD16 and inlines.
// Only what Swift's own SIMD types do not lower to one instruction stands here (docs/architecture.md, "Kernels").
#ifndef OUNCE_CLANES_H
#define OUNCE_CLANES_H

#include <stddef.h>
#include <stdint.h>

#pragma clang fp contract(off)

typedef float lanes_f32 __attribute__((ext_vector_type(16)));
typedef int32_t lanes_i32 __attribute__((ext_vector_type(16)));
typedef uint8_t lanes_u8 __attribute__((ext_vector_type(16)));

// What a search works on: two machine registers of lanes of the CPU level this copy is compiled for. One would leave
// the adders idle while a sum waits for its previous term; four and more do not fit in the registers of the narrow levels.
#if defined(__AVX512F__)
#define REGISTER_LANES 32
#elif defined(__AVX2__)
#define REGISTER_LANES 16
#else
#define REGISTER_LANES 8
#endif
typedef float register_f32 __attribute__((ext_vector_type(REGISTER_LANES)));
typedef int32_t register_i32 __attribute__((ext_vector_type(REGISTER_LANES)));

#define LANES static inline __attribute__((always_inline))

// Rounding to the nearest integer, ties to even. The detour over 1.5 * 2^23 is exact up to 2^22.
#if defined(__SSE4_1__) || defined(__aarch64__)
#define LANES_NEAREST(a) __builtin_elementwise_roundeven(a)
#else
#define LANES_NEAREST(a) (((a) + 12582912.0f) - 12582912.0f)
#endif

// The vocabulary, once for sixteen lanes and once for one register.
#define LANES_VOCABULARY(prefix, F, I)                                                         \
  LANES F prefix##_select(F a, F b, I takeB) { return takeB ? b : a; }                          \
  LANES I prefix##_less(F a, F b) { return a < b; }                                             \
  LANES I prefix##_less_or_equal(F a, F b) { return a <= b; }                                   \
  LANES I prefix##_equal(F a, F b) { return a == b; }                                           \
  LANES I prefix##_and(I a, I b) { return a & b; }                                              \
  LANES I prefix##_or(I a, I b) { return a | b; }                                               \
  LANES I prefix##_not(I a) { return ~a; }                                                      \
  /* b when the two compare equal, as the reference's `if (a < b) b = a` leaves it. */          \
  LANES F prefix##_smaller(F a, F b) { return a < b ? a : b; }                                  \
  LANES F prefix##_larger(F a, F b) { return a > b ? a : b; }                                   \
  LANES F prefix##_mask(I a) { return (F)a; }                                                   \
  LANES I prefix##_unmask(F a) { return (I)a; }                                                 \
  LANES F prefix##_magnitude(F a) { return __builtin_elementwise_abs(a); }                      \
  LANES F prefix##_root(F a) { return __builtin_elementwise_sqrt(a); }                          \
  LANES F prefix##_nearest(F a) { return LANES_NEAREST(a); }                                    \
  LANES _Bool prefix##_any(I m) { return __builtin_reduce_or(m) != 0; }

LANES_VOCABULARY(lanes, lanes_f32, lanes_i32)
LANES_VOCABULARY(register, register_f32, register_i32)

// Bit k is set where lane k is true.
LANES uint32_t register_mask_word(register_i32 mask) {
  typedef _Bool bits __attribute__((ext_vector_type(REGISTER_LANES)));
  bits set = __builtin_convertvector(mask, bits);
  uint32_t word = 0;
  __builtin_memcpy(&word, &set, REGISTER_LANES / 8);
  return word;
}

// Arithmetic of every width a register can have.
#define LANES_ARITHMETIC(prefix, F)                          \
  LANES F prefix##_plus(F a, F b) { return a + b; }          \
  LANES F prefix##_minus(F a, F b) { return a - b; }         \
  LANES F prefix##_times(F a, F b) { return a * b; }         \
  LANES F prefix##_divided(F a, F b) { return a / b; }       \
  LANES F prefix##_all(float a) { return (F)a; }

typedef float lanes8_f32 __attribute__((ext_vector_type(8)));
typedef float lanes32_f32 __attribute__((ext_vector_type(32)));
LANES_ARITHMETIC(lanes8, lanes8_f32)
LANES_ARITHMETIC(lanes, lanes_f32)
LANES_ARITHMETIC(lanes32, lanes32_f32)

// Integers of lanes.
LANES lanes_i32 lanes_all_integers(int32_t a) { return (lanes_i32)a; }
LANES lanes_i32 lanes_choose(lanes_i32 a, lanes_i32 b, lanes_i32 takeB) { return takeB ? b : a; }
LANES lanes_i32 lanes_least(lanes_i32 a, lanes_i32 b) { return __builtin_elementwise_min(a, b); }
LANES lanes_i32 lanes_greatest(lanes_i32 a, lanes_i32 b) { return __builtin_elementwise_max(a, b); }
LANES lanes_i32 lanes_all_true(void) { return (lanes_i32)-1; }
LANES lanes_i32 lanes_sum(lanes_i32 a, lanes_i32 b) { return a + b; }
LANES lanes_f32 lanes_negated(lanes_f32 a) { return -a; }
LANES lanes_f32 lanes_from_integers(lanes_i32 a) { return __builtin_convertvector(a, lanes_f32); }
// Toward zero. Lanes outside the range of an integer are undefined: the caller masks them.
LANES lanes_i32 lanes_truncated(lanes_f32 a) { return __builtin_convertvector(a, lanes_i32); }
// The reference's rounding, wrong as it is beyond 2^22: the low 23 bits of a + 1.5 * 2^23.
LANES lanes_i32 lanes_nearest_integer(lanes_f32 a) {
  return ((lanes_i32)(a + 12582912.0f) & 0x007fffff) - 0x00400000;
}
// Half away from zero, for magnitudes below 2^22: the largest float below a half, added away from zero, then truncated.
LANES lanes_i32 lanes_rounded_away(lanes_f32 a) {
  lanes_i32 sign = (lanes_i32)a & (int32_t)0x80000000;
  return __builtin_convertvector(a + (lanes_f32)(sign | 0x3effffff), lanes_i32);
}
// Four bytes per lane as one little-endian word.
LANES lanes_i32 lanes_word(lanes_i32 a, lanes_i32 b, lanes_i32 c, lanes_i32 d) {
  return a | (b << 8) | (c << 16) | (d << 24);
}
LANES lanes_i32 lanes_shifted_left(lanes_i32 a, int count) { return a << count; }
LANES lanes_i32 lanes_shifted_right(lanes_i32 a, int count) { return a >> count; }
// a in the first eight lanes, b in the others.
LANES lanes_f32 lanes_halves(float a, float b) { return (lanes_f32){a, a, a, a, a, a, a, a, b, b, b, b, b, b, b, b}; }
LANES lanes_i32 lanes_bits(lanes_i32 a, int mask) { return a & mask; }
// The largest magnitude; finite floats without their sign compare like integers.
LANES float lanes_largest_magnitude(lanes_f32 a, lanes_f32 b) {
  lanes_i32 x = (lanes_i32)a & 0x7fffffff, y = (lanes_i32)b & 0x7fffffff;
  int32_t largest = __builtin_reduce_max(__builtin_elementwise_max(x, y));
  float value;
  __builtin_memcpy(&value, &largest, 4);
  return value;
}

// binary16, round to nearest even, on integer bits: the same at every CPU level. NaN becomes 0x7E00 with its sign.
LANES lanes_i32 lanes_half_bits(lanes_f32 a) {
  lanes_i32 bits = (lanes_i32)a;
  lanes_i32 size = bits & 0x7fffffff;
  // Adding a half puts the last bit of a subnormal at the last bit of the float: the addition rounds.
  lanes_i32 small = (lanes_i32)((lanes_f32)size + 0.5f) - 0x3f000000;
  lanes_i32 normal = (size + 0x0fff + ((size >> 13) & 1) - (112 << 23)) >> 13;
  normal = normal > 0x7c00 ? (lanes_i32)0x7c00 : normal;
  lanes_i32 half = size < 0x38800000 ? small : normal;
  half = size > 0x7f800000 ? (lanes_i32)0x7e00 : half;
  return half | ((bits >> 16) & 0x8000);
}
LANES lanes_f32 lanes_half_value(lanes_i32 half) {
  lanes_i32 size = (half & 0x7fff) << 13;
  lanes_i32 special = size >= 0x0f800000;
  lanes_i32 value = (lanes_i32)((lanes_f32)size * 0x1p112f);
  value = special ? size | 0x7f800000 : value;
  return (lanes_f32)(value | ((half & 0x8000) << 16));
}

// The value of one binary16. What is NaN stays NaN; its bits are the processor's business.
LANES float lanes_half_value_of_one(uint16_t half) {
#if defined(__F16C__)
  typedef int words __attribute__((vector_size(16)));
  typedef short halves __attribute__((vector_size(16)));
  // Through a general register: the compiler would load into the low lane of a register that the previous block still
  // works on, and so wait for it.
  int word = half;
  __asm__("" : "+r"(word));
  return __builtin_ia32_vcvtph2ps((halves)(words){word})[0];
#else
  uint32_t size = (uint32_t)(half & 0x7fff) << 13;
  uint32_t sign = (uint32_t)(half & 0x8000) << 16;
  float value;
  __builtin_memcpy(&value, &size, 4);
  // Moves the exponent's bias from 15 to 127; exact for subnormals too.
  value *= 0x1p112f;
  uint32_t bits;
  __builtin_memcpy(&bits, &value, 4);
  bits = (size >= 0x0f800000 ? size | 0x7f800000 : bits) | sign;
  __builtin_memcpy(&value, &bits, 4);
  return value;
#endif
}

// Sixteen lanes in memory without alignment.
typedef lanes_f32 lanes_f32_anywhere __attribute__((aligned(1)));
typedef lanes_u8 lanes_u8_anywhere __attribute__((aligned(1)));
typedef float lanes_quad __attribute__((ext_vector_type(4)));
typedef lanes_quad lanes_quad_anywhere __attribute__((aligned(1)));

LANES lanes_f32 lanes_load(const float *source) { return *(const lanes_f32_anywhere *)source; }
LANES void lanes_store(float *target, lanes_f32 a) { *(lanes_f32_anywhere *)target = a; }
// Sixteen floats at a distance of `step` floats each. Gathering and scattering instructions are slower than plain ones.
LANES void lanes_copy_column(const float *source, ptrdiff_t step, float *target, ptrdiff_t targetStep) {
#pragma clang loop vectorize(disable) unroll(full)
  for (int i = 0; i < 16; i++) target[i * targetStep] = source[i * step];
}
LANES lanes_u8 lanes_bytes(uint32_t a, uint32_t b, uint32_t c, uint32_t d) {
  typedef uint32_t words __attribute__((ext_vector_type(4)));
  return (lanes_u8)(words){a, b, c, d};
}
LANES lanes_u8 lanes_load_bytes(const uint8_t *source) { return *(const lanes_u8_anywhere *)source; }
LANES void lanes_store_bytes(uint8_t *target, lanes_u8 a) { *(lanes_u8_anywhere *)target = a; }
LANES lanes_u8 lanes_low_nibbles(lanes_u8 a) { return a & (uint8_t)15; }
LANES lanes_u8 lanes_high_nibbles(lanes_u8 a) { return a >> (uint8_t)4; }
// The fifth bits of codes: bit 0 or bit 1 of `bits`, put at bit 4 of a.
LANES lanes_u8 lanes_with_first_bit(lanes_u8 a, lanes_u8 bits) { return a | ((bits << (uint8_t)4) & (uint8_t)16); }
LANES lanes_u8 lanes_with_second_bit(lanes_u8 a, lanes_u8 bits) { return a | ((bits << (uint8_t)3) & (uint8_t)16); }
LANES lanes_u8 lanes_without_two_bits(lanes_u8 bits) { return bits >> (uint8_t)2; }
LANES lanes_i32 lanes_widened(lanes_u8 a) { return __builtin_convertvector(a, lanes_i32); }
typedef int8_t lanes_s8 __attribute__((ext_vector_type(16)));
LANES lanes_i32 lanes_widened_signed(lanes_u8 a) { return __builtin_convertvector((lanes_s8)a, lanes_i32); }
// Sixteen signed bytes as floats.
LANES lanes_f32 lanes_from_signed_bytes(lanes_u8 a) {
#if defined(__SSE4_1__) || defined(__aarch64__)
  return __builtin_convertvector((lanes_s8)a, lanes_f32);
#else
  // Without an instruction that extends signs, bytes from 0 up in the last bits of 2^23, from which floats subtract.
  lanes_i32 bits = __builtin_convertvector(a ^ (uint8_t)0x80, lanes_i32) | 0x4b000000;
  return (lanes_f32)bits - 0x1.0001p23f;
#endif
}
LANES lanes_u8 lanes_narrowed(lanes_i32 a) { return __builtin_convertvector(a, lanes_u8); }

// `value` in the lanes whose bit is set, 0 in the others.
LANES lanes_i32 lanes_where_bit(uint32_t bits, int32_t value) {
  const lanes_i32 powers = {1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768};
  return (((lanes_i32)(int32_t)bits & powers) != 0) & value;
}

// The 4x4 transposes inside each quarter of four vectors.
#define LANES_LOW_PAIRS(a, b) \
  __builtin_shufflevector(a, b, 0, 16, 1, 17, 4, 20, 5, 21, 8, 24, 9, 25, 12, 28, 13, 29)
#define LANES_HIGH_PAIRS(a, b) \
  __builtin_shufflevector(a, b, 2, 18, 3, 19, 6, 22, 7, 23, 10, 26, 11, 27, 14, 30, 15, 31)
#define LANES_LOW_HALVES(a, b) \
  __builtin_shufflevector(a, b, 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29)
#define LANES_HIGH_HALVES(a, b) \
  __builtin_shufflevector(a, b, 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31)

#define LANES_QUAD(p) (*(const lanes_quad_anywhere *)(p))
#define LANES_JOIN(p, stride)                                                                                      \
  __builtin_shufflevector(                                                                                         \
      __builtin_shufflevector(LANES_QUAD(p), LANES_QUAD((p) + 4 * (stride)), 0, 1, 2, 3, 4, 5, 6, 7),                \
      __builtin_shufflevector(LANES_QUAD((p) + 8 * (stride)), LANES_QUAD((p) + 12 * (stride)), 0, 1, 2, 3, 4, 5, 6, 7), \
      0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)
#define LANES_PART(p, stride, a)                                                                    \
  do {                                                                                              \
    lanes_f32 whole = a;                                                                            \
    *(lanes_quad_anywhere *)(p) = __builtin_shufflevector(whole, whole, 0, 1, 2, 3);                  \
    *(lanes_quad_anywhere *)((p) + 4 * (stride)) = __builtin_shufflevector(whole, whole, 4, 5, 6, 7); \
    *(lanes_quad_anywhere *)((p) + 8 * (stride)) = __builtin_shufflevector(whole, whole, 8, 9, 10, 11); \
    *(lanes_quad_anywhere *)((p) + 12 * (stride)) = __builtin_shufflevector(whole, whole, 12, 13, 14, 15); \
  } while (0)

// Lane k of rows[i * step] is word i of the 16 bytes at source + k * stride.
// `rows` is aligned to 64 bytes.
LANES void lanes_load_transposed(const void *source, ptrdiff_t stride, void *tile, ptrdiff_t step) {
  lanes_f32 *rows = (lanes_f32 *)tile;
  const char *p = (const char *)source;
  lanes_f32 a = LANES_JOIN(p, stride), b = LANES_JOIN(p + stride, stride);
  lanes_f32 c = LANES_JOIN(p + 2 * stride, stride), d = LANES_JOIN(p + 3 * stride, stride);
  lanes_f32 ab = LANES_LOW_PAIRS(a, b), cd = LANES_LOW_PAIRS(c, d);
  rows[0] = LANES_LOW_HALVES(ab, cd);
  rows[step] = LANES_HIGH_HALVES(ab, cd);
  ab = LANES_HIGH_PAIRS(a, b), cd = LANES_HIGH_PAIRS(c, d);
  rows[2 * step] = LANES_LOW_HALVES(ab, cd);
  rows[3 * step] = LANES_HIGH_HALVES(ab, cd);
}
// The inverse: the 16 bytes at target + k * stride are lane k of a, b, c, d.
LANES void lanes_store_transposed(void *target, ptrdiff_t stride, lanes_i32 ia, lanes_i32 ib, lanes_i32 ic,
                                  lanes_i32 id) {
  char *p = (char *)target;
  lanes_f32 a = (lanes_f32)ia, b = (lanes_f32)ib, c = (lanes_f32)ic, d = (lanes_f32)id;
  lanes_f32 ab = LANES_LOW_PAIRS(a, b), cd = LANES_LOW_PAIRS(c, d);
  LANES_PART(p, stride, LANES_LOW_HALVES(ab, cd));
  LANES_PART(p + stride, stride, LANES_HIGH_HALVES(ab, cd));
  ab = LANES_HIGH_PAIRS(a, b), cd = LANES_HIGH_PAIRS(c, d);
  LANES_PART(p + 2 * stride, stride, LANES_LOW_HALVES(ab, cd));
  LANES_PART(p + 3 * stride, stride, LANES_HIGH_HALVES(ab, cd));
}
// The low 16 bits of lane k at target + k * stride.
LANES void lanes_store_shorts(void *target, ptrdiff_t stride, lanes_i32 a) {
  for (int k = 0; k < 16; k++) {
    uint16_t value = (uint16_t)a[k];
    __builtin_memcpy((char *)target + k * stride, &value, 2);
  }
}

// Whether one of 64 floats is NaN or an infinity: the largest magnitude, as an integer, has all exponent bits set.
LANES _Bool lanes_any_of_64_non_finite(const float *source) {
  typedef int32_t anywhere __attribute__((ext_vector_type(16), aligned(1)));
  lanes_i32 found = {0};
  for (int i = 0; i < 4; i++) {
    lanes_i32 size = *(const anywhere *)(source + 16 * i) & 0x7fffffff;
    found |= size >= 0x7f800000;
  }
  return __builtin_reduce_or(found) != 0;
}

// Whether one of `count` words has the bits `value` under `mask`.
#define LANES_ANY_MATCH(NAME, WORD, LANE_COUNT)                                                                        \
  LANES _Bool NAME(const unsigned char *source, long count, WORD mask, WORD value) {                                   \
    typedef WORD anywhere __attribute__((ext_vector_type(LANE_COUNT), aligned(1)));                                    \
    typedef WORD lanes __attribute__((ext_vector_type(LANE_COUNT)));                                                   \
    lanes found = {0};                                                                                                 \
    long whole = count / LANE_COUNT * LANE_COUNT;                                                                      \
    for (long i = 0; i < whole; i += LANE_COUNT) {                                                                     \
      lanes words = *(const anywhere *)(source + i * (long)sizeof(WORD));                                              \
      found |= (lanes)((words & mask) == value);                                                                       \
    }                                                                                                                  \
    _Bool result = __builtin_reduce_or(found) != 0;                                                                    \
    for (long i = whole; i < count; i++) {                                                                             \
      WORD word;                                                                                                       \
      __builtin_memcpy(&word, source + i * (long)sizeof(WORD), sizeof(WORD));                                          \
      result |= (word & mask) == value;                                                                                \
    }                                                                                                                  \
    return result;                                                                                                     \
  }
LANES_ANY_MATCH(lanes_any_match_8, uint8_t, 64)
LANES_ANY_MATCH(lanes_any_match_16, uint16_t, 32)
LANES_ANY_MATCH(lanes_any_match_32, uint32_t, 16)
LANES_ANY_MATCH(lanes_any_match_64, uint64_t, 8)

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

#include "Packing.h"
#include "Grids.h"

#endif
