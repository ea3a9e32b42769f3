// The products of product.h in tiles: one tile of the left operand in turn with up to four of the right, each of which
// has its sums. With two parts, first * first + first * second + second * first; second * second is below a float.
#pragma once

#include "pairs.h"

namespace rekur::REKUR_SET {

constexpr int kTileVectors = 4;  // sums 0 to 3; left 4 and 5, right 6 and 7

// The sum of vector v += the left operand in tiles 4 and 5 * the one at `right`; `part` elements between its parts.
template <class Op, int v> inline void add_tile(const typename Op::Element* right, int64_t stride, [[maybe_unused]] int64_t part) {
    load_tile<6>(right, stride);
    multiply_tiles<v, 4, 6>();
    if constexpr (Op::parts == 2) {
        load_tile<7>(right + part, stride);
        multiply_tiles<v, 5, 6>();
        multiply_tiles<v, 4, 7>();
    }
}

template <class Op> inline void load_left(const typename Op::Element* left, [[maybe_unused]] int64_t part) {
    load_tile<4>(left, 64);
    if constexpr (Op::parts == 2) load_tile<5>(left + part, 64);
}

// sums[v] (16 rows) += sum over segments and features of a * w, for as many vectors as `v` has.
template <class Op, int... v>
void rows_of_tiles(const Operand<Op>& a, int64_t row, const typename Op::Element* w, const Sums<Op>& sums, std::integer_sequence<int, v...>) {
    constexpr int V = sizeof...(v), stride = V * 64, part = kTile * V * kTile;
    float* const corner = sums.data + row * kTile;
    (load_tile<v>(corner + v * sums.vector, 64), ...);
    for (int64_t s = 0; s < a.segments; s++) {
        const typename Op::Element* left = a.data + s * a.segment + row * kTile;
        for (int64_t k = 0; k < a.features; k += kTile, left += a.block, w += Op::parts * part) {
            load_left<Op>(left, a.block / Op::parts);
            (add_tile<Op, v>(w + v * kTile, stride, part), ...);
        }
    }
    (store_tile<v>(corner + v * sums.vector, 64), ...);
}

template <class Op, int V> void product_in_tiles(const Operand<Op>& a, int64_t rows, const typename Op::Element* w, const Sums<Op>& sums) {
    for (int64_t row = 0; row < rows; row += kTile) rows_of_tiles<Op>(a, row, w, sums, std::make_integer_sequence<int, V>{});
}

// out[v] (16 features of the left, 16 of the right) += sum over steps and rows of left * right.
template <class Op, int... v>
void outer_of_tiles(const Stack<Op>& left, const Stack<Op>& right, int64_t steps, const int64_t* running, float* out, int64_t out_row,
                    std::integer_sequence<int, v...>) {
    constexpr int64_t part = kTile * kTile;
    const int64_t stride = out_row * int64_t{sizeof(float)};
    (load_tile<v>(out + v * kTile, stride), ...);
    for (int64_t t = 0; t < steps; t++) {
        const typename Op::Element* a = left.data + t * left.step;
        const typename Op::Element* b = right.data + t * right.step;
        for (int64_t row = 0; row < running[t]; row += 2 * kTile, a += Op::parts * part, b += Op::parts * part) {
            load_left<Op>(a, part);
            (add_tile<Op, v>(b + v * right.block, 64, part), ...);
        }
    }
    (store_tile<v>(out + v * kTile, stride), ...);
}

template <class Op, int V>
void outer_in_tiles(const Stack<Op>& left, int64_t left_features, const Stack<Op>& right, int64_t steps, const int64_t* running, float* out,
                    int64_t out_row) {
    for (int64_t l = 0; l < left_features; l += kTile) {
        const Stack<Op> block = {left.data + l / kTile * left.block, left.step, left.block};
        outer_of_tiles<Op>(block, right, steps, running, out + l * out_row, out_row, std::make_integer_sequence<int, V>{});
    }
}

}  // namespace rekur::REKUR_SET
