// The engine as Python sees it. The GIL is released while the engine works.
#include <nanobind/nanobind.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "arrays.h"
#include "rekur/blocks.h"
#include "tensors.h"

using nb::literals::operator""_a;

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

static rekur::Layer with_arrays(const Problem& problem, const Arrays& inputs, const Arrays& results, Address lengths, Address saved) {
    rekur::Layer layer = problem.layer;
    layer.x = inputs.first;
    layer.h_0 = inputs.others[0];
    layer.c_0 = inputs.others[1];
    for (int64_t d = 0; d < layer.D; d++) {
        void* const* weights = inputs.others + 2 + 4 * d;
        layer.weights[d] = {weights[0], weights[1], weights[2], weights[3]};
    }
    layer.output = results.first;
    layer.lengths = lengths_at(lengths);
    layer.saved = pointer(saved);
    return layer;
}

static void forward(const Problem& problem, const Arrays& inputs, const Arrays& results, Address lengths, Address saved) {
    const rekur::Layer layer = with_arrays(problem, inputs, results, lengths, saved);
    const nb::gil_scoped_release released;
    rekur::forward(problem.set.c_str(), layer, {results.others[0], results.others[1]});
}

// Forward for inference, x a table that ids (T, N) take rows of.
static void look_up(const Problem& problem, const Arrays& inputs, const Arrays& results, Address lengths, Address ids) {
    rekur::Layer layer = with_arrays(problem, inputs, results, lengths, 0);
    layer.ids = static_cast<const int64_t*>(pointer(ids));
    const nb::gil_scoped_release released;
    rekur::forward(problem.set.c_str(), layer, {results.others[0], results.others[1]});
}

// Of the results, the outputs alone.
static void backward(const Problem& problem, const Arrays& inputs, const Arrays& results, Address lengths, Address saved,
                     const Arrays& d_results, const Arrays& d_inputs) {
    const rekur::Layer layer = with_arrays(problem, inputs, results, lengths, saved);
    rekur::Gradients gradients{};
    gradients.d_output = d_results.first;
    gradients.d_h_n = d_results.others[0];
    gradients.d_c_n = d_results.others[1];
    gradients.d_x = d_inputs.first;
    gradients.d_h_0 = d_inputs.others[0];
    gradients.d_c_0 = d_inputs.others[1];
    for (int64_t d = 0; d < layer.D; d++) {
        void* const* d_weights = d_inputs.others + 2 + 4 * d;
        gradients.d_weights[d] = {d_weights[0], d_weights[1], d_weights[2], d_weights[3]};
    }
    const nb::gil_scoped_release released;
    rekur::backward(problem.set.c_str(), layer, gradients);
}

static std::vector<std::string> instruction_sets() {
    std::vector<std::string> names;
    for (const char* const* name = rekur::instruction_sets(); *name; name++) names.emplace_back(*name);
    return names;
}

// A NumPy array of bytes whose memory goes back to the blocks kept.
static nb::ndarray<nb::numpy, uint8_t, nb::ndim<1>> block(size_t bytes) {
    struct Owned {
        void* memory;
        size_t bytes;
    };
    auto* const owned = new Owned{rekur::take_block(bytes), bytes};
    const nb::capsule owner(owned, [](void* pointer) noexcept {
        const auto* const done = static_cast<Owned*>(pointer);
        rekur::give_block(done->memory, done->bytes);
        delete done;
    });
    return nb::ndarray<nb::numpy, uint8_t, nb::ndim<1>>(owned->memory, {bytes}, owner);
}

NB_MODULE(_native, module) {
    nb::set_leak_warnings(false);  // a graph that awaits its backward pass when Python exits is no fault
    module.doc() = "One recurrent layer on the CPU: native/include/rekur/engine.h says what is computed.";
    module.def("instruction_sets", &instruction_sets);
    module.def("block", &block);
    module.def("multiplies", [](const std::string& set, int products) {
        return rekur::multiplies(set.c_str(), static_cast<rekur::Products>(products));
    });
    module.def("peak", [](const std::string& set, int threads) { return rekur::peak(set.c_str(), threads); });
    nb::class_<Arrays>(module, "Arrays")
        .def(nb::init<Address, int64_t, int64_t, const std::vector<Address>&>(), "data"_a, "step"_a, "row"_a, "others"_a);
    nb::class_<Problem>(module, "Problem")
        .def("__init__", &make, "set"_a, "cell"_a, "type"_a, "products"_a, "T"_a, "N"_a, "I"_a, "H"_a, "D"_a, "threads"_a)
        .def_prop_ro("type", [](const Problem& problem) { return static_cast<int>(problem.layer.type); })
        .def("shapes_of_inputs", [](const Problem& problem) { return problem.shapes(problem.inputs(), &Problem::input); })
        .def("shapes_of_results", [](const Problem& problem) { return problem.shapes(problem.results(), &Problem::result); })
        .def("saved_bytes", &saved_bytes)
        .def("forward", &forward)
        .def("look_up", &look_up)
        .def("backward", &backward);
    nb::class_<Reader>(module, "Reader")
        .def(nb::init<nb::capsule, std::vector<nb::object>>(), "exchange"_a, "classes"_a)
        .def("inputs", &Reader::inputs)
        .def("results", &Reader::results)
        .def("bytes", &Reader::bytes);
}
