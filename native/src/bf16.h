// bf16: the upper half of a float, rounded to nearest. Two of them make a word, the first in its lower half.
#pragma once

#include "vector.h"

namespace rekur::REKUR_SET {

typedef uint16_t Halves __attribute__((vector_size(kBytes / 2)));

// The bits of a float, or of each float of a vector, with the upper half rounded to even; NaN stays NaN.
inline uint32_t rounded(float x) {
    uint32_t bits;
    std::memcpy(&bits, &x, sizeof bits);
    return x != x ? bits | 0x400000 : bits + 0x7fff + (bits >> 16 & 1);
}

inline Words rounded(Vec<float> v) {
    const Words bits = (Words)v;
    return v != v ? bits | 0x400000 : bits + 0x7fff + (bits >> 16 & 1);
}

inline uint32_t paired(float first, float second) { return rounded(first) >> 16 | (rounded(second) & 0xffff0000); }

// What a bf16 leaves of a number.
inline float beyond_bf16(float x) {
    const uint32_t bits = rounded(x) & 0xffff0000;
    float near;
    std::memcpy(&near, &bits, sizeof near);
    return x - near;
}

inline Halves to_bf16(Vec<float> v) {
#if defined(__AVX512BF16__)
    return (Halves)_mm512_cvtneps_pbh(v);
#else
    return __builtin_convertvector(rounded(v) >> 16, Halves);
#endif
}

inline Vec<float> from_bf16(Halves halves) { return (Vec<float>)(__builtin_convertvector(halves, Words) << 16); }

inline Vec<float> beyond_bf16(Vec<float> v) { return v - from_bf16(to_bf16(v)); }

// Lane by lane the pair of a number of `first` and one of `second`.
inline Words paired(Vec<float> first, Vec<float> second) {
#if defined(__AVX512BF16__)
    const __m512i one_from_each = _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22, 6, 21,
                                                   5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
    return (Words)_mm512_permutexvar_epi16(one_from_each, (__m512i)_mm512_cvtne2ps_pbh(second, first));
#else
    return rounded(first) >> 16 | (rounded(second) & 0xffff0000);
#endif
}

}  // namespace rekur::REKUR_SET
