// Which rows of the batch a slice computes, longest first, and how many of them still run at each step.
#pragma once

#include "rekur/engine.h"

namespace rekur {

struct Rows {
    int64_t count;           // rows of the slice
    int64_t steps;           // of its longest row
    const int64_t* index;    // (count) place in the batch
    const int64_t* length;   // (count) descending
    const int64_t* running;  // (steps + 1) rows longer than t: a prefix, as the longest come first
    const int64_t* before;   // (steps + 1) sum of `running` over earlier steps

    int64_t total() const { return before[steps]; }

    // The time that step t of a row reads: backwards from the row's own end in the second direction.
    int64_t time(int64_t t, int64_t row, bool reverse) const { return reverse ? length[row] - 1 - t : t; }
};

}  // namespace rekur
