#include "slices.h"

#include <algorithm>
#include <numeric>

namespace rekur {

Slices::Slices(const Layer& layer) {
    std::vector<int64_t> order(layer.N);
    std::iota(order.begin(), order.end(), 0);
    if (layer.lengths)
        std::stable_sort(order.begin(), order.end(),
                         [&](int64_t a, int64_t b) { return layer.lengths[a] > layer.lengths[b]; });
    for (int64_t s = 0; s < layer.slices; s++) add(layer, order, s);
}

void Slices::add(const Layer& layer, const std::vector<int64_t>& order, int64_t s) {
    const int64_t S = layer.slices, first = s * layer.N / S, end = (s + 1) * layer.N / S;
    const int64_t count = layer.lengths ? (layer.N - s + S - 1) / S : end - first;
    const auto row = [&](int64_t i) { return layer.lengths ? order[s + i * S] : order[first + i]; };
    const auto length = [&](int64_t i) { return layer.lengths ? layer.lengths[row(i)] : layer.T; };
    const int64_t steps = count ? length(0) : 0;

    std::vector<int64_t> numbers(2 * count + 2 * (steps + 1));
    int64_t *index = numbers.data(), *lengths = index + count, *running = lengths + count, *before = running + steps + 1;
    for (int64_t i = 0; i < count; i++) {
        index[i] = row(i);
        lengths[i] = length(i);
    }
    int64_t left = count, total = 0;
    for (int64_t t = 0; t <= steps; t++) {
        while (left > 0 && lengths[left - 1] <= t) left--;
        running[t] = left;
        before[t] = total;
        total += left;
    }
    rows_.push_back({count, steps, index, lengths, running, before});
    numbers_.push_back(std::move(numbers));  // its buffer stays where it is
}

}  // namespace rekur
