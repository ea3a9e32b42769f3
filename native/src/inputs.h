// What the inputs add to the sums of a panel: bias + x_t W_ih'.
//
// With many rows it is computed step by step, just before the product with h_prev. With few, reading the weights takes
// longer than multiplying: then it is computed for many steps ahead, and W_ih is read once for all of them. Where w_ih
// is null, x holds the products already.
#pragma once

#include "pack.h"
#include "rows.h"

namespace rekur::REKUR_SET {

template <class Cell, class Op> class Inputs {
    using Real = typename Op::Real;
    using Element = typename Op::Element;
    static constexpr int W = kLanes<Real>;

  public:
    // `R` rows of the arrays: those of the slice, and pads.
    Inputs(const Layer& layer, int direction, const Rows& rows, int64_t R, const ForwardWeights<Cell, Op>& weights)
        : layer_(layer), direction_(direction), rows_(rows), R_(R), weights_(weights), sizes_(layer) {
        if (weights.w_ih && R > 0 && R < kFewRows) ahead_ = smaller(kAheadRows / R, rows.steps);
        const int64_t rows_ahead = ahead_ * R_, blocks = ahead_ > 1 ? sizes_.H_blocks : kHiddenBlocks<Cell>;
        asks_ = layer.ids && !weights.w_ih;
        sums_ = scratch_.take<Real>(blocks * Cell::sums * rows_ahead * W);
        if (!weights.w_ih) return;
        x_ = scratch_.take<Real>(sizes_.I_blocks * rows_ahead * W);
        if (Op::converts) pairs_ = scratch_.take<Element>(blocks_of(sizes_.I_blocks, Op::width) * features_block<Op>(rows_ahead));
    }

    // Before the panels of step t.
    void begin(int64_t t) {
        t_ = t;
        if (!weights_.w_ih || t % ahead_) return;
        const int64_t steps = smaller(ahead_, rows_.steps - t);
        for (int64_t place = 0; place < steps; place++) take_x(t + place, place);
        const int64_t rows = ahead_ > 1 ? steps * R_ : rows_.running[t];  // ahead, ended rows are computed in vain
        if constexpr (Op::converts) Op::by_features(x_, sizes_.I_blocks, ahead_ * R_, rows, pairs_);
        if (ahead_ == 1) return;
        for (int64_t first = 0; first < sizes_.H_blocks; first += kHiddenBlocks<Cell>) add_to(first, rows, sums_of(first));
    }

    // The sums of the panel that begins with hidden block `first`, for the running rows. They may be added to.
    Sums<Op> panel(int64_t first) {
        if (ahead_ > 1) {
            const Sums<Op> sums = sums_of(first);
            return {sums.data + t_ % ahead_ * R_ * W, sums.vector};
        }
        const Sums<Op> sums = {sums_, R_ * W};
        if (weights_.w_ih)
            add_to(first, rows_.running[t_], sums);
        else
            add_projected(first, sums);
        return sums;
    }

    // Asks for what a row adds to the panel behind that of hidden block `block`, the first of the next step behind the last.
    void ask(int64_t block, int64_t row) const {
        if (!asks_) return;
        const bool last = block + kHiddenBlocks<Cell> >= sizes_.H_blocks;
        const int64_t t = t_ + last, next = last ? block % kHiddenBlocks<Cell> : block + kHiddenBlocks<Cell>;
        if (row >= rows_.running[t]) return;
        const Real* const x = products_at(t, row) + next * W;
        REKUR_UNROLL
        for (int g = 0; g < Cell::gates; g++) __builtin_prefetch(x + Cell::gate_of[g] * sizes_.H, 0, 2);
    }

  private:
    static constexpr int64_t kFewRows = 4;     // below it, a step is bound by reading weights
    static constexpr int64_t kAheadRows = 64;  // steps ahead times rows, about

    int64_t blocks_from(int64_t first) const { return smaller(kHiddenBlocks<Cell>, sizes_.H_blocks - first); }
    Sums<Op> sums_of(int64_t first) const { return {sums_ + first * Cell::sums * ahead_ * R_ * W, ahead_ * R_ * W}; }

    const Real* x_at(int64_t t, int64_t row) const {
        const int64_t time = rows_.time(t, row, direction_ == 1), index = rows_.index[row];
        const Real* const x = static_cast<const Real*>(layer_.x.data);
        if (layer_.ids) return x + layer_.ids[time * layer_.N + index] * layer_.x.row;
        return x + time * layer_.x.step + index * layer_.x.row;
    }

    const Real* products_at(int64_t t, int64_t row) const { return x_at(t, row) + direction_ * Cell::gates * sizes_.H; }

    void take_x(int64_t t, int64_t place) {
        for (int64_t row = 0; row < rows_.running[t]; row++)
            spread(x_at(t, row), sizes_.I, x_ + (place * R_ + row) * W, ahead_ * R_ * W);
    }

    void start(int64_t first, int64_t rows, const Sums<Op>& sums) const {
        const Real* bias = weights_.bias + first * Cell::sums * W;
        for (int64_t v = 0; v < blocks_from(first) * Cell::sums; v++) {
            const Vec<Real> value = load(bias + v * W);
            for (int64_t row = 0; row < rows; row++) store(sums.data + v * sums.vector + row * W, value);
        }
    }

    void add_to(int64_t first, int64_t rows, const Sums<Op>& sums) const {
        const Element* x;
        if constexpr (Op::converts)
            x = pairs_;
        else
            x = x_;
        const int64_t elements = elements_of<Op>(sizes_.I);
        start(first, rows, sums);
        product<Op>({x, features_block<Op>(ahead_ * R_), elements, 1, 0}, rows,
                    weights_.w_ih + first * Cell::gates * Op::parts * elements * W, blocks_from(first) * Cell::gates, sums);
    }

    // x (T, N, D*G*H) holds what the product would have given. Of a table its rows lie anywhere: the processor does not
    // guess them, and to wait for each would take as long as half of the product.
    void add_projected(int64_t first, const Sums<Op>& sums) const {
        const int64_t running = rows_.running[t_], blocks = blocks_from(first);
        for (int64_t row = 0; row < running; row++) {
            const Real* const x = products_at(t_, row);
            for (int64_t b = 0; b < blocks; b++) {
                const int64_t block = first + b, lanes = sizes_.lanes_of_H(block);
                const Real* const bias = weights_.bias + block * Cell::sums * W;
                REKUR_UNROLL
                for (int s = 0; s < Cell::sums; s++) {
                    Vec<Real> sum = load(bias + s * W);
                    if (s < Cell::gates) sum = sum + load_part(x + Cell::gate_of[s] * sizes_.H + block * W, lanes);
                    store(sums.data + (b * Cell::sums + s) * sums.vector + row * W, sum);
                }
            }
        }
    }

    const Layer& layer_;
    const int direction_;
    const Rows& rows_;
    const int64_t R_;
    const ForwardWeights<Cell, Op>& weights_;
    const Sizes<Real> sizes_;
    Scratch scratch_;
    int64_t ahead_ = 1;         // steps computed at once
    int64_t t_ = 0;             // the step at work
    bool asks_ = false;         // whether rows of a table are products
    Real* x_ = nullptr;         // (I_blocks, ahead * R, W)
    Element* pairs_ = nullptr;  // x_ as an operand, where that differs
    Real* sums_;                // (sums, ahead * R, W) of the panel at work; of all panels, with steps ahead
};

}  // namespace rekur::REKUR_SET
