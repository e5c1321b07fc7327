// The GPU's body of the part mixture on the host: a block of one thread, and products as the matrix units round them.
#include <cstring>
#include <vector>

#include "part_mixture_block.h"

using namespace pf;

namespace {

// The nearest number with eleven significant bits.
float tf32(float value) {
    std::uint32_t bits;
    std::memcpy(&bits, &value, 4);
    bits = (bits + 0x1000u) & ~0x1fffu;
    std::memcpy(&value, &bits, 4);
    return value;
}

struct Unit {
    int thread() const { return 0; }
    int threads() const { return 1; }
    void wait() const {}
    bool any(bool mine) const { return mine; }

    template <bool A_TURNED, bool B_TURNED>
    void multiply(const float* a, int a_pitch, const float* b, int b_pitch, float* c, int c_pitch, int m, int n, int k,
                  bool add) const {
        for (int row = 0; row < m; ++row)
            for (int column = 0; column < n; ++column) {
                float sum = add ? c[row * c_pitch + column] : 0;
                for (int d = 0; d < k; ++d) {
                    const float x = A_TURNED ? a[d * a_pitch + row] : a[row * a_pitch + d];
                    const float y = B_TURNED ? b[column * b_pitch + d] : b[d * b_pitch + column];
                    const float xh = tf32(x), yh = tf32(y), xl = tf32(x - xh), yl = tf32(y - yh);
                    sum += xl * yh + xh * yl + xh * yh;
                }
                c[row * c_pitch + column] = sum;
            }
    }
};

block::Networks networks(i64 parts, i64 layers, const i32* width, float** parameters) {
    block::Networks net;
    net.parts = int(parts), net.layers = int(layers);
    for (int l = 0; l <= layers; ++l) net.width[l] = width[l];
    for (int l = 0; l < layers; ++l) net.weight[l] = parameters[2 * l], net.bias[l] = parameters[2 * l + 1];
    return net;
}

}  // namespace

PF_API void forward(const float* x, const float* weights, const float* amounts, const i32* slot, i64 kinds, i64 count,
                    i64 parts, i64 layers, const i32* width, float** parameters, float bound, float* out) {
    const block::Networks net = networks(parts, layers, width, parameters);
    const block::Call call{x, weights, {amounts, slot, int(kinds)}, bound, count};
    // What a block of threads finds in its memory is not zero.
    std::vector<float> memory(block::Room(net, false, nullptr).size, 7.0f);
    for (i64 first = 0; first < count; first += block::SAMPLES)
        block::forward(Unit{}, net, call, first, out, memory.data());
}

// gradients: as `parameters`; returns how many sums a block of threads keeps.
PF_API i64 backward(const float* grad, const float* x, const float* weights, const float* amounts, const i32* slot,
                    i64 kinds, i64 count, i64 parts, i64 layers, const i32* width, float** parameters, float bound, float* grad_x, float* grad_weights,
                    float** gradients) {
    const block::Networks net = networks(parts, layers, width, parameters);
    const block::Call call{x, weights, {amounts, slot, int(kinds)}, bound, count};
    std::vector<float> memory(block::Room(net, true, nullptr).size, 7.0f), slice(net.slice(), 0.0f);
    for (i64 first = 0; first < count; first += block::SAMPLES)
        block::backward(Unit{}, net, call, first, grad, grad_x, grad_weights, slice.data(), memory.data());
    for (int l = 0; l < layers; ++l)
        for (int part = 0; part < parts; ++part) {
            const int a = width[l], b = width[l + 1], wide = block::padded(b);
            const float* from = slice.data() + net.sums(l, part);
            for (int i = 0; i < a; ++i)
                std::memcpy(gradients[2 * l] + (i64(part) * a + i) * b, from + i * wide, b * sizeof(float));
            std::memcpy(gradients[2 * l + 1] + i64(part) * b, from + block::padded(a) * wide, b * sizeof(float));
        }
    return net.slice();
}
