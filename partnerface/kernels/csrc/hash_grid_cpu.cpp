// Level by level, so that a level's table stays in the cache while all samples of a thread visit it.
#include <cstring>

#include "cpu.h"
#include "hash_grid.h"
#include "passes.h"

namespace {
using namespace pf;

constexpr int BLOCK = 64;

// Rows and weights of a block of samples, corner-major, so that the arithmetic runs on vectors.
struct Corners {
    u32 row[8][BLOCK];
    float weight[8][BLOCK], fraction[3][BLOCK];
};

template <bool DENSE>
void find(const Lattice& on, const float* x, i64 count, i64 begin, int width, Corners& to) {
#pragma omp simd
    for (int s = 0; s < width; ++s) {
        u32 row[8];
        float weight[8], fraction[3];
        corners<DENSE>(on, x[begin + s], x[count + begin + s], x[2 * count + begin + s], row, weight, fraction);
        for (int c = 0; c < 8; ++c) to.row[c][s] = row[c], to.weight[c][s] = weight[c];
        for (int axis = 0; axis < 3; ++axis) to.fraction[axis][s] = fraction[axis];
    }
}

// visit(first sample, how many, corners) for each block of [begin, end).
template <class Visit>
void blocks(const Lattice& on, const float* x, i64 count, i64 begin, i64 end, Visit visit) {
    Corners found;
    for (i64 first = begin; first < end; first += BLOCK) {
        const int width = static_cast<int>(std::min<i64>(BLOCK, end - first));
        if (on.dense)
            find<true>(on, x, count, first, width, found);
        else
            find<false>(on, x, count, first, width, found);
        visit(first, width, found);
    }
}

template <int F>
void forward(
    const GridShape& shape, const float* x, i64 count, i64 begin, i64 end, const float* table, float* out) {
    for (int level = 0; level < shape.levels; ++level) {
        const float* rows = table + shape.offset[level] * F;
        float* to = out + i64(level) * F * count;
        blocks(lattice(shape, level), x, count, begin, end, [&](i64 first, int width, const Corners& at) {
            for (int s = 0; s < width; ++s) {
                float sum[F] = {};
                for (int c = 0; c < 8; ++c)
                    for (int f = 0; f < F; ++f) sum[f] += at.weight[c][s] * rows[i64(at.row[c][s]) * F + f];
                for (int f = 0; f < F; ++f) to[f * count + first + s] = sum[f];
            }
        });
    }
}

// Each level is one thread's, so that nothing is shared and the order of additions is that of the samples.
template <int F>
void table_gradient(const GridShape& shape, const float* x, i64 count, const float* grad, float* to, i64 threads) {
    each(threads, shape.levels, [&](int level) {
        float* rows = to + shape.offset[level] * F;
        const float* g = grad + i64(level) * F * count;
        blocks(lattice(shape, level), x, count, 0, count, [&](i64 first, int width, const Corners& at) {
            for (int s = 0; s < width; ++s)
                for (int c = 0; c < 8; ++c)
                    for (int f = 0; f < F; ++f)
                        rows[i64(at.row[c][s]) * F + f] += at.weight[c][s] * g[f * count + first + s];
        });
    });
}

template <int F>
void place_gradient(
    const GridShape& shape, const float* x, i64 count, const float* table, const float* grad, float* to, i64 threads) {
    parallel(threads, count, BLOCK, [&](i64 begin, i64 end, int) {
        for (int axis = 0; axis < 3; ++axis) std::memset(to + axis * count + begin, 0, (end - begin) * sizeof(float));
        for (int level = 0; level < shape.levels; ++level) {
            const float* rows = table + shape.offset[level] * F;
            const float* g = grad + i64(level) * F * count;
            const Lattice on = lattice(shape, level);
            blocks(on, x, count, begin, end, [&](i64 first, int width, const Corners& at) {
                float value[8][BLOCK];
                for (int s = 0; s < width; ++s)
                    for (int c = 0; c < 8; ++c) {
                        float sum = 0;
                        for (int f = 0; f < F; ++f) sum += rows[i64(at.row[c][s]) * F + f] * g[f * count + first + s];
                        value[c][s] = sum;
                    }
#pragma omp simd
                for (int s = 0; s < width; ++s) {
                    float v[8], slope[3] = {0, 0, 0};
                    for (int c = 0; c < 8; ++c) v[c] = value[c][s];
                    const float fraction[3] = {at.fraction[0][s], at.fraction[1][s], at.fraction[2][s]};
                    blend_slope(v, fraction, on.resolution, slope);
                    for (int axis = 0; axis < 3; ++axis) {
                        const float place = x[axis * count + first + s];
                        to[axis * count + first + s] += place >= 0 && place <= 1 ? slope[axis] : 0.0f;
                    }
                }
            });
        }
    });
}

template <class Call>
int by_features(i64 features, Call call) {
    switch (features) {
        case 1: call(std::integral_constant<int, 1>()); return OK;
        case 2: call(std::integral_constant<int, 2>()); return OK;
        case 4: call(std::integral_constant<int, 4>()); return OK;
        case 8: call(std::integral_constant<int, 8>()); return OK;
        default: return UNSUPPORTED;
    }
}
}  // namespace

int pf::grid_features(
    const GridShape& shape, i64 features, const float* x, i64 count, i64 begin, i64 end, const float* table, float* out) {
    return by_features(features, [&](auto f) { forward<f()>(shape, x, count, begin, end, table, out); });
}

// x [3, count], table [entries, features], out [levels * features, count].
PF_API int pf_hash_grid_forward(
    const float* x, const float* table, i64 count, i64 features, i64 levels, i64 log2_size, const i32* resolution,
    float* out, i64 threads, void*) {
    if (levels > MAX_LEVELS) return UNSUPPORTED;
    const GridShape shape = grid_shape(levels, log2_size, resolution);
    return by_features(features, [&](auto f) {
        parallel(threads, count, BLOCK, [&](i64 begin, i64 end, int) {
            forward<f()>(shape, x, count, begin, end, table, out);
        });
    });
}

// grad like out; grad_x [3, count] and grad_table, which has to be zero before, may each be null. The last two are the
// CUDA driver's.
PF_API int pf_hash_grid_backward(
    const float* grad, const float* x, const float* table, i64 count, i64 features, i64 levels, i64 log2_size,
    const i32* resolution, float* grad_x, float* grad_table, void*, float, i64 threads, void*) {
    if (levels > MAX_LEVELS) return UNSUPPORTED;
    const GridShape shape = grid_shape(levels, log2_size, resolution);
    return by_features(features, [&](auto f) {
        if (grad_table) table_gradient<f()>(shape, x, count, grad, grad_table, threads);
        if (grad_x) place_gradient<f()>(shape, x, count, table, grad, grad_x, threads);
    });
}
