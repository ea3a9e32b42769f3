// Which instruction set computes: every one that was built and that the processor reports, the best first.
#include <algorithm>
#include <chrono>
#include <cstring>
#include <numeric>
#include <stdexcept>
#include <string>
#include <vector>

#include "kernels.h"
#include "parallel.h"
#include "permission.h"
#include "slices.h"

namespace rekur {

#define REKUR_DECLARE(set)    \
    namespace set {           \
    extern const Kernels kernels; \
    }
#if defined(REKUR_HAS_AMX)
REKUR_DECLARE(amx)
#endif
#if defined(REKUR_HAS_AVX512)
REKUR_DECLARE(avx512)
#endif
#if defined(REKUR_HAS_AVX512_BF16)
REKUR_DECLARE(avx512_bf16)
#endif
#if defined(REKUR_HAS_AVX2)
REKUR_DECLARE(avx2)
#endif
#if defined(REKUR_HAS_AMX_EMULATED)
REKUR_DECLARE(amx_emulated)
#endif
REKUR_DECLARE(portable)

// What is chosen by one name: kernels for products in the arrays' type, and faster ones where there are any.
struct Set {
    const char* name;
    const Kernels* exact;
    const Kernels* bf16 = nullptr;
    const Kernels* bf16x3 = nullptr;

    const Kernels* of(Products products) const {
        return products == Products::bf16 ? bf16 : products == Products::bf16x3 ? bf16x3 : exact;
    }
};

#if defined(REKUR_HAS_AVX512)
static void add_avx512(std::vector<Set>& sets) {
    if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512bw") || !__builtin_cpu_supports("avx512dq") ||
        !__builtin_cpu_supports("avx512vl"))
        return;
    Set set{"avx512", &avx512::kernels};
#if defined(REKUR_HAS_AVX512_BF16)
    if (__builtin_cpu_supports("avx512bf16")) set.bf16 = &avx512_bf16::kernels;
#if defined(REKUR_HAS_AMX)
    if (set.bf16 && tiles_permitted()) sets.push_back({"amx", &avx512::kernels, &amx::kernels, &amx::kernels});
#endif
#endif
    sets.push_back(set);
}
#endif

static std::vector<Set> usable() {
    std::vector<Set> sets;
#if defined(REKUR_HAS_AVX512)
    add_avx512(sets);
#endif
#if defined(REKUR_HAS_AVX2)
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) sets.push_back({"avx2", &avx2::kernels});
#endif
#if defined(REKUR_HAS_AMX_EMULATED)
    sets.push_back({"amx_emulated", &portable::kernels, &amx_emulated::kernels, &amx_emulated::kernels});
#endif
    sets.push_back({"portable", &portable::kernels});
    return sets;
}

static const std::vector<Set>& sets() {
    static const std::vector<Set> found = usable();
    return found;
}

static const Set& set_called(const char* name) {
    for (const Set& set : sets())
        if (std::strcmp(set.name, name) == 0) return set;
    throw std::invalid_argument(std::string("no instruction set here is called ") + name);
}

bool multiplies(const char* set, Products products) { return set_called(set).of(products); }

static const Kernels& kernels_of(const char* name, const Layer& layer) {
    const Set& set = set_called(name);
    const Kernels* const faster = layer.type == Type::float32 ? set.of(layer.products) : nullptr;
    return faster ? *faster : *set.exact;
}

const char* const* instruction_sets() {
    static const std::vector<const char*> names = [] {
        std::vector<const char*> list;
        for (const Set& set : sets()) list.push_back(set.name);
        list.push_back(nullptr);
        return list;
    }();
    return names.data();
}

double peak(const char* name, int threads) {
    using Clock = std::chrono::steady_clock;
    constexpr int64_t kRounds = 500'000;
    struct Work {
        const Kernels* kernels;
        std::vector<double> operations;
    } work{set_called(name).exact, std::vector<double>(threads)};
    const auto one_thread = [](void* context, int i) {
        Work& shared = *static_cast<Work*>(context);
        shared.operations[i] = shared.kernels->multiply_adds(kRounds);
    };
    double best = 0;
    for (int turn = 0; turn < 5; turn++) {  // the first wakes the threads, and other work may disturb some
        const Clock::time_point start = Clock::now();
        in_parallel(threads, one_thread, &work);
        const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
        best = std::max(best, std::accumulate(work.operations.begin(), work.operations.end(), 0.0) / seconds);
    }
    return best;
}

int slices_for(const Layer& layer, int threads) {
    constexpr int64_t kLeast = 2'000'000;  // multiply-adds that outweigh waking a thread
    const int64_t work = layer.T * layer.N * layer.D * gates_of(layer.cell) * layer.H * (layer.I + layer.H);
    int64_t slices = threads;
    if (slices > work / kLeast) slices = work / kLeast;
    if (slices > layer.N) slices = layer.N;
    return slices < 1 ? 1 : static_cast<int>(slices);
}

size_t saved_bytes(const char* set, const Layer& layer) {
    int64_t rows = layer.T * layer.N;
    if (layer.lengths) {
        rows = 0;
        for (int64_t n = 0; n < layer.N; n++) rows += layer.lengths[n];
    }
    return kernels_of(set, layer).saved_bytes(layer, rows * layer.D);
}

void forward(const char* set, const Layer& layer, const Final& final) {
    const Slices slices(layer);
    kernels_of(set, layer).forward(layer, slices.data(), final);
}

void backward(const char* set, const Layer& layer, const Gradients& gradients) {
    const Slices slices(layer);
    kernels_of(set, layer).backward(layer, slices.data(), gradients);
}

}  // namespace rekur
