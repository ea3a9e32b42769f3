// What the products multiply: the numbers as they are, or pairs of bf16 (pairs.h), and where they lie.
//
// Everything outside of the products is computed in `Real`. Where operands differ from it, arrays (blocks, rows, W) of
// numbers are copied into two forms, in which an element holds the two numbers that one instruction multiplies:
//   by features (blocks / 2, parts, rows, W): of features 2k and 2k + 1 of a row, for sums over features;
//   by rows (blocks, rows / 2, W): of rows 2r and 2r + 1 of a feature, for sums over rows.
// An Op says by constants how: `width` numbers make an element; `parts` elements, of which one holds what the others
// leave, make it more exact; rows and elements are padded to multiples of `tile`.
#pragma once

#include "vector.h"

namespace rekur::REKUR_SET {

// Features of one row into the blocks (blocks, rows, W) of an array; `block` numbers from one block to the next.
template <class Real> inline void spread(const Real* from, int64_t features, Real* to, int64_t block) {
    constexpr int W = kLanes<Real>;
    for (int64_t first = 0; first < features; first += W, to += block)
        store(to, load_part(from + first, smaller(W, features - first)));
}

inline int64_t padded(int64_t count, int64_t size) { return blocks_of(count, size) * size; }

// Rows of an array of which `rows` count, and elements that hold K numbers.
template <class Op> int64_t rows_of(int64_t rows) { return padded(rows, Op::tile); }
template <class Op> int64_t elements_of(int64_t K) { return padded(blocks_of(K, Op::width), Op::tile); }

// Elements from one block to the next, by features and by rows, in arrays of R rows.
template <class Op> int64_t features_block(int64_t R) { return Op::parts * R * kLanes<typename Op::Real>; }
template <class Op> int64_t rows_block(int64_t R) { return Op::parts * elements_of<Op>(R) * kLanes<typename Op::Real>; }

// Where element k of K has its part among the parts * K of packed weights: tile by tile, (tiles, parts, tile).
template <class Op> int64_t place_of(int64_t k, int part) { return (k / Op::tile * Op::parts + part) * Op::tile + k % Op::tile; }

// The left operand of a sum over features, and its result.
template <class Op> struct Operand {
    const typename Op::Element* data;  // (segments, blocks, parts, rows, W)
    int64_t block;                     // elements from one block of features to the next
    int64_t features;                  // elements of a row in a segment
    int64_t segments;                  // each begins with a block of its own
    int64_t segment;                   // elements from one segment to the next
};

template <class Op> struct Sums {
    typename Op::Real* data;  // (vectors, rows, W)
    int64_t vector;           // numbers from one vector to the next
};

// An operand of a sum over rows: steps of (blocks, rows, W), of which the first running[t] rows count.
template <class Op> struct Stack {
    const typename Op::Element* data;
    int64_t step;   // elements from one step to the next
    int64_t block;  // elements from one block to the next
};

// In what gates wait for the backward pass.
template <class Real> struct KeptWhole {
    using Kept = Real;
    static Vec<Real> kept(const Kept* from) { return load(from); }
    static void keep(Kept* to, Vec<Real> v, bool past_cache) { past_cache ? stream(to, v) : store(to, v); }
};

struct Nothing {};

// The numbers as they are.
template <class R> struct Exact : KeptWhole<R> {
    using Real = R;
    using Element = R;
    using Vector = Vec<R>;
    using Setup = Nothing;                   // what a thread holds while it multiplies
    static constexpr int width = 1, parts = 1, tile = 1;
    static constexpr bool converts = false;  // whether operands are other arrays than those of Real

    // A part of an element of a row, `left` numbers before its end, or of a column, whose numbers are `stride` apart.
    static Element of_row(const R* from, int64_t, int) { return *from; }
    static Element of_column(const R* from, int64_t, int64_t, int) { return *from; }

    static Vector load_elements(const Element* from) { return load(from); }
    static Vec<R> multiply_add(Vec<R> sum, Element a, Vector w) { return sum + a * w; }

    static void by_features(const R*, int64_t, int64_t, int64_t, Element*) {}
    static void by_rows(const R*, int64_t, int64_t, int64_t, Element*) {}
    static void left_by_rows(const R*, int64_t, int64_t, int64_t, Element*) {}
};

}  // namespace rekur::REKUR_SET
