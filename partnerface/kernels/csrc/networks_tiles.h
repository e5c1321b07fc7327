// Networks on blocks of samples by a processor's matrix units (AMX), which multiply bfloat16 and add in float32.
//
// A float32 number is the sum of two bfloat16 to 2^-17 of itself, so a product is three: high * high + high * low +
// low * high. What is left out is below 2^-17 of the product, hardly more than float32's own rounding.
//
// A unit's product sums over pairs: C[m][n] += sum_k A[m][2k] B[k][2n] + A[m][2k + 1] B[k][2n + 1]. Values go through
// the layers sample by sample ([samples][features], A of the next layer), gradients feature by feature
// ([features][samples]), so that neither has to be turned for the products between them:
//
//     values      Y[s][o] = X[s][i] W[i][o]          A: rows of X           B: W, pairs along i
//     gradients   dX[i][s] = W[i][o] dY[o][s]        A: rows of W           B: dY, pairs along o
//     weights     dW[o][i] = dY[o][s] X[s][i]        A: rows of dY          B: X, pairs along s
#pragma once

#include <cstring>
#include <vector>

#include "lanes.h"
#include "networks.h"
#include "tiles.h"

namespace pf {

// Rows of bfloat16, high and low halves, of which each tile's operand A is a piece.
struct Halves {
    char *high = nullptr, *low = nullptr;
    long stride = 0;  // Bytes between rows.
    char* at(bool lower, int row, int column_bytes) const { return (lower ? low : high) + row * stride + column_bytes; }
};

// One part's layer in both forms of an operand, as tiles of 2 KiB: high, low.
struct Tiles {
    char* memory = nullptr;
    int along = 0;  // Tiles of the depth, which lie side by side.
    char* at(int tile, int k) const { return memory + (i64(tile) * along + k) * 2 * TILE_BYTES; }
};

// All weights as operands, made once a call.
class Packed {
  public:
    explicit Packed(const Networks& net) : net_(net) {
        i64 size = 0;
        for (int l = 0; l < net.layers; ++l) {
            const int a = net.width[l], b = net.width[l + 1];
            ahead_[l] = size, size += i64(tiles(b, EDGE)) * tiles(a, DEPTH) * 2 * TILE_BYTES * net.parts;
            back_[l] = size, size += i64(tiles(a, EDGE)) * tiles(b, DEPTH) * 2 * TILE_BYTES * net.parts;
        }
        memory_ = buffer(size / 4);
        if (!memory_) return;
        std::memset(memory_.get(), 0, size);
        for (int l = 0; l < net.layers; ++l)
            for (int part = 0; part < net.parts; ++part) pack(l, part);
    }
    explicit operator bool() const { return bool(memory_); }
    // B of values: tile over outputs, k over inputs.
    Tiles ahead(int l, int part) const {
        const int along = tiles(net_.width[l], DEPTH);
        return {bytes() + ahead_[l] + i64(part) * tiles(net_.width[l + 1], EDGE) * along * 2 * TILE_BYTES, along};
    }
    // A of gradients: tile over inputs, k over outputs.
    Tiles back(int l, int part) const {
        const int along = tiles(net_.width[l + 1], DEPTH);
        return {bytes() + back_[l] + i64(part) * tiles(net_.width[l], EDGE) * along * 2 * TILE_BYTES, along};
    }

  private:
    char* bytes() const { return reinterpret_cast<char*>(memory_.get()); }
    void pack(int l, int part) {
        const int a = net_.width[l], b = net_.width[l + 1];
        const float* w = net_.matrix(l, part);
        const Tiles ahead = this->ahead(l, part), back = this->back(l, part);
        for (int i = 0; i < a; ++i)
            for (int o = 0; o < b; ++o) {
                const float value = w[i * b + o], high = nearest(value);
                const std::uint16_t h = upper(high), low = upper(nearest(value - high));
                auto put = [=](char* tile, int place) {
                    reinterpret_cast<std::uint16_t*>(tile)[place] = h;
                    reinterpret_cast<std::uint16_t*>(tile + TILE_BYTES)[place] = low;
                };
                put(ahead.at(o / EDGE, i / DEPTH), i % DEPTH / 2 * DEPTH + o % EDGE * 2 + i % 2);
                put(back.at(i / EDGE, o / DEPTH), i % EDGE * DEPTH + o % DEPTH);
            }
    }
    const Networks& net_;
    Buffer memory_;
    i64 ahead_[MAX_LAYERS], back_[MAX_LAYERS];
};

// Sums of one thread: per layer and part a weight gradient [o][i], both padded to a tile's edge, and, lane by lane, a
// bias gradient.
class Sums {
  public:
    explicit Sums(const Networks& net) : net_(net) {
        i64 size = 0;
        for (int l = 0; l < net.layers; ++l) {
            const i64 outputs = whole(net.width[l + 1], EDGE);
            weight_[l] = size, size += net.parts * outputs * whole(net.width[l], EDGE);
            bias_[l] = size, size += net.parts * outputs * LANES;
        }
        memory_ = buffer(size);
        if (memory_) std::memset(memory_.get(), 0, size * sizeof(float));
    }
    explicit operator bool() const { return bool(memory_); }
    float* matrix(int l, int part) const {
        return memory_.get() + weight_[l] + i64(part) * whole(net_.width[l + 1], EDGE) * whole(net_.width[l], EDGE);
    }
    float* offset(int l, int part) const {
        return memory_.get() + bias_[l] + i64(part) * whole(net_.width[l + 1], EDGE) * LANES;
    }
    float weight(int l, int part, int i, int o) const { return matrix(l, part)[o * whole(net_.width[l], EDGE) + i]; }

