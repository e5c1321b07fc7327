#include "cuda.h"
#include "encoding.h"

using namespace pf;

PF_API int pf_encoding_forward(const float* x, i64 count, i64 octaves, float* out, i64, void* stream) {
    return each(count, 3, stream, [=] __device__(i64 s, int axis) {
        const float place = x[axis * count + s];
        out[axis * count + s] = place;
        float sine, cosine;
        sincos_pi(place, sine, cosine);
        for (i64 octave = 0; octave < octaves; ++octave) {
            if (octave) double_angle(sine, cosine);
            out[(3 + 3 * octave + axis) * count + s] = sine;
            out[(3 + 3 * (octaves + octave) + axis) * count + s] = cosine;
        }
    });
}

PF_API int pf_encoding_backward(
    const float* grad, const float* encoded, i64 count, i64 octaves, float* to, i64, void* stream) {
    return each(count, 3, stream, [=] __device__(i64 s, int axis) {
        float sum = grad[axis * count + s], frequency = 3.14159265358979f;
        for (i64 octave = 0; octave < octaves; ++octave, frequency *= 2) {
            const i64 sine = (3 + 3 * octave + axis) * count + s, cosine = sine + 3 * octaves * count;
            sum += frequency * (grad[sine] * encoded[cosine] - grad[cosine] * encoded[sine]);
        }
        to[axis * count + s] = sum;
    });
}
