// What every kernel shares: words for host-and-device code, the exported names' form, status codes.
#pragma once

#include <cmath>
#include <cstdint>

#if defined(__CUDACC__)
#define PF_HD __host__ __device__ __forceinline__
#else
#define PF_HD inline __attribute__((always_inline))
#endif

#define PF_API extern "C" __attribute__((visibility("default")))

namespace pf {

using i64 = std::int64_t;
using i32 = std::int32_t;
using u32 = std::uint32_t;

// What an exported function returns; CUDA's own errors are CUDA_FIRST + cudaError_t.
enum Status : int { OK = 0, UNSUPPORTED = 1, OUT_OF_MEMORY = 2, CUDA_FIRST = 1000 };

PF_HD float clamp(float x, float low, float high) { return x < low ? low : (x > high ? high : x); }

}  // namespace pf