  private:
    const Networks& net_;
    Buffer memory_;
    i64 weight_[MAX_LAYERS], bias_[MAX_LAYERS];
};

// Works on one block after another: its inputs are taken, then part by part its values are computed and, if asked for,
// gradients brought back.
class Worker {
  public:
    // Nothing is kept for the backward pass: it is sooner computed again than fetched.
    static i64 kept(const Networks&, bool) { return 0; }

    Worker(const Networks& net, const Packed& packed, Sums* sums) : net_(net), packed_(packed), sums_(sums) {
        i64 size = 0;
        auto room = [&](i64 bytes) { return size += bytes, size - bytes; };
        i64 rows[MAX_LAYERS], pairs[MAX_LAYERS], grows[MAX_LAYERS], gpairs[MAX_LAYERS], signs[MAX_LAYERS];
        for (int l = 0; l < net.layers; ++l) {
            const int a = net.width[l], b = net.width[l + 1];
            rows[l] = room(i64(4) * BLOCK * whole(a, DEPTH));
            if (!sums) continue;
            pairs[l] = room(i64(4) * BLOCK * whole(a, DEPTH));
            grows[l] = room(i64(4) * BLOCK * whole(b, DEPTH));
            gpairs[l] = room(i64(4) * BLOCK * whole(b, DEPTH));
            signs[l] = room(i64(2) * BLOCK * tiles(a, DEPTH) * 2);
        }
        const int widest = whole(net.widest(), DEPTH);
        const i64 scratch = room(i64(4) * BLOCK * widest), out = room(i64(4) * BLOCK * whole(net.outputs(), EDGE));
        const i64 gradient = room(i64(4) * BLOCK * whole(net.outputs(), DEPTH));
        const i64 dx = room(i64(4) * BLOCK * whole(net.inputs(), DEPTH));
        memory_ = buffer(size / 4);
        if (!memory_) return;
        char* bytes = reinterpret_cast<char*>(memory_.get());
        std::memset(bytes, 0, size);
        auto halves = [=](i64 at, i64 each, long stride) { return Halves{bytes + at, bytes + at + each, stride}; };
        for (int l = 0; l < net.layers; ++l) {
            const int a = whole(net.width[l], DEPTH), b = whole(net.width[l + 1], DEPTH);
            rows_[l] = halves(rows[l], 2 * BLOCK * a, 2 * a);
            if (!sums) continue;
            pairs_[l] = halves(pairs[l], 2 * BLOCK * a, 4 * a);
            gradient_rows_[l] = halves(grows[l], 2 * BLOCK * b, 2 * BLOCK);
            gradient_pairs_[l] = halves(gpairs[l], 2 * BLOCK * b, 4 * BLOCK);
            signs_[l] = reinterpret_cast<std::uint16_t*>(bytes + signs[l]);
        }
        scratch_ = reinterpret_cast<float*>(bytes + scratch);
        out_ = reinterpret_cast<float*>(bytes + out);
        gradient_ = reinterpret_cast<float*>(bytes + gradient);
        dx_ = reinterpret_cast<float*>(bytes + dx);
    }
    explicit operator bool() const { return bool(memory_); }

    // The block's inputs, [inputs][BLOCK].
    void take(const float* x) {
        const int stride = whole(net_.inputs(), DEPTH);
        transpose(net_.inputs(), stride, x, scratch_);
        for (int first = 0; first < stride; first += DEPTH) split_samples(0, first, 0, BLOCK, stride, true, nullptr);
    }

