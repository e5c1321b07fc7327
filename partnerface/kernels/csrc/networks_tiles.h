// Networks on blocks of samples by a processor's matrix units (AMX), which multiply bfloat16 and add in float32.
//
// A float32 number is the sum of two bfloat16 to 2^-17 of itself, so a product is three: high * high + high * low +
// low * high. What is left out is below 2^-16 of the product.
//
// A unit's product sums over pairs: C[m][n] += sum_k A[m][k].first * B[k][n].first + A[m][k].second * B[k][n].second.
// The second of a pair lies 16 places after the first. Values go through the layers sample by sample
// ([samples][features]), gradients feature by feature ([features][samples]), so that neither has to be turned for the
// products between them:
//
//     values      Y[s][o] = X[s][i] W[i][o]          A: X, pairs along i     B: W, pairs along i
//     gradients   dX[i][s] = W[i][o] dY[o][s]        A: W, pairs along o     B: dY, pairs along o
//     weights     dW[o][i] = dY[o][s] X[s][i]        A: dY, pairs along s    B: X, pairs along s
//
// The units work while the vectors make operands of the sums before.
#pragma once

#include "lanes.h"
#include "networks_packed.h"

namespace pf {

// Samples that pass a layer together, and features: what vectors make operands of while the units work.
constexpr int GROUP = 2 * EDGE;

// Works on one block after another: its inputs are taken, then part by part the values are computed, and from them the
// blend's share or, if asked for, the gradients.
class Worker {
  public:
    // Nothing is kept for the backward pass: it is sooner computed again than fetched.
    static i64 kept(const Networks&) { return 0; }

    Worker(const Networks& net, const Packed& packed, Sums* sums) : net_(net), packed_(packed), sums_(sums) {
        const i64 size = lay_out(nullptr);
        memory_ = buffer(size / 4);
        if (!memory_) return;
        std::memset(memory_.get(), 0, size);
        lay_out(reinterpret_cast<char*>(memory_.get()));
    }
    explicit operator bool() const { return bool(memory_); }

    // The block's inputs, [inputs][BLOCK].
    void take(const float* x) {
        Nothing nothing;
        for (int first = 0; first < net_.inputs(); first += GROUP)
            for (int s = 0; s < BLOCK; s += GROUP) {
                const int features = std::min(net_.inputs() - first, GROUP);
                for (int f = 0; f < features; f += EDGE)
                    for (int half = 0; half < GROUP; half += EDGE)
                        turn(x + (first + f) * BLOCK + s + half, BLOCK, features - f, scratch_ + half * GROUP + f, GROUP);
                split_samples({0, first, s, scratch_}, false, nothing);
            }
    }

    // The gradient of the block's outputs, [outputs][BLOCK], which stays where it is until the next.
    void aim(const float* g) { g_ = g; }

    // A part's values.
    void run(int part, const float*, float*) {
        part_ = part;
        Step before{};
        for (int l = 0; l < net_.layers; ++l)
            for (int first = 0; first < net_.width[l + 1]; first += GROUP)
                for (int s = 0; s < BLOCK; s += GROUP)
                    whether(across(net_.width[l + 1], first) == 2, [&](auto two) {
                        const Step now{l, first, s, other(before.sums)};
                        Product<2, 1 + two> sums(tiles(net_.width[l], DEPTH), rows(l, s),
                            packed_.ahead(l, part).from(first / EDGE), now.sums, GROUP);
                        sums.start_from_row(packed_.bias(l, part) + first);
                        sums.start(tail_);
                        if (before.sums) finish(before, sums);
                        tail_ = sums.finish();
                        before = now;
                    });
        tail_.store();
        Nothing nothing;
        finish(before, nothing);
    }

    // Adds the part's outputs, weighed by w [BLOCK] or null, to sum [outputs][BLOCK]; fresh: it has no values yet.
    void outputs(const float* w, float* sum, bool fresh) const {
        for (int row = 0; row < net_.outputs(); ++row)
            for (int lane = 0; lane < BLOCK; lane += LANES) {
                vec value = load(out_ + row * BLOCK + lane);
                if (w) value *= load(w + lane);
                float* place = sum + row * BLOCK + lane;
                store(place, fresh ? value : load(place) + value);
            }
    }

