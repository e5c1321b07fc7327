// Networks' weights as the matrix units' operands, and the sums of their gradients.
#pragma once

#include <cstring>

#include "networks.h"
#include "tiles.h"

namespace pf {

// All weights as operands, made once a call. Both are tiles of the high halves, each followed by its low halves.
class Packed {
  public:
    Packed(const Networks& net, bool back) : net_(net) {
        i64 size = 0;
        for (int l = 0; l < net.layers; ++l) {
            const int a = net.width[l], b = net.width[l + 1];
            ahead_[l] = size, size += i64(net.parts) * tiles(b, EDGE) * tiles(a, DEPTH) * 2 * TILE_BYTES;
            back_[l] = size, size += back ? i64(net.parts) * tiles(a, EDGE) * tiles(b, DEPTH) * 2 * TILE_BYTES : 0;
            bias_[l] = size, size += i64(net.parts) * whole(b, DEPTH) * 4;
        }
        memory_ = buffer(size / 4);
        if (!memory_) return;
        std::memset(memory_.get(), 0, size);
        for (int l = 0; l < net.layers; ++l)
            for (int part = 0; part < net.parts; ++part) {
                pack_ahead(l, part);
                if (back) pack_back(l, part);
                std::memcpy(bytes() + bias_[l] + i64(part) * whole(net.width[l + 1], DEPTH) * 4,
                    net.bias[l] + i64(part) * net.width[l + 1], net.width[l + 1] * 4);
            }
    }
    explicit operator bool() const { return bool(memory_); }

    // B of values: across the outputs, along the inputs.
    Operand ahead(int l, int part) const {
        return operand(ahead_[l], part, tiles(net_.width[l + 1], EDGE), tiles(net_.width[l], DEPTH));
    }
    // A of gradients: across the inputs, along the outputs.
    Operand back(int l, int part) const {
        return operand(back_[l], part, tiles(net_.width[l], EDGE), tiles(net_.width[l + 1], DEPTH));
    }
    const float* bias(int l, int part) const {
        return reinterpret_cast<float*>(bytes() + bias_[l]) + i64(part) * whole(net_.width[l + 1], DEPTH);
    }

  private:
    char* bytes() const { return reinterpret_cast<char*>(memory_.get()); }
    Operand operand(i64 offset, int part, int across, int along) const {
        const char* first = bytes() + offset + i64(part) * across * along * 2 * TILE_BYTES;
        return {first, first + TILE_BYTES, long(along) * 2 * TILE_BYTES, 2 * TILE_BYTES, 64};
    }
    // `from`'s numbers from `first` on, as many as there are below `end`.
    static Split some(const float* from, int first, int end) {
        const int count = std::max(0, std::min(LANES, end - first));
        return Split(_mm512_maskz_loadu_ps(__mmask16((1u << count) - 1), from + first));
    }
    static Halves row(const Operand& to, int tile, int along) {
        const Operand at = to.from(tile);
        return {const_cast<char*>(at.high) + along * at.along, const_cast<char*>(at.low) + along * at.along, 64};
    }

    void pack_ahead(int l, int part) {
        const int a = net_.width[l], b = net_.width[l + 1];
        const float* w = net_.matrix(l, part);
        const Operand to = ahead(l, part);
        for (int i = 0; i < a; i += i % DEPTH == EDGE - 1 ? EDGE + 1 : 1)
            for (int o = 0; o < b; o += EDGE)
                store_pairs(row(to, o / EDGE, i / DEPTH), i % DEPTH, 0, some(w + i64(i) * b, o, b),
                    i + EDGE < a ? some(w + i64(i + EDGE) * b, o, b) : Split(_mm512_setzero_ps()));
    }

    void pack_back(int l, int part) {
        const int a = net_.width[l], b = net_.width[l + 1];
        const float* w = net_.matrix(l, part);
        const Operand to = back(l, part);
        for (int i = 0; i < a; ++i)
            for (int o = 0; o < b; o += DEPTH)
                store_pairs(row(to, i / EDGE, o / DEPTH), i % EDGE, 0, some(w + i64(i) * b, o, b),
                    some(w + i64(i) * b, o + EDGE, b));
    }

    const Networks& net_;
    Buffer memory_;
    i64 ahead_[MAX_LAYERS], back_[MAX_LAYERS], bias_[MAX_LAYERS];
};

// Sums of one thread: per layer and part a weight gradient [o][i], both padded to a tile's edge, and, lane by lane, a
// bias gradient.
class Sums {
  public:
    explicit Sums(const Networks& net) : net_(net) {
        i64 size = 0;
        for (int l = 0; l < net.layers; ++l) {
            const i64 outputs = whole(net.width[l + 1], DEPTH);
            weight_[l] = size, size += net.parts * outputs * whole(net.width[l], EDGE);
            bias_[l] = size, size += net.parts * outputs * EDGE;
        }
        memory_ = buffer(size);
        if (memory_) std::memset(memory_.get(), 0, size * sizeof(float));
    }
    explicit operator bool() const { return bool(memory_); }
    float* matrix(int l, int part) const {
        return memory_.get() + weight_[l] + i64(part) * whole(net_.width[l + 1], DEPTH) * whole(net_.width[l], EDGE);
    }
    float* offset(int l, int part) const {
        return memory_.get() + bias_[l] + i64(part) * whole(net_.width[l + 1], DEPTH) * EDGE;
    }
    float weight(int l, int part, int i, int o) const { return matrix(l, part)[o * whole(net_.width[l], EDGE) + i]; }

  private:
    const Networks& net_;
    Buffer memory_;
    i64 weight_[MAX_LAYERS], bias_[MAX_LAYERS];
};

}  // namespace pf
