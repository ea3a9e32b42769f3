// Weights copied once a call into the order in which the products read them: panels of vectors side by side.
#pragma once

#include "product.h"
#include "rekur/engine.h"
#include "scratch.h"

namespace rekur::REKUR_SET {

// Hidden blocks in a panel of the forward product: as many as fill a tile.
template <class Cell> constexpr int kHiddenBlocks = Cell::gates == 1 ? kVectors : 1;

// Sizes of one layer and direction, in features and in blocks of W.
template <class Real> struct Sizes {
    static constexpr int W = kLanes<Real>;
    explicit Sizes(const Layer& layer) : I(layer.I), H(layer.H), I_blocks(blocks_of(I, W)), H_blocks(blocks_of(H, W)) {}

    int64_t lanes_of_H(int64_t block) const { return smaller(W, H - block * W); }
    int64_t lanes_of_I(int64_t block) const { return smaller(W, I - block * W); }

    int64_t I, H, I_blocks, H_blocks;
};

template <class Cell, class Op> struct ForwardWeights {
    using Real = typename Op::Real;
    static constexpr int W = kLanes<Real>;

    ForwardWeights(const Layer& layer) : sizes(layer) {}

    void pack(const Weights& weights, Scratch& scratch) {
        w_ih = packed(static_cast<const Real*>(weights.w_ih), sizes.I, 0, scratch);
        w_hh = packed(static_cast<const Real*>(weights.w_hh), sizes.H, Cell::hidden_first, scratch);
        bias = scratch.take<Real>(sizes.H_blocks * Cell::sums * W);
        add_bias(static_cast<const Real*>(weights.b_ih), 0);
        add_bias(static_cast<const Real*>(weights.b_hh), Cell::hidden_first);
    }

    Sizes<Real> sizes;
    typename Op::Element* w_ih = nullptr;  // (panels, I, gates of the panel, W)
    typename Op::Element* w_hh = nullptr;  // (panels, H, gates of the panel, W)
    Real* bias = nullptr;                  // (H_blocks, sums, W)

  private:
    // w (G*H, K) -> (panels, K, vectors, W): each vector holds one gate of W hidden units.
    typename Op::Element* packed(const Real* w, int64_t K, int first_sum, Scratch& scratch) {
        const int64_t elements = blocks_of(K, Op::width);
        auto* const out = scratch.take<typename Op::Element>(sizes.H_blocks * Cell::gates * elements * W);
        for (int64_t block = 0; block < sizes.H_blocks; block++) {
            const int64_t panel = block / kHiddenBlocks<Cell> * kHiddenBlocks<Cell>;
            const int64_t vectors = smaller(kHiddenBlocks<Cell>, sizes.H_blocks - panel) * Cell::gates;
            for (int g = 0; g < Cell::gates; g++) {
                auto* const to = out + (panel * Cell::gates * elements + (block - panel) * Cell::gates + g) * W;
                const Real* const from = w + (Cell::gate_of[first_sum + g] * sizes.H + block * W) * K;
                for (int64_t lane = 0; lane < sizes.lanes_of_H(block); lane++)
                    for (int64_t k = 0; k < elements; k++)
                        to[k * vectors * W + lane] = Op::of_row(from + lane * K + k * Op::width, K - k * Op::width);
            }
        }
        return out;
    }

    void add_bias(const Real* b, int first_sum) {
        if (!b) return;
        for (int64_t block = 0; block < sizes.H_blocks; block++)
            for (int g = 0; g < Cell::gates; g++)
                for (int64_t lane = 0; lane < sizes.lanes_of_H(block); lane++)
                    bias[(block * Cell::sums + first_sum + g) * W + lane] +=
                        b[Cell::gate_of[first_sum + g] * sizes.H + block * W + lane];
    }
};

// w (G*H, F) -> (panels of kVectors blocks, gates, H, vectors, W): for products that sum over gates and hidden units.
template <class Cell, class Op>
typename Op::Element* packed_back(const typename Op::Real* w, int64_t H, int64_t F, int first_sum, Scratch& scratch) {
    constexpr int W = kLanes<typename Op::Real>;
    const int64_t elements = blocks_of(H, Op::width), blocks = blocks_of(F, W);
    auto* const out = scratch.take<typename Op::Element>(blocks * Cell::gates * elements * W);
    auto* to = out;
    for (int64_t panel = 0; panel < blocks; panel += kVectors)
        for (int g = 0; g < Cell::gates; g++)
            for (int64_t k = 0; k < H; k += Op::width)
                for (int64_t block = panel; block < smaller(panel + kVectors, blocks); block++, to += W)
                    for (int64_t lane = 0; lane < smaller(W, F - block * W); lane++)
                        to[lane] = Op::of_column(w + (Cell::gate_of[first_sum + g] * H + k) * F + block * W + lane, F, H - k);
    return out;
}

}  // namespace rekur::REKUR_SET
