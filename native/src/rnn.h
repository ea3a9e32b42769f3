// RNN: Elman's network, with tanh or relu (src/rekur/reference/rnn.py has the equations).
#pragma once

#include "functions.h"

namespace rekur::REKUR_SET {

template <bool kRelu> struct Rnn {
    static constexpr int gates = 1, sums = 1, saved = 1;
    static constexpr int hidden_first = 0;
    static constexpr int gate_of[sums] = {0};
    static constexpr bool has_c = false;

    template <class Real> static void forward(const Vec<Real> sum[sums], Vec<Real>& h, Vec<Real>&, Vec<Real> save[saved]) {
        if constexpr (kRelu)
            h = sum[0] < Real(0) ? Vec<Real>{} : sum[0];  // NaN stays NaN
        else
            h = tanh<Real>(sum[0]);
        save[0] = h;
    }

    // From d_h of this step, the gradient of the sum; nothing reaches h_prev past the product.
    template <class Real>
    static void backward(const Vec<Real> save[saved], Vec<Real>, Vec<Real>, Vec<Real>& d_h, Vec<Real>&, Vec<Real> d_sum[sums]) {
        if constexpr (kRelu)
            d_sum[0] = save[0] <= Real(0) ? Vec<Real>{} : d_h;  // where h is NaN too, as in torch
        else
            d_sum[0] = d_h * (Real(1) - save[0] * save[0]);
        d_h = Vec<Real>{};
    }
};

}  // namespace rekur::REKUR_SET
