#include "cuda.h"
#include "march.h"

using namespace pf;

PF_API int pf_march_count(
    const float* origin, const float* direction, i64 rays, const bool* occupied, i64 x, i64 y, i64 z, const float* box,
    const float* inner, float step, const float* jitter, i64* counts, i64, void* stream) {
    const Grid grid{box, box + 3, {x, y, z}};
    return each(rays, 1, stream, [=] __device__(i64 r, int) {
        i64 found = 0;
        march_ray(
            origin + 3 * r, direction + 3 * r, occupied, grid, inner, step, jitter ? jitter[r] : 0.5f,
            [&](float) { ++found; });
        counts[r] = found;
    });
}

PF_API int pf_march_fill(
    const float* origin, const float* direction, i64 rays, const bool* occupied, i64 x, i64 y, i64 z, const float* box,
    const float* inner, float step, const float* jitter, const i64* ends, i64* ray, float* distance, i64,
    void* stream) {
    const Grid grid{box, box + 3, {x, y, z}};
    return each(rays, 1, stream, [=] __device__(i64 r, int) {
        i64 at = r ? ends[r - 1] : 0;
        if (at == ends[r]) return;
        march_ray(
            origin + 3 * r, direction + 3 * r, occupied, grid, inner, step, jitter ? jitter[r] : 0.5f,
            [&](float where) { ray[at] = r, distance[at++] = where; });
    });
}
