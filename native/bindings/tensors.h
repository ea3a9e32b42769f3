// Tensors of Python, read through DLPack's C exchange: plain C functions that a class of tensors carries, so that nothing
// here depends on torch's C++. What the engine relies on is checked where the address is taken, and takes no time to
// speak of: asking a tensor from Python costs as much as a step of a small layer.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <algorithm>
#include <optional>

#include "arrays.h"

namespace nb = nanobind;

// DLPackExchangeAPI of DLPack 1.3
struct Exchange {
    static constexpr const char* kName = "dlpack_exchange_api";

    uint32_t major, minor;
    const Exchange* previous;
    void *allocate, *from_object, *to_object;
    int (*look)(void* object, nb::dlpack::dltensor* view);  // -1 and a Python error where it cannot; owns nothing
    void* stream;
};

class Reader {
  public:
    // `classes` are those whose tensors have no ways of their own.
    Reader(nb::capsule exchange, std::vector<nb::object> classes)
        : exchange_(static_cast<const Exchange*>(exchange.data(Exchange::kName))), classes_(std::move(classes)) {
        if (exchange_->major != 1 || exchange_->minor < 3 || !exchange_->look)
            throw std::invalid_argument("not DLPack's C exchange of version 1.3 or later");
    }

    // The problem's inputs or results in their order, None for what is absent. Nothing where their number is another, or
    // a tensor has other sizes or another type, is not plain memory of the CPU or not contiguous: of the first, features
    // side by side are enough.
    std::optional<Arrays> inputs(const Problem& problem, nb::list tensors) const {
        return arrays(problem, tensors, problem.inputs(), &Problem::input);
    }
    std::optional<Arrays> results(const Problem& problem, nb::list tensors) const {
        return arrays(problem, tensors, problem.results(), &Problem::result);
    }

    // The address of `count` bytes that the engine wrote before, as it wants them: aligned to 64; 0 for anything else.
    Address bytes(nb::object tensor, int64_t count) const {
        View view;
        const bool readable = look(tensor, view) && fits(view, kBytes, {1, {count}}, false);
        const Address address = readable ? reinterpret_cast<Address>(data_of(view)) : 0;
        return address % 64 ? 0 : address;
    }

  private:
    using View = nb::dlpack::dltensor;
    static constexpr nb::dlpack::dtype kBytes{static_cast<uint8_t>(nb::dlpack::dtype_code::UInt), 8, 1};

    static nb::dlpack::dtype type_of(const Problem& problem) {
        const uint8_t bits = problem.layer.type == rekur::Type::float32 ? 32 : 64;
        return {static_cast<uint8_t>(nb::dlpack::dtype_code::Float), bits, 1};
    }

    static void* data_of(const View& view) { return static_cast<char*>(view.data) + view.byte_offset; }

    std::optional<Arrays> arrays(const Problem& problem, const nb::list& tensors, size_t count,
                                 Shape (Problem::*shape)(size_t) const) const {
        if (tensors.size() != count) return {};
        Arrays found;
        for (size_t i = 0; i < count; i++) {
            const nb::object tensor = tensors[i];
            if (tensor.is_none()) continue;
            View view;
            if (!look(tensor, view) || !fits(view, type_of(problem), (problem.*shape)(i), i == 0)) return {};
            if (i == 0) found.first = {data_of(view), view.strides[0], view.strides[1]};
            else found.others[i - 1] = data_of(view);
        }
        return found;
    }

    bool look(const nb::object& tensor, View& view) const {
        const bool known = std::any_of(classes_.begin(), classes_.end(),
                                       [&](const nb::object& one) { return tensor.type().is(one); });
        if (!known) return false;
        if (exchange_->look(tensor.ptr(), &view)) {
            PyErr_Clear();
            return false;
        }
        // of what the numbers mean, the one thing that DLPack does not tell
        const nb::object negated = nb::steal(PyObject_CallMethodNoArgs(tensor.ptr(), is_neg_.ptr()));
        return negated.is(nb::handle(Py_False));
    }

    static bool fits(const View& view, nb::dlpack::dtype type, const Shape& shape, bool any_steps) {
        if (view.device.device_type != nb::device::cpu::value || view.dtype != type) return false;
        if (view.ndim != shape.axes || !view.strides) return false;
        int64_t numbers = 1, step = 1;  // what there is, and where a contiguous axis goes
        for (int32_t axis = shape.axes - 1; axis >= 0; axis--) {
            const int64_t size = view.shape[axis];
            const bool free = size < 2 || (any_steps && axis + 1 < shape.axes);
            if (size != shape.sizes[axis] || (!free && view.strides[axis] != step)) return false;
            numbers *= size;
            step *= std::max<int64_t>(size, 1);
        }
        return view.data || numbers == 0;
    }

    const Exchange* exchange_;
    std::vector<nb::object> classes_;
    nb::object is_neg_ = nb::steal(PyUnicode_InternFromString("is_neg"));
};
