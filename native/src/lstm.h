// LSTM (src/rekur/reference/lstm.py has the equations).
#pragma once

#include "functions.h"

namespace rekur::REKUR_SET {

struct Lstm {
    static constexpr int gates = 4, sums = 4, saved = 5;
    static constexpr int hidden_first = 0;
    static constexpr int gate_of[sums] = {0, 1, 2, 3};  // i, f, g, o
    static constexpr bool has_c = true;

    template <class Real> static void forward(const Vec<Real> sum[sums], Vec<Real>& h, Vec<Real>& c, Vec<Real> save[saved]) {
        const Vec<Real> i = sigmoid<Real>(sum[0]), f = sigmoid<Real>(sum[1]);
        const Vec<Real> g = tanh<Real>(sum[2]), o = sigmoid<Real>(sum[3]);
        c = f * c + i * g;
        h = o * tanh<Real>(c);
        save[0] = i, save[1] = f, save[2] = g, save[3] = o, save[4] = c;
    }

    // From d_h and d_c of this step, the gradients of the sums and, in d_h and d_c, what reaches the step before
    // past the products.
    template <class Real>
    static void backward(const Vec<Real> save[saved], Vec<Real>, Vec<Real> c_prev, Vec<Real>& d_h, Vec<Real>& d_c, Vec<Real> d_sum[sums]) {
        const Vec<Real> i = save[0], f = save[1], g = save[2], o = save[3], squashed = tanh<Real>(save[4]);
        const Vec<Real> d_c_t = d_c + d_h * o * (Real(1) - squashed * squashed);
        d_sum[0] = d_c_t * g * i * (Real(1) - i);
        d_sum[1] = d_c_t * c_prev * f * (Real(1) - f);
        d_sum[2] = d_c_t * i * (Real(1) - g * g);
        d_sum[3] = d_h * squashed * o * (Real(1) - o);
        d_c = d_c_t * f;
        d_h = Vec<Real>{};
    }
};

}  // namespace rekur::REKUR_SET
