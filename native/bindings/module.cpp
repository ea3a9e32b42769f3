// The engine as Python sees it: addresses, sizes and strides as plain integers. rekur.engine and rekur.nn.kernels check
// them first and keep the arrays alive. The GIL is released while the engine works.
#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "rekur/engine.h"

namespace nb = nanobind;
using nb::literals::operator""_a;
using Address = uintptr_t;

static void* pointer(Address address) { return reinterpret_cast<void*>(address); }

// What is computed, apart from the arrays. It never changes, so threads may share it.
struct Problem {
    std::string set;
    rekur::Layer layer{};
};

static rekur::Steps steps(Address data, int64_t step, int64_t row) { return {pointer(data), step, row}; }

static void make(Problem* place, std::string set, int cell, int type, int products, int64_t T, int64_t N, int64_t I, int64_t H,
                 int64_t D, int threads) {
    rekur::Layer& layer = (new (place) Problem{std::move(set)})->layer;
    layer.cell = static_cast<rekur::Cell>(cell);
    layer.type = static_cast<rekur::Type>(type);
    layer.products = static_cast<rekur::Products>(products);
    layer.T = T, layer.N = N, layer.I = I, layer.H = H, layer.D = D;
    layer.slices = rekur::slices_for(layer, threads);
}

static const int64_t* lengths_at(Address lengths) { return static_cast<const int64_t*>(pointer(lengths)); }

static size_t saved_bytes(const Problem& problem, Address lengths) {
    rekur::Layer layer = problem.layer;
    layer.lengths = lengths_at(lengths);
    return rekur::saved_bytes(problem.set.c_str(), layer);
}

// x, h_0, c_0 and four weights a direction; 0 stands for what is absent.
static rekur::Layer with_arrays(const Problem& problem, const std::vector<Address>& inputs, int64_t x_step, int64_t x_row,
                                Address output, Address lengths, Address saved) {
    rekur::Layer layer = problem.layer;
    layer.x = steps(inputs.at(0), x_step, x_row);
    layer.h_0 = pointer(inputs.at(1));
    layer.c_0 = pointer(inputs.at(2));
    for (size_t d = 0; d < static_cast<size_t>(layer.D); d++) {
        const size_t i = 3 + 4 * d;
        layer.weights[d] = {pointer(inputs.at(i)), pointer(inputs.at(i + 1)), pointer(inputs.at(i + 2)), pointer(inputs.at(i + 3))};
    }
    layer.output = steps(output, layer.N * layer.D * layer.H, layer.D * layer.H);
    layer.lengths = lengths_at(lengths);
    layer.saved = pointer(saved);
    return layer;
}

static void forward(const Problem& problem, const std::vector<Address>& inputs, int64_t x_step, int64_t x_row, Address output,
                    Address lengths, Address saved, Address h_n, Address c_n) {
    const rekur::Layer layer = with_arrays(problem, inputs, x_step, x_row, output, lengths, saved);
    const nb::gil_scoped_release released;
    rekur::forward(problem.set.c_str(), layer, {pointer(h_n), pointer(c_n)});
}

// Gradients in the order of the inputs; d_output (T, N, D*H) and d_x (T, N, I) are contiguous.
static void backward(const Problem& problem, const std::vector<Address>& inputs, int64_t x_step, int64_t x_row, Address output,
                     Address lengths, Address saved, Address d_output, Address d_h_n, Address d_c_n, const std::vector<Address>& d_inputs) {
    const rekur::Layer layer = with_arrays(problem, inputs, x_step, x_row, output, lengths, saved);
    rekur::Gradients gradients{};
    gradients.d_output = steps(d_output, layer.output.step, layer.output.row);
    gradients.d_h_n = pointer(d_h_n);
    gradients.d_c_n = pointer(d_c_n);
    gradients.d_x = steps(d_inputs.at(0), layer.N * layer.I, layer.I);
    gradients.d_h_0 = pointer(d_inputs.at(1));
    gradients.d_c_0 = pointer(d_inputs.at(2));
    for (size_t d = 0; d < static_cast<size_t>(layer.D); d++) {
        const size_t i = 3 + 4 * d;
        gradients.d_weights[d] = {pointer(d_inputs.at(i)), pointer(d_inputs.at(i + 1)), pointer(d_inputs.at(i + 2)), pointer(d_inputs.at(i + 3))};
    }
    const nb::gil_scoped_release released;
    rekur::backward(problem.set.c_str(), layer, gradients);
}

static std::vector<std::string> instruction_sets() {
    std::vector<std::string> names;
    for (const char* const* name = rekur::instruction_sets(); *name; name++) names.emplace_back(*name);
    return names;
}

NB_MODULE(_native, module) {
    module.doc() = "One recurrent layer on the CPU: native/include/rekur/engine.h says what is computed.";
    module.def("instruction_sets", &instruction_sets);
    nb::class_<Problem>(module, "Problem")
        .def("__init__", &make, "set"_a, "cell"_a, "type"_a, "products"_a, "T"_a, "N"_a, "I"_a, "H"_a, "D"_a, "threads"_a)
        .def("saved_bytes", &saved_bytes)
        .def("forward", &forward)
        .def("backward", &backward);
}
