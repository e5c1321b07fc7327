#include <cstring>

#include "composite.h"
#include "cpu.h"

namespace {
using namespace pf;

// body(first sample, end, ray) for each ray that has samples, a ray with one thread.
template <class Body>
void each_ray(const i64* ray, i64 count, i64 threads, Body body) {
    parallel(threads, count, 1024, [&](i64 begin, i64 end, int) {
        // A ray is its first sample's thread's.
        if (begin && begin < count) begin = first_of(ray, count, ray[begin - 1] + 1);
        if (end < count) end = first_of(ray, count, ray[end - 1] + 1);
        for (i64 s = begin; s < end;) {
            i64 stop = s + 1;
            while (stop < count && ray[stop] == ray[s]) ++stop;
            body(s, stop, ray[s]);
            s = stop;
        }
    });
}
}  // namespace

// density, length, ray, weight [count].
PF_API int pf_composite_forward(
    const float* density, const float* length, const i64* ray, i64 count, float* weight, i64 threads, void*) {
    each_ray(ray, count, threads, [&](i64 begin, i64 end, i64) { composite_ray(density, length, begin, end, weight); });
    return OK;
}

PF_API int pf_composite_backward(
    const float* grad, const float* density, const float* length, const float* weight, const i64* ray, i64 count,
    float* to, i64 threads, void*) {
    each_ray(ray, count, threads, [&](i64 begin, i64 end, i64) {
        composite_ray_back(grad, density, length, weight, begin, end, to);
    });
    return OK;
}

// values [channels, count] summed over each ray's samples: sums [channels, rays].
PF_API int pf_ray_sums(
    const float* values, const i64* ray, i64 count, i64 channels, i64 rays, float* sums, i64 threads, void*) {
    std::memset(sums, 0, channels * rays * sizeof(float));
    each_ray(ray, count, threads, [&](i64 begin, i64 end, i64 r) {
        for (i64 c = 0; c < channels; ++c) {
            float sum = 0;
            for (i64 s = begin; s < end; ++s) sum += values[c * count + s];
            sums[c * rays + r] = sum;
        }
    });
    return OK;
}

// values [channels, rays] handed to each ray's samples: spread [channels, count].
PF_API int pf_ray_spread(
    const float* values, const i64* ray, i64 count, i64 channels, i64 rays, float* spread, i64 threads, void*) {
    parallel(threads, count, 1024, [&](i64 begin, i64 end, int) {
        for (i64 c = 0; c < channels; ++c)
            for (i64 s = begin; s < end; ++s) spread[c * count + s] = values[c * rays + ray[s]];
    });
    return OK;
}
