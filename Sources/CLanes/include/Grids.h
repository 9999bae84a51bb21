// The search for the point of a grid that is closest to a few elements: candidates are lanes. Each candidate's distance
// is the sum of the same products in the same order as in the scalar search, so that both choose the same point.
#ifndef OUNCE_GRIDS_H
#define OUNCE_GRIDS_H

// Eight candidates at once: most lists are no longer, and wider registers would mostly hold copies.
#if defined(__AVX2__)
#define GRID_LANES 8
#else
#define GRID_LANES 4
#endif
typedef float grid_f32 __attribute__((ext_vector_type(GRID_LANES)));
typedef int32_t grid_i32 __attribute__((ext_vector_type(GRID_LANES)));
typedef uint16_t grid_u16 __attribute__((ext_vector_type(GRID_LANES), aligned(2)));
typedef float grid_eight __attribute__((ext_vector_type(8), aligned(4)));

// GRID_OF_FOUR(t, i): of four floats, the one that the low two bits of i name; t holds them in each of its quarters.
// GRID_OF_EIGHT(t, i): of eight floats, the one that the low three bits name.
// GRID_TERMS(a, j): the elements of vector j of terms, each four times.
// GRID_QUARTER(t, e): the four terms of element e, in each quarter.
#if defined(__AVX2__)
typedef float grid_raw_f __attribute__((vector_size(32)));
typedef int grid_raw_i __attribute__((vector_size(32)));
#define GRID_OF_FOUR(t, i) ((grid_f32)__builtin_ia32_vpermilvarps256((grid_raw_f)(t), (grid_raw_i)(i)))
#define GRID_OF_EIGHT(t, i) ((grid_f32)__builtin_ia32_permvarsf256((grid_raw_f)(t), (grid_raw_i)(i)))
#define GRID_TERMS(a, j) \
  __builtin_shufflevector(a, a, 2 * (j), 2 * (j), 2 * (j), 2 * (j), 2 * (j) + 1, 2 * (j) + 1, 2 * (j) + 1, 2 * (j) + 1)
#define GRID_QUARTER(t, e)                                                                             \
  __builtin_shufflevector(t[(e) / 2], t[(e) / 2], 4 * ((e) % 2), 4 * ((e) % 2) + 1, 4 * ((e) % 2) + 2, \
                          4 * ((e) % 2) + 3, 4 * ((e) % 2), 4 * ((e) % 2) + 1, 4 * ((e) % 2) + 2,      \
                          4 * ((e) % 2) + 3)
#define GRID_MASK(a) ((uint32_t)__builtin_ia32_movmskps256((grid_raw_f)(a)))
#else
#define GRID_BIT(i, b) (((i) & (b)) != 0)
#define GRID_PAIR(t, i, k) (GRID_BIT(i, 1) ? (grid_f32)(t)[(k) + 1] : (grid_f32)(t)[k])
#define GRID_OF_FOUR(t, i) (GRID_BIT(i, 2) ? GRID_PAIR(t, i, 2) : GRID_PAIR(t, i, 0))
#define GRID_OF_EIGHT(t, i)                                                \
  (GRID_BIT(i, 4) ? (GRID_BIT(i, 2) ? GRID_PAIR(t, i, 6) : GRID_PAIR(t, i, 4)) \
                  : (GRID_BIT(i, 2) ? GRID_PAIR(t, i, 2) : GRID_PAIR(t, i, 0)))
#define GRID_TERMS(a, j) ((grid_f32)(a)[j])
#define GRID_QUARTER(t, e) (t)[e]
#if defined(__SSE__)
typedef float grid_raw_f __attribute__((vector_size(16)));
#define GRID_MASK(a) ((uint32_t)__builtin_ia32_movmskps((grid_raw_f)(a)))
#else
#define GRID_MASK(a) ((uint32_t)(((a)[0] & 1) | ((a)[1] & 2) | ((a)[2] & 4) | ((a)[3] & 8)))
#endif
#endif

// The place of the first least distance among `chunks` times eight candidates; DISTANCE computes that of the candidates
// whose packed digits are in `packed`. Distances that are no number never count.
#define GRID_SEARCH(DISTANCE)                                                                                     \
  do {                                                                                                            \
    const int32_t count = chunks * (8 / GRID_LANES);                                                              \
    grid_f32 best = (grid_f32)3.402823466e38f;                                                                    \
    grid_i32 place = (grid_i32)0;                                                                                 \
    for (int32_t c = 0; c < count; c++) {                                                                         \
      grid_i32 packed = __builtin_convertvector(*(const grid_u16 *)(keys + GRID_LANES * c), grid_i32);             \
      grid_f32 distance = DISTANCE;                                                                               \
      place = distance < best ? (grid_i32)c : place;                                                              \
      best = distance < best ? distance : best;                                                                   \
    }                                                                                                             \
    /* Distances are not negative, so they compare like integers. */                                              \
    grid_i32 found = (grid_i32)best == (grid_i32)__builtin_reduce_min((grid_i32)best);                             \
    if (count == 1) return (int32_t)__builtin_ctz(GRID_MASK(found));                                              \
    grid_i32 lane;                                                                                                \
    for (int k = 0; k < GRID_LANES; k++) lane[k] = k;                                                             \
    return __builtin_reduce_min(found ? place * GRID_LANES + lane : (grid_i32)0x7fffffff);                         \
  } while (0)