    // A part's outputs, [outputs][BLOCK].
    const float* values(int part, const float*, float*, bool) {
        for (int l = 0; l < net_.layers; ++l) {
            const int outputs = tiles(net_.width[l + 1], EDGE), stride = whole(net_.width[l + 1], DEPTH);
            const bool last = l + 1 == net_.layers;
            const Tiles w = packed_.ahead(l, part);
            alignas(64) float bias[DEPTH];
            for (int n = 0; n < outputs; n += 2) {
                const bool two = n + 1 < outputs;
                const int known = std::min(net_.width[l + 1] - n * EDGE, DEPTH);
                std::memset(bias, 0, sizeof bias);
                std::memcpy(bias, net_.bias[l] + i64(part) * net_.width[l + 1] + n * EDGE, known * sizeof(float));
                const Operand b = w_operand(w, n);
                if (two)
                    for (int s = 0; s < BLOCK; s += 2 * EDGE) {
                        product<2, 2>(w.along, rows(l, s), b, scratch_ + s * stride + n * EDGE, stride, false);
                        if (!last) split_samples(l + 1, n * EDGE, s, s + 2 * EDGE, stride, true, bias);
                    }
                else {
                    product<4, 1>(w.along, rows(l, 0), b, scratch_ + n * EDGE, stride, false);
                    if (!last) split_samples(l + 1, n * EDGE, 0, BLOCK, stride, false, bias);
                }
                if (last)
                    for (int f = n; f <= n + two; ++f) turn(f, stride, bias + (f - n) * EDGE);
            }
        }
        return out_;
    }

    // Where the gradient of a part's outputs goes, [outputs][BLOCK].
    float* gradient() { return gradient_; }

    // From `gradient` to the sums, and to dx, [inputs][BLOCK], where there is any; fresh: it has no values yet.
    void back(int part, bool for_x, bool fresh) {
        split_features(net_.layers - 1, gradient_, tiles(net_.outputs(), EDGE) * EDGE, 0, nullptr,
            sums_->offset(net_.layers - 1, part));
        for (int l = net_.layers - 1; l >= 0; --l) {
            const int a = tiles(net_.width[l], EDGE), b = tiles(net_.width[l + 1], EDGE), stride = a * EDGE;
            const Operand g{gradient_rows_[l].high, gradient_rows_[l].low, EDGE * 2 * BLOCK, 64, 2 * BLOCK};
            const Operand x{pairs_[l].high, pairs_[l].low, 64, EDGE * pairs_[l].stride, pairs_[l].stride};
            float* sum = sums_->matrix(l, part);
            for (int o = 0; o < b; o += 2)
                for (int i = 0; i < a; i += 2)
                    product_of(std::min(2, b - o), std::min(2, a - i), BLOCK / DEPTH, g.from(o), x.from(i),
                        sum + o * EDGE * stride + i * EDGE, stride);
            if (l == 0 && !for_x) return;
            float* to = l ? scratch_ : dx_;
            const Tiles w = packed_.back(l, part);
            const Operand y{gradient_pairs_[l].high, gradient_pairs_[l].low, 64, EDGE * 4 * BLOCK, 4 * BLOCK};
            const bool add = l == 0 && !fresh;
            for (int i = 0; i < a; i += 2) {
                if (i + 1 < a)
                    for (int s = 0; s < BLOCK / EDGE; s += 2)
                        product<2, 2>(w.along, w_operand(w, i), y.from(s), to + i * EDGE * BLOCK + s * EDGE, BLOCK, add);
                else
                    product<1, 4>(w.along, w_operand(w, i), y, to + i * EDGE * BLOCK, BLOCK, add);
                if (l)
                    split_features(l - 1, to + i * EDGE * BLOCK, std::min(2, a - i) * EDGE, i * EDGE, signs_[l],
                        sums_->offset(l - 1, part));
            }
        }
    }
    const float* dx() const { return dx_; }

  private:
    Operand rows(int l, int sample) const {
        const Halves& x = rows_[l];
        return {x.at(false, sample, 0), x.at(true, sample, 0), EDGE * x.stride, 64, x.stride};
    }
    static Operand w_operand(const Tiles& w, int tile) {
        return {w.at(tile, 0), w.at(tile, 0) + TILE_BYTES, long(w.along) * 2 * TILE_BYTES, 2 * TILE_BYTES, 64};
    }

