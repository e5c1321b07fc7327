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

// Candidates that are looked at together: a CPU has them side by side in a vector.
#if defined(__CUDA_ARCH__)
constexpr int TOGETHER = 1;
#else
constexpr int TOGETHER = 16;
#endif

struct Carried {
    float map[12], canonical[3], distance, height;
};

// Squared distances of a point and TOGETHER vertices of a list, from `first` on; the last stands for those beyond it.
PF_HD void squared_distances(
    const float* vertices, const i32* list, int first, int size, const float point[3], float out[TOGETHER]) {
#if defined(__AVX512F__)
    // Compilers don't gather by themselves.
    const __mmask16 there = size - first < TOGETHER ? __mmask16((1u << (size - first)) - 1) : __mmask16(0xffff);
    const __m512i listed = _mm512_mask_loadu_epi32(_mm512_set1_epi32(list[size - 1]), there, list + first);
    const __m512i index = _mm512_add_epi32(listed, _mm512_slli_epi32(listed, 1));
    __m512 sum = _mm512_setzero_ps();
    for (int axis = 0; axis < 3; ++axis) {
        const __m512 away = _mm512_i32gather_ps(index, vertices + axis, 4) - _mm512_set1_ps(point[axis]);
        sum = sum + away * away;
    }
    _mm512_storeu_ps(out, sum);
#else
    for (int j = 0; j < TOGETHER; ++j) {
        const i32 place = first + j < size ? first + j : size - 1;
        const float* vertex = vertices + list[place] * 3;
        const float x = vertex[0] - point[0], y = vertex[1] - point[1], z = vertex[2] - point[2];
        out[j] = x * x + y * y + z * z;
    }
#endif
}

// The least of TOGETHER numbers, and where the first such is.
PF_HD float least_of(const float values[TOGETHER]) {
#if defined(__AVX512F__)
    return _mm512_reduce_min_ps(_mm512_loadu_ps(values));
#else
    float least = values[0];
    for (int j = 1; j < TOGETHER; ++j) least = values[j] < least ? values[j] : least;
    return least;
#endif
}
PF_HD int place_of(float value, const float values[TOGETHER]) {
#if defined(__AVX512F__)
    return __builtin_ctz(_mm512_cmp_ps_mask(_mm512_loadu_ps(values), _mm512_set1_ps(value), _CMP_EQ_OQ) | 0x8000);
#else
    int place = TOGETHER - 1;
    for (int j = TOGETHER - 1; j >= 0; --j) place = values[j] == value ? j : place;
    return place;
#endif
}

// sum_j weight[j] / total * maps[list[j]].
PF_HD void weighted_mean(
    const float* maps, const i32* list, const float* weight, int size, float total, float mean[16]) {
#if defined(__AVX512F__)
    __m512 sum = _mm512_setzero_ps();
    for (int j = 0; j < size; ++j)
        sum = sum + _mm512_set1_ps(weight[j] / total) * _mm512_loadu_ps(maps + i64(list[j]) * 16);
    _mm512_storeu_ps(mean, sum);
#else
    for (int i = 0; i < 16; ++i) mean[i] = 0;
    for (int j = 0; j < size; ++j) {
        const float share = weight[j] / total;
        const float* map = maps + i64(list[j]) * 16;
        for (int i = 0; i < 16; ++i) mean[i] += share * map[i];
    }
#endif
}

// The anchor of a point's voxel.
PF_HD i64 anchor_of(const Skin& skin, i64 slot, const float point[3]) {
    return skin.volumes[slot * skin.cells + voxel(skin.grid, point)];
}

PF_HD Carried carry(const Skin& skin, i64 slot, i64 anchor, const float point[3]) {
    const float* vertices = skin.vertices + slot * skin.vertex_count * 3;
    const float* maps = skin.maps + slot * skin.vertex_count * 16;
    // A voxel is coarser than the mesh: the nearest vertex stands somewhere around the voxel's anchor.
    const i32* patch = skin.patch + anchor * skin.patch_size;
    const int patch_size = int(skin.patch_size), ring_size = int(skin.ring_size);
    i32 nearest = patch[0];
    float least = INFINITY;
    for (int first = 0; first < patch_size; first += TOGETHER) {
        float squared[TOGETHER];
        squared_distances(vertices, patch, first, patch_size, point, squared);
        const float smallest = least_of(squared);
        if (!(smallest < least)) continue;
        least = smallest;
        nearest = patch[first + place_of(least, squared)];
    }
    const i32* ring = skin.ring + i64(nearest) * skin.ring_size;
    float weight[MAX_RING];
    least = INFINITY;
    for (int first = 0; first < ring_size; first += TOGETHER) {
        squared_distances(vertices, ring, first, ring_size, point, weight + first);
        const float smallest = least_of(weight + first);
        least = smallest < least ? smallest : least;
    }
    const float sharpness = 1 / (2 * skin.radius * skin.radius);
    float total = 0;
    for (int first = 0; first < ring_size; first += TOGETHER)
        for (int j = first; j < first + TOGETHER; ++j) weight[j] = exponential((least - weight[j]) * sharpness);
    for (int j = 0; j < ring_size; ++j) total += weight[j];
    float blend[16];
    weighted_mean(maps, ring, weight, ring_size, total, blend);
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
