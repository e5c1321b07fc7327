// What the drivers of networks share: a worker for the instruction set, blocks to and from memory, threads' sums.
#pragma once

#include <cstring>
#include <vector>

#if defined(__AMX_BF16__)
#include "networks_tiles.h"
#else
#include "networks_lanes.h"
#endif

namespace pf {

// A block of [rows, count] from column `first`, or those of the samples `at`; what is missing is zero.
inline void fetch(const float* from, i64 rows, i64 count, i64 first, int width, const i32* at, float* to) {
    for (i64 row = 0; row < rows; ++row, to += BLOCK) {
        const float* line = from + row * count + first;
        if (at)
            for (int s = 0; s < width; ++s) to[s] = line[at[s]];
        else
            std::memcpy(to, line, width * sizeof(float));
        if (width < BLOCK) std::memset(to + width, 0, (BLOCK - width) * sizeof(float));
    }
}

// Has a block on its way while another is worked on: its rows lie too far apart for the processor to foresee them.
inline void foresee(const float* from, i64 rows, i64 count, i64 first) {
    for (i64 row = 0; row < rows; ++row)
        for (int s = 0; s < BLOCK; s += 16) __builtin_prefetch(from + row * count + first + s, 0, 2);
}

// Rows of a block to their places.
inline void put(const float* from, i64 rows, i64 count, i64 first, int width, float* to) {
    for (i64 row = 0; row < rows; ++row) std::memcpy(to + row * count + first, from + row * BLOCK, width * sizeof(float));
}

inline void add(const float* from, i64 rows, i64 count, i64 first, int width, const i32* at, float* to) {
    for (i64 row = 0; row < rows; ++row, from += BLOCK) {
        float* line = to + row * count + first;
        for (int s = 0; s < width; ++s) line[at ? at[s] : s] += from[s];
    }
}

// Adds the threads' sums, in the threads' order.
inline void collect(const Networks& net, const std::vector<Sums>& all, float* const* to) {
    for (int l = 0; l < net.layers; ++l) {
        const int a = net.width[l], b = net.width[l + 1];
        for (int part = 0; part < net.parts; ++part) {
            float* matrix = to[2 * l] + i64(part) * a * b;
            float* bias = to[2 * l + 1] + i64(part) * b;
            std::memset(matrix, 0, i64(a) * b * sizeof(float));
            std::memset(bias, 0, b * sizeof(float));
            for (const Sums& sums : all) {
                for (int i = 0; i < a; ++i)
                    for (int o = 0; o < b; ++o) matrix[i * b + o] += sums.weight(l, part, i, o);
                const float* lanes = sums.offset(l, part);
                for (int o = 0; o < b; ++o)
                    for (int lane = 0; lane < LANES; ++lane) bias[o] += lanes[o * LANES + lane];
            }
        }
    }
}

// The sums of `threads` threads; fewer if there is no memory for them.
inline std::vector<Sums> make_sums(const Networks& net, i64 threads) {
    std::vector<Sums> all;
    for (i64 thread = 0; thread < threads; ++thread) {
        all.emplace_back(net);
        if (!all.back()) return {};
    }
    return all;
}

// How many threads have a block to do.
inline i64 working(i64 threads, i64 count) {
    return std::max<i64>(1, std::min(threads, (count + BLOCK - 1) / BLOCK));
}

}  // namespace pf
