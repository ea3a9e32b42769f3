#include "parallel.h"

#include <atomic>
#include <thread>
#include <vector>

#if defined(_OPENMP)
#include <omp.h>
#endif
#if defined(__unix__) || defined(__APPLE__)
#include <pthread.h>
#endif
#if defined(__x86_64__) || defined(_M_X64)
#include <immintrin.h>
#endif

namespace rekur {

static std::atomic<bool> forked{false};

#if defined(_OPENMP) && (defined(__unix__) || defined(__APPLE__))
[[maybe_unused]] static const int registered = pthread_atfork(nullptr, nullptr, [] { forked = true; });
#endif

static void with_std_threads(int count, void (*work)(void*, int), void* context) {
    std::vector<std::thread> threads;
    for (int i = 1; i < count; i++) threads.emplace_back(work, context, i);
    work(context, 0);
    for (auto& thread : threads) thread.join();
}

void in_parallel(int count, void (*work)(void*, int), void* context) {
    if (count <= 1) {
        if (count == 1) work(context, 0);
        return;
    }
#if defined(_OPENMP)
    if (!forked && !omp_in_parallel()) {
#pragma omp parallel for num_threads(count) schedule(static, 1)
        for (int i = 0; i < count; i++) work(context, i);
        return;
    }
#endif
    with_std_threads(count, work, context);
}

#if defined(__x86_64__) || defined(_M_X64)
FlushDenormals::FlushDenormals() : mode_(_mm_getcsr()) { _mm_setcsr(static_cast<unsigned>(mode_) | 0x8040); }
FlushDenormals::~FlushDenormals() { _mm_setcsr(static_cast<unsigned>(mode_)); }
#elif defined(__aarch64__)
FlushDenormals::FlushDenormals() {
    asm volatile("mrs %0, fpcr" : "=r"(mode_));
    asm volatile("msr fpcr, %0" ::"r"(mode_ | (1ull << 24)));
}
FlushDenormals::~FlushDenormals() { asm volatile("msr fpcr, %0" ::"r"(mode_)); }
#else
FlushDenormals::FlushDenormals() : mode_(0) {}
FlushDenormals::~FlushDenormals() = default;
#endif

}  // namespace rekur