    // From the gradient of the outputs to the sums, to dx [inputs][BLOCK] and to dw [BLOCK], the gradient of w, where they
    // are wanted; w [BLOCK]: the part's weight, which counts where it is more than `bound`, or null for 1 throughout; fresh:
    // dx has no values yet.
    void back(const float* w, float bound, float* dw, bool for_x, bool fresh) {
        weigh(w, bound, dw);
        const int last = net_.layers - 1, part = part_;
        Nothing nothing;
        for (int first = 0; first < net_.outputs(); first += GROUP)
            for (int s = 0; s < BLOCK; s += GROUP)
                split_features({last, first, s, gradient_ + first * BLOCK + s}, part, BLOCK, nothing);
        for (int l = last; l >= 0; --l) {
            Step before{};
            if (l || for_x) inputs_gradient(l, part, fresh, before);
            weights_gradient(l, part, before);
        }
        tail_.store();
    }
    const float* dx() const { return dx_; }

  private:
    // The gradient of the part's outputs, and of its weight.
    void weigh(const float* w, float bound, float* dw) {
        if (!w) {
            std::memcpy(gradient_, g_, i64(net_.outputs()) * BLOCK * sizeof(float));
            return;
        }
        for (int lane = 0; lane < BLOCK; lane += LANES) {
            vec sum{};
            // A part that does not count has no say in its weight; one whose weight is zero may count.
            const vec weight = load(w + lane), least = vec{} + bound, factor = weight > least ? weight : vec{};
            for (int row = 0; row < net_.outputs(); ++row) {
                const vec value = load(g_ + row * BLOCK + lane);
                sum += value * load(out_ + row * BLOCK + lane);
                store(gradient_ + row * BLOCK + lane, value * factor);
            }
            if (dw) store(dw + lane, weight > least ? sum : vec{});
        }
    }

    // What a product's sums are: GROUP features from `first` on, of GROUP samples from `sample` on, that leave a layer.
    struct Step {
        int layer, first, sample;
        float* sums;
    };
    // Sums are used while others come.
    float* other(const float* sums) const { return sums == scratch_ ? scratch_ + GROUP * GROUP : scratch_; }

    // what(true or false), known when it is compiled.
    template <class What>
    static void whether(bool so, What what) {
        if (so) what(std::true_type{});
        else what(std::false_type{});
    }

    // How many tiles of features there are from `first` on, 1 or 2.
    static int across(int width, int first) { return first + EDGE < width ? 2 : 1; }

    // The memory's parts; its size.
    i64 lay_out(char* memory) {
        i64 size = 0;
        // Apart by no large power of two, or loads wait for stores elsewhere whose addresses end alike.
        constexpr i64 APART = 23 * 64;
        auto room = [&](i64 bytes) { return size += bytes + APART, memory + size - bytes - APART; };
        auto halves = [&](i64 rows, i64 stride) { return Halves{room(rows * stride), room(rows * stride), long(stride)}; };
        auto floats = [&](i64 count) { return reinterpret_cast<float*>(room(4 * count)); };
        // Two of those that only the next layer wants; a third for the inputs, which all parts want.
        const int wide = whole(net_.widest(), DEPTH), a = whole(net_.inputs(), DEPTH);
        const Halves two[2] = {halves(BLOCK, 2 * wide), halves(BLOCK, 2 * wide)};
        for (int l = 0; l < net_.layers; ++l) rows_[l] = l ? two[l % 2] : halves(BLOCK, 2 * a);
        if (sums_) {
            const Halves rows[2] = {halves(wide, 2 * BLOCK), halves(wide, 2 * BLOCK)};
            const Halves pairs[2] = {halves(wide / 2, 4 * BLOCK), halves(wide / 2, 4 * BLOCK)};
            for (int l = 0; l < net_.layers; ++l) {
                const int a = whole(net_.width[l], DEPTH);
                pairs_[l] = halves(BLOCK / 2, 4 * a);
                gradient_rows_[l] = rows[l % 2];
                gradient_pairs_[l] = pairs[l % 2];
                signs_[l] = reinterpret_cast<std::uint16_t*>(room(2 * BLOCK * tiles(a, EDGE)));
            }
        }
        scratch_ = floats(2 * GROUP * GROUP);
        out_ = floats(whole(net_.outputs(), GROUP) * BLOCK);
        if (sums_) gradient_ = floats(whole(net_.outputs(), GROUP) * BLOCK);
        if (sums_) dx_ = floats(whole(net_.inputs(), GROUP) * BLOCK);
        return size;
    }

