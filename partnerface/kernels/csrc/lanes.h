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

// done(row, lane, sum) with sum = sum_d a[d][lane...] * w[d * depth_stride + row * row_stride], for ROWS rows and
// COLUMNS vectors of lanes.
template <int ROWS, int COLUMNS, class Done>
inline __attribute__((always_inline)) void product_tile(
    int depth, const float* a, const float* w, i64 depth_stride, i64 row_stride, int row, int lane, Done& done) {
    vec sum[ROWS][COLUMNS];
#pragma GCC unroll 16
    for (int r = 0; r < ROWS; ++r)
#pragma GCC unroll 16
        for (int c = 0; c < COLUMNS; ++c) sum[r][c] = vec{};
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

template <int ROWS, class Done>
inline void product_rest(
    int depth, const float* a, const float* w, i64 depth_stride, i64 row_stride, int row, Done& done) {
    // Few rows need more columns, or each sum waits for the one before.
    constexpr int COLUMNS = ROWS * 4 <= 2 * TILE ? 4 : 2;
    for (int lane = 0; lane < BLOCK; lane += COLUMNS * LANES)
        product_tile<ROWS, COLUMNS>(depth, a, w, depth_stride, row_stride, row, lane, done);
}

// done(row, lane, sum) for every row of [0, rows) and every vector of lanes of a block.
template <class Done>
inline void product(
    int rows, int depth, const float* a, const float* w, i64 depth_stride, i64 row_stride, Done done) {
    const int whole = rows / TILE * TILE;
    for (int lane = 0; lane < BLOCK; lane += 2 * LANES)
        for (int row = 0; row < whole; row += TILE)
            product_tile<TILE, 2>(depth, a, w, depth_stride, row_stride, row, lane, done);
    switch (rows - whole) {
        case 1: product_rest<1>(depth, a, w, depth_stride, row_stride, whole, done); break;
        case 2: product_rest<2>(depth, a, w, depth_stride, row_stride, whole, done); break;
        case 3: product_rest<3>(depth, a, w, depth_stride, row_stride, whole, done); break;
#if defined(__AVX512F__)
        case 4: product_rest<4>(depth, a, w, depth_stride, row_stride, whole, done); break;
        case 5: product_rest<5>(depth, a, w, depth_stride, row_stride, whole, done); break;
        case 6: product_rest<6>(depth, a, w, depth_stride, row_stride, whole, done); break;
        case 7: product_rest<7>(depth, a, w, depth_stride, row_stride, whole, done); break;
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
    int row = 0;
    for (; row + TILE <= rows; row += TILE) outer_tile<TILE, COLUMNS>(a, t, stride, to, row, column);
    for (; row + 2 <= rows; row += 2) outer_tile<2, COLUMNS>(a, t, stride, to, row, column);
    for (; row < rows; ++row) outer_tile<1, COLUMNS>(a, t, stride, to, row, column);
}

// to[row][column] += sum over the block's samples of a[row][sample] * t[sample][column]; stride: of t and of `to`, a
// multiple of LANES.
inline void outer(int rows, int stride, const float* a, const float* t, float* to) {
    int column = 0;
    for (; column + 2 * LANES <= stride; column += 2 * LANES) outer_columns<2>(rows, a, t, stride, to, column);
    if (column < stride) outer_columns<1>(rows, a, t, stride, to, column);
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
