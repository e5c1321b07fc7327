// Networks of one shape on a block of samples: their values, and back from the gradient of their outputs.
#pragma once

#include <cstring>
#include <utility>
#include <vector>

#include "lanes.h"

namespace pf {

constexpr int MAX_LAYERS = 8;
constexpr int padded(int n) { return (n + LANES - 1) / LANES * LANES; }

// The networks: width[0] inputs, ..., width[layers] outputs; weight[l] is [parts][width[l]][width[l + 1]].
struct Networks {
    int parts, layers;
    int width[MAX_LAYERS + 1];
    const float* weight[MAX_LAYERS];
    const float* bias[MAX_LAYERS];

    int inputs() const { return width[0]; }
    int outputs() const { return width[layers]; }
    // Floats of a block with all layers' values of one part, inputs apart.
    int state() const {
        int sum = 0;
        for (int l = 1; l <= layers; ++l) sum += width[l];
        return sum * BLOCK;
    }
    // The same of what a backward pass wants to be kept: the outputs only where they were weighed.
    int kept(bool weighed) const { return state() - (weighed ? 0 : outputs() * BLOCK); }
    int widest() const { return *std::max_element(width, width + layers + 1); }
    const float* matrix(int l, int part) const { return weight[l] + i64(part) * width[l] * width[l + 1]; }
};

// How a layer's weight gradient [a][b] is summed: vectors run along the side that wastes fewer lanes; or, where there are
// few outputs, each lane keeps a sum of its own.
enum class Way { OUTPUTS, INPUTS, LANES_APART };
constexpr int FEW = 4;

inline Way way(const Networks& net, int l) {
    const int a = net.width[l], b = net.width[l + 1];
    if (b <= FEW) return Way::LANES_APART;
    return i64(padded(b)) * a <= i64(padded(a)) * b ? Way::OUTPUTS : Way::INPUTS;
}

inline i64 sum_size(const Networks& net, int l) {
    const int a = net.width[l], b = net.width[l + 1];
    switch (way(net, l)) {
        case Way::OUTPUTS: return i64(a) * padded(b);
        case Way::INPUTS: return i64(b) * padded(a);
        default: return i64(a) * b * LANES;
    }
}

// Sums of one thread: per layer and part a weight gradient and, lane by lane, a bias gradient.
struct Sums {
    Buffer memory;
    i64 weight[MAX_LAYERS], bias[MAX_LAYERS], size = 0;