    Operand rows(int l, int sample) const {
        const Halves x = rows_[l].from(sample, 0);
        return {x.high, x.low, EDGE * x.stride, 64, x.stride};
    }
    // Of what enters a layer; before: what is to be made operands of meanwhile, and then what is next.
    void inputs_gradient(int l, int part, bool fresh, Step& before) {
        const int a = net_.width[l], b = net_.width[l + 1];
        for (int i = 0; i < a; i += GROUP)
            for (int s = 0; s < BLOCK; s += GROUP)
                whether(across(a, i) == 2, [&](auto two) {
                    const Step now{l - 1, i, s, l ? other(before.sums) : dx_ + i * BLOCK + s};
                    const Halves g = gradient_pairs_[l].from(0, s * 4);
                    Product<1 + two, 2> sums(tiles(b, DEPTH), packed_.back(l, part).from(i / EDGE),
                        {g.high, g.low, 64, EDGE * g.stride, g.stride}, now.sums, l ? GROUP : BLOCK);
                    if (l == 0 && !fresh) sums.start_from_sum();
                    sums.start(tail_);
                    if (before.sums) split_features(before, part, GROUP, sums);
                    tail_ = sums.finish();
                    if (l) before = now;
                });
    }

    // Of a layer's weights.
    void weights_gradient(int l, int part, Step& before) {
        const int a = net_.width[l], b = net_.width[l + 1], stride = whole(a, EDGE);
        for (int i = 0; i < a; i += GROUP)
            for (int o = 0; o < b; o += GROUP)
                whether(across(a, i) == 2, [&](auto two_in) {
                    whether(across(b, o) == 2, [&](auto two_out) {
                        const Halves g = gradient_rows_[l].from(o, 0), x = pairs_[l].from(0, i * 4);
                        Product<1 + two_out, 1 + two_in> sums(BLOCK / DEPTH,
                            {g.high, g.low, EDGE * g.stride, 64, g.stride}, {x.high, x.low, 64, EDGE * x.stride, x.stride},
                            sums_->matrix(l, part) + o * stride + i, stride);
                        sums.start_from_sum();
                        sums.start(tail_);
                        if (before.sums) split_features(before, part, GROUP, sums);
                        tail_ = sums.finish();
                        before = {};
                    });
                });
    }

    // The next layer's operands or, of the last layer, the outputs.
    template <class Meanwhile>
    void finish(const Step& at, Meanwhile& meanwhile) {
        if (at.layer + 1 < net_.layers) return split_samples({at.layer + 1, at.first, at.sample, at.sums}, true, meanwhile);
        for (int f = 0; at.first + f < net_.outputs() && f < GROUP; f += EDGE)
            for (int half = 0; half < GROUP; half += EDGE)
                turn(at.sums + half * GROUP + f, GROUP, EDGE, out_ + (at.first + f) * BLOCK + at.sample + half, BLOCK);
    }

    // Values in scratch_ that enter a layer as its operands: pairs of features, and pairs of samples; hidden ones pass a
    // ReLU, whose signs are noted for the way back.
    template <class Meanwhile>
    void split_samples(const Step& at, bool hidden, Meanwhile& meanwhile) {
        whether(across(net_.width[at.layer], at.first) == 2, [&](auto two) {
            whether(hidden, [&](auto relu) {
                whether(sums_, [&](auto both) { samples<two, relu, both>(at, meanwhile); });
            });
        });
    }
    template <bool TWO, bool HIDDEN, bool BOTH, class Meanwhile>
    void samples(const Step& at, Meanwhile& meanwhile) {
        const Halves rows = rows_[at.layer].from(at.sample, at.first * 2);
        const Halves pairs = BOTH ? pairs_[at.layer].from(at.sample / 2, at.first * 4) : rows;
        std::uint16_t* signs = BOTH && HIDDEN ? signs_[at.layer] + at.first / EDGE * BLOCK + at.sample : nullptr;
        const float* from = at.sums;
        const __m512 zero = _mm512_setzero_ps();
        for (int j = 0; j < EDGE; ++j) {
            meanwhile.keep_pace();
            Split half[2][2];
#pragma GCC unroll 2
            for (int later = 0; later < 2; ++later) {
                const int s = j + later * EDGE;
                __m512 a = _mm512_load_ps(from + s * GROUP), b = TWO ? _mm512_load_ps(from + s * GROUP + EDGE) : zero;
                // Said this way round, what is not a number stays none.
                if constexpr (HIDDEN) a = _mm512_max_ps(zero, a), b = _mm512_max_ps(zero, b);
                if constexpr (HIDDEN && BOTH) {
                    signs[s] = _mm512_cmp_ps_mask(a, zero, _CMP_GT_OQ);
                    signs[s + BLOCK] = _mm512_cmp_ps_mask(b, zero, _CMP_GT_OQ);
                }
                half[later][0] = Split(a), half[later][1] = Split(b);
                store_pairs(rows, s, 0, half[later][0], half[later][1]);
            }
            if constexpr (BOTH) store_pairs(pairs, j, 0, half[0][0], half[1][0]);
            if constexpr (BOTH && TWO) store_pairs(pairs, j, 64, half[0][1], half[1][1]);
        }
    }

