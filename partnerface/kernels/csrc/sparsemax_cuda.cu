#include "cuda.h"
#include "sparsemax.h"

using namespace pf;

PF_API int pf_sparsemax_forward(const float* logits, i64 count, i64 parts, float* out, i64, void* stream) {
    return each(count, 1, stream, [=] __device__(i64 s, int) { sparsemax<float>(logits + s, count, parts, out + s); });
}

PF_API int pf_sparsemax_backward(
    const float* grad, const float* weights, i64 count, i64 parts, float* to, i64, void* stream) {
    return each(count, 1, stream, [=] __device__(i64 s, int) {
        sparsemax_backward(grad + s, weights + s, count, parts, to + s);
    });
}
