// A thread for each ray, which finds its samples by bisection.
#include "composite.h"
#include "cuda.h"

using namespace pf;

PF_API int pf_composite_forward(
    const float* density, const float* length, const i64* ray, i64 count, float* weight, i64, void* stream) {
    return each(count, 1, stream, [=] __device__(i64 s, int) {
        if (s && ray[s - 1] == ray[s]) return;
        composite_ray(density, length, s, first_of(ray, count, ray[s] + 1), weight);
    });
}

PF_API int pf_composite_backward(
    const float* grad, const float* density, const float* length, const float* weight, const i64* ray, i64 count,
    float* to, i64, void* stream) {
    return each(count, 1, stream, [=] __device__(i64 s, int) {
        if (s && ray[s - 1] == ray[s]) return;
        composite_ray_back(grad, density, length, weight, s, first_of(ray, count, ray[s] + 1), to);
    });
}

PF_API int pf_ray_sums(
    const float* values, const i64* ray, i64 count, i64 channels, i64 rays, float* sums, i64, void* stream) {
    return each(rays, int(channels), stream, [=] __device__(i64 r, int c) {
        float sum = 0;
        const i64 end = first_of(ray, count, r + 1);
        for (i64 s = first_of(ray, count, r); s < end; ++s) sum += values[c * count + s];
        sums[c * rays + r] = sum;
    });
}

PF_API int pf_ray_spread(
    const float* values, const i64* ray, i64 count, i64 channels, i64 rays, float* spread, i64, void* stream) {
    return each(count, int(channels), stream, [=] __device__(i64 s, int c) {
        spread[c * count + s] = values[c * rays + ray[s]];
    });
}
