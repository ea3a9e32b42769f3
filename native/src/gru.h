// GRU: the reset gate after the product, as in cuDNN and torch (src/rekur/reference/gru.py has the equations).
//
// The new gate needs W_in x and W_hn h_prev apart, so there are four sums where the other cells have one a gate:
// n (input part), r, z, and hn = W_hn h_prev + b_hn. Inputs add to the first three, the state to the last three.
#pragma once

#include "functions.h"

namespace rekur::REKUR_SET {

struct Gru {
    static constexpr int gates = 3, sums = 4, saved = 4;
    static constexpr int hidden_first = 1;                    // the first sum the state adds to
    static constexpr int gate_of[sums] = {2, 0, 1, 2};        // torch's order is r, z, n
    static constexpr bool has_c = false;

    template <class Real> static void forward(const Vec<Real> sum[sums], Vec<Real>& h, Vec<Real>&, Vec<Real> save[saved]) {
        const Vec<Real> r = sigmoid<Real>(sum[1]), z = sigmoid<Real>(sum[2]), hn = sum[3];
        const Vec<Real> n = tanh<Real>(sum[0] + r * hn);
        h = n + z * (h - n);
        save[0] = r, save[1] = z, save[2] = n, save[3] = hn;
    }

    // From d_h of this step, the gradients of the sums and, in d_h, what reaches h_prev past the products.
    template <class Real>
    static void backward(const Vec<Real> save[saved], Vec<Real> h_prev, Vec<Real>, Vec<Real>& d_h, Vec<Real>&, Vec<Real> d_sum[sums]) {
        const Vec<Real> r = save[0], z = save[1], n = save[2], hn = save[3];
        const Vec<Real> d_n = d_h * (Real(1) - z) * (Real(1) - n * n);
        d_sum[0] = d_n;
        d_sum[1] = d_n * hn * r * (Real(1) - r);
        d_sum[2] = d_h * (h_prev - n) * z * (Real(1) - z);
        d_sum[3] = d_n * r;
        d_h = d_h * z;
    }
};

}  // namespace rekur::REKUR_SET
