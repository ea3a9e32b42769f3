// Whether this process may use the tiles of AMX.
#pragma once

#if defined(__linux__) && defined(__x86_64__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace rekur {

// Tiles are 8 KB of state a thread: Linux keeps room for them only in a process that has asked. Its children inherit
// the permission. Asking again is harmless; where nobody knows how to ask, there are no tiles.
inline bool tiles_permitted() {
#if defined(__linux__) && defined(__x86_64__)
    constexpr long kRequestPermission = 0x1023, kTileData = 18;  // of asm/prctl.h and of the processor's state
    constexpr unsigned kTiles = 1u << 24, kBf16 = 1u << 22;      // in EDX of leaf 7; GCC before 12 has no names for them
    unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
    if (!__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx)) return false;
    if (!(edx & kTiles) || !(edx & kBf16)) return false;
    return syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
#else
    return false;
#endif
}

}  // namespace rekur
