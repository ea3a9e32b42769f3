// The batch cut into slices, one for each thread.
#pragma once

#include <vector>

#include "rows.h"

namespace rekur {

class Slices {
  public:
    // With lengths, the sorted rows are dealt out in turn, so that slices take equally long.
    explicit Slices(const Layer& layer);
    Slices(const Slices&) = delete;
    Slices& operator=(const Slices&) = delete;

    const Rows* data() const { return rows_.data(); }

  private:
    void add(const Layer& layer, const std::vector<int64_t>& order, int64_t s);

    std::vector<Rows> rows_;
    std::vector<std::vector<int64_t>> numbers_;  // what the rows point into
};

}  // namespace rekur
