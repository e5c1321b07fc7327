#include "cpu.h"
#include "passes.h"

using namespace pf;

namespace {
// Samples between asking for something and looking at it.
constexpr i64 AHEAD = 12;
}  // namespace

void pf::carry_all(
    const Skin& skin, const float* points, const i64* slot, i64 count, i64 begin, i64 end, float* canonical, float* map,
    float* distance, float* height) {
    auto place = [=](i64 s, float point[3]) {
        for (int axis = 0; axis < 3; ++axis) point[axis] = points[axis * count + s];
    };
    auto frame = [=](i64 s) { return slot ? slot[s] : 0; };
    for (i64 s = begin; s < end; ++s) {
        float point[3];
        // A voxel lies anywhere in memory, and so does its anchor's patch.
        if (const i64 later = s + 2 * AHEAD; later < end) {
            place(later, point);
            __builtin_prefetch(skin.volumes + frame(later) * skin.cells + voxel(skin.grid, point));
        }
        if (const i64 next = s + AHEAD; next < end) {
            place(next, point);
            const i32* patch = skin.patch + anchor_of(skin, frame(next), point) * skin.patch_size;
            __builtin_prefetch(patch);
            __builtin_prefetch(patch + 16);
        }
        place(s, point);
        const Carried to = carry(skin, frame(s), anchor_of(skin, frame(s), point), point);
        for (int i = 0; i < 3; ++i) {
            canonical[i * count + s] = to.canonical[i];
            for (int j = 0; j < 3 && map; ++j) map[(3 * i + j) * count + s] = to.map[4 * i + j];
        }
        if (distance) distance[s] = to.distance;
        height[s] = to.height;
    }
}

// points, canonical [3, count]; map [9, count], the linear part for the backward pass; distance, height [count]; box
// [2, 3].
PF_API int pf_inverse_skinning_forward(
    const float* points, const i64* slot, i64 count, const float* vertices, const float* maps,
    const std::int16_t* volumes, const i32* patch, const i32* ring, i64 vertex_count, i64 patch_size, i64 ring_size,
    const float* box, i64 x, i64 y, i64 z, float radius, float near, float far, float* canonical, float* map,
    float* distance, float* height, i64 threads, void*) {
    if (ring_size > MAX_RING) return UNSUPPORTED;
    const Skin skin{vertices, maps, volumes, patch, ring, vertex_count, x * y * z, patch_size, ring_size,
                    Grid{box, box + 3, {x, y, z}}, radius, near, far};
    parallel(threads, count, 64, [&](i64 begin, i64 end, int) {
        carry_all(skin, points, slot, count, begin, end, canonical, map, distance, height);
    });
    return OK;
}

// The transposed linear part times the gradient.
PF_API int pf_inverse_skinning_backward(
    const float* grad, const float* map, i64 count, float* to, i64 threads, void*) {
    parallel(threads, count, 64, [&](i64 begin, i64 end, int) {
        for (int j = 0; j < 3; ++j)
            for (i64 s = begin; s < end; ++s)
                to[j * count + s] = map[j * count + s] * grad[s] + map[(3 + j) * count + s] * grad[count + s] +
                                    map[(6 + j) * count + s] * grad[2 * count + s];
    });
    return OK;
}
