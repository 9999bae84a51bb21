// What encodings do to bits, bytes and small codes: the part of the vocabulary that is not arithmetic on lanes.
#ifndef OUNCE_PACKING_H
#define OUNCE_PACKING_H

// Bits: what the plain encodings do to the words of sixteen elements.

typedef uint32_t lanes_u32 __attribute__((ext_vector_type(16)));
typedef uint16_t lanes_u16 __attribute__((ext_vector_type(16)));

LANES lanes_u32 lanes_bits_of(lanes_f32 a) { return (lanes_u32)a; }
LANES lanes_f32 lanes_float_of(lanes_u32 a) { return (lanes_f32)a; }
LANES lanes_u32 lanes_bits_select(lanes_u32 a, lanes_u32 b, lanes_i32 takeB) { return takeB ? b : a; }
// Signed comparison, which the x86-64 baseline has; the plain encodings compare magnitudes below 2^31.
LANES lanes_i32 lanes_bits_less(lanes_u32 a, lanes_u32 b) { return (lanes_i32)a < (lanes_i32)b; }
typedef lanes_u16 lanes_u16_anywhere __attribute__((aligned(1)));
LANES lanes_i32 lanes_load_shorts(const uint8_t *source) {
  return __builtin_convertvector(*(const lanes_u16_anywhere *)source, lanes_i32);
}
LANES lanes_u16 lanes_narrow_u16(lanes_u32 a) { return __builtin_convertvector(a, lanes_u16); }
LANES lanes_u32 lanes_widen_u8(lanes_u8 a) { return __builtin_convertvector(a, lanes_u32); }
LANES lanes_u8 lanes_narrow_u8(lanes_u32 a) { return __builtin_convertvector(a, lanes_u8); }

// Packing: what the ternary, binary and four-bit blocks do to sixteen or sixty-four codes.

// Bit k is set where lane k is true.
LANES uint16_t lanes_mask_word(lanes_i32 mask) {
  const lanes_i32 powers = {1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768};
  return (uint16_t)__builtin_reduce_or(mask & powers);
}
// The values of 4-bit floats E2M1, in halves, by arithmetic: steps of 1 to code 4, of 2 to code 6, then 4.
LANES lanes_i32 lanes_e2m1(lanes_u8 code) {
  lanes_u8 size = code & (uint8_t)7;
  lanes_u8 beyond = __builtin_elementwise_sub_sat(size, (lanes_u8)6);
  size += __builtin_elementwise_sub_sat(size, (lanes_u8)4) + beyond + beyond;
  lanes_u8 sign = (lanes_u8)(code > (uint8_t)7);
  return __builtin_convertvector((lanes_s8)((size ^ sign) - sign), lanes_i32);
}
// The first eight lanes of a, then of b; and the last eight.
LANES lanes_i32 lanes_first_halves(lanes_i32 a, lanes_i32 b) {
  return __builtin_shufflevector(a, b, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23);
}
LANES lanes_i32 lanes_last_halves(lanes_i32 a, lanes_i32 b) {
  return __builtin_shufflevector(a, b, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31);
}
typedef uint8_t lanes_64u8 __attribute__((ext_vector_type(64)));
typedef uint8_t lanes_32u8 __attribute__((ext_vector_type(32)));
// Sixty-four codes of two bits in sixteen bytes: code 4 i + n is bits 2 n of byte i.
LANES lanes_u8 lanes_packed_pairs(lanes_i32 a, lanes_i32 b, lanes_i32 c, lanes_i32 d) {
  lanes_32u8 ab = __builtin_shufflevector(__builtin_convertvector(a, lanes_u8), __builtin_convertvector(b, lanes_u8), 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11,
                                          12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30,
                                          31);
  lanes_32u8 cd = __builtin_shufflevector(__builtin_convertvector(c, lanes_u8), __builtin_convertvector(d, lanes_u8), 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11,
                                          12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30,
                                          31);
  lanes_u32 words = (lanes_u32)__builtin_shufflevector(
      ab, cd, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28,
      29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57,
      58, 59, 60, 61, 62, 63);
  return __builtin_convertvector(words | words >> 6 | words >> 12 | words >> 18, lanes_u8);
}
// The inverse: one code per byte.
LANES void lanes_store_pairs(uint8_t *target, lanes_u8 bytes) {
  lanes_u32 words = __builtin_convertvector(bytes, lanes_u32);
  words = (words | words << 6 | words << 12 | words << 18) & 0x03030303;
  __builtin_memcpy(target, &words, 64);
}

