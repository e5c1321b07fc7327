// Uniform steps along a ray, kept where a voxel is occupied (see reference/march.py).
#pragma once

#include "rays.h"

namespace pf {

// keep(distance) for each sample of a ray. inner: [2, 3] corners of the box around what is occupied.
template <class Keep>
PF_HD void march_ray(
    const float* origin, const float* direction, const bool* occupied, const Grid& grid, const float* inner,
    float step, float shift, Keep keep) {
    float enter = 0, leave = INFINITY;
    for (int axis = 0; axis < 3; ++axis) {
        const float inverse = 1 / (fabsf(direction[axis]) < 1e-9f ? 1e-9f : direction[axis]);
        const float a = (inner[axis] - origin[axis]) * inverse, b = (inner[3 + axis] - origin[axis]) * inverse;
        enter = fmaxf(enter, fminf(a, b));
        leave = fminf(leave, fmaxf(a, b));
    }
    // A ray of no numbers has no way through the box, and no end.
    if (!(enter < leave && leave < INFINITY)) return;
    const float start = floorf(enter / step) * step;
    for (i64 i = 0;; ++i) {
        const float distance = start + (float(i) + shift) * step;
        if (!(distance < leave)) return;
        if (distance < enter) continue;
        const float point[3] = {
            origin[0] + direction[0] * distance, origin[1] + direction[1] * distance,
            origin[2] + direction[2] * distance};
        if (occupied[voxel(grid, point)]) keep(distance);
    }
}

}  // namespace pf
