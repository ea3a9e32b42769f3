// What one slice adds to the gradients of the weights: sums of its own, which no other thread touches.
#pragma once

#include "pack.h"

namespace rekur::REKUR_SET {

// Gates come in the order of the cell's sums.
template <class Cell, class Real> struct PrivateGradients {
    static constexpr int W = kLanes<Real>;

    // Only what is wanted of `d`: nothing is summed up for a frozen weight.
    void take(const Layer& layer, const WeightGradients& d, Scratch& scratch) {
        const Sizes<Real> sizes(layer);
        H = sizes.H, I = sizes.I, H_blocks = sizes.H_blocks;
        if (d.w_ih) w_ih = scratch.take<Real>(Cell::gates * sizes.H_blocks * W * sizes.I_blocks * W);
        if (d.w_hh) w_hh = scratch.take<Real>(Cell::gates * sizes.H_blocks * W * sizes.H_blocks * W);
        bias = scratch.take<Real>(Cell::sums * sizes.H_blocks * W);
    }

    // Adds w (gates, H_blocks * W, F_blocks * W) to the gates of torch's d_w (G*H, F), or sets it.
    void give(const Real* w, int first_sum, int64_t F, void* d_w, bool add) const {
        if (!d_w) return;
        const int64_t row_size = blocks_of(F, W) * W;
        for (int g = 0; g < Cell::gates; g++)
            for (int64_t unit = 0; unit < H; unit++) {
                const Real* const from = w + (g * H_blocks * W + unit) * row_size;
                Real* const to = static_cast<Real*>(d_w) + (Cell::gate_of[first_sum + g] * H + unit) * F;
                for (int64_t f = 0; f < F; f++) to[f] = add ? to[f] + from[f] : from[f];
            }
    }

    void give(const WeightGradients& d, bool add) const {
        give(w_ih, 0, I, d.w_ih, add);
        give(w_hh, Cell::hidden_first, H, d.w_hh, add);
        give_bias(0, d.b_ih, add);
        give_bias(Cell::hidden_first, d.b_hh, add);
    }

    int64_t H, I, H_blocks;
    Real* w_ih;  // (gates, H_blocks * W, I_blocks * W)
    Real* w_hh;  // (gates, H_blocks * W, H_blocks * W)
    Real* bias;  // (sums, H_blocks * W)

  private:
    void give_bias(int first_sum, void* d_b, bool add) const {
        if (!d_b) return;
        for (int g = 0; g < Cell::gates; g++)
            for (int64_t unit = 0; unit < H; unit++) {
                const Real from = bias[(first_sum + g) * H_blocks * W + unit];
                Real& to = static_cast<Real*>(d_b)[Cell::gate_of[first_sum + g] * H + unit];
                to = add ? to + from : from;
            }
    }
};

}  // namespace rekur::REKUR_SET
