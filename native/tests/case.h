// A random case, and the engine run on it.
#pragma once

#include <random>
#include <string>

#include "arrays.h"

struct Case {
    naive::Sizes sizes;
    naive::Inputs inputs;
    naive::Results d;  // gradients of the results; empty where none comes
    bool with_lengths, with_state, with_bias, batch_first;
    int64_t gap;
    int slices;
    unsigned unwanted;  // bit by bit, the gradients the second run does without

    std::string name() const {
        static const char* const cells[] = {"RNN_TANH", "RNN_RELU", "GRU", "LSTM"};
        const auto number = [](const char* letter, int64_t value) { return std::string(" ") + letter + "=" + std::to_string(value); };
        std::string text = cells[static_cast<int>(sizes.cell)];
        text += number("T", sizes.T) + number("N", sizes.N) + number("I", sizes.I) + number("H", sizes.H) + number("D", sizes.D);
        text += number("slices", slices) + (with_state ? " state" : "") + (with_bias ? "" : " no bias") + (batch_first ? " batch first" : "");
        if (!with_lengths) return text;
        text += " lengths=";
        for (const int64_t length : sizes.lengths) text += std::to_string(length) + ",";
        return text;
    }
};

class Random {
  public:
    explicit Random(unsigned seed) : bits_(seed) {}
    int64_t below(int64_t end) { return static_cast<int64_t>(bits_() % static_cast<uint64_t>(end)); }
    bool one_in(int64_t n) { return below(n) == 0; }
    // Uniform within +-scale, rounded to float, so that both types compute on the same numbers.
    naive::Numbers numbers(int64_t count, double scale) {
        naive::Numbers values(count);
        for (double& value : values) value = static_cast<float>((static_cast<double>(bits_() >> 11) * 0x1p-52 - 1) * scale);
        return values;
    }

  private:
    std::mt19937_64 bits_;
};

inline naive::Inputs random_inputs(const naive::Sizes& s, bool with_state, bool with_bias, Random& random) {
    naive::Inputs in;
    const int64_t G_H = s.gates() * s.H, state = s.D * s.N * s.H;
    const double scale = 1 / std::sqrt(static_cast<double>(s.H));
    in.x = random.numbers(s.T * s.N * s.I, 1);
    in.h_0 = random.numbers(state, with_state ? 1 : 0);
    if (s.cell == rekur::Cell::lstm) in.c_0 = random.numbers(state, with_state ? 1 : 0);
    for (int64_t d = 0; d < s.D; d++) {
        in.w_ih[d] = random.numbers(G_H * s.I, scale);
        in.w_hh[d] = random.numbers(G_H * s.H, scale);
        in.b_ih[d] = random.numbers(with_bias ? G_H : 0, 1);
        in.b_hh[d] = random.numbers(with_bias ? G_H : 0, 1);
    }
    return in;
}

inline Case random_case(unsigned seed, bool big) {
    Random random(seed);
    Case c;
    naive::Sizes& s = c.sizes;
    s.cell = static_cast<rekur::Cell>(random.below(4));
    s.T = big ? 40 + random.below(9) : 1 + random.below(random.one_in(4) ? 40 : 7);
    s.N = big ? 30 + random.below(7) : random.below(random.one_in(4) ? 20 : 6);
    s.I = 1 + random.below(random.one_in(4) ? 90 : 20);
    s.H = big ? 130 + random.below(9) : 1 + random.below(random.one_in(4) ? 90 : 20);
    s.D = 1 + random.below(2);
    c.with_lengths = random.one_in(2), c.with_state = random.one_in(2), c.with_bias = !random.one_in(4);
    c.batch_first = random.one_in(2), c.gap = random.one_in(2) ? random.below(9) : 0;
    s.lengths.assign(s.N, s.T);
    if (c.with_lengths)
        for (int64_t& length : s.lengths) length = random.one_in(4) ? 0 : random.below(s.T + 1);
    c.slices = 1 + static_cast<int>(random.below(s.N < 3 ? s.N + !s.N : 3));
    c.inputs = random_inputs(s, c.with_state, c.with_bias, random);
    const int64_t state = s.D * s.N * s.H;
    if (!random.one_in(4)) c.d.output = random.numbers(s.T * s.N * s.D * s.H, 1);
    if (!random.one_in(4)) c.d.h_n = random.numbers(state, 1);
    if (s.cell == rekur::Cell::lstm && !random.one_in(4)) c.d.c_n = random.numbers(state, 1);
    c.unwanted = static_cast<unsigned>(random.below(1 << 11));
    return c;
}

// What a call writes, contiguous.
struct Outcome {
    naive::Results results;
    naive::Inputs gradients;
    bool gaps_are_untouched = true;
};

