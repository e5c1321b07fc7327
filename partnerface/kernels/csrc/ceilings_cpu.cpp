// This machine's limits, measured: fused multiply-adds in registers, and copies in memory.
#include <chrono>
#include <cstring>

#include "cpu.h"

namespace {
using namespace pf;
using Clock = std::chrono::steady_clock;
double since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }
}  // namespace

// Floating-point operations per second of `threads` threads in chains of multiply-adds that never leave the registers.
PF_API int pf_fma_ceiling(double seconds, int threads, double* rate) {
    constexpr int CHAINS = 12, ROUNDS = 1 << 16;
    i64 rounds = 0;
    float sum_of_all = 0;
    const auto start = Clock::now();
#pragma omp parallel num_threads(threads) reduction(+ : rounds, sum_of_all)
    {
        vec sum[CHAINS];
        for (int c = 0; c < CHAINS; ++c) sum[c] = vec{} + static_cast<float>(c);
        while (since(start) < seconds) {
            for (int r = 0; r < ROUNDS; ++r) {
                const vec factor = vec{} + 0.999f, term = vec{} + 0.001f;
#pragma GCC unroll 16
                for (int c = 0; c < CHAINS; ++c) sum[c] = sum[c] * factor + term;
            }
            rounds += ROUNDS;
        }
        for (int c = 0; c < CHAINS; ++c) sum_of_all += sum[c][0];
    }
    *rate = 2.0 * LANES * CHAINS * static_cast<double>(rounds) / since(start);
    // Sums that nobody looks at would not be computed.
    return sum_of_all == sum_of_all ? OK : UNSUPPORTED;
}

// Bytes per second, read and written, of copies far larger than a cache.
PF_API int pf_copy_ceiling(double seconds, int threads, double* rate) {
    constexpr i64 FLOATS = i64(1) << 25;
    auto from = buffer(FLOATS), to = buffer(FLOATS);
    if (!from || !to) return OUT_OF_MEMORY;
    auto copy = [&] {
        parallel(threads, FLOATS, 4096, [&](i64 begin, i64 end, int) {
            std::memcpy(to.get() + begin, from.get() + begin, (end - begin) * 4);
        });
    };
    std::memset(from.get(), 1, FLOATS * 4);
    copy();
    i64 copies = 0;
    const auto start = Clock::now();
    do {
        copy();
        ++copies;
    } while (since(start) < seconds);
    *rate = 8.0 * FLOATS * static_cast<double>(copies) / since(start);
    return OK;
}
