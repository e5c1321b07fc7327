// What the loader asks a CPU library before it calls anything else. Compiled for the library's instruction set, so
// these functions keep to plain integers.
#include "common.h"

namespace {
constexpr int ABI = 1;
}

PF_API int pf_abi() { return ABI; }

PF_API const char* pf_isa() { return PF_ISA; }

// Whether this processor (and its operating system) runs the library's instructions.
#if defined(__x86_64__)
#define PF_PLAIN __attribute__((target("arch=x86-64")))
#else
#define PF_PLAIN
#endif
PF_API PF_PLAIN int pf_runs_here() {
#if defined(__AVX512F__)
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2");
#elif defined(__AVX2__)
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2");
#else
    return 1;
#endif
}