// Eight elements, and `chunks` times eight points of eight digits of two bits: which is the first of those with the
// least sum of weights[i] * (level - x[i])^2, where a digit stands for one of four levels.
#define GRID_EIGHTS(x, weights, own)                                                                      \
  grid_eight elements = *(const grid_eight *)(x), factors = *(const grid_eight *)(weights);               \
  grid_f32 levels = GRID_FOUR_LEVELS(own);                                                                \
  grid_f32 terms[32 / GRID_LANES];                                                                        \
  GRID_EIGHTS_TERMS                                                                                       \
  GRID_SEARCH(GRID_FOUR(0) + GRID_FOUR(1) + GRID_FOUR(2) + GRID_FOUR(3) + GRID_FOUR(4) + GRID_FOUR(5) +   \
              GRID_FOUR(6) + GRID_FOUR(7))
#define GRID_FOUR(e) GRID_OF_FOUR(GRID_QUARTER(terms, e), packed >> (2 * (e)))
#define GRID_TERM(j)                                                   \
  do {                                                                 \
    grid_f32 difference = levels - GRID_TERMS(elements, j);            \
    terms[j] = GRID_TERMS(factors, j) * difference * difference;       \
  } while (0);
typedef float grid_four __attribute__((ext_vector_type(4)));
#if GRID_LANES == 8
#define GRID_FOUR_LEVELS(own) __builtin_shufflevector(own, own, 0, 1, 2, 3, 0, 1, 2, 3)
#define GRID_EIGHTS_TERMS GRID_TERM(0) GRID_TERM(1) GRID_TERM(2) GRID_TERM(3)
#else
#define GRID_FOUR_LEVELS(own) (own)
#define GRID_EIGHTS_TERMS \
  GRID_TERM(0) GRID_TERM(1) GRID_TERM(2) GRID_TERM(3) GRID_TERM(4) GRID_TERM(5) GRID_TERM(6) GRID_TERM(7)
#endif

// Levels of `scale` times 1, 3, 5.
LANES int32_t grid_closest_of_eights(const float *x, const float *weights, float scale, const uint16_t *keys,
                                     int32_t chunks) {
  grid_four own = scale * (grid_four){1, 3, 5, 7};
  GRID_EIGHTS(x, weights, own);
}

// Levels of `scale` times -1, 0, 1, each shifted.
LANES int32_t grid_closest_of_shifted_eights(const float *x, const float *weights, float scale, float shift,
                                             const uint16_t *keys, int32_t chunks) {
  grid_four own = scale * ((grid_four){-1, 0, 1, 2} + shift);
  GRID_EIGHTS(x, weights, own);
}

// The same for four elements, and points of four digits of three bits with the levels `scale` times 1, 3, … 15.
LANES int32_t grid_closest_of_fours(const float *x, const float *weights, float scale, const uint16_t *keys,
                                    int32_t chunks) {
  typedef float eight __attribute__((ext_vector_type(8)));
  eight levels = scale * (eight){1, 3, 5, 7, 9, 11, 13, 15};
  eight terms[4];
  for (int e = 0; e < 4; e++) terms[e] = weights[e] * (levels - x[e]) * (levels - x[e]);
#define GRID_EIGHT(e) GRID_OF_EIGHT(terms[e], packed >> (3 * (e)))
  GRID_SEARCH(GRID_EIGHT(0) + GRID_EIGHT(1) + GRID_EIGHT(2) + GRID_EIGHT(3));
}

// Bit k is set where lane k is true.
LANES uint32_t grid_lanes_where(lanes_i32 mask) {
  typedef _Bool bits __attribute__((ext_vector_type(16)));
  bits word = __builtin_convertvector(mask, bits);
  uint16_t value;
  __builtin_memcpy(&value, &word, 2);
  return value;
}

// The odd numbers that the low digits stand for: 2 * digit + 1.
LANES lanes_f32 lanes_odd_of_two_bits(lanes_i32 a) { return __builtin_convertvector(((a & 3) << 1) + 1, lanes_f32); }
LANES lanes_f32 lanes_odd_of_three_bits(lanes_i32 a) { return __builtin_convertvector(((a & 7) << 1) + 1, lanes_f32); }

#endif
