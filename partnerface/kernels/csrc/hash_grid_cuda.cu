// A thread for each sample and level: neighbouring threads write neighbouring numbers of a feature.
#include "cuda.h"
#include "hash_grid.h"

namespace {
using namespace pf;

struct Found {
    u32 row[8];
    float weight[8], fraction[3];
};

__device__ __forceinline__ void find(const Lattice& on, const float* x, i64 count, i64 s, Found& at) {
    const float a = x[s], b = x[count + s], c = x[2 * count + s];
    if (on.dense)
        corners<true>(on, a, b, c, at.row, at.weight, at.fraction);
    else
        corners<false>(on, a, b, c, at.row, at.weight, at.fraction);
}

template <int F>
struct alignas(F * 4) Row {
    float value[F];
};

template <int F>
int forward(const GridShape& shape, const float* x, i64 count, const float* table, float* out, void* stream) {
    return each(count, shape.levels, stream, [=] __device__(i64 s, int level) {
        const auto* rows = reinterpret_cast<const Row<F>*>(table) + shape.offset[level];
        Found at;
        find(lattice(shape, level), x, count, s, at);
        float sum[F] = {};
        for (int c = 0; c < 8; ++c) {
            const Row<F> row = rows[at.row[c]];
            for (int f = 0; f < F; ++f) sum[f] += at.weight[c] * row.value[f];
        }
        for (int f = 0; f < F; ++f) out[(i64(level) * F + f) * count + s] = sum[f];
    });
}

template <int F>
int table_gradient(
    const GridShape& shape, const float* x, i64 count, const float* grad, float* to, void* fixed, float scale,
    void* stream) {
    auto* exact = static_cast<unsigned long long*>(fixed);
    return each(count, shape.levels, stream, [=] __device__(i64 s, int level) {
        Found at;
        find(lattice(shape, level), x, count, s, at);
        for (int f = 0; f < F; ++f) {
            const float g = grad[(i64(level) * F + f) * count + s];
            if (g == 0) continue;
            for (int c = 0; c < 8; ++c) {
                const i64 place = (shape.offset[level] + at.row[c]) * F + f;
                if (exact)
                    add_fixed(exact + place, at.weight[c] * g, scale);
                else
                    atomicAdd(to + place, at.weight[c] * g);
            }
        }
    });
}

template <int F>
int place_gradient(
    const GridShape& shape, const float* x, i64 count, const float* table, const float* grad, float* to,
    void* stream) {
    return each(count, 1, stream, [=] __device__(i64 s, int) {
        float slope[3] = {0, 0, 0};
        for (int level = 0; level < shape.levels; ++level) {
            const auto* rows = reinterpret_cast<const Row<F>*>(table) + shape.offset[level];
            const Lattice on = lattice(shape, level);
            Found at;
            find(on, x, count, s, at);
            float value[8];
            for (int c = 0; c < 8; ++c) {
                const Row<F> row = rows[at.row[c]];
                value[c] = 0;
                for (int f = 0; f < F; ++f) value[c] += row.value[f] * grad[(i64(level) * F + f) * count + s];
            }
            blend_slope(value, at.fraction, on.resolution, slope);
        }
        for (int axis = 0; axis < 3; ++axis) {
            const float place = x[axis * count + s];
            to[axis * count + s] = place >= 0 && place <= 1 ? slope[axis] : 0.0f;
        }
    });
}

template <class Call>
int by_features(i64 features, Call call) {
    switch (features) {
        case 1: return call(std::integral_constant<int, 1>());
        case 2: return call(std::integral_constant<int, 2>());
        case 4: return call(std::integral_constant<int, 4>());
        case 8: return call(std::integral_constant<int, 8>());
        default: return UNSUPPORTED;
    }
}
}  // namespace

PF_API int pf_hash_grid_forward(
    const float* x, const float* table, i64 count, i64 features, i64 levels, i64 log2_size, const i32* resolution,
    float* out, i64, void* stream) {
    if (levels > MAX_LEVELS) return UNSUPPORTED;
    const GridShape shape = grid_shape(levels, log2_size, resolution);
    return by_features(features, [&](auto f) { return forward<f()>(shape, x, count, table, out, stream); });
}

// `fixed` [entries * features] int64, zero before: where it is given the table's gradient is summed there, `scale`
// units in 1, and comes out the same at each run.
PF_API int pf_hash_grid_backward(
    const float* grad, const float* x, const float* table, i64 count, i64 features, i64 levels, i64 log2_size,
    const i32* resolution, float* grad_x, float* grad_table, void* fixed, float scale, i64, void* stream) {
    if (levels > MAX_LEVELS) return UNSUPPORTED;
    const GridShape shape = grid_shape(levels, log2_size, resolution);
    return by_features(features, [&](auto f) {
        int status = OK;
        if (grad_table) status = table_gradient<f()>(shape, x, count, grad, grad_table, fixed, scale, stream);
        if (grad_x && status == OK) status = place_gradient<f()>(shape, x, count, table, grad, grad_x, stream);
        return status;
    });
}
