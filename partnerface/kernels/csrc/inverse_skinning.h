// From posed space to canonical space for one sample (see reference/inverse_skinning.py).
#pragma once

#include "rays.h"

namespace pf {

// What all samples share. vertices [frames, V, 3], maps [frames, V, 16], volumes [frames, cells], patch [anchors,
// patch_size], ring [V, ring_size].
struct Skin {
    const float *vertices, *maps;
    const std::int16_t* volumes;
    const i32 *patch, *ring;
    i64 vertex_count, cells, patch_size, ring_size;
    Grid grid;
    float radius, near, far;
};

constexpr int MAX_RING = 32;

PF_HD float squared_distance(const float* a, const float point[3]) {
    const float x = a[0] - point[0], y = a[1] - point[1], z = a[2] - point[2];
    return x * x + y * y + z * z;
}

struct Carried {
    float map[12], canonical[3], distance, height;
};

PF_HD Carried carry(const Skin& skin, i64 slot, const float point[3]) {
    const float* vertices = skin.vertices + slot * skin.vertex_count * 3;
    const float* maps = skin.maps + slot * skin.vertex_count * 16;
    const i64 anchor = skin.volumes[slot * skin.cells + voxel(skin.grid, point)];
    // A voxel is coarser than the mesh: the nearest vertex stands somewhere around the voxel's anchor.
    const i32* patch = skin.patch + anchor * skin.patch_size;
    i32 nearest = patch[0];
    float least = INFINITY;
    for (int j = 0; j < skin.patch_size; ++j) {
        const float squared = squared_distance(vertices + i64(patch[j]) * 3, point);
        if (squared < least) least = squared, nearest = patch[j];
    }
    const i32* ring = skin.ring + i64(nearest) * skin.ring_size;
    float weight[MAX_RING];
    least = INFINITY;
    for (int j = 0; j < skin.ring_size; ++j) {
        weight[j] = squared_distance(vertices + i64(ring[j]) * 3, point);
        least = fminf(least, weight[j]);
    }
    const float sharpness = 1 / (2 * skin.radius * skin.radius);
    float total = 0;
    for (int j = 0; j < skin.ring_size; ++j) {
        weight[j] = expf((least - weight[j]) * sharpness);
        total += weight[j];
    }
    float blend[16] = {};
    for (int j = 0; j < skin.ring_size; ++j) {
        const float share = weight[j] / total;
        const float* map = maps + i64(ring[j]) * 16;
        for (int i = 0; i < 16; ++i) blend[i] += share * map[i];
    }
    Carried out;
    out.distance = sqrtf(least);
    out.height = blend[12] * point[0] + blend[13] * point[1] + blend[14] * point[2] + blend[15];
    // Far from the surface the rigid motion rules.
    const float fade = clamp((skin.far - out.distance) / (skin.far - skin.near), 0.0f, 1.0f);
    for (int row = 0; row < 3; ++row) {
        for (int column = 0; column < 4; ++column) {
            const float identity = row == column ? 1.0f : 0.0f;
            out.map[4 * row + column] = identity + fade * (blend[4 * row + column] - identity);
        }
        const float* map = out.map + 4 * row;
        out.canonical[row] = map[0] * point[0] + map[1] * point[1] + map[2] * point[2] + map[3];
    }
    return out;
}

}  // namespace pf
