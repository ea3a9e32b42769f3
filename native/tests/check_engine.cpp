// Checks the engine on random cases, without Python and without any framework, so that sanitizers can watch it:
// every cell, type and instruction set of this processor, all at once from several threads, and in a forked child.
//
//     check_engine [CASES] [FIRST SEED]
//
// Prints each case that is wrong, and ends with 1 if there is one.
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstring>
#include <thread>

#include "case.h"

#if defined(__x86_64__)
#include <immintrin.h>
static unsigned mode() { return _mm_getcsr() & ~0x3fu; }  // without the flags of what happened
#else
static unsigned mode() { return 0; }
#endif

using naive::Inputs;
using naive::Numbers;
using naive::Results;

static std::atomic<int> wrong{0};

static void require(bool holds, const std::string& where, const char* law) {
    if (holds) return;
    wrong++;
    std::printf("WRONG %s\n  %s\n", where.c_str(), law);
}

// Greatest difference, beside the greatest number where that is above 1; infinity where one is no number.
static double difference(const Numbers& got, const Numbers& expected) {
    double most = 0, size = 1;
    for (size_t i = 0; i < expected.size(); i++) {
        const double apart = std::fabs(got[i] - expected[i]);
        most = apart <= most ? most : std::isnan(apart) ? INFINITY : apart;
        size = std::fmax(size, std::fabs(expected[i]));
    }
    return most / size;
}


static std::vector<std::pair<std::string, Numbers*>> parts_of(Inputs& in, int64_t D) {
    std::vector<std::pair<std::string, Numbers*>> parts = {{"x", &in.x}, {"h_0", &in.h_0}, {"c_0", &in.c_0}};
    for (int64_t d = 0; d < D; d++) {
        const std::string of = d == 0 ? "" : " reverse";
        parts.insert(parts.end(), {{"w_ih" + of, &in.w_ih[d]}, {"w_hh" + of, &in.w_hh[d]}});
        parts.insert(parts.end(), {{"b_ih" + of, &in.b_ih[d]}, {"b_hh" + of, &in.b_hh[d]}});
    }
    return parts;
}

static double dot(const Numbers& a, const Numbers& b) {
    double sum = 0;
    for (size_t i = 0; i < a.size(); i++) sum += a[i] * b[i];
    return sum;
}

// What the gradients are of.
static double loss(const Case& c, const Inputs& in) {
    const Results out = naive::run(c.sizes, in);
    return dot(c.d.output, out.output) + dot(c.d.h_n, out.h_n) + dot(c.d.c_n, out.c_n);
}

// Compares the gradients, along one random direction through all inputs, with differences of the loss.
static void check_gradients(const Case& c, Inputs& gradients, const std::string& where) {
    const double step = c.sizes.cell == rekur::Cell::rnn_relu ? 1e-8 : 1e-6;  // relu: short, to meet no bend
    Random random(7);
    Inputs ahead = c.inputs, behind = c.inputs;
    const auto from = parts_of(gradients, c.sizes.D), up = parts_of(ahead, c.sizes.D), down = parts_of(behind, c.sizes.D);
    double slope = 0, size = 1;
    for (size_t i = 0; i < from.size(); i++) {
        const Numbers direction = random.numbers(static_cast<int64_t>(up[i].second->size()), 1);
        for (size_t k = 0; k < direction.size(); k++) {
            (*up[i].second)[k] += step * direction[k];
            (*down[i].second)[k] -= step * direction[k];
            const double product = (*from[i].second)[k] * direction[k];
            slope += product, size += std::fabs(product);
        }
    }
    const double expected = (loss(c, ahead) - loss(c, behind)) / (2 * step);
    char law[120];
    std::snprintf(law, sizeof law, "gradients are differences: %.9g, expected %.9g, of %.3g", slope, expected, size);
    require(std::fabs(slope - expected) <= 1e-6 * size, where, law);
}

static void check_close(const Numbers& got, const Numbers& expected, double tolerance, const std::string& where, const std::string& what) {
    const double apart = difference(got, expected);
    require(apart <= tolerance, where, (what + " differs by " + std::to_string(apart)).c_str());
}

// Bit for bit; what was not asked for is empty.
static bool same(const Numbers& got, const Numbers& expected) {
    return got.empty() || (got.size() == expected.size() && !std::memcmp(got.data(), expected.data(), got.size() * sizeof(double)));
}

