#include "rekur/blocks.h"

#include <mutex>
#include <new>
#include <vector>

namespace rekur {

static constexpr std::align_val_t kLine{64};
static constexpr size_t kMostBlocks = 8, kMostBytes = size_t{1} << 30;

// Sizes are rounded up in steps of an eighth, so that batches of about the same length find each other's blocks.
static size_t rounded(size_t bytes) {
    size_t step = 4096;
    while (step * 16 < bytes) step *= 2;
    return (bytes + step - 1) / step * step;
}

namespace {

class Spare {
  public:
    Spare() { blocks_.reserve(kMostBlocks + 1); }

    void* take(size_t size) {
        // A forked child may find the lock taken by a thread that it does not have: then nothing is spare.
        const std::unique_lock<std::mutex> lock(mutex_, std::try_to_lock);
        if (!lock) return nullptr;
        for (size_t i = blocks_.size(); i-- > 0;)
            if (blocks_[i].size == size) {
                void* const memory = blocks_[i].memory;
                blocks_.erase(blocks_.begin() + static_cast<std::ptrdiff_t>(i));
                return memory;
            }
        return nullptr;
    }

    // The oldest make room for it.
    void give(void* memory, size_t size) noexcept {
        const std::unique_lock<std::mutex> lock(mutex_, std::try_to_lock);
        if (!lock || size > kMostBytes) return ::operator delete(memory, kLine);
        blocks_.push_back({memory, size});
        while (blocks_.size() > kMostBlocks || total() > kMostBytes) {
            ::operator delete(blocks_.front().memory, kLine);
            blocks_.erase(blocks_.begin());
        }
    }

  private:
    struct Block {
        void* memory;
        size_t size;
    };

    size_t total() const {
        size_t sum = 0;
        for (const Block& block : blocks_) sum += block.size;
        return sum;
    }

    std::mutex mutex_;
    std::vector<Block> blocks_;  // the oldest first
};

}  // namespace

static Spare& spare() {
    static Spare* const blocks = new Spare;  // never destroyed: blocks may come back after everything else has ended
    return *blocks;
}

void* take_block(size_t bytes) {
    void* const kept = spare().take(rounded(bytes));
    return kept ? kept : ::operator new(rounded(bytes), kLine);
}

void give_block(void* block, size_t bytes) noexcept { spare().give(block, rounded(bytes)); }

}  // namespace rekur