    // Gradients [features][samples] of what leaves a layer as operands: pairs of samples, and pairs of features; zero
    // where a ReLU cut the value off. Their sums go to the bias gradient's lanes.
    template <class Meanwhile>
    void split_features(const Step& at, int part, int stride, Meanwhile& meanwhile) {
        whether(across(net_.width[at.layer + 1], at.first) == 2, [&](auto two) {
            whether(at.layer + 1 < net_.layers, [&](auto hidden) {
                features<two, hidden>(at, part, stride, meanwhile);
            });
        });
    }
    template <bool TWO, bool HIDDEN, class Meanwhile>
    void features(const Step& at, int part, int stride, Meanwhile& meanwhile) {
        const Halves rows = gradient_rows_[at.layer].from(at.first, at.sample * 2);
        const Halves pairs = gradient_pairs_[at.layer].from(at.first / 2, at.sample * 4);
        const std::uint16_t* signs = HIDDEN ? signs_[at.layer + 1] + at.first / EDGE * BLOCK + at.sample : nullptr;
        float* bias = sums_->offset(at.layer, part) + at.first * EDGE;
        auto noted = [&](int later, int half) {
            const std::uint16_t* place = signs + later * BLOCK + half * EDGE;
            return HIDDEN ? _mm256_load_si256(reinterpret_cast<const __m256i*>(place)) : _mm256_setzero_si256();
        };
        const __m256i sign[2][2] = {{noted(0, 0), noted(0, 1)}, {noted(1, 0), noted(1, 1)}};
        __m256i bit = _mm256_set1_epi16(1);
        for (int j = 0; j < EDGE; ++j) {
            meanwhile.keep_pace();
            Split half[2][2];
#pragma GCC unroll 2
            for (int later = 0; later < 2; ++later) {
                if (later && !TWO) {
                    half[1][0] = half[1][1] = Split(_mm512_setzero_ps());
                    continue;
                }
                const int row = j + later * EDGE;
                const float* line = at.sums + row * stride;
                __m512 a = _mm512_load_ps(line), b = _mm512_load_ps(line + EDGE);
                if constexpr (HIDDEN) {
                    a = _mm512_maskz_mov_ps(_mm256_test_epi16_mask(sign[later][0], bit), a);
                    b = _mm512_maskz_mov_ps(_mm256_test_epi16_mask(sign[later][1], bit), b);
                }
                _mm512_store_ps(bias + row * EDGE, _mm512_load_ps(bias + row * EDGE) + (a + b));
                half[later][0] = Split(a), half[later][1] = Split(b);
                store_pairs(rows, row, 0, half[later][0], half[later][1]);
            }
            store_pairs(pairs, j, 0, half[0][0], half[1][0]);
            store_pairs(pairs, j, 64, half[0][1], half[1][1]);
            bit = _mm256_add_epi16(bit, bit);
        }
    }

    // to[column][row] = from[row][column] of a tile's edge both ways; rows that are missing are zero.
    static void turn(const float* from, int stride, int rows, float* to, int to_stride) {
        vec row[LANES];
#pragma GCC unroll 16
        for (int i = 0; i < LANES; ++i) row[i] = i < rows ? load(from + i * stride) : vec{};
        exchange_all<1>(row);
#pragma GCC unroll 16
        for (int i = 0; i < LANES; ++i) store(to + i * to_stride, row[i]);
    }

    const Networks& net_;
    const Packed& packed_;
    Sums* sums_;
    Buffer memory_;
    int part_ = 0;
    const float* g_ = nullptr;
    // Of the values that enter a layer, and of the gradients of those that leave it.
    Halves rows_[MAX_LAYERS], pairs_[MAX_LAYERS], gradient_rows_[MAX_LAYERS], gradient_pairs_[MAX_LAYERS];
    std::uint16_t* signs_[MAX_LAYERS];
    float *scratch_, *out_, *gradient_ = nullptr, *dx_ = nullptr;
    Tail tail_;
    Unit unit_;
};

}  // namespace pf
