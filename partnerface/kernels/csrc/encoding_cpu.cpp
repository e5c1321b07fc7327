#include "cpu.h"
#include "encoding.h"
#include "passes.h"

using namespace pf;

void pf::encode(const float* x, i64 count, i64 begin, i64 end, i64 octaves, float* out) {
    for (int axis = 0; axis < 3; ++axis) {
        const float* from = x + axis * count;
        float* sines = out + (3 + axis) * count;
        float* cosines = sines + 3 * octaves * count;
#pragma omp simd
        for (i64 s = begin; s < end; ++s) {
            out[axis * count + s] = from[s];
            float sine, cosine;
            sincos_pi(from[s], sine, cosine);
            if (octaves) sines[s] = sine, cosines[s] = cosine;
        }
        for (i64 octave = 1; octave < octaves; ++octave) {
            const i64 here = 3 * octave * count, before = here - 3 * count;
#pragma omp simd
            for (i64 s = begin; s < end; ++s) {
                float sine = sines[before + s], cosine = cosines[before + s];
                double_angle(sine, cosine);
                sines[here + s] = sine, cosines[here + s] = cosine;
            }
        }
    }
}

// x [3, count] to out [3 + 6 octaves, count]: x, sines and cosines, octave by octave.
PF_API int pf_encoding_forward(const float* x, i64 count, i64 octaves, float* out, i64 threads, void*) {
    parallel(threads, count, 64, [&](i64 begin, i64 end, int) { encode(x, count, begin, end, octaves, out); });
    return OK;
}

// grad and encoded [3 + 6 octaves, count] to [3, count]: d sin(f x) = f cos(f x) dx.
PF_API int pf_encoding_backward(
    const float* grad, const float* encoded, i64 count, i64 octaves, float* to, i64 threads, void*) {
    parallel(threads, count, 64, [&](i64 begin, i64 end, int) {
        for (int axis = 0; axis < 3; ++axis) {
            float* sum = to + axis * count;
            for (i64 s = begin; s < end; ++s) sum[s] = grad[axis * count + s];
            float frequency = 3.14159265358979f;
            for (i64 octave = 0; octave < octaves; ++octave, frequency *= 2) {
                const i64 sine = (3 + 3 * octave + axis) * count, cosine = sine + 3 * octaves * count;
#pragma omp simd
                for (i64 s = begin; s < end; ++s)
                    sum[s] += frequency * (grad[sine + s] * encoded[cosine + s] - grad[cosine + s] * encoded[sine + s]);
            }
        }
    });
    return OK;
}
