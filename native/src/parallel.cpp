#include "parallel.h"

#include <atomic>
#include <exception>
#include <mutex>
#include <system_error>
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

// One part of the work. An exception may not leave its thread: the first one waits here for the caller.
class Part {
  public:
    Part(void (*work)(void*, int), void* context) : work_(work), context_(context) {}

    void operator()(int i) {
        try {
            work_(context_, i);
        } catch (...) {
            const std::lock_guard<std::mutex> locked(mutex_);
            if (!first_) first_ = std::current_exception();
        }
    }
    void rethrow() const {
        if (first_) std::rethrow_exception(first_);
    }

  private:
    void (*work_)(void*, int);
    void* context_;
    std::mutex mutex_;
    std::exception_ptr first_;
};

static void with_std_threads(int count, Part& part) {
    std::vector<std::thread> threads;
    int started = 1;
    try {
        for (; started < count; started++) threads.emplace_back([&part, started] { part(started); });
    } catch (const std::system_error&) {  // no more threads to be had: this one does the rest
    }
    part(0);
    for (int i = started; i < count; i++) part(i);
    for (auto& thread : threads) thread.join();
}

static void run(int count, Part& part) {
#if defined(_OPENMP)
    if (!forked && !omp_in_parallel()) {
#pragma omp parallel for num_threads(count) schedule(static, 1)
        for (int i = 0; i < count; i++) part(i);
        return;
    }
#endif
    with_std_threads(count, part);
}

void in_parallel(int count, void (*work)(void* context, int i), void* context) {
    if (count == 1) return work(context, 0);
    Part part(work, context);
    if (count > 1) run(count, part);
    part.rethrow();
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
