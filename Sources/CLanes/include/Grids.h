// The search for the point of a grid that is closest to a few elements: candidates are lanes. Each candidate's distance
// is the sum of the same products in the same order as in the scalar search, so that both choose the same point.
#ifndef OUNCE_GRIDS_H
#define OUNCE_GRIDS_H

// One machine register of candidates.
#if defined(__AVX512F__)
#define GRID_LANES 16
#elif defined(__AVX2__)
#define GRID_LANES 8
#else
#define GRID_LANES 4
#endif
typedef float grid_f32 __attribute__((ext_vector_type(GRID_LANES)));
typedef int32_t grid_i32 __attribute__((ext_vector_type(GRID_LANES)));
typedef uint16_t grid_u16 __attribute__((ext_vector_type(GRID_LANES), aligned(2)));
typedef float grid_eight __attribute__((ext_vector_type(8), aligned(4)));
typedef float grid_four __attribute__((ext_vector_type(4), aligned(4)));

// GRID_OF_FOUR(t, i): of the four floats in each quarter of t, the one that the low two bits of i name.
// GRID_OF_EIGHT(t, i): of eight floats, the one that the low three bits name; t holds them twice where it is longer.
#if defined(__AVX512F__)
typedef float grid_raw_f __attribute__((vector_size(64)));
typedef int grid_raw_i __attribute__((vector_size(64)));
#define GRID_OF_FOUR(t, i) ((grid_f32)__builtin_ia32_vpermilvarps512((grid_raw_f)(t), (grid_raw_i)(i)))
#define GRID_OF_EIGHT(t, i) ((grid_f32)__builtin_ia32_permvarsf512((grid_raw_f)(t), (grid_raw_i)(i)))
#elif defined(__AVX2__)
typedef float grid_raw_f __attribute__((vector_size(32)));
typedef int grid_raw_i __attribute__((vector_size(32)));
#define GRID_OF_FOUR(t, i) ((grid_f32)__builtin_ia32_vpermilvarps256((grid_raw_f)(t), (grid_raw_i)(i)))
#define GRID_OF_EIGHT(t, i) ((grid_f32)__builtin_ia32_permvarsf256((grid_raw_f)(t), (grid_raw_i)(i)))
#else
#define GRID_BIT(i, b) (((i) & (b)) != 0)
#define GRID_PAIR(t, i, k) (GRID_BIT(i, 1) ? (grid_f32)(t)[(k) + 1] : (grid_f32)(t)[k])
#define GRID_OF_FOUR(t, i) (GRID_BIT(i, 2) ? GRID_PAIR(t, i, 2) : GRID_PAIR(t, i, 0))
#define GRID_OF_EIGHT(t, i)                                                \
  (GRID_BIT(i, 4) ? (GRID_BIT(i, 2) ? GRID_PAIR(t, i, 6) : GRID_PAIR(t, i, 4)) \
                  : (GRID_BIT(i, 2) ? GRID_PAIR(t, i, 2) : GRID_PAIR(t, i, 0)))
#endif

// Element e four times in each of its quarters, of eight elements: vector j of them.
#if GRID_LANES == 16
#define GRID_QUARTERS(a, j)                                                                                      \
  __builtin_shufflevector(a, a, 4 * (j), 4 * (j), 4 * (j), 4 * (j), 4 * (j) + 1, 4 * (j) + 1, 4 * (j) + 1,         \
                          4 * (j) + 1, 4 * (j) + 2, 4 * (j) + 2, 4 * (j) + 2, 4 * (j) + 2, 4 * (j) + 3, 4 * (j) + 3, \
                          4 * (j) + 3, 4 * (j) + 3)
#define GRID_QUARTER(t, e)                                                                               \
  __builtin_shufflevector(t[(e) / 4], t[(e) / 4], 4 * ((e) % 4), 4 * ((e) % 4) + 1, 4 * ((e) % 4) + 2,    \
                          4 * ((e) % 4) + 3, 4 * ((e) % 4), 4 * ((e) % 4) + 1, 4 * ((e) % 4) + 2,         \
                          4 * ((e) % 4) + 3, 4 * ((e) % 4), 4 * ((e) % 4) + 1, 4 * ((e) % 4) + 2,         \
                          4 * ((e) % 4) + 3, 4 * ((e) % 4), 4 * ((e) % 4) + 1, 4 * ((e) % 4) + 2,         \
                          4 * ((e) % 4) + 3)
#define GRID_LEVELS_OF_FOUR (grid_f32){1, 3, 5, 7, 1, 3, 5, 7, 1, 3, 5, 7, 1, 3, 5, 7}
#elif GRID_LANES == 8
#define GRID_QUARTERS(a, j) \
  __builtin_shufflevector(a, a, 2 * (j), 2 * (j), 2 * (j), 2 * (j), 2 * (j) + 1, 2 * (j) + 1, 2 * (j) + 1, 2 * (j) + 1)
#define GRID_QUARTER(t, e)                                                                             \
  __builtin_shufflevector(t[(e) / 2], t[(e) / 2], 4 * ((e) % 2), 4 * ((e) % 2) + 1, 4 * ((e) % 2) + 2, \
                          4 * ((e) % 2) + 3, 4 * ((e) % 2), 4 * ((e) % 2) + 1, 4 * ((e) % 2) + 2,      \
                          4 * ((e) % 2) + 3)
