// exp, logistic sigmoid and tanh of vectors, to about two units in the last place.
//
// exp(x) = 2^n exp(r) with n = round(x / ln 2), so |r| <= ln(2)/2; exp(r) - 1 is its Taylor polynomial, whose rest is
// below 6e-9 (float, degree 7) and 5e-18 (double, degree 13).
#pragma once

#include "vector.h"

namespace rekur::REKUR_SET {

template <class Real> struct Number;

template <> struct Number<float> {
    using Integer = int32_t;
    static constexpr int mantissa = 23, bias = 127;
    static constexpr float round = 12582912.0f;                             // 1.5 * 2^23: adding it rounds
    static constexpr float ln2_high = 0.693359375f, ln2_low = -2.12194440e-4f;  // high has few bits: n * high is exact
    static constexpr float limit = 88.0f;  // exp is finite, and 1 / exp is flushed: a shut gate is exactly 0
    static constexpr float flat = 20.0f;                                    // tanh(flat / 2) is 1
    static constexpr int degree = 7;
};

template <> struct Number<double> {
    using Integer = int64_t;
    static constexpr int mantissa = 52, bias = 1023;
    static constexpr double round = 6755399441055744.0;  // 1.5 * 2^52
    static constexpr double ln2_high = 0.693147180369123816490, ln2_low = 1.90821492927058770002e-10;
    static constexpr double limit = 709.0;
    static constexpr double flat = 40.0;
    static constexpr int degree = 13;
};

template <class Real> constexpr Real inverse_factorial(int n) {
    Real product = 1;
    for (int i = 2; i <= n; i++) product *= i;
    return 1 / product;
}

template <class Real> struct Power {
    Vec<Real> scale;  // 2^n
    Vec<Real> rest;   // exp(r) - 1
};

// x within +-limit; NaN stays NaN.
template <class Real> inline Power<Real> power(Vec<Real> x) {
    using N = Number<Real>;
    typedef typename N::Integer Integers __attribute__((vector_size(kBytes)));
    const Vec<Real> shifted = x * Real(1.4426950408889634074) + N::round;
    const Vec<Real> n = shifted - N::round;
    const Vec<Real> r = (x - n * N::ln2_high) - n * N::ln2_low;
    Vec<Real> sum = Vec<Real>{} + inverse_factorial<Real>(N::degree);
    REKUR_UNROLL
    for (int i = N::degree - 1; i >= 1; i--) sum = sum * r + inverse_factorial<Real>(i);
    Integers bits = (Integers)shifted;
    bits = (bits << N::mantissa) + (typename N::Integer(N::bias) << N::mantissa);
    return {(Vec<Real>)bits, sum * r};
}

template <class Real> inline Vec<Real> clamped(Vec<Real> x, Real limit) {
    x = x > limit ? Vec<Real>{} + limit : x;  // false for NaN, which passes
    return x < -limit ? Vec<Real>{} - limit : x;
}

template <class Real> inline Vec<Real> sigmoid(Vec<Real> x) {
    const Power<Real> e = power<Real>(clamped<Real>(-x, Number<Real>::limit));
    return Real(1) / (Real(1) + (e.scale * e.rest + e.scale));
}

// tanh(x) = m / (m + 2) with m = exp(2x) - 1, which keeps its digits near 0.
template <class Real> inline Vec<Real> tanh(Vec<Real> x) {
    const Power<Real> e = power<Real>(clamped<Real>(x + x, Number<Real>::flat));
    const Vec<Real> m = e.scale * e.rest + (e.scale - Real(1));
    return m / (m + Real(2));
}

}  // namespace rekur::REKUR_SET
