// Memory for one call: aligned to a cache line, zeroed (so that pads are finite), and given back with its end.
#pragma once

#include <cstdlib>
#include <cstring>
#include <new>

#include "vector.h"

namespace rekur::REKUR_SET {

class Scratch {
  public:
    Scratch() = default;
    Scratch(const Scratch&) = delete;
    Scratch& operator=(const Scratch&) = delete;
    ~Scratch() {
        while (last_) {
            void* const before = *static_cast<void**>(last_);
            ::operator delete(last_, kLine);
            last_ = before;
        }
    }

    template <class T> T* take(int64_t numbers) {
        const size_t bytes = sizeof(T) * static_cast<size_t>(numbers);
        void* const block = ::operator new(kHeader + bytes, kLine);
        *static_cast<void**>(block) = last_;
        last_ = block;
        return reinterpret_cast<T*>(std::memset(static_cast<char*>(block) + kHeader, 0, bytes));
    }

  private:
    static constexpr std::align_val_t kLine{64};
    static constexpr size_t kHeader = 64;  // holds the block taken before

    void* last_ = nullptr;
};

}  // namespace rekur::REKUR_SET
