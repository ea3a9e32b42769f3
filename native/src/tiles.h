// The tiles of AMX: eight registers of 16 rows of 64 bytes, and the product of two of them. Without AMX, or with
// REKUR_EMULATED_TILES, plain code does what Intel's manual says of the instructions, so that the kernels made of them
// can be checked on any processor.
#pragma once

#include "vector.h"

#if defined(__AMX_BF16__) || defined(REKUR_EMULATED_TILES)
#define REKUR_TILES
#endif

namespace rekur::REKUR_SET {

constexpr int kTile = 16;  // rows of a tile, and 32-bit elements of its rows

#if defined(__AMX_BF16__) && !defined(REKUR_EMULATED_TILES)

// This thread may use tiles while it lives. All of them are whole; what is smaller is padded in memory.
class TilesInUse {
  public:
    TilesInUse() { asm volatile("ldtilecfg %0" ::"m"(kWhole)); }
    ~TilesInUse() { asm volatile("tilerelease" ::: "memory"); }
    TilesInUse(const TilesInUse&) = delete;
    TilesInUse& operator=(const TilesInUse&) = delete;

  private:
    struct Configuration {
        uint8_t palette, start_row, reserved[14];
        uint16_t row_bytes[16];
        uint8_t rows[16];
    };
    static_assert(sizeof(Configuration) == 64, "as the processor reads it");
    static constexpr Configuration kWhole = {1, 0, {}, {64, 64, 64, 64, 64, 64, 64, 64}, {16, 16, 16, 16, 16, 16, 16, 16}};
};

// GCC's intrinsics take literals alone, no constants of a template, and hide from the compiler that memory is read.
template <int tile> inline void load_tile(const void* from, int64_t stride) {
    asm volatile("tileloadd (%0,%1,1), %%tmm%c2" ::"r"(from), "r"(stride), "i"(tile) : "memory");
}

template <int tile> inline void store_tile(void* to, int64_t stride) {
    asm volatile("tilestored %%tmm%c2, (%0,%1,1)" ::"r"(to), "r"(stride), "i"(tile) : "memory");
}

// sum (16, 16 float) += a (16, 16 pairs of bf16) * b (16 pairs, 16)
template <int sum, int a, int b> inline void multiply_tiles() {
    asm volatile("tdpbf16ps %%tmm%c2, %%tmm%c1, %%tmm%c0" ::"i"(sum), "i"(a), "i"(b));
}

#else

struct TilesInUse {};

struct EmulatedTile {
    Words row[kTile];
};

inline EmulatedTile& emulated(int tile) {
    static thread_local EmulatedTile tiles[8];
    return tiles[tile];
}

template <int tile> inline void load_tile(const void* from, int64_t stride) {
    for (int r = 0; r < kTile; r++) std::memcpy(&emulated(tile).row[r], static_cast<const char*>(from) + r * stride, sizeof(Words));
}

template <int tile> inline void store_tile(void* to, int64_t stride) {
    for (int r = 0; r < kTile; r++) std::memcpy(static_cast<char*>(to) + r * stride, &emulated(tile).row[r], sizeof(Words));
}

// Of each pair the first number, in the lower half, and the second one, as floats.
inline Vec<float> first_of(Words pairs) { return (Vec<float>)(pairs << 16); }
inline Vec<float> second_of(Words pairs) { return (Vec<float>)(pairs & 0xffff0000); }

// The first numbers of the pairs and the second ones have sums of their own, which meet at the end. A product of bf16
// is exact in float, so that a fused multiply-add makes no difference; denormals are flushed around the kernels.
template <int sum, int a, int b> inline void multiply_tiles() {
    const Words* const right = emulated(b).row;
    for (int m = 0; m < kTile; m++) {
        Vec<float> first = {}, second = {};
        for (int k = 0; k < kTile; k++) {
            const Words left = Words{} + emulated(a).row[m][k];
            first += first_of(left) * first_of(right[k]);
            second += second_of(left) * second_of(right[k]);
        }
        Words& row = emulated(sum).row[m];
        row = (Words)((Vec<float>)row + (first + second));
    }
}

#endif

}  // namespace rekur::REKUR_SET
