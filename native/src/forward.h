// All steps of one layer and direction, forward, for the rows of one slice.
//
// A step goes through the hidden units panel by panel: sums = bias + x_t W_ih' + h_prev W_hh' of all rows, then the
// cell on these sums while they are in the cache. Nothing is written but h_t and what the backward pass needs.
#pragma once

#include "inputs.h"

namespace rekur::REKUR_SET {

template <class Cell, class Op> class Forward {
    using Real = typename Op::Real;
    using Element = typename Op::Element;
    using Kept = typename Op::Kept;
    static constexpr int W = kLanes<Real>;

  public:
    Forward(const Layer& layer, int direction, const Rows& rows, const ForwardWeights<Cell, Op>& weights, const Final& final)
        : layer_(layer), final_(final), direction_(direction), rows_(rows), R_(rows_of<Op>(rows.count)), weights_(weights), sizes_(layer),
          inputs_(layer, direction, rows, R_, weights) {
        h_ = scratch_.take<Real>(sizes_.H_blocks * R_ * W);
        h_next_ = scratch_.take<Real>(sizes_.H_blocks * R_ * W);
        if (Cell::has_c) c_ = scratch_.take<Real>(sizes_.H_blocks * R_ * W);
        if (Op::converts) h_pairs_ = scratch_.take<Element>(blocks_of(sizes_.H_blocks, Op::width) * features_block<Op>(R_));
        stream_ = layer.saved && rows.total() * sizes_.H * Cell::saved * int64_t{sizeof(Kept)} > kStreamBytes;
    }

    // `saved` (sum over steps of running rows, H_blocks, saved, W), or null.
    void run(Kept* saved) {
        start(h_, layer_.h_0);
        if (Cell::has_c) start(c_, layer_.c_0);
        finish(rows_.running[0], rows_.count);
        for (int64_t t = 0; t < rows_.steps; t++) {
            step(t, saved ? saved + rows_.before[t] * sizes_.H_blocks * Cell::saved * W : nullptr);
            Real* const old = h_;
            h_ = h_next_, h_next_ = old;
            const int64_t going_on = rows_.running[t + 1];
            if (going_on < rows_.running[t]) finish(going_on, rows_.running[t]);
        }
        clear_behind();
        if (stream_) stream_fence();
    }

  private:
    static constexpr int64_t kStreamBytes = 4 << 20;  // more than a core's own cache: past it on the way out

    void step(int64_t t, Kept* saved) {
        const int64_t running = rows_.running[t], elements = elements_of<Op>(sizes_.H);
        inputs_.begin(t);
        const Operand<Op> h = {h_operand(running), features_block<Op>(R_), elements, 1, 0};
        const Element* w_hh = weights_.w_hh;
        for (int64_t first = 0; first < sizes_.H_blocks; first += kHiddenBlocks<Cell>) {
            const int64_t blocks = smaller(kHiddenBlocks<Cell>, sizes_.H_blocks - first), vectors = blocks * Cell::gates;
            const Sums<Op> sums = inputs_.panel(first);
            product<Op>(h, running, w_hh, vectors, {sums.data + Cell::hidden_first * sums.vector, sums.vector});
            for (int64_t b = 0; b < blocks; b++) {
                apply(first + b, running, {sums.data + b * sums.vector, sums.vector}, saved);
                give_h(t, first + b, running);
            }
            w_hh += Op::parts * elements * vectors * W;
        }
    }

    const Element* h_operand(int64_t running) const {
        if constexpr (Op::converts) {
            Op::by_features(h_, sizes_.H_blocks, R_, running, h_pairs_);
            return h_pairs_;
        } else {
            return h_;
        }
    }

    void start(Real* state, const void* given) const {
        if (!given) return;
        for (int64_t row = 0; row < rows_.count; row++)
            spread(static_cast<const Real*>(given) + (direction_ * layer_.N + rows_.index[row]) * sizes_.H, sizes_.H, state + row * W, R_ * W);
    }

    void apply(int64_t block, int64_t running, const Sums<Op>& sums, Kept* saved) {
        const int64_t offset = block * R_ * W;
        Kept* to = saved ? saved + block * running * Cell::saved * W : nullptr;
        for (int64_t row = 0; row < running; row++) {
            Vec<Real> sum[Cell::sums], save[Cell::saved], h = load(h_ + offset + row * W), c = {};
            for (int v = 0; v < Cell::sums; v++) sum[v] = load(sums.data + v * sums.vector + row * W);
            if (Cell::has_c) c = load(c_ + offset + row * W);
            inputs_.ask(block, row);
            Cell::template forward<Real>(sum, h, c, save);
            store(h_next_ + offset + row * W, h);
            if (Cell::has_c) store(c_ + offset + row * W, c);
            if (!to) continue;
            for (int s = 0; s < Cell::saved; s++, to += W) Op::keep(to, save[s], stream_);
        }
    }

    void give_h(int64_t t, int64_t block, int64_t running) const {
        const Real* from = h_next_ + block * R_ * W;
        for (int64_t row = 0; row < running; row++)
            store_part(output(rows_.time(t, row, direction_ == 1), row) + block * W, load(from + row * W), sizes_.lanes_of_H(block));
    }

    Real* output(int64_t time, int64_t row) const {
        return static_cast<Real*>(layer_.output.data) + time * layer_.output.step + rows_.index[row] * layer_.output.row + direction_ * sizes_.H;
    }

    // The final state of rows first ... end - 1.
    void finish(int64_t first, int64_t end) const {
        for (int64_t row = first; row < end; row++) {
            gather(h_ + row * W, final_.h_n, row);
            if (Cell::has_c) gather(c_ + row * W, final_.c_n, row);
        }
    }

    void gather(const Real* from, void* state, int64_t row) const {
        Real* const to = static_cast<Real*>(state) + (direction_ * layer_.N + rows_.index[row]) * sizes_.H;
        for (int64_t block = 0; block < sizes_.H_blocks; block++)
            store_part(to + block * W, load(from + block * R_ * W), sizes_.lanes_of_H(block));
    }

    void clear_behind() const {
        for (int64_t row = 0; row < rows_.count; row++)
            for (int64_t t = rows_.length[row]; t < layer_.T; t++) std::memset(output(t, row), 0, sizes_.H * sizeof(Real));
    }

    const Layer& layer_;
    const Final& final_;
    const int direction_;
    const Rows& rows_;
    const int64_t R_;  // rows of the arrays: those of the slice, and pads
    const ForwardWeights<Cell, Op>& weights_;
    const Sizes<Real> sizes_;
    Scratch scratch_;
    bool stream_;
    Inputs<Cell, Op> inputs_;
    Real *h_, *h_next_, *c_ = nullptr;  // (H_blocks, R, W)
    Element* h_pairs_ = nullptr;        // h_ as an operand, where that differs
};

}  // namespace rekur::REKUR_SET
