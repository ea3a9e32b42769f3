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
        if (weights.w_ih) w_ih = packed(static_cast<const Real*>(weights.w_ih), sizes.I, 0, scratch);
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
        const int64_t elements = Op::parts * elements_of<Op>(K);
        auto* const out = scratch.take<typename Op::Element>(sizes.H_blocks * Cell::gates * elements * W);
        for (int64_t block = 0; block < sizes.H_blocks; block++) {
            const int64_t panel = block / kHiddenBlocks<Cell> * kHiddenBlocks<Cell>;
            const int64_t vectors = smaller(kHiddenBlocks<Cell>, sizes.H_blocks - panel) * Cell::gates;
            for (int g = 0; g < Cell::gates; g++) {
                auto* const to = out + (panel * Cell::gates * elements + (block - panel) * Cell::gates + g) * W;
                const Real* const from = w + (Cell::gate_of[first_sum + g] * sizes.H + block * W) * K;
                for (int part = 0; part < Op::parts; part++)
                    for (int64_t lane = 0; lane < sizes.lanes_of_H(block); lane++)
                        for (int64_t k = 0; k * Op::width < K; k++)
                            to[place_of<Op>(k, part) * vectors * W + lane] = Op::of_row(from + lane * K + k * Op::width, K - k * Op::width, part);
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

// Element k of the columns of w (left, F), in blocks `first` ... end - 1, to its place in (H, vectors, W).
template <class Op>
void pack_columns(const typename Op::Real* w, int64_t F, int64_t left, int64_t first, int64_t end, typename Op::Element* out, int64_t k) {
    constexpr int W = kLanes<typename Op::Real>;
    for (int part = 0; part < Op::parts; part++) {
        auto* to = out + place_of<Op>(k, part) * (end - first) * W;
        for (int64_t block = first; block < end; block++, to += W)
            for (int64_t lane = 0; lane < smaller(W, F - block * W); lane++) to[lane] = Op::of_column(w + block * W + lane, F, left, part);
    }
}

// w (G*H, F) -> (panels of kVectors blocks, gates, H, vectors, W): for products that sum over gates and hidden units.
template <class Cell, class Op>
typename Op::Element* packed_back(const typename Op::Real* w, int64_t H, int64_t F, int first_sum, Scratch& scratch) {
    constexpr int W = kLanes<typename Op::Real>;
    const int64_t elements = Op::parts * elements_of<Op>(H), blocks = blocks_of(F, W);
    auto* const out = scratch.take<typename Op::Element>(blocks * Cell::gates * elements * W);
    for (int64_t panel = 0; panel < blocks; panel += kVectors)
        for (int g = 0; g < Cell::gates; g++) {
            const int64_t end = smaller(panel + kVectors, blocks);
            auto* const gate = out + (panel * Cell::gates + g * (end - panel)) * elements * W;
            for (int64_t k = 0; k * Op::width < H; k++)
                pack_columns<Op>(w + (Cell::gate_of[first_sum + g] * H + k * Op::width) * F, F, H - k * Op::width, panel, end, gate, k);
        }
    return out;
}

}  // namespace rekur::REKUR_SET
