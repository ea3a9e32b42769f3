// All steps of one layer and direction, backward, for the rows of one slice.
//
// Time runs in chunks. Within a chunk, step by step from its end: the cell's gradients d_sum, then
// d_h_prev += d_sum W_hh. After a chunk, when its d_sum, x and h_prev lie side by side in the cache, the products that
// know no order of time: d_x = d_sum W_ih, d_W_ih += d_sum' x, d_W_hh += d_sum' h_prev. The gradients of weights are
// private to the slice and summed up once, at the end.
#pragma once

#include "pack.h"
#include "private_gradients.h"
#include "rows.h"

namespace rekur::REKUR_SET {

template <class Cell, class Op> struct BackwardWeights {
    void pack(const Layer& layer, const Weights& weights, bool with_x, Scratch& scratch) {
        using Real = typename Op::Real;
        w_hh = packed_back<Cell, Op>(static_cast<const Real*>(weights.w_hh), layer.H, layer.H, Cell::hidden_first, scratch);
        if (with_x) w_ih = packed_back<Cell, Op>(static_cast<const Real*>(weights.w_ih), layer.H, layer.I, 0, scratch);
    }

    typename Op::Element* w_hh = nullptr;  // (panels, gates, H, vectors, W)
    typename Op::Element* w_ih = nullptr;  // (panels, gates, H, vectors, W)
};

template <class Cell, class Op> class Backward {
    using Real = typename Op::Real;
    using Element = typename Op::Element;
    using Kept = typename Op::Kept;
    static constexpr int W = kLanes<Real>;

  public:
    Backward(const Layer& layer, int direction, const Rows& rows, const BackwardWeights<Cell, Op>& weights,
             const Gradients& gradients, const PrivateGradients<Cell, Real>& sums)
        : layer_(layer), gradients_(gradients), direction_(direction), rows_(rows), R_(rows_of<Op>(rows.count)), weights_(weights), d_weights_(sums), sizes_(layer) {
        chunk_ = R_ ? smaller(blocks_of(kChunkRows, R_), rows.steps) : 0;
        const int64_t steps = Op::converts ? 1 : chunk_;
        x_ = scratch_.take<Real>(steps * x_step());
        h_prev_ = scratch_.take<Real>(steps * h_step());
        d_sums_ = scratch_.take<Real>(steps * Cell::sums * h_step());
        if (Op::converts) take_pairs();
        d_h_ = scratch_.take<Real>(sizes_.H_blocks * R_ * W);
        d_x_ = scratch_.take<Real>(kVectors * R_ * W);
        if (!Cell::has_c) return;
        d_c_ = scratch_.take<Real>(sizes_.H_blocks * R_ * W);
        c_0_ = scratch_.take<Real>(sizes_.H_blocks * R_ * W);
    }

    void run(const Kept* saved) {
        if (Cell::has_c && layer_.c_0) take_states(c_0_, layer_.c_0, 0, rows_.count);
        take_ends(rows_.running[0], rows_.count);
        for (int64_t end = rows_.steps; end > 0;) {
            const int64_t first = end > chunk_ ? end - chunk_ : 0;
            for (int64_t t = end - 1; t >= first; t--) step(t, t - first, saved);
            if (gradients_.d_x.data) give_d_x(first, end - first);
            add_weight_gradients(first, end - first);
            end = first;
        }
        give_states(d_h_, gradients_.d_h_0);
        if (Cell::has_c) give_states(d_c_, gradients_.d_c_0);
        if (gradients_.d_x.data && direction_ == 0) clear_behind();
    }

  private:
    static constexpr int64_t kChunkRows = 256;  // steps times rows of a chunk, about

    // Numbers of a step in the arrays of Real, and elements of a step and block in those of pairs.
    int64_t x_step() const { return sizes_.I_blocks * R_ * W; }
    int64_t h_step() const { return sizes_.H_blocks * R_ * W; }
    int64_t by_features_segment() const { return blocks_of(sizes_.H_blocks, Op::width) * features_block<Op>(R_); }
    int64_t by_rows_block() const { return rows_block<Op>(R_); }

    void take_pairs() {
        x_by_rows_ = scratch_.take<Element>(chunk_ * sizes_.I_blocks * by_rows_block());
        h_by_rows_ = scratch_.take<Element>(chunk_ * sizes_.H_blocks * by_rows_block());
        d_by_rows_ = scratch_.take<Element>(chunk_ * Cell::sums * sizes_.H_blocks * by_rows_block());
        d_by_features_ = scratch_.take<Element>(chunk_ * Cell::sums * by_features_segment());
    }

    void step(int64_t t, int64_t place, const Kept* saved) {
        const int64_t running = rows_.running[t];
        const int64_t own = Op::converts ? 0 : place;  // where the arrays of Real have this step
        Real *const x = x_ + own * x_step(), *const h = h_prev_ + own * h_step(), *const d = d_sums_ + own * Cell::sums * h_step();
        take_ends(rows_.running[t + 1], running);
        take_inputs(t, x, h);
        add_d_output(t);
        for (int64_t block = 0; block < sizes_.H_blocks; block++) apply(t, block, h, d, saved);
        if (Op::converts) convert(place, running, x, h, d);
        const Element* w = weights_.w_hh;
        for (int64_t first = 0; first < sizes_.H_blocks; first += kVectors) {
            const int64_t vectors = smaller(kVectors, sizes_.H_blocks - first);
            product<Op>(d_sums_of(place, Cell::hidden_first), running, w, vectors, {d_h_ + first * R_ * W, R_ * W});
            w += Cell::gates * Op::parts * elements_of<Op>(sizes_.H) * vectors * W;
        }
    }

    void convert(int64_t place, int64_t running, const Real* x, const Real* h, const Real* d) {
        const int64_t blocks = sizes_.H_blocks, by_rows = by_rows_block();
        Op::by_rows(x, sizes_.I_blocks, R_, running, x_by_rows_ + place * sizes_.I_blocks * by_rows);
        Op::by_rows(h, blocks, R_, running, h_by_rows_ + place * blocks * by_rows);
        Op::left_by_rows(d, Cell::sums * blocks, R_, running, d_by_rows_ + place * Cell::sums * blocks * by_rows);
        for (int s = 0; s < Cell::sums; s++)
            Op::by_features(d + s * h_step(), blocks, R_, running, d_by_features_ + (place * Cell::sums + s) * by_features_segment());
    }

    // d_sum of a step as the left operand of a product over the gates from `first_sum` on.
    Operand<Op> d_sums_of(int64_t place, int first_sum) const {
        const Element* data;
        if constexpr (Op::converts)
            data = d_by_features_;
        else
            data = d_sums_;
        const int64_t segment = by_features_segment();
        return {data + (place * Cell::sums + first_sum) * segment, features_block<Op>(R_), elements_of<Op>(sizes_.H), Cell::gates, segment};
    }

    // The gradients of the final states of rows first ... end - 1, which end here.
    void take_ends(int64_t first, int64_t end) {
        if (gradients_.d_h_n) take_states(d_h_, gradients_.d_h_n, first, end);
        if (Cell::has_c && gradients_.d_c_n) take_states(d_c_, gradients_.d_c_n, first, end);
    }

    void take_states(Real* to, const void* given, int64_t first, int64_t end) const {
        for (int64_t row = first; row < end; row++) spread(state(given, row), sizes_.H, to + row * W, R_ * W);
    }

    template <class T> T* state_of(T* given, int64_t row) const { return given + (direction_ * layer_.N + rows_.index[row]) * sizes_.H; }
    const Real* state(const void* given, int64_t row) const { return state_of(static_cast<const Real*>(given), row); }

    template <class T> static T* at(const Steps& steps, int64_t time, int64_t row) {
        return static_cast<T*>(steps.data) + time * steps.step + row * steps.row;
    }

    // x_t and h_prev of the running rows.
    void take_inputs(int64_t t, Real* x, Real* h) const {
        const bool reverse = direction_ == 1;
        const int64_t block_size = R_ * W;
        for (int64_t row = 0; row < rows_.running[t]; row++) {
            spread(at<const Real>(layer_.x, rows_.time(t, row, reverse), rows_.index[row]), sizes_.I, x + row * W, block_size);
            if (t > 0)
                spread(at<const Real>(layer_.output, rows_.time(t - 1, row, reverse), rows_.index[row]) + direction_ * sizes_.H, sizes_.H, h + row * W, block_size);
            else if (layer_.h_0)
                spread(state(layer_.h_0, row), sizes_.H, h + row * W, block_size);
            else
                for (int64_t block = 0; block < sizes_.H_blocks; block++) store(h + block * block_size + row * W, Vec<Real>{});
        }
    }

    void add_d_output(int64_t t) {
        if (!gradients_.d_output.data) return;
        for (int64_t row = 0; row < rows_.running[t]; row++) {
            const Real* from = at<const Real>(gradients_.d_output, rows_.time(t, row, direction_ == 1), rows_.index[row]) + direction_ * sizes_.H;
            for (int64_t block = 0; block < sizes_.H_blocks; block++) {
                Real* const to = d_h_ + (block * R_ + row) * W;
                store(to, load(to) + load_part(from + block * W, sizes_.lanes_of_H(block)));
            }
        }
    }

    void apply(int64_t t, int64_t block, const Real* h_prev, Real* d_sums, const Kept* saved) {
        const int64_t running = rows_.running[t], offset = block * R_ * W;
        const Kept* from = saved + (rows_.before[t] * sizes_.H_blocks + block * running) * Cell::saved * W;
        const Kept* c_before = nullptr;  // the last of what the step before saved
        if (Cell::has_c && t > 0)
            c_before = saved + (rows_.before[t - 1] * sizes_.H_blocks + block * rows_.running[t - 1] + 1) * Cell::saved * W - W;
        Vec<Real> total[Cell::sums] = {};
        for (int64_t row = 0; row < running; row++, from += Cell::saved * W) {
            Vec<Real> save[Cell::saved], d_sum[Cell::sums], d_c = {}, c = {};
            Vec<Real> d_h = load(d_h_ + offset + row * W);
            for (int s = 0; s < Cell::saved; s++) save[s] = Op::kept(from + s * W);
            if (Cell::has_c) {
                d_c = load(d_c_ + offset + row * W);
                c = t > 0 ? Op::kept(c_before + row * Cell::saved * W) : load(c_0_ + offset + row * W);
            }
            Cell::template backward<Real>(save, load(h_prev + offset + row * W), c, d_h, d_c, d_sum);
            store(d_h_ + offset + row * W, d_h);
            if (Cell::has_c) store(d_c_ + offset + row * W, d_c);
            for (int s = 0; s < Cell::sums; s++) store(d_sums + s * h_step() + offset + row * W, d_sum[s]), total[s] += d_sum[s];
        }
        for (int s = 0; s < Cell::sums; s++) {
            Real* const bias = d_weights_.bias + (s * sizes_.H_blocks + block) * W;
            store(bias, load(bias) + total[s]);
        }
    }

    void give_d_x(int64_t first_step, int64_t steps) {
        const Element* w = weights_.w_ih;
        for (int64_t first = 0; first < sizes_.I_blocks; first += kVectors) {
            const int64_t vectors = smaller(kVectors, sizes_.I_blocks - first);
            for (int64_t place = 0; place < steps; place++) {
                const int64_t t = first_step + place;
                std::memset(d_x_, 0, vectors * R_ * W * sizeof(Real));
                product<Op>(d_sums_of(place, 0), rows_.running[t], w, vectors, {d_x_, R_ * W});
                for (int64_t v = 0; v < vectors; v++) put_d_x(t, first + v, d_x_ + v * R_ * W);
            }
            w += Cell::gates * Op::parts * elements_of<Op>(sizes_.H) * vectors * W;
        }
    }

    // The second direction adds to what the first has written.
    void put_d_x(int64_t t, int64_t block, const Real* from) const {
        const int64_t lanes = sizes_.lanes_of_I(block);
        for (int64_t row = 0; row < rows_.running[t]; row++) {
            Real* const to = at<Real>(gradients_.d_x, rows_.time(t, row, direction_ == 1), rows_.index[row]) + block * W;
            Vec<Real> value = load(from + row * W);
            if (direction_ == 1) value += load_part(to, lanes);
            store_part(to, value, lanes);
        }
    }

    void clear_behind() const {
        for (int64_t row = 0; row < rows_.count; row++)
            for (int64_t t = rows_.length[row]; t < layer_.T; t++)
                std::memset(at<Real>(gradients_.d_x, t, rows_.index[row]), 0, sizes_.I * sizeof(Real));
    }

    void add_weight_gradients(int64_t first, int64_t steps) {
        const int64_t* running = rows_.running + first;
        const Stack<Op> x = stack_of(x_, x_by_rows_, sizes_.I_blocks), h_prev = stack_of(h_prev_, h_by_rows_, sizes_.H_blocks);
        const Stack<Op> d = stack_of(d_sums_, d_by_rows_, Cell::sums * sizes_.H_blocks);
        const int64_t x_size = sizes_.I_blocks * W, h_size = sizes_.H_blocks * W;
        for (int g = 0; g < Cell::gates; g++) {
            const Stack<Op> to_x = {d.data + g * sizes_.H_blocks * d.block, d.step, d.block};
            const Stack<Op> to_h = {to_x.data + Cell::hidden_first * sizes_.H_blocks * d.block, d.step, d.block};
            if (d_weights_.w_ih)
                outer_product<Op>(to_x, sizes_.H, x, sizes_.I_blocks, steps, running, d_weights_.w_ih + g * h_size * x_size, x_size);
            if (d_weights_.w_hh)
                outer_product<Op>(to_h, sizes_.H, h_prev, sizes_.H_blocks, steps, running, d_weights_.w_hh + g * h_size * h_size, h_size);
        }
    }

    Stack<Op> stack_of([[maybe_unused]] const Real* numbers, [[maybe_unused]] const Element* pairs, int64_t blocks) const {
        const int64_t block = by_rows_block();
        if constexpr (Op::converts)
            return {pairs, blocks * block, block};
        else
            return {numbers, blocks * block, block};
    }

    void give_states(const Real* from, void* d_state) const {
        if (!d_state) return;
        for (int64_t row = 0; row < rows_.count; row++) {
            Real* const to = state_of(static_cast<Real*>(d_state), row);
            for (int64_t block = 0; block < sizes_.H_blocks; block++)
                store_part(to + block * W, load(from + (block * R_ + row) * W), sizes_.lanes_of_H(block));
        }
    }

    const Layer& layer_;
    const Gradients& gradients_;
    const int direction_;
    const Rows& rows_;
    const int64_t R_;        // rows of the arrays: those of the slice, and pads
    const BackwardWeights<Cell, Op>& weights_;
    const PrivateGradients<Cell, Real>& d_weights_;
    const Sizes<Real> sizes_;
    Scratch scratch_;
    int64_t chunk_;          // steps of a chunk
    Real *x_, *h_prev_;      // (chunk, blocks, R, W); of one step where operands are others
    Real* d_sums_;           // (chunk, sums, H_blocks, R, W); the same
    Element *x_by_rows_ = nullptr, *h_by_rows_ = nullptr, *d_by_rows_ = nullptr;  // (chunk, blocks, R / 2, W)
    Element* d_by_features_ = nullptr;                                            // (chunk, sums, H_blocks / 2, R, W)
    Real* d_h_;              // (H_blocks, R, W) of the step at work, then of the step before
    Real* d_c_ = nullptr;    // the same
    Real* c_0_ = nullptr;    // (H_blocks, R, W)
    Real* d_x_;              // (kVectors, R, W) of the panel at work
};

}  // namespace rekur::REKUR_SET
