// What the engine computes with, as Python hands it over.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

#include "rekur/engine.h"

using Address = uintptr_t;

inline void* pointer(Address address) { return reinterpret_cast<void*>(address); }

struct Shape {
    int32_t axes;
    int64_t sizes[3];
};

// What is computed, apart from the arrays. It never changes, so threads may share it.
struct Problem {
    std::string set;
    rekur::Layer layer{};

    // x, h_0, c_0, and of each direction w_ih, w_hh, b_ih, b_hh
    size_t inputs() const { return 3 + 4 * static_cast<size_t>(layer.D); }
    Shape input(size_t i) const {
        if (i == 0) return {3, {layer.T, layer.N, layer.I}};
        if (i < 3) return {3, {layer.D, layer.N, layer.H}};
        const size_t weight = (i - 3) % 4;
        if (weight > 1) return {1, {rekur::gates_of(layer.cell) * layer.H}};
        return {2, {rekur::gates_of(layer.cell) * layer.H, weight ? layer.H : layer.I}};
    }

    // outputs, h_n and, of an LSTM, c_n
    size_t results() const { return layer.cell == rekur::Cell::lstm ? 3 : 2; }
    Shape result(size_t i) const {
        if (i == 0) return {3, {layer.T, layer.N, layer.D * layer.H}};
        return {3, {layer.D, layer.N, layer.H}};
    }

    std::vector<std::vector<int64_t>> shapes(size_t count, Shape (Problem::*shape)(size_t) const) const {
        std::vector<std::vector<int64_t>> found;
        for (size_t i = 0; i < count; i++) {
            const Shape one = (this->*shape)(i);
            found.emplace_back(one.sizes, one.sizes + one.axes);
        }
        return found;
    }
};

// The inputs of a problem or its results, or the gradients of either; null is absent. Whoever makes them has checked
// sizes, and keeps the memory alive.
struct Arrays {
    static constexpr size_t kOthers = 10;

    Arrays() = default;
    Arrays(Address data, int64_t step, int64_t row, const std::vector<Address>& addresses) : first{pointer(data), step, row} {
        if (addresses.size() > kOthers) throw std::length_error("a layer has fewer arrays");
        for (size_t i = 0; i < addresses.size(); i++) others[i] = pointer(addresses[i]);
    }

    rekur::Steps first{};    // x or the outputs
    void* others[kOthers]{};
};
