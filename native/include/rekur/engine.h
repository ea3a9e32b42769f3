// The engine: one recurrent layer, all its steps and both its directions, forward and backward. Knows no framework.
//
// Letters (docs/notation.md): T steps, N rows of the batch, I input features, H hidden units, D directions (1 or 2),
// G gates (RNN 1, GRU 3, LSTM 4). Weights have torch's shapes and gate order: w_ih (G*H, I), w_hh (G*H, H),
// b_ih (G*H), b_hh (G*H), all contiguous. Nothing is checked here: whoever calls has checked sizes and strides.
#pragma once

#include <cstddef>
#include <cstdint>

namespace rekur {

enum class Cell : int { rnn_tanh, rnn_relu, gru, lstm };
constexpr int64_t gates_of(Cell cell) { return cell == Cell::lstm ? 4 : cell == Cell::gru ? 3 : 1; }  // G
enum class Type : int { float32, float64 };             // of every array
enum class Products : int { exact, bf16x3, bf16 };      // how matrices are multiplied; `exact` in the arrays' type

struct Weights {
    const void* w_ih;  // (G*H, I); null for inference from products: x is then x W_ih', (T, N, D*G*H)
    const void* w_hh;  // (G*H, H)
    const void* b_ih;  // (G*H), null without bias
    const void* b_hh;  // (G*H), null without bias
};

struct WeightGradients {
    void* w_ih;  // each as in Weights, overwritten; null where not wanted
    void* w_hh;
    void* b_ih;
    void* b_hh;
};

struct Steps {       // (T, N, features), features contiguous
    void* data;      // may be read only; null where absent
    int64_t step;    // elements from one step to the next
    int64_t row;     // elements from one row to the next
};

struct Layer {
    Cell cell;
    Type type;
    Products products;
    int64_t T, N, I, H, D;
    const int64_t* lengths;     // (N), 0 <= length <= T; null when every row has T steps
    int slices;                 // parts of the batch, each computed by a thread of its own; from `slices_for`
    Weights weights[2];         // of each direction
    Steps x;                    // (T, N, I); with ids a table (V, I), of which `row` alone counts
    const int64_t* ids;         // (T, N) the row of the table that a step reads; null but for inference
    Steps output;               // (T, N, D*H); forward writes it, 0 behind a length; backward reads it
    const void* h_0;            // (D, N, H), null is zeros
    const void* c_0;            // (D, N, H), LSTM only, null is zeros
    void* saved;                // saved_bytes() bytes, aligned to 64: forward writes, backward reads; null: inference
};

struct Final {
    void* h_n;                  // (D, N, H)
    void* c_n;                  // (D, N, H), LSTM only
};

struct Gradients {
    Steps d_output;             // (T, N, D*H) read; data null: zeros
    const void* d_h_n;          // (D, N, H) read; null: zeros
    const void* d_c_n;
    Steps d_x;                  // (T, N, I) written; data null where not wanted
    void* d_h_0;                // (D, N, H) written; null where not wanted
    void* d_c_0;
    WeightGradients d_weights[2];
};

// A `set` below is one of these names; another throws std::invalid_argument.
// Names of the instruction sets this build has and this processor runs, best first; ends with null. Always has
// "portable".
const char* const* instruction_sets();

// Whether `set` can multiply as `products` asks faster than `exact`; where not, use `exact`.
bool multiplies(const char* set, Products products);

// Floating-point operations a second that `threads` threads reach in registers alone: no product can be faster.
double peak(const char* set, int threads);

int slices_for(const Layer& layer, int threads);
size_t saved_bytes(const char* set, const Layer& layer);
void forward(const char* set, const Layer& layer, const Final& final);
void backward(const char* set, const Layer& layer, const Gradients& gradients);

}  // namespace rekur