#define GRID_LEVELS_OF_FOUR (grid_f32){1, 3, 5, 7, 1, 3, 5, 7}
#else
#define GRID_QUARTERS(a, j) ((grid_f32)(a)[j])
#define GRID_QUARTER(t, e) (t)[e]
#define GRID_LEVELS_OF_FOUR (grid_f32){1, 3, 5, 7}
#endif

// The place of the first least distance among `count` vectors of candidates; DISTANCE computes it from their packed
// digits in `packed`. Distances that are no number never count.
#define GRID_SEARCH(count, DISTANCE)                                                          \
  do {                                                                                        \
    grid_f32 best = (grid_f32)3.402823466e38f;                                                \
    grid_i32 place = (grid_i32)0;                                                             \
    for (int32_t c = 0; c < (count); c++) {                                                   \
      grid_i32 packed = __builtin_convertvector(*(const grid_u16 *)(keys + GRID_LANES * c), grid_i32); \
      grid_f32 distance = DISTANCE;                                                           \
      grid_i32 better = distance < best;                                                      \
      best = better ? distance : best;                                                        \
      place = better ? (grid_i32)c : place;                                                   \
    }                                                                                         \
    /* Distances are not negative, so they compare like integers. */                          \
    int32_t least = __builtin_reduce_min((grid_i32)best);                                     \
    grid_i32 lane;                                                                            \
    for (int k = 0; k < GRID_LANES; k++) lane[k] = k;                                         \
    grid_i32 found = (grid_i32)best == (grid_i32)least ? place * GRID_LANES + lane : (grid_i32)0x7fffffff; \
    return __builtin_reduce_min(found);                                                       \
  } while (0)

#define GRID_FOUR_TERM(e) GRID_OF_FOUR(GRID_QUARTER(terms, e), packed >> (2 * (e)))

// Eight elements, points of eight digits of two bits that stand for 1, 3, 5, 7, `chunks` times sixteen of them: which is
// the first of those with the least sum of weights[i] * (scale * digit - x[i])^2.
LANES int32_t grid_closest_of_eights(const float *x, const float *weights, float scale, const uint16_t *keys,
                                     int32_t chunks) {
  grid_eight elements = *(const grid_eight *)x, factors = *(const grid_eight *)weights;
  grid_f32 terms[32 / GRID_LANES];
  grid_f32 levels = scale * GRID_LEVELS_OF_FOUR;
#define GRID_TERM(j)                                                  \
  do {                                                                \
    grid_f32 difference = levels - GRID_QUARTERS(elements, j);        \
    terms[j] = GRID_QUARTERS(factors, j) * difference * difference;   \
  } while (0)
  GRID_TERM(0);
  GRID_TERM(1);
#if GRID_LANES <= 8
  GRID_TERM(2);
  GRID_TERM(3);
#endif
#if GRID_LANES == 4
  GRID_TERM(4);
  GRID_TERM(5);
  GRID_TERM(6);
  GRID_TERM(7);
#endif
#undef GRID_TERM
  GRID_SEARCH(chunks * (16 / GRID_LANES),
              GRID_FOUR_TERM(0) + GRID_FOUR_TERM(1) + GRID_FOUR_TERM(2) + GRID_FOUR_TERM(3) + GRID_FOUR_TERM(4) +
                  GRID_FOUR_TERM(5) + GRID_FOUR_TERM(6) + GRID_FOUR_TERM(7));
}

// The same for four elements and points of four digits of three bits that stand for 1, 3, … 15.
LANES int32_t grid_closest_of_fours(const float *x, const float *weights, float scale, const uint16_t *keys,
                                    int32_t chunks) {
  const float *w = weights;
#if GRID_LANES == 4
  typedef float eight __attribute__((ext_vector_type(8)));
  eight levels = scale * (eight){1, 3, 5, 7, 9, 11, 13, 15};
  eight terms[4];
#else
  grid_f32 terms[4];
#if GRID_LANES == 16
  grid_f32 levels = scale * (grid_f32){1, 3, 5, 7, 9, 11, 13, 15, 1, 3, 5, 7, 9, 11, 13, 15};
#else
  grid_f32 levels = scale * (grid_f32){1, 3, 5, 7, 9, 11, 13, 15};
#endif
#endif
#define GRID_TERM(e) terms[e] = w[e] * (levels - x[e]) * (levels - x[e])
  GRID_TERM(0);
  GRID_TERM(1);
  GRID_TERM(2);
  GRID_TERM(3);
#undef GRID_TERM
#define GRID_EIGHT_TERM(e) GRID_OF_EIGHT(terms[e], packed >> (3 * (e)))
  GRID_SEARCH(chunks * (16 / GRID_LANES),
              GRID_EIGHT_TERM(0) + GRID_EIGHT_TERM(1) + GRID_EIGHT_TERM(2) + GRID_EIGHT_TERM(3));
}

// Of four floats, the one that the low two bits of each lane name; of eight, three bits.
LANES lanes_f32 lanes_odd_of_two_bits(lanes_i32 a) {
  return __builtin_convertvector(((a & 3) << 1) + 1, lanes_f32);
}
LANES lanes_f32 lanes_odd_of_three_bits(lanes_i32 a) {
  return __builtin_convertvector(((a & 7) << 1) + 1, lanes_f32);
}

#endif
