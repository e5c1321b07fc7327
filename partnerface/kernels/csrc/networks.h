// Networks of one shape: what a block's worker is given.
#pragma once

#include <algorithm>

#include "cpu.h"

namespace pf {

constexpr int MAX_LAYERS = 8;

// width[0] inputs, ..., width[layers] outputs; weight[l] is [parts][width[l]][width[l + 1]].
struct Networks {
    int parts, layers;
    int width[MAX_LAYERS + 1];
    const float* weight[MAX_LAYERS];
    const float* bias[MAX_LAYERS];

    int inputs() const { return width[0]; }
    int outputs() const { return width[layers]; }
    int widest() const { return *std::max_element(width, width + layers + 1); }
    const float* matrix(int l, int part) const { return weight[l] + i64(part) * width[l] * width[l + 1]; }
    const float* offset(int l, int part) const { return bias[l] + i64(part) * width[l + 1]; }
};

// From the numbers and pointers of a call; a weight and a bias for each layer.
inline int networks(i64 parts, i64 layers, const i32* width, const float* const* parameters, Networks& net) {
    if (layers < 1 || layers > MAX_LAYERS) return UNSUPPORTED;
    net.parts = int(parts);
    net.layers = int(layers);
    for (int l = 0; l <= layers; ++l) net.width[l] = width[l];
    for (int l = 0; l < layers && parameters; ++l) net.weight[l] = parameters[2 * l], net.bias[l] = parameters[2 * l + 1];
    return OK;
}

}  // namespace pf