    explicit Sums(const Networks& net) {
        for (int l = 0; l < net.layers; ++l) {
            weight[l] = size;
            size += net.parts * sum_size(net, l);
            bias[l] = size;
            size += i64(net.parts) * net.width[l + 1] * LANES;
        }
        memory = buffer(size);
        if (memory) std::memset(memory.get(), 0, size * sizeof(float));
    }
    float* matrix(const Networks& net, int l, int part) const {
        return memory.get() + weight[l] + part * sum_size(net, l);
    }
    float* offset(const Networks& net, int l, int part) const {
        return memory.get() + bias[l] + i64(part) * net.width[l + 1] * LANES;
    }
};

// Values of all layers of one part for a block; state: see Networks::state; kept: null, or where they go besides.
inline void run(const Networks& net, int part, const float* x, float* state, float* kept, bool weighed) {
    const float* from = x;
    for (int l = 0; l < net.layers; ++l) {
        const int a = net.width[l], b = net.width[l + 1];
        const float* bias = net.bias[l] + i64(part) * b;
        const bool last = l + 1 == net.layers, also = kept && (weighed || !last);
        float* to = state;
        product(b, a, from, net.matrix(l, part), b, 1, bias, [=](int row, int lane, vec sum) {
            // Said this way round, what is not a number stays none.
            if (!last) sum = sum < vec{} ? vec{} : sum;
            store(to + row * BLOCK + lane, sum);
            if (also) stream(kept + row * BLOCK + lane, sum);
        });
        from = state;
        state += b * BLOCK;
        if (kept) kept += b * BLOCK;
    }
}

// Room for a backward pass of a block.
struct Room {
    Buffer memory;
    float *gradient, *next, *turned;
    explicit Room(const Networks& net) {
        const i64 block = i64(padded(net.widest())) * BLOCK;
        memory = buffer(3 * block);
        gradient = memory.get(), next = gradient + block, turned = next + block;
    }
};

// From room.gradient, that of a part's outputs, to the sums of its parameters and to dx, which may be null; fresh: dx has
// no values yet.
inline void run_back(
    const Networks& net, int part, const float* x, const float* state, Room& room, Sums& sums, float* dx, bool fresh) {
    const float* to = state + net.state();
    for (int l = net.layers - 1; l >= 0; --l) {
        const int a = net.width[l], b = net.width[l + 1];
        to -= b * BLOCK;
        const float* from = l ? to - a * BLOCK : x;
        float* bias = sums.offset(net, l, part);
        for (int row = 0; row < b; ++row) {
            vec sum = load(bias + row * LANES);
            for (int lane = 0; lane < BLOCK; lane += LANES) sum += load(room.gradient + row * BLOCK + lane);
            store(bias + row * LANES, sum);
        }
        float* sum = sums.matrix(net, l, part);
        switch (way(net, l)) {
            case Way::OUTPUTS:
                transpose(b, padded(b), room.gradient, room.turned);
                outer(a, padded(b), from, room.turned, sum);
                break;
            case Way::INPUTS:
                transpose(a, padded(a), from, room.turned);
                outer(b, padded(a), room.gradient, room.turned, sum);
                break;
            case Way::LANES_APART:
                if (b == 1) narrow_outer<1>(a, from, room.gradient, sum);
                if (b == 2) narrow_outer<2>(a, from, room.gradient, sum);
                if (b == 3) narrow_outer<3>(a, from, room.gradient, sum);
                if (b == 4) narrow_outer<4>(a, from, room.gradient, sum);
                break;
        }
        const float* matrix = net.matrix(l, part);
        if (l) {
            float* next = room.next;
            product(a, b, room.gradient, matrix, 1, b, nullptr, [=](int row, int lane, vec sum) {
                store(next + row * BLOCK + lane, load(from + row * BLOCK + lane) > vec{} ? sum : vec{});
            });
            std::swap(room.gradient, room.next);
        } else if (dx) {
            product(a, b, room.gradient, matrix, 1, b, nullptr, [=](int row, int lane, vec sum) {
                float* place = dx + row * BLOCK + lane;
                store(place, fresh ? sum : load(place) + sum);
            });
        }
    }
}

inline float summed(const float* lanes) {
    float sum = 0;
    for (int lane = 0; lane < LANES; ++lane) sum += lanes[lane];
    return sum;
}

// Adds the threads' sums, in the threads' order.
inline void collect(const Networks& net, const std::vector<Sums>& all, float* const* to) {
    for (int l = 0; l < net.layers; ++l) {
        const int a = net.width[l], b = net.width[l + 1];
        const Way how = way(net, l);
        auto entry = [=](const float* sum, int i, int o) {
            switch (how) {
                case Way::OUTPUTS: return sum[i * padded(b) + o];
                case Way::INPUTS: return sum[o * padded(a) + i];
                default: return summed(sum + (i64(o) * a + i) * LANES);
            }
        };
        for (int part = 0; part < net.parts; ++part) {
            float* matrix = to[2 * l] + i64(part) * a * b;
            float* bias = to[2 * l + 1] + i64(part) * b;
            std::memset(matrix, 0, i64(a) * b * sizeof(float));
            std::memset(bias, 0, b * sizeof(float));
            for (const Sums& sums : all) {
                const float* sum = sums.matrix(net, l, part);
                for (int i = 0; i < a; ++i)
                    for (int o = 0; o < b; ++o) matrix[i * b + o] += entry(sum, i, o);
                const float* lanes = sums.offset(net, l, part);
                for (int o = 0; o < b; ++o) bias[o] += summed(lanes + o * LANES);
            }
        }
    }
}

inline int networks(i64 parts, i64 layers, const i32* width, const float* const* parameters, Networks& net) {
    if (layers < 1 || layers > MAX_LAYERS) return UNSUPPORTED;
    net.parts = int(parts);
    net.layers = int(layers);
    for (int l = 0; l <= layers; ++l) net.width[l] = width[l];
    for (int l = 0; l < layers; ++l) net.weight[l] = parameters[2 * l], net.bias[l] = parameters[2 * l + 1];
    return OK;
}

}  // namespace pf
