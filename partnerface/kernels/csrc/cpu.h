// Threads and lanes of the CPU drivers.
#pragma once

#include <omp.h>

#include <algorithm>
#include <cstdlib>
#include <memory>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "common.h"

namespace pf {

// Floats of a vector register. A wider vector type than the instruction set has falls apart into scalars.
#if defined(__AVX512F__)
constexpr int LANES = 16;
#elif defined(__AVX__)
constexpr int LANES = 8;
#else
constexpr int LANES = 4;
#endif
using vec = float __attribute__((vector_size(4 * LANES)));
// The same at any address of a float.
using loose_vec = float __attribute__((vector_size(4 * LANES), aligned(4), may_alias));

inline vec load(const float* from) { return *reinterpret_cast<const loose_vec*>(from); }
inline void store(float* to, vec value) { *reinterpret_cast<loose_vec*>(to) = value; }

// Past the caches, to an address on a vector's boundary: what is far larger than they are and is read much later.
inline void stream(float* to, vec value) {
#if defined(__AVX512F__)
    _mm512_stream_ps(to, reinterpret_cast<__m512>(value));
#elif defined(__AVX__)
    _mm256_stream_ps(to, reinterpret_cast<__m256>(value));
#elif defined(__SSE__)
    _mm_stream_ps(to, reinterpret_cast<__m128>(value));
#else
    store(to, value);
#endif
}
inline void stream_end() {
#if defined(__SSE__)
    _mm_sfence();
#endif
}

// Numbers below 1e-38 are zero while this lives: a CPU takes a hundred times as long for each.
class FlushSubnormal {
#if defined(__SSE__)
    unsigned before_ = _mm_getcsr();

  public:
    FlushSubnormal() { _mm_setcsr(before_ | 0x8040); }
    ~FlushSubnormal() { _mm_setcsr(before_); }
#endif
};

// body(begin, end, thread) on consecutive shares of [0, items), each a multiple of `grain`, one for each thread. Who
// gets what depends on the number of threads alone, so that sums per thread come out the same at each run.
template <class Body>
void parallel(i64 threads, i64 items, i64 grain, Body body) {
    const i64 grains = (items + grain - 1) / grain;
    const int used = static_cast<int>(std::max<i64>(1, std::min<i64>(threads, grains)));
    auto share = [&](int thread) {
        FlushSubnormal flush;
        const i64 begin = grains * thread / used * grain, end = std::min(items, grains * (thread + 1) / used * grain);
        if (begin < end) body(begin, end, thread);
    };
    if (used == 1) return share(0);
#pragma omp parallel num_threads(used)
    {
        // A pool that gives fewer threads than were asked for still does all the work.
        for (int thread = omp_get_thread_num(); thread < used; thread += omp_get_num_threads()) share(thread);
    }
}

// body(item) for each of a few large items, whoever is free next.
template <class Body>
void each(i64 threads, int items, Body body) {
#pragma omp parallel for num_threads(int(std::max<i64>(1, std::min<i64>(threads, items)))) schedule(dynamic)
    for (int item = 0; item < items; ++item) {
        FlushSubnormal flush;
        body(item);
    }
}

// Floats on a cache line's boundary.
struct Free {
    void operator()(float* p) const { std::free(p); }
};
using Buffer = std::unique_ptr<float[], Free>;
inline Buffer buffer(i64 floats) {
    const i64 bytes = (std::max<i64>(floats, 1) * 4 + 63) / 64 * 64;
    return Buffer(static_cast<float*>(std::aligned_alloc(64, bytes)));
}

}  // namespace pf
