// The kernels of the instruction set REKUR_SET, whose flags this file is compiled with. Everything it emits lies in
// that set's namespace: a function shared with other files could be linked where the processor lacks the set.
#include "kernels.h"

#include "backward.h"
#include "forward.h"
#include "gru.h"
#include "lstm.h"
#include "parallel.h"
#include "peak.h"
#include "rnn.h"

namespace rekur::REKUR_SET {

// Numbers each slice and direction saves, one after the other.
template <class Cell, class Op> int64_t saved_numbers(const Layer& layer, int64_t rows) {
    using Real = typename Op::Real;
    return rows * Sizes<Real>(layer).H_blocks * Cell::saved * kLanes<Real>;
}

template <class Cell, class Op> typename Op::Kept* saved_of(const Layer& layer, const Rows* slices, int slice, int direction) {
    if (!layer.saved) return nullptr;
    int64_t rows = direction * slices[slice].total();
    for (int s = 0; s < slice; s++) rows += layer.D * slices[s].total();
    return static_cast<typename Op::Kept*>(layer.saved) + saved_numbers<Cell, Op>(layer, rows);
}

template <class Cell, class Op> struct Call {
    using Real = typename Op::Real;
    const Layer& layer;
    const Rows* slices;
    Scratch scratch{};
    const Final* final = nullptr;
    const Gradients* gradients = nullptr;
    ForwardWeights<Cell, Op> forward_weights[2] = {layer, layer};
    BackwardWeights<Cell, Op> backward_weights[2] = {};
    PrivateGradients<Cell, Real>* sums = nullptr;  // (slices, D)

    static void forward_slice(void* context, int slice) {
        const Call& call = *static_cast<const Call*>(context);
        const FlushDenormals flushed;
        [[maybe_unused]] const typename Op::Setup setup;
        for (int direction = 0; direction < call.layer.D; direction++)
            Forward<Cell, Op>(call.layer, direction, call.slices[slice], call.forward_weights[direction], *call.final)
                .run(saved_of<Cell, Op>(call.layer, call.slices, slice, direction));
    }

    static void backward_slice(void* context, int slice) {
        const Call& call = *static_cast<const Call*>(context);
        const FlushDenormals flushed;
        [[maybe_unused]] const typename Op::Setup setup;
        for (int direction = 0; direction < call.layer.D; direction++)
            Backward<Cell, Op>(call.layer, direction, call.slices[slice], call.backward_weights[direction], *call.gradients,
                               call.sums[slice * call.layer.D + direction])
                .run(saved_of<Cell, Op>(call.layer, call.slices, slice, direction));
    }
};

template <class Cell, class Op> void forward(const Layer& layer, const Rows* slices, const Final& final) {
    Call<Cell, Op> call{layer, slices};
    call.final = &final;
    for (int d = 0; d < layer.D; d++) call.forward_weights[d].pack(layer.weights[d], call.scratch);
    in_parallel(layer.slices, Call<Cell, Op>::forward_slice, &call);
}

template <class Cell, class Op> void backward(const Layer& layer, const Rows* slices, const Gradients& gradients) {
    Call<Cell, Op> call{layer, slices};
    call.gradients = &gradients;
    for (int d = 0; d < layer.D; d++) call.backward_weights[d].pack(layer, layer.weights[d], gradients.d_x.data, call.scratch);
    const int64_t count = layer.slices * layer.D;
    call.sums = call.scratch.template take<PrivateGradients<Cell, typename Op::Real>>(count);
    for (int64_t i = 0; i < count; i++) call.sums[i].take(layer, gradients.d_weights[i % layer.D], call.scratch);
    in_parallel(layer.slices, Call<Cell, Op>::backward_slice, &call);
    for (int64_t i = 0; i < count; i++) call.sums[i].give(gradients.d_weights[i % layer.D], i >= layer.D);
}

// Calls `visit(cell, op)` with the types that the layer names. A set with bf16 or tiles is asked for these alone.
template <class Visit> auto with_types(const Layer& layer, Visit visit) {
    const auto with_type = [&](auto cell) {
#if defined(REKUR_TILES)
        return layer.products == Products::bf16x3 ? visit(cell, Tiles<2>{}) : visit(cell, Tiles<1>{});
#elif defined(__AVX512BF16__)
        return visit(cell, Pairs{});
#else
        return layer.type == Type::float64 ? visit(cell, Exact<double>{}) : visit(cell, Exact<float>{});
#endif
    };
    switch (layer.cell) {
        case Cell::gru: return with_type(Gru{});
        case Cell::lstm: return with_type(Lstm{});
        case Cell::rnn_relu: return with_type(Rnn<true>{});
        default: return with_type(Rnn<false>{});
    }
}

static size_t saved_bytes(const Layer& layer, int64_t rows) {
    return with_types(layer, [&](auto cell, auto op) {
        using Op = decltype(op);
        return sizeof(typename Op::Kept) * static_cast<size_t>(saved_numbers<decltype(cell), Op>(layer, rows));
    });
}

static void forward_of(const Layer& layer, const Rows* slices, const Final& final) {
    with_types(layer, [&](auto cell, auto op) { forward<decltype(cell), decltype(op)>(layer, slices, final); });
}

static void backward_of(const Layer& layer, const Rows* slices, const Gradients& gradients) {
    with_types(layer, [&](auto cell, auto op) { backward<decltype(cell), decltype(op)>(layer, slices, gradients); });
}

extern const Kernels kernels;
const Kernels kernels = {saved_bytes, forward_of, backward_of, multiply_adds};

}  // namespace rekur::REKUR_SET