template <class Real> class Run {
  public:
    Run(const char* set, rekur::Products products, const Case& c)
        : set_(set), case_(c), s_(c.sizes), x_(strided(s_.I)), output_(strided(s_.D * s_.H)), h_0_(c.inputs.h_0),
          c_0_(c.inputs.c_0) {
        x_.set(c.inputs.x, s_.lengths);
        layer_.cell = s_.cell;
        layer_.type = sizeof(Real) == 4 ? rekur::Type::float32 : rekur::Type::float64;
        layer_.products = products;
        layer_.T = s_.T, layer_.N = s_.N, layer_.I = s_.I, layer_.H = s_.H, layer_.D = s_.D;
        lengths_ = Array<int64_t>(s_.N);
        for (int64_t n = 0; n < s_.N; n++) lengths_.data()[n] = s_.lengths[n];
        layer_.lengths = c.with_lengths ? lengths_.data() : nullptr;
        layer_.slices = c.slices;
        layer_.x = x_.steps(), layer_.output = output_.steps();
        layer_.h_0 = c.with_state ? h_0_.data() : nullptr;
        layer_.c_0 = c.with_state ? c_0_.data() : nullptr;
        for (int d = 0; d < s_.D; d++) take_weights(d);
    }

    // Forward for training and backward; `unwanted` gradients are not asked for and stay empty.
    Outcome train(unsigned unwanted) {
        const Saved saved(rekur::saved_bytes(set_, layer_));
        layer_.saved = saved.data();
        Outcome outcome;
        outcome.results = forward();
        backward(unwanted, outcome);
        outcome.gaps_are_untouched &= output_.gaps_are_untouched();
        return outcome;
    }

    naive::Results infer() {
        layer_.saved = nullptr;
        return forward();
    }

  private:
    Strided<Real> strided(int64_t features) const { return {s_.T, s_.N, features, case_.batch_first, case_.gap}; }

    void take_weights(int d) {
        const naive::Inputs& in = case_.inputs;
        Array<Real>* const to = weights_[d];
        to[0] = Array<Real>(in.w_ih[d]), to[1] = Array<Real>(in.w_hh[d]);
        to[2] = Array<Real>(in.b_ih[d]), to[3] = Array<Real>(in.b_hh[d]);
        const bool bias = case_.with_bias;
        layer_.weights[d] = {to[0].data(), to[1].data(), bias ? to[2].data() : nullptr, bias ? to[3].data() : nullptr};
    }

    naive::Results forward() {
        const Array<Real> h_n(s_.D * s_.N * s_.H), c_n(static_cast<int64_t>(case_.inputs.c_0.size()));
        rekur::forward(set_, layer_, {h_n.data(), c_n.data()});
        return {output_.numbers(), h_n.numbers(), c_n.numbers()};
    }

    void backward(unsigned unwanted, Outcome& outcome) {
        Asked asked(unwanted);
        const Strided<Real> d_x = strided(s_.I);
        Strided<Real> d_output = strided(s_.D * s_.H);
        const Array<Real> d_h_n(case_.d.h_n), d_c_n(case_.d.c_n);
        rekur::Gradients g{};
        if (!case_.d.output.empty()) d_output.set(case_.d.output, s_.lengths), g.d_output = d_output.steps();
        g.d_h_n = case_.d.h_n.empty() ? nullptr : d_h_n.data();
        g.d_c_n = case_.d.c_n.empty() ? nullptr : d_c_n.data();
        if (asked.wants(true)) g.d_x = d_x.steps();
        g.d_h_0 = asked.place(case_.inputs.h_0, outcome.gradients.h_0);
        g.d_c_0 = asked.place(case_.inputs.c_0, outcome.gradients.c_0);
        for (int d = 0; d < s_.D; d++) g.d_weights[d] = weights_asked(asked, d, outcome.gradients);
        rekur::backward(set_, layer_, g);
        asked.give();
        if (g.d_x.data) outcome.gradients.x = d_x.numbers();
        outcome.gaps_are_untouched = d_x.gaps_are_untouched() || !g.d_x.data;
    }

    // Where gradients are wanted: memory for the engine, and where its numbers go afterwards.
    class Asked {
      public:
        explicit Asked(unsigned unwanted) : unwanted_(unwanted) {}

        bool wants(bool possible) {
            const bool unwanted = unwanted_ & 1;
            unwanted_ >>= 1;
            return possible && !unwanted;
        }

        // Null where there is nothing like `shape`, or nothing wanted.
        void* place(const naive::Numbers& shape, naive::Numbers& to) {
            if (!wants(!shape.empty())) return nullptr;
            arrays_.emplace_back(Array<Real>(static_cast<int64_t>(shape.size())), &to);
            return arrays_.back().first.data();
        }

        void give() const {
            for (const auto& [array, to] : arrays_) *to = array.numbers();
        }

      private:
        unsigned unwanted_;
        std::vector<std::pair<Array<Real>, naive::Numbers*>> arrays_;
    };

    rekur::WeightGradients weights_asked(Asked& asked, int d, naive::Inputs& to) const {
        const naive::Inputs& in = case_.inputs;
        return {asked.place(in.w_ih[d], to.w_ih[d]), asked.place(in.w_hh[d], to.w_hh[d]), asked.place(in.b_ih[d], to.b_ih[d]),
                asked.place(in.b_hh[d], to.b_hh[d])};
    }

    const char* const set_;
    const Case& case_;
    const naive::Sizes& s_;
    Strided<Real> x_, output_;
    Array<Real> h_0_, c_0_, weights_[2][4];
    Array<int64_t> lengths_;
    rekur::Layer layer_{};
};
