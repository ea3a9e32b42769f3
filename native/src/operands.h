// What the products multiply: the numbers as they are, or pairs of bf16.
//
// Everything outside of the products is computed in `Real`. Where operands differ from it, arrays (blocks, rows, W) of
// numbers are copied into two forms, in which an element holds the two numbers that one instruction multiplies:
//   by features (blocks / 2, rows, W): of features 2k and 2k + 1 of a row, for sums over features;
//   by rows (blocks, rows / 2, W): of rows 2r and 2r + 1 of a feature, for sums over rows.
#pragma once

#include "vector.h"

namespace rekur::REKUR_SET {

// Features of one row into the blocks (blocks, rows, W) of an array; `block` numbers from one block to the next.
template <class Real> inline void spread(const Real* from, int64_t features, Real* to, int64_t block) {
    constexpr int W = kLanes<Real>;
    for (int64_t first = 0; first < features; first += W, to += block)
        store(to, load_part(from + first, smaller(W, features - first)));
}

// The numbers as they are.
template <class R> struct Exact {
    using Real = R;
    using Element = R;
    using Vector = Vec<R>;
    using Kept = R;                          // in what gates wait for the backward pass
    static constexpr int width = 1;          // numbers in an element
    static constexpr bool converts = false;  // whether operands are other arrays than those of Real

    // An element of a row, `left` numbers before its end, or of a column, whose numbers are `stride` apart.
    static Element of_row(const R* from, int64_t) { return *from; }
    static Element of_column(const R* from, int64_t, int64_t) { return *from; }

    static Vector load_elements(const Element* from) { return load(from); }
    static Vec<R> multiply_add(Vec<R> sum, Element a, Vector w) { return sum + a * w; }

    static Vec<R> kept(const Kept* from) { return load(from); }
    static void keep(Kept* to, Vec<R> v, bool past_cache) { past_cache ? stream(to, v) : store(to, v); }

    static void by_features(const R*, int64_t, int64_t, int64_t, Element*) {}
    static void by_rows(const R*, int64_t, int64_t, int64_t, Element*) {}
};

#if defined(__AVX512BF16__)

// Pairs of bf16 (the upper half of a float, rounded to nearest), summed up in float.
struct Pairs {
    using Real = float;
    using Element = uint32_t;  // the first number in the lower half
    using Vector = __m512i;
    using Kept = uint16_t;
    static constexpr int width = 2;
    static constexpr bool converts = true;

    static Element bf16(float x) {
        const __m128i v = (__m128i)_mm_cvtneps_pbh(_mm_set_ss(x));
        return static_cast<uint16_t>(_mm_extract_epi16(v, 0));
    }
    static Element pair(float first, float second) { return bf16(first) | bf16(second) << 16; }

    static Element of_row(const float* from, int64_t left) { return pair(from[0], left > 1 ? from[1] : 0.0f); }
    static Element of_column(const float* from, int64_t stride, int64_t left) { return pair(from[0], left > 1 ? from[stride] : 0.0f); }

    static Vector load_elements(const Element* from) { return _mm512_loadu_si512(from); }
    static Vec<float> multiply_add(Vec<float> sum, Element a, Vector w) {
        return _mm512_dpbf16_ps(sum, (__m512bh)_mm512_set1_epi32(static_cast<int>(a)), (__m512bh)w);
    }

    static Vec<float> kept(const Kept* from) {
        typedef uint16_t Halves __attribute__((vector_size(kBytes / 2)));
        typedef uint32_t Words __attribute__((vector_size(kBytes)));
        Halves halves;
        std::memcpy(&halves, from, sizeof halves);
        return (Vec<float>)(__builtin_convertvector(halves, Words) << 16);
    }
    static void keep(Kept* to, Vec<float> v, bool past_cache) {
        const __m256i halves = (__m256i)_mm512_cvtneps_pbh(v);
        if (past_cache)
            _mm256_stream_si256(reinterpret_cast<__m256i*>(to), halves);
        else
            _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), halves);
    }

    // (blocks, R, W) of floats, of which `rows` count, to pairs by features.
    static void by_features(const float* from, int64_t blocks, int64_t R, int64_t rows, Element* to) {
        constexpr int W = kLanes<float>;
        for (int64_t block = 0; block < blocks; block++) {
            Element* const half = to + block / 2 * R * W + block % 2 * (W / 2);
            for (int64_t row = 0; row < rows; row++)
                keep(reinterpret_cast<Kept*>(half + row * W), load(from + (block * R + row) * W), false);
        }
    }

    // (blocks, R, W) of floats, of which `rows` count, to pairs by rows; an odd last row is paired with zeros.
    static void by_rows(const float* from, int64_t blocks, int64_t R, int64_t rows, Element* to) {
        constexpr int W = kLanes<float>;
        const int64_t pairs = blocks_of(R, 2);
        const __m512i one_from_each = _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22, 6,
                                                       21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
        for (int64_t block = 0; block < blocks; block++)
            for (int64_t row = 0; row < rows; row += 2) {
                const float* const first = from + (block * R + row) * W;
                const Vec<float> second = row + 1 < rows ? load(first + W) : Vec<float>{};
                const __m512i both = (__m512i)_mm512_cvtne2ps_pbh(second, load(first));
                _mm512_storeu_si512(to + (block * pairs + row / 2) * W, _mm512_permutexvar_epi16(one_from_each, both));
            }
    }
};

#endif

}  // namespace rekur::REKUR_SET
