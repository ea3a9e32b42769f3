// What one instruction set offers. Each is the same source, kernels.cpp, compiled with that set's flags.
#pragma once

#include "rekur/engine.h"
#include "rows.h"

namespace rekur {

struct Kernels {
    size_t (*saved_bytes)(const Layer& layer, int64_t total_rows);  // rows summed over steps and slices
    void (*forward)(const Layer& layer, const Rows* slices, const Final& final);
    void (*backward)(const Layer& layer, const Rows* slices, const Gradients& gradients);
    double (*multiply_adds)(int64_t rounds);  // operations done, all in registers
};

}  // namespace rekur
