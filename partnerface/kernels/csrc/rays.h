// Packed samples of rays: each ray's are adjacent and in order, and ray[] does not fall.
#pragma once

#include "common.h"

namespace pf {

// The first of `count` samples whose ray is `wanted` or later.
PF_HD i64 first_of(const i64* ray, i64 count, i64 wanted) {
    i64 low = 0, high = count;
    while (low < high) {
        const i64 middle = (low + high) / 2;
        if (ray[middle] < wanted)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

// A grid of voxels over an axis-aligned box.
struct Grid {
    const float *low, *high;  // [3] m
    i64 size[3];
};

// Flat index of the voxel of a point, clamped to the box; in the operations' order of reference/march.py.
PF_HD i64 voxel(const Grid& grid, const float point[3]) {
    i64 flat = 0;
    for (int axis = 0; axis < 3; ++axis) {
        const float place = (point[axis] - grid.low[axis]) / (grid.high[axis] - grid.low[axis]) * float(grid.size[axis]);
        i64 cell = place > 0 ? i64(fminf(place, float(grid.size[axis]))) : 0;
        cell = cell < grid.size[axis] ? cell : grid.size[axis] - 1;
        flat = flat * grid.size[axis] + cell;
    }
    return flat;
}

}  // namespace pf
