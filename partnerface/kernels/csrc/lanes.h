// Matrix products on blocks of samples: a block holds [features][BLOCK] numbers, a feature's samples side by side.
#pragma once

#include "cpu.h"

namespace pf {

constexpr int BLOCK = 64;
// Rows of a tile of accumulators, which has to fit into the registers beside its operands.
#if defined(__AVX512F__)
constexpr int TILE = 8;
#else
constexpr int TILE = 4;
#endif

// done(row, lane, sum) with sum = start(row, lane) + sum_d a[d][lane...] * w[d * depth_stride + row * row_stride], for ROWS
// rows and COLUMNS vectors of lanes.
template <int ROWS, int COLUMNS, class Start, class Done>
inline __attribute__((always_inline)) void product_tile(
    int depth, const float* a, const float* w, i64 depth_stride, i64 row_stride,
    const Start& start, int row, int lane, Done& done) {
    vec sum[ROWS][COLUMNS];
#pragma GCC unroll 16
    for (int r = 0; r < ROWS; ++r)
#pragma GCC unroll 16
        for (int c = 0; c < COLUMNS; ++c) sum[r][c] = start(row + r, lane + c * LANES);
    a += lane;
    w += row * row_stride;
    for (int d = 0; d < depth; ++d) {
        vec x[COLUMNS];
#pragma GCC unroll 16
        for (int c = 0; c < COLUMNS; ++c) x[c] = load(a + d * BLOCK + c * LANES);
#pragma GCC unroll 16
        for (int r = 0; r < ROWS; ++r) {
            const vec factor = vec{} + w[d * depth_stride + r * row_stride];
#pragma GCC unroll 16
            for (int c = 0; c < COLUMNS; ++c) sum[r][c] += factor * x[c];
        }
    }
#pragma GCC unroll 16
    for (int r = 0; r < ROWS; ++r)
#pragma GCC unroll 16
        for (int c = 0; c < COLUMNS; ++c) done(row + r, lane + c * LANES, sum[r][c]);
}

template <int ROWS, class Start, class Done>
inline void product_rest(
    int depth, const float* a, const float* w, i64 depth_stride, i64 row_stride, const Start& start,
    int row, Done& done) {
    // Few rows need more columns, or each sum waits for the one before.
    constexpr int COLUMNS = ROWS * 4 <= 2 * TILE ? 4 : 2;
    for (int lane = 0; lane < BLOCK; lane += COLUMNS * LANES)
        product_tile<ROWS, COLUMNS>(depth, a, w, depth_stride, row_stride, start, row, lane, done);
}

// done(row, lane, sum) for every row of [0, rows) and every vector of lanes of a block.
template <class Start, class Done>
inline void product(
    int rows, int depth, const float* a, const float* w, i64 depth_stride, i64 row_stride, Start start, Done done) {
    const int whole = rows / TILE * TILE;
    for (int lane = 0; lane < BLOCK; lane += 2 * LANES)
        for (int row = 0; row < whole; row += TILE)
            product_tile<TILE, 2>(depth, a, w, depth_stride, row_stride, start, row, lane, done);
    switch (rows - whole) {
        case 1: product_rest<1>(depth, a, w, depth_stride, row_stride, start, whole, done); break;
        case 2: product_rest<2>(depth, a, w, depth_stride, row_stride, start, whole, done); break;
        case 3: product_rest<3>(depth, a, w, depth_stride, row_stride, start, whole, done); break;
#if defined(__AVX512F__)
        case 4: product_rest<4>(depth, a, w, depth_stride, row_stride, start, whole, done); break;
        case 5: product_rest<5>(depth, a, w, depth_stride, row_stride, start, whole, done); break;
        case 6: product_rest<6>(depth, a, w, depth_stride, row_stride, start, whole, done); break;
        case 7: product_rest<7>(depth, a, w, depth_stride, row_stride, start, whole, done); break;
#endif
        default: break;
    }
}

template <int ROWS, int COLUMNS>
inline __attribute__((always_inline)) void outer_tile(
    const float* a, const float* t, int stride, float* to, int row, int column) {
    vec sum[ROWS][COLUMNS];
    float* place = to + i64(row) * stride + column;
#pragma GCC unroll 16
    for (int r = 0; r < ROWS; ++r)
#pragma GCC unroll 16
        for (int c = 0; c < COLUMNS; ++c) sum[r][c] = load(place + i64(r) * stride + c * LANES);
    a += row * BLOCK;
    t += column;
    for (int s = 0; s < BLOCK; ++s) {
        vec y[COLUMNS];
#pragma GCC unroll 16
        for (int c = 0; c < COLUMNS; ++c) y[c] = load(t + s * stride + c * LANES);
#pragma GCC unroll 16
        for (int r = 0; r < ROWS; ++r) {
            const vec factor = vec{} + a[r * BLOCK + s];
#pragma GCC unroll 16
            for (int c = 0; c < COLUMNS; ++c) sum[r][c] += factor * y[c];
        }
    }
#pragma GCC unroll 16
    for (int r = 0; r < ROWS; ++r)
#pragma GCC unroll 16
        for (int c = 0; c < COLUMNS; ++c) store(place + i64(r) * stride + c * LANES, sum[r][c]);
}

template <int COLUMNS>
inline void outer_columns(int rows, const float* a, const float* t, int stride, float* to, int column) {
    const int whole = rows / TILE * TILE;
    for (int row = 0; row < whole; row += TILE) outer_tile<TILE, COLUMNS>(a, t, stride, to, row, column);
    switch (rows - whole) {
        case 1: outer_tile<1, COLUMNS>(a, t, stride, to, whole, column); break;
        case 2: outer_tile<2, COLUMNS>(a, t, stride, to, whole, column); break;
        case 3: outer_tile<3, COLUMNS>(a, t, stride, to, whole, column); break;
#if defined(__AVX512F__)
        case 4: outer_tile<4, COLUMNS>(a, t, stride, to, whole, column); break;
        case 5: outer_tile<5, COLUMNS>(a, t, stride, to, whole, column); break;
        case 6: outer_tile<6, COLUMNS>(a, t, stride, to, whole, column); break;
        case 7: outer_tile<7, COLUMNS>(a, t, stride, to, whole, column); break;
#endif
        default: break;
    }
}

// to[row][column] += sum over the block's samples of a[row][sample] * t[sample][column]; stride: of t and of `to`, a
// multiple of LANES.
inline void outer(int rows, int stride, const float* a, const float* t, float* to) {
    int column = 0;
    for (; column + 2 * LANES <= stride; column += 2 * LANES) outer_columns<2>(rows, a, t, stride, to, column);
    if (column < stride) outer_columns<1>(rows, a, t, stride, to, column);
}

// to[o][i][lane] += sum over the block's vectors of y[o][lane] * x[i][lane], for OUTPUTS rows of y and `rows` of x.
template <int OUTPUTS>
inline void narrow_outer(int rows, const float* x, const float* y, float* to) {
    constexpr int VECTORS = BLOCK / LANES;
    for (int v = 0; v < VECTORS; v += 4) {
        vec g[OUTPUTS][4];
#pragma GCC unroll 16
        for (int o = 0; o < OUTPUTS; ++o)
#pragma GCC unroll 16
            for (int c = 0; c < 4; ++c) g[o][c] = load(y + o * BLOCK + (v + c) * LANES);
        for (int i = 0; i < rows; ++i) {
            const float* from = x + i * BLOCK + v * LANES;
            const vec a = load(from), b = load(from + LANES), c = load(from + 2 * LANES), d = load(from + 3 * LANES);
#pragma GCC unroll 16
            for (int o = 0; o < OUTPUTS; ++o) {
                float* place = to + (i64(o) * rows + i) * LANES;
                store(place, (load(place) + a * g[o][0] + b * g[o][1]) + (c * g[o][2] + d * g[o][3]));
            }
        }
    }
}

template <int STEP, int... AT>
inline void exchange(vec& a, vec& b, std::integer_sequence<int, AT...>) {
    const vec low = __builtin_shufflevector(a, b, (AT & STEP ? LANES + AT - STEP : AT)...);
    b = __builtin_shufflevector(a, b, (AT & STEP ? LANES + AT : AT + STEP)...);
    a = low;
}

template <int STEP>
inline __attribute__((always_inline)) void exchange_all(vec row[LANES]) {
#pragma GCC unroll 16
    for (int i = 0; i < LANES; ++i)
        if (!(i & STEP)) exchange<STEP>(row[i], row[i + STEP], std::make_integer_sequence<int, LANES>());
    if constexpr (STEP * 2 < LANES) exchange_all<STEP * 2>(row);
}

// t[sample][row] = a[row][sample]; rows that are missing to a multiple of LANES become zero columns.
inline void transpose(int rows, int stride, const float* a, float* t) {
    for (int first = 0; first < stride; first += LANES)
        for (int sample = 0; sample < BLOCK; sample += LANES) {
            vec row[LANES];
#pragma GCC unroll 16
            for (int i = 0; i < LANES; ++i) row[i] = first + i < rows ? load(a + (first + i) * BLOCK + sample) : vec{};
            exchange_all<1>(row);
#pragma GCC unroll 16
            for (int i = 0; i < LANES; ++i) store(t + (sample + i) * stride + first, row[i]);
        }
}

}  // namespace pf
