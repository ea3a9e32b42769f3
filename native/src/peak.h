// As many multiply-adds as the processor can do: the roof under which every product stays.
#pragma once

#include "vector.h"

namespace rekur::REKUR_SET {

// Floating-point operations of one thread, on independent sums that never leave the registers; returns their number.
inline double multiply_adds(int64_t rounds) {
    constexpr int kSums = kRegisters == 32 ? 16 : 12;
    const volatile float hidden[2] = {0.999f, 1e-3f};  // from the compiler, which would compute the result
    const float a = hidden[0];
    const Vec<float> b = Vec<float>{} + hidden[1];
    Vec<float> sums[kSums];
    for (int i = 0; i < kSums; i++) sums[i] = b * static_cast<float>(i);
    for (int64_t round = 0; round < rounds; round++)
        REKUR_UNROLL
        for (int i = 0; i < kSums; i++) sums[i] = sums[i] * a + b;
    for (int i = 1; i < kSums; i++) sums[0] += sums[i];
    volatile float used = sums[0][0];
    (void)used;
    return 2.0 * static_cast<double>(rounds) * kSums * kLanes<float>;
}

}  // namespace rekur::REKUR_SET
