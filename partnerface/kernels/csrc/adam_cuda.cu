#include "adam.h"
#include "cuda.h"

using namespace pf;

PF_API int pf_adam(
    const float* gradient, i64 count, float* value, float* first, float* second, float* mean, float rate, float beta1,
    float beta2, float epsilon, float root, float scale, float memory, i64, void* stream) {
    const Step step{rate, beta1, beta2, epsilon, root, scale, memory};
    return each(count, 1, stream, [=] __device__(i64 i, int) {
        adam_step(step, gradient[i], value[i], first[i], second[i], mean[i]);
    });
}
