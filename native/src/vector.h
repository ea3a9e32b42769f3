// Vectors of one register, written once for every instruction set with the compiler's vector extension.
#pragma once

#if defined(__x86_64__) || defined(_M_X64)
#include <immintrin.h>
#endif

#include <cstdint>
#include <cstring>

#if defined(__clang__)
#define REKUR_UNROLL _Pragma("unroll")
#else
#define REKUR_UNROLL _Pragma("GCC unroll 32")
#endif

namespace rekur::REKUR_SET {

#if defined(__AVX512F__) || defined(REKUR_EMULATED_TILES)  // a row of a tile is one vector
constexpr int kBytes = 64, kRegisters = 32;
#elif defined(__AVX2__)
constexpr int kBytes = 32, kRegisters = 16;
#elif defined(__aarch64__)
constexpr int kBytes = 16, kRegisters = 32;
#else
constexpr int kBytes = 16, kRegisters = 16;
#endif

template <class Real> struct Register {
    typedef Real Vector __attribute__((vector_size(kBytes)));
};
template <class Real> using Vec = typename Register<Real>::Vector;
typedef uint32_t Words __attribute__((vector_size(kBytes)));
template <class Real> constexpr int kLanes = kBytes / sizeof(Real);  // W in the comments

inline int64_t blocks_of(int64_t count, int64_t size) { return (count + size - 1) / size; }

inline int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

template <class Real> inline Vec<Real> load(const Real* from) {
    Vec<Real> v;
    std::memcpy(&v, from, sizeof v);
    return v;
}

template <class Real> inline void store(Real* to, Vec<Real> v) { std::memcpy(to, &v, sizeof v); }

// Past the cache, to an address aligned to the vector; `stream_fence` before another thread may read.
template <class Real> inline void stream(Real* to, Vec<Real> v) {
#if defined(__AVX512F__)
    _mm512_stream_si512(reinterpret_cast<__m512i*>(to), (__m512i)v);
#elif defined(__AVX2__)
    _mm256_stream_si256(reinterpret_cast<__m256i*>(to), (__m256i)v);
#else
    store(to, v);
#endif
}

inline void stream_fence() {
#if defined(__AVX2__)
    _mm_sfence();
#endif
}

// The first `count` lanes; the others are 0.
template <class Real> inline Vec<Real> load_part(const Real* from, int64_t count) {
    if (count == kLanes<Real>) return load(from);
    Vec<Real> v = {};
    for (int64_t i = 0; i < count; i++) v[i] = from[i];
    return v;
}

template <class Real> inline void store_part(Real* to, Vec<Real> v, int64_t count) {
    if (count == kLanes<Real>) return store(to, v);
    for (int64_t i = 0; i < count; i++) to[i] = v[i];
}

}  // namespace rekur::REKUR_SET
