#include "cuda.h"
#include "inverse_skinning.h"

using namespace pf;

PF_API int pf_inverse_skinning_forward(
    const float* points, const i64* slot, i64 count, const float* vertices, const float* maps,
    const std::int16_t* volumes, const i32* patch, const i32* ring, i64 vertex_count, i64 patch_size, i64 ring_size,
    const float* box, i64 x, i64 y, i64 z, float radius, float near, float far, float* canonical, float* map,
    float* distance, float* height, i64, void* stream) {
    if (ring_size > MAX_RING) return UNSUPPORTED;
    const Skin skin{vertices, maps, volumes, patch, ring, vertex_count, x * y * z, patch_size, ring_size,
                    Grid{box, box + 3, {x, y, z}}, radius, near, far};
    return each(count, 1, stream, [=] __device__(i64 s, int) {
        const float point[3] = {points[s], points[count + s], points[2 * count + s]};
        const Carried to = carry(skin, slot[s], anchor_of(skin, slot[s], point), point);
        for (int i = 0; i < 3; ++i) {
            canonical[i * count + s] = to.canonical[i];
            for (int j = 0; j < 3; ++j) map[(3 * i + j) * count + s] = to.map[4 * i + j];
        }
        distance[s] = to.distance;
        height[s] = to.height;
    });
}

PF_API int pf_inverse_skinning_backward(const float* grad, const float* map, i64 count, float* to, i64, void* stream) {
    return each(count, 3, stream, [=] __device__(i64 s, int j) {
        to[j * count + s] = map[j * count + s] * grad[s] + map[(3 + j) * count + s] * grad[count + s] +
                            map[(6 + j) * count + s] * grad[2 * count + s];
    });
}
