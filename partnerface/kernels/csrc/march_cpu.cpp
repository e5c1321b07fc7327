#include "cpu.h"
#include "march.h"

using namespace pf;

// origin, direction [rays, 3]; occupied [x, y, z]; box, inner [2, 3]; jitter [rays] or null, which stands for 0.5.
// The first call counts each ray's samples in counts [rays]; the second, with ends [rays], their running sum, writes
// them.
PF_API int pf_march_count(
    const float* origin, const float* direction, i64 rays, const bool* occupied, i64 x, i64 y, i64 z, const float* box,
    const float* inner, float step, const float* jitter, i64* counts, i64 threads, void*) {
    const Grid grid{box, box + 3, {x, y, z}};
    parallel(threads, rays, 16, [&](i64 begin, i64 end, int) {
        for (i64 r = begin; r < end; ++r) {
            i64 found = 0;
            march_ray(
                origin + 3 * r, direction + 3 * r, occupied, grid, inner, step, jitter ? jitter[r] : 0.5f,
                [&](float) { ++found; });
            counts[r] = found;
        }
    });
    return OK;
}

PF_API int pf_march_fill(
    const float* origin, const float* direction, i64 rays, const bool* occupied, i64 x, i64 y, i64 z, const float* box,
    const float* inner, float step, const float* jitter, const i64* ends, i64* ray, float* distance, i64 threads,
    void*) {
    const Grid grid{box, box + 3, {x, y, z}};
    parallel(threads, rays, 16, [&](i64 begin, i64 end, int) {
        for (i64 r = begin; r < end; ++r) {
            i64 at = r ? ends[r - 1] : 0;
            if (at == ends[r]) continue;
            march_ray(
                origin + 3 * r, direction + 3 * r, occupied, grid, inner, step, jitter ? jitter[r] : 0.5f,
                [&](float where) { ray[at] = r, distance[at++] = where; });
        }
    });
    return OK;
}
