// Multi-resolution hash grid: bodies for one sample on one level (see reference/hash_grid.py for the method).
#pragma once

#include "common.h"

namespace pf {

constexpr int MAX_LEVELS = 32;

// levels: lattices. dense: how many of them, the coarsest, are stored without hashing. mask: 2^log2_size - 1.
struct GridShape {
    int levels, dense;
    u32 mask;
    int resolution[MAX_LEVELS];
    i64 offset[MAX_LEVELS];
};

inline GridShape grid_shape(i64 levels, i64 log2_size, const i32* resolution) {
    GridShape shape{int(levels), 0, (1u << log2_size) - 1, {}, {}};
    i64 offset = 0;
    for (int level = 0; level < levels; ++level) {
        const i64 side = resolution[level] + 1, points = side * side * side, most = i64(1) << log2_size;
        shape.resolution[level] = resolution[level];
        shape.offset[level] = offset;
        shape.dense += points <= most;
        offset += points < most ? points : most;
    }
    return shape;
}

// A level's lattice: a corner's row is the sum (dense) or the exclusive or (hashed) of a term per axis.
struct Lattice {
    float resolution;
    u32 stride[3], mask;
    bool dense;
};

PF_HD Lattice lattice(const GridShape& shape, int level) {
    const u32 side = shape.resolution[level] + 1;
    const bool dense = level < shape.dense;
    Lattice made{float(shape.resolution[level]), {1u, 2654435761u, 805459861u}, shape.mask, dense};
    if (dense) made.stride[0] = side * side, made.stride[1] = side, made.stride[2] = 1;
    return made;
}

// Rows and trilinear weights of the eight corners around a point, corner 4i + 2j + k, and the place in the cell.
template <bool DENSE>
PF_HD void corners(const Lattice& on, float x, float y, float z, u32 row[8], float weight[8], float fraction[3]) {
    const float place[3] = {x, y, z};
    u32 term[3][2];
    for (int axis = 0; axis < 3; ++axis) {
        const float position = clamp(place[axis], 0.0f, 1.0f) * on.resolution;
        // The far face of the cube belongs to the last cell, so that its upper corner exists.
        // What is not a number has the first cell's rows, which exist, and its features are not numbers.
        const float cell = clamp(float(int(position)), 0.0f, on.resolution - 1.0f);
        fraction[axis] = position - cell;
        term[axis][0] = u32(int(cell)) * on.stride[axis];
        term[axis][1] = term[axis][0] + on.stride[axis];
    }
    for (int c = 0; c < 8; ++c) {
        const int i = c >> 2, j = (c >> 1) & 1, k = c & 1;
        row[c] = DENSE ? term[0][i] + term[1][j] + term[2][k] : (term[0][i] ^ term[1][j] ^ term[2][k]) & on.mask;
        weight[c] = (i ? fraction[0] : 1 - fraction[0]) * (j ? fraction[1] : 1 - fraction[1]) *
                    (k ? fraction[2] : 1 - fraction[2]);
    }
}

// d(blend)/d(place) of a level for the corners' values v (already contracted with the gradient of the blend).
PF_HD void blend_slope(const float v[8], const float fraction[3], float resolution, float slope[3]) {
    const float b[3][2] = {{1 - fraction[0], fraction[0]}, {1 - fraction[1], fraction[1]}, {1 - fraction[2], fraction[2]}};
    float sum[3] = {0, 0, 0};
    for (int p = 0; p < 2; ++p)
        for (int q = 0; q < 2; ++q) {
            sum[0] += (v[4 + 2 * p + q] - v[2 * p + q]) * b[1][p] * b[2][q];
            sum[1] += (v[4 * p + 2 + q] - v[4 * p + q]) * b[0][p] * b[2][q];
            sum[2] += (v[4 * p + 2 * q + 1] - v[4 * p + 2 * q]) * b[0][p] * b[1][q];
        }
    for (int axis = 0; axis < 3; ++axis) slope[axis] += sum[axis] * resolution;
}

}  // namespace pf
