// What the loader asks a CPU library before it calls anything else. Compiled for the library's instruction set, so
// these functions keep to plain integers.
#if defined(__AMX_BF16__)
#include <sys/syscall.h>
#include <unistd.h>
#endif

#include "common.h"

#if defined(__AMX_BF16__)
namespace {
// Whether there are matrix units for bfloat16, and the system lets this process have their registers: Linux wants to be
// asked, since they make each thread's state 8 KiB larger.
int matrix_units() {
    unsigned a = 7, b, c = 0, d;
    asm volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
    constexpr unsigned BF16 = 1u << 22, TILE = 1u << 24;
    if ((d & BF16) == 0 || (d & TILE) == 0) return 0;
    a = 7, c = 1;
    asm volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
    if ((a & (1u << 5)) == 0) return 0;  // Vectors' bfloat16.
    constexpr int ASK = 0x1023, TILE_DATA = 18;
    return syscall(SYS_arch_prctl, ASK, TILE_DATA) == 0;
}
}  // namespace
#endif

PF_API int pf_abi() { return pf::ABI; }

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
#if defined(__AMX_BF16__)
    if (!matrix_units()) return 0;
#endif
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
