// The two matrix products everything is made of. A product holds a tile of its result in registers; one operand is
// read as vectors, the other number by number.
//
// Operands lie in blocks of W = kLanes features: (blocks, rows, W). So the rows of a tile are at constant distances,
// every stream is contiguous, and nothing depends on the strides of the arrays outside.
//
// An Op (operands.h) says what is multiplied: `Element`s (numbers, or pairs of bf16), summed up in `Real`. Some are
// multiplied in registers that hold whole tiles (tile_product.h).
#pragma once

#include <utility>

#include "tile_product.h"

namespace rekur::REKUR_SET {

// Vectors side by side in a tile, and how many rows then fit into the registers beside them.
constexpr int kVectors = kRegisters == 32 ? 4 : 2;
constexpr int rows_beside(int vectors) {
    if (kRegisters == 32) return vectors == 1 ? 14 : vectors == 2 ? 12 : vectors == 3 ? 8 : 6;
    return vectors == 1 ? 8 : vectors == 2 ? 6 : vectors == 3 ? 4 : 2;
}

// sums[v][row] += sum over segments and features k of a[row][k] * w[k][v], for V vectors and R rows.
template <class Op, int V, int R>
void row_tile(const Operand<Op>& a, int64_t row, const typename Op::Element* w, const Sums<Op>& sums) {
    using Real = typename Op::Real;
    constexpr int W = kLanes<Real>;
    Real* const corner = sums.data + row * W;
    Vec<Real> sum[V][R];
    REKUR_UNROLL
    for (int v = 0; v < V; v++)
        REKUR_UNROLL
        for (int r = 0; r < R; r++) sum[v][r] = load(corner + v * sums.vector + r * W);
    for (int64_t s = 0; s < a.segments; s++) {
        const typename Op::Element* block = a.data + s * a.segment + row * W;
        for (int64_t left = a.features; left > 0; left -= W, block += a.block) {
            const int64_t count = smaller(W, left);
            for (int64_t k = 0; k < count; k++, w += V * W) {
                typename Op::Vector column[V];
                REKUR_UNROLL
                for (int v = 0; v < V; v++) column[v] = Op::load_elements(w + v * W);
                REKUR_UNROLL
                for (int r = 0; r < R; r++)
                    REKUR_UNROLL
                    for (int v = 0; v < V; v++) sum[v][r] = Op::multiply_add(sum[v][r], block[r * W + k], column[v]);
            }
        }
    }
    REKUR_UNROLL
    for (int v = 0; v < V; v++)
        REKUR_UNROLL
        for (int r = 0; r < R; r++) store(corner + v * sums.vector + r * W, sum[v][r]);
}

template <class Op> using RowTile = void (*)(const Operand<Op>&, int64_t, const typename Op::Element*, const Sums<Op>&);

template <class Op, int V, int... R> RowTile<Op> row_tile_of(int64_t rows, std::integer_sequence<int, R...>) {
    static constexpr RowTile<Op> tiles[] = {row_tile<Op, V, R + 1>...};
    return tiles[rows - 1];
}

template <class Op, int V> void product_of(const Operand<Op>& a, int64_t rows, const typename Op::Element* w, const Sums<Op>& sums) {
    if constexpr (Op::tile > 1) {
        product_in_tiles<Op, V>(a, rows, w, sums);
    } else {
        constexpr int most = rows_beside(V);
        const int64_t tiles = blocks_of(rows, most);
        for (int64_t i = 0; i < tiles; i++) {  // tiles of nearly equal height: none of a single row
            const int64_t first = i * rows / tiles, end = (i + 1) * rows / tiles;
            row_tile_of<Op, V>(end - first, std::make_integer_sequence<int, most>{})(a, first, w, sums);
        }
    }
}

// sums (vectors, rows, W) += a (rows, K) * w (K, vectors, W), the rows of w in the order a's features come.
template <class Op> void product(const Operand<Op>& a, int64_t rows, const typename Op::Element* w, int64_t vectors, const Sums<Op>& sums) {
    switch (vectors) {
        case 1: return product_of<Op, 1>(a, rows, w, sums);
        case 2: return product_of<Op, 2>(a, rows, w, sums);
        case 3: return product_of<Op, 3>(a, rows, w, sums);
        default: return product_of<Op, 4>(a, rows, w, sums);
    }
}

// Lanes of the left operand in a tile of an outer product; they divide W.
template <class Real> constexpr int kOuter = kBytes == 64 ? 8 : kLanes<Real> < 4 ? kLanes<Real> : 4;
constexpr int kOuterVectors = 3;

// out[l][v] += sum over steps t and rows of left[t][row][l] * right[t][v][row], for L lanes and V vectors.
template <class Op, int V>
void outer_tile(const Stack<Op>& left, const Stack<Op>& right, int64_t steps, const int64_t* running, typename Op::Real* out, int64_t out_row) {
    using Real = typename Op::Real;
    constexpr int W = kLanes<Real>, L = kOuter<Real>;
    Vec<Real> sum[L][V];
    REKUR_UNROLL
    for (int l = 0; l < L; l++)
        REKUR_UNROLL
        for (int v = 0; v < V; v++) sum[l][v] = load(out + l * out_row + v * W);
    for (int64_t t = 0; t < steps; t++) {
        const typename Op::Element* a = left.data + t * left.step;
        const typename Op::Element* b = right.data + t * right.step;
        const int64_t rows = blocks_of(running[t], Op::width);
        for (int64_t row = 0; row < rows; row++, a += W, b += W) {
            typename Op::Vector vectors[V];
            REKUR_UNROLL
            for (int v = 0; v < V; v++) vectors[v] = Op::load_elements(b + v * right.block);
            REKUR_UNROLL
            for (int l = 0; l < L; l++)
                REKUR_UNROLL
                for (int v = 0; v < V; v++) sum[l][v] = Op::multiply_add(sum[l][v], a[l], vectors[v]);
        }
    }
    REKUR_UNROLL
    for (int l = 0; l < L; l++)
        REKUR_UNROLL
        for (int v = 0; v < V; v++) store(out + l * out_row + v * W, sum[l][v]);
}

template <class Op, int V>
void outer_panel(const Stack<Op>& left, int64_t left_features, const Stack<Op>& right, int64_t steps, const int64_t* running,
                 typename Op::Real* out, int64_t out_row) {
    if constexpr (Op::tile > 1) {
        outer_in_tiles<Op, V>(left, left_features, right, steps, running, out, out_row);
    } else {
        constexpr int W = kLanes<typename Op::Real>, L = kOuter<typename Op::Real>;
        for (int64_t l = 0; l < left_features; l += L) {
            const Stack<Op> a = {left.data + l / W * left.block + l % W, left.step, left.block};
            outer_tile<Op, V>(a, right, steps, running, out + l * out_row, out_row);
        }
    }
}

// out (left features, right blocks * W) += sum over steps and rows of left * right; `out_row` numbers a row.
template <class Op>
void outer_product(const Stack<Op>& left, int64_t left_features, const Stack<Op>& right, int64_t right_blocks, int64_t steps,
                   const int64_t* running, typename Op::Real* out, int64_t out_row) {
    const int64_t panels = blocks_of(right_blocks, Op::tile > 1 ? kTileVectors : kOuterVectors);
    for (int64_t p = 0; p < panels; p++) {
        const int64_t first = p * right_blocks / panels, vectors = (p + 1) * right_blocks / panels - first;
        const Stack<Op> b = {right.data + first * right.block, right.step, right.block};
        typename Op::Real* const corner = out + first * kLanes<typename Op::Real>;
        if (vectors == 1) outer_panel<Op, 1>(left, left_features, b, steps, running, corner, out_row);
        if (vectors == 2) outer_panel<Op, 2>(left, left_features, b, steps, running, corner, out_row);
        if (vectors == 3) outer_panel<Op, 3>(left, left_features, b, steps, running, corner, out_row);
        if constexpr (Op::tile > 1)
            if (vectors == 4) outer_panel<Op, 4>(left, left_features, b, steps, running, corner, out_row);
    }
}

}  // namespace rekur::REKUR_SET
