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

struct Call {
    std::string set;
    rekur::Layer layer{};
};

static rekur::Steps steps(Address data, int64_t step, int64_t row) { return {pointer(data), step, row}; }

static void take_sizes(Call* call, std::string set, int cell, int type, int products, std::vector<int64_t> sizes, int threads) {
    new (call) Call{std::move(set)};
    rekur::Layer& layer = call->layer;
    layer.cell = static_cast<rekur::Cell>(cell);
    layer.type = static_cast<rekur::Type>(type);
    layer.products = static_cast<rekur::Products>(products);
    layer.T = sizes.at(0), layer.N = sizes.at(1), layer.I = sizes.at(2), layer.H = sizes.at(3), layer.D = sizes.at(4);
    layer.slices = rekur::slices_for(layer, threads);
}

static size_t take_arrays(Call& call, const std::vector<Address>& weights, Address x, int64_t x_step, int64_t x_row, Address output,
                          int64_t output_step, int64_t output_row, Address h_0, Address c_0, Address lengths) {
    rekur::Layer& layer = call.layer;
    for (size_t d = 0; d < static_cast<size_t>(layer.D); d++)
        layer.weights[d] = {pointer(weights.at(4 * d)), pointer(weights.at(4 * d + 1)), pointer(weights.at(4 * d + 2)),
                            pointer(weights.at(4 * d + 3))};
    layer.x = steps(x, x_step, x_row);
    layer.output = steps(output, output_step, output_row);
    layer.h_0 = pointer(h_0);
    layer.c_0 = pointer(c_0);
    layer.lengths = static_cast<const int64_t*>(pointer(lengths));
    return rekur::saved_bytes(call.set.c_str(), layer);
}

static void forward(Call& call, Address saved, Address h_n, Address c_n) {
    const nb::gil_scoped_release released;
    call.layer.saved = pointer(saved);
    rekur::forward(call.set.c_str(), call.layer, {pointer(h_n), pointer(c_n)});
}

static void backward(Call& call, Address d_output, int64_t d_output_step, int64_t d_output_row, Address d_h_n, Address d_c_n,
                     Address d_x, int64_t d_x_step, int64_t d_x_row, Address d_h_0, Address d_c_0, const std::vector<Address>& d_weights) {
    rekur::Gradients gradients{};
    gradients.d_output = steps(d_output, d_output_step, d_output_row);
    gradients.d_h_n = pointer(d_h_n);
    gradients.d_c_n = pointer(d_c_n);
    gradients.d_x = steps(d_x, d_x_step, d_x_row);
    gradients.d_h_0 = pointer(d_h_0);
    gradients.d_c_0 = pointer(d_c_0);
    for (size_t d = 0; d < static_cast<size_t>(call.layer.D); d++)
        gradients.d_weights[d] = {pointer(d_weights.at(4 * d)), pointer(d_weights.at(4 * d + 1)), pointer(d_weights.at(4 * d + 2)),
                                  pointer(d_weights.at(4 * d + 3))};
    const nb::gil_scoped_release released;
    rekur::backward(call.set.c_str(), call.layer, gradients);
}

static std::vector<std::string> instruction_sets() {
    std::vector<std::string> names;
    for (const char* const* name = rekur::instruction_sets(); *name; name++) names.emplace_back(*name);
    return names;
}

NB_MODULE(_native, module) {
    module.doc() = "One recurrent layer on the CPU: native/include/rekur/engine.h says what is computed.";
    module.def("instruction_sets", &instruction_sets);
    nb::class_<Call>(module, "Layer")
        .def("__init__", &take_sizes, "set"_a, "cell"_a, "type"_a, "products"_a, "sizes"_a, "threads"_a)
        .def("arrays", &take_arrays)
        .def("forward", &forward)
        .def("backward", &backward);
}
