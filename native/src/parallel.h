// Slices of work over threads, and the floating-point mode they run in.
#pragma once

namespace rekur {

// Calls work(context, 0) ... work(context, count - 1), each in a thread of its own, and returns when all are done.
// OpenMP's threads where the build has it, so that torch's are used again; std::thread in a forked child, where
// libgomp's pool is gone.
// A plain function pointer: a std::function here would be compiled for each instruction set and linked for all.
void in_parallel(int count, void (*work)(void* context, int i), void* context);

// Denormals count as 0 while it lives; the caller's mode comes back with its end. Threads born meanwhile would keep
// it for good, so none may live around `in_parallel`.
class FlushDenormals {
  public:
    FlushDenormals();
    ~FlushDenormals();
    FlushDenormals(const FlushDenormals&) = delete;
    FlushDenormals& operator=(const FlushDenormals&) = delete;

  private:
    unsigned long long mode_;
};

}  // namespace rekur
