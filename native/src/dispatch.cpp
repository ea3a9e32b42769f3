// Which instruction set computes: every one that was built and that the processor reports, the best first.
#include <cstring>
#include <vector>

#include "kernels.h"
#include "slices.h"

namespace rekur {

#define REKUR_DECLARE(set)    \
    namespace set {           \
    extern const Kernels kernels; \
    }
#if defined(REKUR_HAS_AVX512)
REKUR_DECLARE(avx512)
#endif
#if defined(REKUR_HAS_AVX2)
REKUR_DECLARE(avx2)
#endif
REKUR_DECLARE(portable)

static std::vector<const Kernels*> usable() {
    std::vector<const Kernels*> sets;
#if defined(REKUR_HAS_AVX512)
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vl"))
        sets.push_back(&avx512::kernels);
#endif
#if defined(REKUR_HAS_AVX2)
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) sets.push_back(&avx2::kernels);
#endif
    sets.push_back(&portable::kernels);
    return sets;
}

static const std::vector<const Kernels*>& sets() {
    static const std::vector<const Kernels*> found = usable();
    return found;
}

static const Kernels& kernels_of(const char* set) {
    for (const Kernels* kernels : sets())
        if (std::strcmp(kernels->name, set) == 0) return *kernels;
    return portable::kernels;
}

const char* const* instruction_sets() {
    static const std::vector<const char*> names = [] {
        std::vector<const char*> list;
        for (const Kernels* kernels : sets()) list.push_back(kernels->name);
        list.push_back(nullptr);
        return list;
    }();
    return names.data();
}

static int gates(Cell cell) { return cell == Cell::lstm ? 4 : cell == Cell::gru ? 3 : 1; }

int slices_for(const Layer& layer, int threads) {
    constexpr int64_t kLeast = 2'000'000;  // multiply-adds that outweigh waking a thread
    const int64_t work = layer.T * layer.N * layer.D * gates(layer.cell) * layer.H * (layer.I + layer.H);
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
    return kernels_of(set).saved_bytes(layer, rows * layer.D);
}

void forward(const char* set, const Layer& layer, const Final& final) {
    const Slices slices(layer);
    kernels_of(set).forward(layer, slices.data(), final);
}

void backward(const char* set, const Layer& layer, const Gradients& gradients) {
    const Slices slices(layer);
    kernels_of(set).backward(layer, slices.data(), gradients);
}

}  // namespace rekur
