// Large blocks of memory that outlive their use: what a step saves for its backward pass, the next step finds warm.
//
// Systems hand out large blocks as pages not there yet, and take them back when they are freed; to touch 80 MB anew at
// each step can take a sixth of it. So a few are kept. No result depends on them.
#pragma once

#include <cstddef>

namespace rekur {

// `bytes` bytes aligned to 64, not initialised; throws std::bad_alloc.
void* take_block(size_t bytes);

// Gives back what take_block returned for `bytes`. It is kept, if the blocks kept are not too many or too large.
void give_block(void* block, size_t bytes) noexcept;

}  // namespace rekur
