// The arrays of one call, each in memory of exactly its size, so that a sanitizer sees the first element too far.
#pragma once

#include <cstdlib>
#include <limits>
#include <new>
#include <vector>

#include "naive.h"

constexpr double kUnset = 12345;  // what must be overwritten, and between rows must not be

template <class Real> class Array {
  public:
    Array() : Array(int64_t{0}) {}
    explicit Array(int64_t size) : size_(size), memory_(static_cast<Real*>(std::malloc(sizeof(Real) * (1 + size)))) {
        for (int64_t i = 0; i <= size; i++) memory_[i] = Real(kUnset);
    }
    explicit Array(const naive::Numbers& values) : Array(static_cast<int64_t>(values.size())) {
        for (int64_t i = 0; i < size_; i++) data()[i] = Real(values[i]);
    }
    Array(Array&& other) noexcept : size_(other.size_), memory_(other.memory_) { other.memory_ = nullptr; }
    Array(const Array&) = delete;
    Array& operator=(Array&& other) noexcept {
        std::swap(size_, other.size_);
        std::swap(memory_, other.memory_);
        return *this;
    }
    ~Array() { std::free(memory_); }

    Real* data() const { return memory_ + 1; }
    naive::Numbers numbers() const { return naive::Numbers(data(), data() + size_); }

  private:
    int64_t size_ = 0;
    Real* memory_ = nullptr;  // one element before the data, so that these are aligned to no vector
};

// An array (T, N, features) whose rows lie one after another (batch first) or not, with `gap` elements between them.
template <class Real> class Strided {
  public:
    Strided() = default;
    Strided(int64_t T, int64_t N, int64_t features, bool batch_first, int64_t gap)
        : T_(T), N_(N), features_(features), step_((features + gap) * (batch_first ? 1 : N)),
          row_((features + gap) * (batch_first ? T : 1)), array_(T && N ? T * N * (features + gap) - gap : 0) {}

    rekur::Steps steps() const { return {array_.data(), step_, row_}; }

    // Values (T, N, features); NaN from each row's length on.
    void set(const naive::Numbers& values, const std::vector<int64_t>& lengths) {
        visit([&](Real& to, int64_t i, int64_t t, int64_t n) {
            to = t < lengths[n] ? Real(values[i]) : std::numeric_limits<Real>::quiet_NaN();
        });
    }

    naive::Numbers numbers() const {
        naive::Numbers values(T_ * N_ * features_);
        visit([&](Real& from, int64_t i, int64_t, int64_t) { values[i] = from; });
        return values;
    }

    bool gaps_are_untouched() const {
        int64_t unset = 0;
        for (const double value : array_.numbers()) unset += value == kUnset;
        const int64_t rows = T_ * N_, gap = (step_ < row_ ? step_ : row_) - features_;
        return unset >= (rows ? rows - 1 : 0) * gap;
    }

  private:
    template <class Visit> void visit(Visit visit) const {
        for (int64_t t = 0, i = 0; t < T_; t++)
            for (int64_t n = 0; n < N_; n++)
                for (int64_t f = 0; f < features_; f++, i++) visit(array_.data()[t * step_ + n * row_ + f], i, t, n);
    }

    int64_t T_ = 0, N_ = 0, features_ = 0, step_ = 0, row_ = 0;
    Array<Real> array_;
};

// Memory aligned as the engine wants it for what it saves.
class Saved {
  public:
    explicit Saved(size_t bytes) {
        if (posix_memalign(&data_, 64, bytes)) throw std::bad_alloc();
    }
    Saved(const Saved&) = delete;
    Saved& operator=(const Saved&) = delete;
    ~Saved() { std::free(data_); }
    void* data() const { return data_; }

  private:
    void* data_ = nullptr;
};
