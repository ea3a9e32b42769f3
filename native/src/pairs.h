// Pairs of bf16 as operands, summed up in float: in vectors, or in tiles.
#pragma once

#include <type_traits>
#include <utility>

#include "bf16.h"
#include "operands.h"
#include "tiles.h"

namespace rekur::REKUR_SET {

struct KeptInHalf {
    using Kept = uint16_t;
    static Vec<float> kept(const Kept* from) {
        Halves halves;
        std::memcpy(&halves, from, sizeof halves);
        return from_bf16(halves);
    }
    static void keep(Kept* to, Vec<float> v, bool past_cache) {
        const Halves halves = to_bf16(v);
#if defined(__AVX512F__)
        if (past_cache) return _mm256_stream_si256(reinterpret_cast<__m256i*>(to), (__m256i)halves);
#endif
        (void)past_cache;
        std::memcpy(to, &halves, sizeof halves);
    }
};

#if defined(__AVX512BF16__)

struct Pairs : KeptInHalf {
    using Real = float;
    using Element = uint32_t;
    using Vector = __m512i;
    using Setup = Nothing;
    static constexpr int width = 2, parts = 1, tile = 1;
    static constexpr bool converts = true;

    static Element of_row(const float* from, int64_t left, int) { return paired(from[0], left > 1 ? from[1] : 0.0f); }
    static Element of_column(const float* from, int64_t stride, int64_t left, int) {
        return paired(from[0], left > 1 ? from[stride] : 0.0f);
    }

    static Vector load_elements(const Element* from) { return _mm512_loadu_si512(from); }
    static Vec<float> multiply_add(Vec<float> sum, Element a, Vector w) {
        return _mm512_dpbf16_ps(sum, (__m512bh)_mm512_set1_epi32(static_cast<int>(a)), (__m512bh)w);
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
        for (int64_t block = 0; block < blocks; block++)
            for (int64_t row = 0; row < rows; row += 2) {
                const float* const first = from + (block * R + row) * W;
                const Words both = paired(load(first), row + 1 < rows ? load(first + W) : Vec<float>{});
                std::memcpy(to + (block * pairs + row / 2) * W, &both, sizeof both);
            }
    }
    static void left_by_rows(const float* from, int64_t blocks, int64_t R, int64_t rows, Element* to) {
        by_rows(from, blocks, R, rows, to);
    }
};

#endif

// 16 words of 16 rows turned: in each of four rounds, squares of half the size change places with those across.
template <int half, int... lane> inline void swap_squares(Words& upper, Words& lower, std::integer_sequence<int, lane...>) {
    const Words a = upper, b = lower;
    upper = __builtin_shufflevector(a, b, (lane & half ? kTile + lane - half : lane)...);
    lower = __builtin_shufflevector(a, b, (lane & half ? kTile + lane : lane + half)...);
}

template <int half> inline void transpose(Words row[kTile]) {
    REKUR_UNROLL
    for (int i = 0; i < kTile; i++)
        if (!(i & half)) swap_squares<half>(row[i], row[i + half], std::make_integer_sequence<int, kTile>{});
    if constexpr (half > 1) transpose<half / 2>(row);
}

// Operands of tiles: `parts` 1 is bf16; with 2, the second part is the bf16 of what the first leaves.
template <int kParts> struct Tiles : std::conditional_t<kParts == 1, KeptInHalf, KeptWhole<float>> {
    using Real = float;
    using Element = uint32_t;
    using Setup = TilesInUse;
    static constexpr int width = 2, parts = kParts, tile = kTile;
    static constexpr bool converts = true;
    static_assert(kParts && kLanes<float> == kTile, "a row of a tile is one vector");

    static Element of_row(const float* from, int64_t left, int part) { return of_column(from, 1, left, part); }
    static Element of_column(const float* from, int64_t stride, int64_t left, int part) {
        const float first = from[0], second = left > 1 ? from[stride] : 0.0f;
        return part == 0 ? paired(first, second) : paired(beyond_bf16(first), beyond_bf16(second));
    }

    static void by_features(const float* from, int64_t blocks, int64_t R, int64_t rows, Element* to) {
        for (int64_t block = 0; block < blocks; block++) {
            Element* const half = to + block / 2 * features_block<Tiles>(R) + block % 2 * (kTile / 2);
            for (int64_t row = 0; row < rows; row++) {
                Vec<float> left = load(from + (block * R + row) * kTile);
                for (int part = 0; part < parts; part++, left = beyond_bf16(left)) {
                    const Halves halves = to_bf16(left);
                    std::memcpy(half + (part * R + row) * kTile, &halves, sizeof halves);
                }
            }
        }
    }

    // By rows, in tiles of 16 pairs of rows: (blocks, tiles, parts, 16, W); rows that do not count are zeros.
    static void by_rows(const float* from, int64_t blocks, int64_t R, int64_t rows, Element* to) {
        make_tiles<false>(from, blocks, R, rows, to);
    }
    // The same for the left operand: each tile turned, a row of it is a feature.
    static void left_by_rows(const float* from, int64_t blocks, int64_t R, int64_t rows, Element* to) {
        make_tiles<true>(from, blocks, R, rows, to);
    }

  private:
    template <bool turned> static void make_tiles(const float* from, int64_t blocks, int64_t R, int64_t rows, Element* to) {
        for (int64_t block = 0; block < blocks; block++, from += R * kTile, to += rows_block<Tiles>(R))
            for (int64_t tile = 0; tile * 2 * kTile < rows; tile++)
                make_tile<turned>(from + tile * 2 * kTile * kTile, rows - tile * 2 * kTile, to + tile * parts * kTile * kTile);
    }

    template <bool turned> static void make_tile(const float* from, int64_t rows, Element* to) {
        const auto row = [&](int64_t r, int part) {
            const Vec<float> numbers = r < rows ? load(from + r * kTile) : Vec<float>{};
            return part == 0 ? numbers : beyond_bf16(numbers);
        };
        for (int part = 0; part < parts; part++) {
            Words words[kTile];
            for (int i = 0; i < kTile; i++) words[i] = paired(row(2 * i, part), row(2 * i + 1, part));
            if constexpr (turned) transpose<kTile / 2>(words);
            std::memcpy(to + part * kTile * kTile, words, sizeof words);
        }
    }
};

}  // namespace rekur::REKUR_SET
