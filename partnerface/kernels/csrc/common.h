// What every kernel shares: words for host-and-device code, the exported names' form, status codes.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

#if defined(__CUDACC__)
#define PF_HD __host__ __device__ __forceinline__
#else
#define PF_HD inline __attribute__((always_inline))
#endif

#define PF_API extern "C" __attribute__((visibility("default")))

namespace pf {

// The exported functions' version: one higher when one is added, removed or changed, as in library.py.
constexpr int ABI = 3;

using i64 = std::int64_t;
using i32 = std::int32_t;
using u32 = std::uint32_t;

// What an exported function returns; CUDA's own errors are CUDA_FIRST + cudaError_t.
enum Status : int { OK = 0, UNSUPPORTED = 1, OUT_OF_MEMORY = 2, CUDA_FIRST = 1000 };

PF_HD float clamp(float x, float low, float high) { return x < low ? low : (x > high ? high : x); }

// e^x of a number that is not large, to 2e-7 of itself. The C library's has no form for vectors.
PF_HD float exponential(float x) {
#if defined(__CUDA_ARCH__)
    return expf(x);
#else
    // 2^(whole + rest), rest in [-1/2, 1/2].
    const float power = x < -87.0f ? -125.0f : x * 1.44269504f, whole = std::nearbyint(power);
    // x - whole ln 2 in two steps, the second of which is what ln 2's first digits lack.
    const float rest = x < -87.0f ? 0.0f : (x - whole * 0.693359375f) + whole * 2.12194440e-4f;
    const float series = 1.0f + rest * (1.0f + rest * (0.5f + rest * (1.66666667e-1f + rest * (4.16666667e-2f +
                         rest * (8.33333333e-3f + rest * 1.38888889e-3f)))));
    const std::int32_t bits = (std::int32_t(whole) + 127) << 23;
    float scale;
    std::memcpy(&scale, &bits, sizeof scale);
    return series * scale;
#endif
}

}  // namespace pf
