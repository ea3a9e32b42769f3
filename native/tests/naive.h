// One recurrent layer as its equations stand in a book: double precision, a loop for every index. What the engine's
// results are compared with; gradients are differences of it.
#pragma once

#include <cmath>
#include <cstdint>
#include <vector>

#include "rekur/engine.h"

namespace naive {

using Numbers = std::vector<double>;

struct Sizes {
    rekur::Cell cell;
    int64_t T, N, I, H, D;
    std::vector<int64_t> lengths;  // (N)

    int64_t gates() const { return cell == rekur::Cell::lstm ? 4 : cell == rekur::Cell::gru ? 3 : 1; }
};

// Everything a layer reads, contiguous. Biases are empty in a layer without; states are zeros where none is given.
struct Inputs {
    Numbers x;         // (T, N, I)
    Numbers h_0, c_0;  // (D, N, H)
    Numbers w_ih[2], w_hh[2], b_ih[2], b_hh[2];  // (G*H, I), (G*H, H), (G*H), (G*H) of each direction
};

struct Results {
    Numbers output;    // (T, N, D*H)
    Numbers h_n, c_n;  // (D, N, H)
};

// w (G*H, K) times v (K), and b; row `gate * H + unit`.
inline double affine(const Numbers& w, const Numbers& b, int64_t row, const double* v, int64_t K) {
    double sum = b.empty() ? 0 : b[row];
    for (int64_t k = 0; k < K; k++) sum += w[row * K + k] * v[k];
    return sum;
}

inline double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

// One step of one row: h_t (H) from x_t (I) and h_prev (H); c (H) is updated in place.
inline void step(const Sizes& s, const Inputs& in, int64_t d, const double* x, const double* h_prev, double* c, double* h) {
    for (int64_t unit = 0; unit < s.H; unit++) {
        double i[4], r[4];  // what the input and the state add to each gate
        for (int64_t g = 0; g < s.gates(); g++) {
            i[g] = affine(in.w_ih[d], in.b_ih[d], g * s.H + unit, x, s.I);
            r[g] = affine(in.w_hh[d], in.b_hh[d], g * s.H + unit, h_prev, s.H);
        }
        switch (s.cell) {
            case rekur::Cell::rnn_tanh: h[unit] = std::tanh(i[0] + r[0]); break;
            case rekur::Cell::rnn_relu: h[unit] = std::fmax(i[0] + r[0], 0); break;
            case rekur::Cell::gru: {
                const double z = sigmoid(i[1] + r[1]), n = std::tanh(i[2] + sigmoid(i[0] + r[0]) * r[2]);
                h[unit] = (1 - z) * n + z * h_prev[unit];
                break;
            }
            case rekur::Cell::lstm:
                c[unit] = sigmoid(i[1] + r[1]) * c[unit] + sigmoid(i[0] + r[0]) * std::tanh(i[2] + r[2]);
                h[unit] = sigmoid(i[3] + r[3]) * std::tanh(c[unit]);
                break;
        }
    }
}

inline Results run(const Sizes& s, const Inputs& in) {
    Results out{Numbers(s.T * s.N * s.D * s.H), in.h_0, in.c_0};
    Numbers h_t(s.H);
    for (int64_t d = 0; d < s.D; d++)
        for (int64_t n = 0; n < s.N; n++) {
            double* const h = out.h_n.data() + (d * s.N + n) * s.H;
            double* const c = out.c_n.data() + (d * s.N + n) * s.H;
            for (int64_t i = 0; i < s.lengths[n]; i++) {
                const int64_t t = d == 0 ? i : s.lengths[n] - 1 - i;
                step(s, in, d, in.x.data() + (t * s.N + n) * s.I, h, c, h_t.data());
                for (int64_t unit = 0; unit < s.H; unit++)
                    out.output[((t * s.N + n) * s.D + d) * s.H + unit] = h[unit] = h_t[unit];
            }
        }
    return out;
}

}  // namespace naive
