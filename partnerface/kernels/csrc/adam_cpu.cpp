#include "adam.h"
#include "cpu.h"

using namespace pf;

PF_API int pf_adam(
    const float* gradient, i64 count, float* value, float* first, float* second, float* mean, float rate, float beta1,
    float beta2, float epsilon, float root, float scale, float memory, i64 threads, void*) {
    const Step step{rate, beta1, beta2, epsilon, root, scale, memory};
    parallel(threads, count, 4096, [&](i64 begin, i64 end, int) {
#pragma omp simd
        for (i64 i = begin; i < end; ++i) adam_step(step, gradient[i], value[i], first[i], second[i], mean[i]);
    });
    return OK;
}