// Eight bytes, twice; and of such bytes the low nibbles of the first eight and the high nibbles of the last eight.
LANES lanes_u8 lanes_twice(const uint8_t *source) {
  typedef uint8_t eight __attribute__((ext_vector_type(8)));
  eight a;
  __builtin_memcpy(&a, source, 8);
  return __builtin_shufflevector(a, a, 0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 3, 4, 5, 6, 7);
}
LANES lanes_u8 lanes_low_then_high(lanes_u8 a) {
  return __builtin_shufflevector(a & (uint8_t)15, a >> (uint8_t)4, 0, 1, 2, 3, 4, 5, 6, 7, 24, 25, 26, 27, 28, 29, 30,
                                 31);
}

// The sixteen values of the IQ4 types, and the index of the one nearest to a float: how many of the middles between
// neighbours are not above it. A middle belongs to its upper neighbour, NaN to the last value.
#if defined(__AVX512F__)
typedef float lanes_table __attribute__((vector_size(64)));
typedef int lanes_places __attribute__((vector_size(64)));
// Four steps of a binary search; the tables answer the middle to compare with at each place reached so far.
LANES lanes_i32 lanes_iq4_index(lanes_f32 a) {
  const lanes_table four = {-57.0f, -42.0f, -28.5f, -16.0f, -4.5f, 7.0f, 19.0f, 31.5f,
                       45.5f, 61.0f, 79.0f, 101.0f, 101.0f, 101.0f, 101.0f, 101.0f};
  const lanes_table two = {-93.5f, -74.0f, -57.0f, -42.0f, -28.5f, -16.0f, -4.5f, 7.0f,
                       19.0f, 31.5f, 45.5f, 61.0f, 79.0f, 101.0f, 101.0f, 101.0f};
  const lanes_table one = {-115.5f, -93.5f, -74.0f, -57.0f, -42.0f, -28.5f, -16.0f, -4.5f,
                       7.0f, 19.0f, 31.5f, 45.5f, 61.0f, 79.0f, 101.0f, 101.0f};
  const lanes_i32 none = 0;
  lanes_i32 place = a < -4.5f ? none : none + 8;
  place |= a < (lanes_f32)__builtin_ia32_permvarsf512(four, (lanes_places)place) ? none : none + 4;
  place |= a < (lanes_f32)__builtin_ia32_permvarsf512(two, (lanes_places)place) ? none : none + 2;
  place |= a < (lanes_f32)__builtin_ia32_permvarsf512(one, (lanes_places)place) ? none : none + 1;
  return place;
}
LANES lanes_f32 lanes_iq4_value(lanes_i32 index) {
  const lanes_table values = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};
  return (lanes_f32)__builtin_ia32_permvarsf512(values, (lanes_places)index);
}
#if REGISTER_LANES == 16
LANES register_f32 register_iq4_nearest(register_f32 a) { return lanes_iq4_value(lanes_iq4_index(a)); }
#else
LANES register_f32 register_iq4_nearest(register_f32 a) {
  lanes_f32 low = __builtin_shufflevector(a, a, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  lanes_f32 high = __builtin_shufflevector(a, a, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31);
  low = lanes_iq4_value(lanes_iq4_index(low));
  high = lanes_iq4_value(lanes_iq4_index(high));
  return __builtin_shufflevector(low, high, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20,
                                 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31);
}
#endif
#else
LANES lanes_i32 lanes_iq4_index(lanes_f32 a) {
  lanes_i32 index = 15;
  index += a < -115.5f;
  index += a < -93.5f;
  index += a < -74.0f;
  index += a < -57.0f;
  index += a < -42.0f;
  index += a < -28.5f;
  index += a < -16.0f;
  index += a < -4.5f;
  index += a < 7.0f;
  index += a < 19.0f;
  index += a < 31.5f;
  index += a < 45.5f;
  index += a < 61.0f;
  index += a < 79.0f;
  index += a < 101.0f;
  return index;
}
LANES register_f32 register_iq4_nearest(register_f32 a) {
  register_f32 value = 113;
  const register_f32 none = 0;
#define IQ4_BELOW(middle, distance) value -= a < middle ? none + distance : none;
  IQ4_BELOW(-115.5f, 23)
  IQ4_BELOW(-93.5f, 21)
  IQ4_BELOW(-74.0f, 18)
  IQ4_BELOW(-57.0f, 16)
  IQ4_BELOW(-42.0f, 14)
  IQ4_BELOW(-28.5f, 13)
  IQ4_BELOW(-16.0f, 12)
  IQ4_BELOW(-4.5f, 11)
  IQ4_BELOW(7.0f, 12)
  IQ4_BELOW(19.0f, 12)
  IQ4_BELOW(31.5f, 13)
  IQ4_BELOW(45.5f, 15)
  IQ4_BELOW(61.0f, 16)
  IQ4_BELOW(79.0f, 20)
  IQ4_BELOW(101.0f, 24)
#undef IQ4_BELOW
  return value;
}
#endif
// The values of sixteen indices in bytes.
LANES lanes_u8 lanes_iq4_bytes(lanes_u8 index) {
#if defined(__SSSE3__)
  const lanes_s8 values = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};
  typedef char bytes __attribute__((vector_size(16)));
  return (lanes_u8)__builtin_ia32_pshufb128((bytes)values, (bytes)index);
#else
  lanes_u8 value = (uint8_t)-127;
  value += (lanes_u8)(index > (uint8_t)0) & (uint8_t)23;
  value += (lanes_u8)(index > (uint8_t)1) & (uint8_t)21;
  value += (lanes_u8)(index > (uint8_t)2) & (uint8_t)18;
  value += (lanes_u8)(index > (uint8_t)3) & (uint8_t)16;
  value += (lanes_u8)(index > (uint8_t)4) & (uint8_t)14;
  value += (lanes_u8)(index > (uint8_t)5) & (uint8_t)13;
  value += (lanes_u8)(index > (uint8_t)6) & (uint8_t)12;
  value += (lanes_u8)(index > (uint8_t)7) & (uint8_t)11;
  value += (lanes_u8)(index > (uint8_t)8) & (uint8_t)12;
  value += (lanes_u8)(index > (uint8_t)9) & (uint8_t)12;
  value += (lanes_u8)(index > (uint8_t)10) & (uint8_t)13;
  value += (lanes_u8)(index > (uint8_t)11) & (uint8_t)15;
  value += (lanes_u8)(index > (uint8_t)12) & (uint8_t)16;
  value += (lanes_u8)(index > (uint8_t)13) & (uint8_t)20;
  value += (lanes_u8)(index > (uint8_t)14) & (uint8_t)24;
  return value;
#endif
}

// The reference's rounding as a float, wrong as it is beyond 2^22: the low 23 bits of a + 1.5 * 2^23.
LANES register_f32 register_nearest_wrapped(register_f32 a) {
  return __builtin_convertvector(((register_i32)(a + 12582912.0f) & 0x007fffff) - 0x00400000, register_f32);
}

// Sixteen bytes from two words, the first byte in the low bits.
LANES lanes_u8 lanes_from_words(uint64_t a, uint64_t b) {
  uint64_t words[2] = {a, b};
  lanes_u8 bytes;
  __builtin_memcpy(&bytes, words, 16);
  return bytes;
}

#endif
