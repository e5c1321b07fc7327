#include "cpu.h"
#include "passes.h"
#include "sparsemax.h"

using namespace pf;

void pf::weigh_parts(const float* logits, i64 count, i64 begin, i64 end, i64 parts, float* weights) {
    // Lanes are said outright: compilers don't find them around loops in loops.
    i64 s = begin;
    for (; s + LANES <= end; s += LANES) sparsemax<loose_vec>(logits + s, count, parts, weights + s);
    for (; s < end; ++s) sparsemax<float>(logits + s, count, parts, weights + s);
}

// logits [parts, count] to out [parts, count].
PF_API int pf_sparsemax_forward(const float* logits, i64 count, i64 parts, float* out, i64 threads, void*) {
    parallel(threads, count, 64, [&](i64 begin, i64 end, int) { weigh_parts(logits, count, begin, end, parts, out); });
    return OK;
}

// grad and weights [parts, count] to [parts, count].
PF_API int pf_sparsemax_backward(
    const float* grad, const float* weights, i64 count, i64 parts, float* to, i64 threads, void*) {
    parallel(threads, count, 64, [&](i64 begin, i64 end, int) {
#pragma omp simd
        for (i64 s = begin; s < end; ++s) sparsemax_backward(grad + s, weights + s, count, parts, to + s);
    });
    return OK;
}