static bool same(const Results& a, const Results& b) { return same(a.output, b.output) && same(a.h_n, b.h_n) && same(a.c_n, b.c_n); }

// How a set multiplies, and how far from double precision that may lead.
struct Arithmetic {
    const char* name;
    rekur::Products products;
    double of_results, of_gradients;
};

template <class Real>
static void check_set(const char* set, const Arithmetic& by, const Case& c, const Results& expected, Inputs& gradients) {
    const std::string where = std::string(set) + " " + by.name + " " + c.name();
    const unsigned before = mode();
    Run<Real> run(set, by.products, c);
    Outcome all = run.train(0), some = run.train(c.unwanted);
    require(same(run.infer(), all.results), where, "inference gives what training gives");
    require(mode() == before, where, "the caller's floating-point mode comes back");
    require(all.gaps_are_untouched && some.gaps_are_untouched, where, "nothing is written between rows");
    check_close(all.results.output, expected.output, by.of_results, where, "output");
    check_close(all.results.h_n, expected.h_n, by.of_results, where, "h_n");
    check_close(all.results.c_n, expected.c_n, by.of_results, where, "c_n");
    const int64_t D = c.sizes.D;
    const auto got = parts_of(all.gradients, D), of_some = parts_of(some.gradients, D), trusted = parts_of(gradients, D);
    for (size_t i = 0; i < got.size(); i++) {
        check_close(*got[i].second, *trusted[i].second, by.of_gradients, where, "d_" + got[i].first);
        require(same(*of_some[i].second, *got[i].second), where, ("d_" + got[i].first + " without the others is the same").c_str());
    }
}

static void check_case(unsigned seed, bool big) {
    using rekur::Products;
    const Arithmetic by_double = {"float64", Products::exact, 1e-12, 2e-11};
    const Arithmetic by_float[] = {{"float32", Products::exact, 1e-5, 2e-4}, {"bf16x3", Products::bf16x3, 1e-4, 2e-3}, {"bf16", Products::bf16, 0.05, 0.2}};
    const Case c = random_case(seed, big);
    const Results expected = naive::run(c.sizes, c.inputs);
    Inputs gradients = Run<double>("portable", Products::exact, c).train(0).gradients;
    check_gradients(c, gradients, "portable float64 " + c.name());
    for (const char* const* set = rekur::instruction_sets(); *set; set++) {
        const bool emulated = std::strstr(*set, "_emulated");  // slow, and otherwise the portable set
        if (emulated && (big || seed % 4)) continue;
        if (!emulated) check_set<double>(*set, by_double, c, expected, gradients);
        for (const Arithmetic& by : by_float)
            if (rekur::multiplies(*set, by.products) && !(emulated && by.products == Products::exact))
                check_set<float>(*set, by, c, expected, gradients);
    }
}

static void check_cases(unsigned first, unsigned end, unsigned step) {
    for (unsigned seed = first; seed < end; seed += step) check_case(seed, false);
}

// The threads that computed before do not live in the child.
static void check_fork(unsigned first) {
    std::fflush(stdout);
    const pid_t child = fork();
    if (child == 0) {
        check_cases(first, first + 20, 1);
        std::fflush(stdout);
        _exit(wrong.load() != 0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    require(status == 0, "a forked child", "computes what its parent does");
}

int main(int count, char** words) {
    constexpr unsigned kCallers = 3, kBig = 4;
    const auto number = [&](int i, int otherwise) { return static_cast<unsigned>(i < count ? std::atoi(words[i]) : otherwise); };
    const unsigned cases = number(1, 60), first = number(2, 1);
    check_cases(first, first + 20, 1);
    check_fork(first);
    std::thread callers[kCallers];
    for (unsigned i = 0; i < kCallers; i++) callers[i] = std::thread(check_cases, first + i, first + cases, kCallers);
    for (auto& caller : callers) caller.join();
    for (unsigned i = 0; i < kBig; i++) check_case(first + i, true);
    std::printf("%u cases, sets", cases);
    for (const char* const* set = rekur::instruction_sets(); *set; set++) std::printf(" %s", *set);
    std::printf(": %d wrong\n", wrong.load());
    return wrong != 0;
}