    // Samples' values of DEPTH features (EDGE where there are not `two`) from `first` on, in scratch_, as operands of
    // layer l: rows, and pairs of samples. With a bias they pass a ReLU, whose signs are noted for the way back.
    void split_samples(int l, int first, int begin, int end, int stride, bool two, const float* bias) {
        const __m512 zero = _mm512_setzero_ps();
        const __m512 one_bias = bias ? _mm512_load_ps(bias) : zero, two_bias = bias ? _mm512_load_ps(bias + LANES) : zero;
        std::uint16_t* signs = sums_ && bias ? signs_[l] + first / EDGE * BLOCK : nullptr;
        for (int s = begin; s < end; s += 2) {
            Split half[2][2];
            for (int at = 0; at < 2; ++at) {
                const float* from = scratch_ + (s + at) * stride + first;
                __m512 a = _mm512_load_ps(from), b = two ? _mm512_load_ps(from + LANES) : zero;
                if (bias) {
                    // Said this way round, what is not a number stays none.
                    a = _mm512_max_ps(zero, a + one_bias), b = _mm512_max_ps(zero, b + two_bias);
                    if (signs) {
                        signs[s + at] = _mm512_cmp_ps_mask(a, zero, _CMP_GT_OQ);
                        signs[s + at + BLOCK] = _mm512_cmp_ps_mask(b, zero, _CMP_GT_OQ);
                    }
                }
                half[at][0] = Split(a), half[at][1] = Split(b);
                rows_store(rows_[l], s + at, first * 2, half[at][0], half[at][1]);
            }
            if (!sums_) continue;
            for (int v = 0; v < 2; ++v) pairs_store(pairs_[l], s / 2, first * 4 + v * 64, half[0][v], half[1][v]);
        }
    }

    // Features' gradients, [rows][BLOCK], as operands of layer l, from feature `first` on: rows, and pairs of features;
    // zero where a ReLU cut the value off. Their sums go to the bias gradient's lanes.
    void split_features(int l, const float* from, int rows, int first, const std::uint16_t* signs, float* bias) {
        for (int row = 0; row < rows; row += 2) {
            const int feature = first + row;
            __m512 sum[2];
            for (int at = 0; at < 2; ++at) sum[at] = _mm512_load_ps(bias + (feature + at) * LANES);
            for (int s = 0; s < BLOCK; s += DEPTH) {
                Split half[2][2];
                for (int at = 0; at < 2; ++at) {
                    const float* line = from + (row + at) * BLOCK + s;
                    __m512 a = _mm512_load_ps(line), b = _mm512_load_ps(line + LANES);
                    if (signs) {
                        const std::uint16_t* noted = signs + feature / EDGE * BLOCK + s;
                        const __m256i bit = _mm256_set1_epi16(short(1 << (feature + at) % EDGE));
                        a = _mm512_maskz_mov_ps(_mm256_test_epi16_mask(vector(noted), bit), a);
                        b = _mm512_maskz_mov_ps(_mm256_test_epi16_mask(vector(noted + EDGE), bit), b);
                    }
                    sum[at] = sum[at] + (a + b);
                    half[at][0] = Split(a), half[at][1] = Split(b);
                    rows_store(gradient_rows_[l], feature + at, s * 2, half[at][0], half[at][1]);
                }
                for (int v = 0; v < 2; ++v)
                    pairs_store(gradient_pairs_[l], feature / 2, (s + v * LANES) * 4, half[0][v], half[1][v]);
            }
            for (int at = 0; at < 2; ++at) _mm512_store_ps(bias + (feature + at) * LANES, sum[at]);
        }
    }
    static __m256i vector(const std::uint16_t* from) { return _mm256_load_si256(reinterpret_cast<const __m256i*>(from)); }

    // out_[o][s] = scratch_[s][o] + bias for one tile's edge of outputs.
    void turn(int tile, int stride, const float* bias) {
        const vec offset = load(bias);
        for (int s = 0; s < BLOCK; s += LANES) {
            vec row[LANES];
#pragma GCC unroll 16
            for (int i = 0; i < LANES; ++i) row[i] = load(scratch_ + (s + i) * stride + tile * EDGE) + offset;
            exchange_all<1>(row);
#pragma GCC unroll 16
            for (int i = 0; i < LANES; ++i) store(out_ + (tile * EDGE + i) * BLOCK + s, row[i]);
        }
    }

    const Networks& net_;
    const Packed& packed_;
    Sums* sums_;
    Buffer memory_;
    // Of the values that enter a layer, and of the gradients of those that leave it.
    Halves rows_[MAX_LAYERS], pairs_[MAX_LAYERS], gradient_rows_[MAX_LAYERS], gradient_pairs_[MAX_LAYERS];
    std::uint16_t* signs_[MAX_LAYERS];
    float *scratch_, *out_, *gradient_, *dx_;
    Unit unit_;
};

}  // namespace pf
