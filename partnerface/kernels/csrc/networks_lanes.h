// Networks on blocks of samples by vectors of lanes.
#pragma once

#include <cstring>
#include <utility>

#include "lanes.h"
#include "networks.h"

namespace pf {

constexpr int padded(int n) { return (n + LANES - 1) / LANES * LANES; }

// Weights are read as they stand.
struct Packed {
    Packed(const Networks&, bool) {}
    explicit operator bool() const { return true; }
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

inline float summed(const float* lanes) {
    float sum = 0;
    for (int lane = 0; lane < LANES; ++lane) sum += lanes[lane];
    return sum;
}

// Sums of one thread: per layer and part a weight gradient and, lane by lane, a bias gradient.
class Sums {
  public:
    explicit Sums(const Networks& net) : net_(net) {
        i64 size = 0;
        for (int l = 0; l < net.layers; ++l) {
            weight_[l] = size, size += net.parts * matrix_size(l);
            bias_[l] = size, size += i64(net.parts) * net.width[l + 1] * LANES;
        }
        memory_ = buffer(size);
        if (memory_) std::memset(memory_.get(), 0, size * sizeof(float));
    }
    explicit operator bool() const { return bool(memory_); }
    float* matrix(int l, int part) const { return memory_.get() + weight_[l] + part * matrix_size(l); }
    float* offset(int l, int part) const { return memory_.get() + bias_[l] + i64(part) * net_.width[l + 1] * LANES; }
    float weight(int l, int part, int i, int o) const {
        const int a = net_.width[l], b = net_.width[l + 1];
        const float* sum = matrix(l, part);
        switch (way(net_, l)) {
            case Way::OUTPUTS: return sum[i * padded(b) + o];
            case Way::INPUTS: return sum[o * padded(a) + i];
            default: return summed(sum + (i64(o) * a + i) * LANES);
        }
    }

  private:
    i64 matrix_size(int l) const {
        const int a = net_.width[l], b = net_.width[l + 1];
        switch (way(net_, l)) {
            case Way::OUTPUTS: return i64(a) * padded(b);
            case Way::INPUTS: return i64(b) * padded(a);
            default: return i64(a) * b * LANES;
        }
    }
    const Networks& net_;
    Buffer memory_;
    i64 weight_[MAX_LAYERS], bias_[MAX_LAYERS];
};

// Works on one block after another: its inputs are taken, then part by part the hidden values are computed, and from them
// the outputs or, if asked for, the gradients.
//
// The last layer is linear, so a part's weight w passes through it: its outputs, weighed, are those of h w, where h are the
// values that enter it; and from the gradient g of the blend, d w = h (W g) + b g, where W g is wanted anyway. So no pass
// touches the outputs of one part alone, of which there may be more than of all else.
class Worker {
  public:
    // Floats that a block's part wants to be kept for the backward pass.
    static i64 kept(const Networks& net) { return hidden(net); }

    Worker(const Networks& net, const Packed&, Sums* sums) : net_(net), sums_(sums) {
        const i64 block = i64(padded(net.widest())) * BLOCK;
        memory_ = buffer(hidden(net) + (sums ? 6 : 1) * block + BLOCK);
        if (!memory_) return;
        hidden_ = memory_.get();
        weighed_ = hidden_ + hidden(net), factor_ = weighed_ + block;
        if (!sums) return;
        gradient_ = factor_ + BLOCK, next_ = gradient_ + block, turned_ = next_ + block, aimed_ = turned_ + block;
        dx_ = aimed_ + block;
    }
    explicit operator bool() const { return bool(memory_); }

    // The block's inputs, [inputs][BLOCK], which stay where they are until the next.
    void take(const float* x) { x_ = x; }

    // The gradient of the block's outputs, [outputs][BLOCK], which stays where it is until the next.
    void aim(const float* g) {
        g_ = g;
        const int last = net_.layers - 1;
        if (way(net_, last) == Way::OUTPUTS) transpose(net_.outputs(), padded(net_.outputs()), g, aimed_);
    }

    // A part's hidden values; known: null, or those of an earlier pass; kept: null, or where they go besides.
    void run(int part, const float* known, float* kept) {
        part_ = part;
        values_ = known ? known : hidden_;
        const float* from = x_;
        float* to = hidden_;
        for (int l = 0; l + 1 < net_.layers && !known; ++l) {
            const int a = net_.width[l], b = net_.width[l + 1];
            const float* bias = net_.offset(l, part);
            product(
                b, a, from, net_.matrix(l, part), b, 1, [=](int row, int) { return vec{} + bias[row]; },
                [=](int row, int lane, vec sum) {
                    // Said this way round, what is not a number stays none.
                    sum = sum < vec{} ? vec{} : sum;
                    store(to + row * BLOCK + lane, sum);
                    if (kept) stream(kept + row * BLOCK + lane, sum);
                });
            from = to;
            to += b * BLOCK;
            if (kept) kept += b * BLOCK;
        }
    }

    // Adds the part's outputs, weighed by w [BLOCK] or null, to sum [outputs][BLOCK]; fresh: it has no values yet.
    void outputs(const float* w, float* sum, bool fresh) {
        const int l = net_.layers - 1, a = net_.width[l], b = net_.width[l + 1];
        const float *bias = net_.offset(l, part_), *matrix = net_.matrix(l, part_);
        auto done = [=](int row, int lane, vec value) { store(sum + row * BLOCK + lane, value); };
        auto had = [=](int row, int lane) { return fresh ? vec{} : load(sum + row * BLOCK + lane); };
        if (w)
            product(b, a, weigh(w), matrix, b, 1,
                [=](int row, int lane) { return had(row, lane) + load(w + lane) * bias[row]; }, done);
        else
            product(b, a, entering(l), matrix, b, 1, [=](int row, int lane) { return had(row, lane) + bias[row]; }, done);
    }

    // From the gradient of the outputs to the sums, to dx [inputs][BLOCK] and to dw [BLOCK], the gradient of w, where they
    // are wanted; w [BLOCK]: the part's weight, which counts where it is more than `bound`, or null for 1 throughout; fresh:
    // dx has no values yet.
    void back(const float* w, float bound, float* dw, bool for_x, bool fresh) {
        const int last = net_.layers - 1;
        if (w)
            for (int lane = 0; lane < BLOCK; lane += LANES)
                store(factor_ + lane, counted(w + lane, bound, load(w + lane)));
        const float* factor = w ? factor_ : nullptr;
        last_weights(factor);
        if (dw) {
            of_bias(dw);
            inputs_gradient(last, g_, fresh, [=](int lane, vec value, vec sum) {
                store(dw + lane, load(dw + lane) + value * sum);
                return sum * load(factor + lane);
            });
            for (int lane = 0; lane < BLOCK; lane += LANES) store(dw + lane, counted(w + lane, bound, load(dw + lane)));
        } else if (w) {
            inputs_gradient(last, g_, fresh, [=](int lane, vec, vec sum) { return sum * load(factor + lane); });
        } else {
            inputs_gradient(last, g_, fresh, [](int, vec, vec sum) { return sum; });
        }
        for (int l = last - 1; l >= 0; --l) {
            add_bias(net_.width[l + 1], gradient_, nullptr, sums_->offset(l, part_));
            add_weights(l, entering(l), gradient_);
            if (l || for_x) inputs_gradient(l, gradient_, fresh, [](int, vec, vec sum) { return sum; });
        }
    }
    const float* dx() const { return dx_; }

  private:
    // Floats of a block with all hidden values of one part.
    static i64 hidden(const Networks& net) {
        i64 sum = 0;
        for (int l = 1; l < net.layers; ++l) sum += net.width[l];
        return sum * BLOCK;
    }

    // The values that enter a layer.
    const float* entering(int l) const {
        if (l == 0) return x_;
        i64 before = 0;
        for (int k = 1; k < l; ++k) before += net_.width[k];
        return values_ + before * BLOCK;
    }

    // Those that enter the last layer, times w.
    const float* weigh(const float* w) {
        const int l = net_.layers - 1;
        const float* from = entering(l);
        for (int lane = 0; lane < BLOCK; lane += LANES) {
            const vec weight = load(w + lane);
            for (int i = 0; i < net_.width[l]; ++i)
                store(weighed_ + i * BLOCK + lane, load(from + i * BLOCK + lane) * weight);
        }
        return weighed_;
    }

    // A value where the part counts. One that does not has no say in its weight; one whose weight is zero may count.
    static vec counted(const float* w, float bound, vec value) { return load(w) > vec{} + bound ? value : vec{}; }

    // From the gradient g of what leaves a layer to that of what enters it, which is dx or the next `gradient_`; passed(lane,
    // value that enters, sum) is what becomes of a sum.
    template <class Passed>
    void inputs_gradient(int l, const float* g, bool fresh, Passed passed) {
        const int a = net_.width[l], b = net_.width[l + 1];
        const float *from = entering(l), *matrix = net_.matrix(l, part_);
        auto zero = [](int, int) { return vec{}; };
        if (l) {
            float* next = next_;
            product(a, b, g, matrix, 1, b, zero, [=](int row, int lane, vec sum) {
                const vec value = load(from + row * BLOCK + lane);
                sum = passed(lane, value, sum);
                store(next + row * BLOCK + lane, value > vec{} ? sum : vec{});
            });
            std::swap(gradient_, next_);
        } else {
            float* dx = dx_;
            product(a, b, g, matrix, 1, b, zero, [=](int row, int lane, vec sum) {
                float* place = dx + row * BLOCK + lane;
                sum = passed(lane, load(from + row * BLOCK + lane), sum);
                store(place, fresh ? sum : load(place) + sum);
            });
        }
    }

    // To the sums of the last layer, whose gradient is turned already if it has to be.
    void last_weights(const float* w) {
        const int l = net_.layers - 1, b = net_.width[l + 1];
        const float* from = w ? weigh(w) : entering(l);
        add_bias(b, g_, w, sums_->offset(l, part_));
        if (way(net_, l) == Way::OUTPUTS)
            outer(net_.width[l], padded(b), from, aimed_, sums_->matrix(l, part_));
        else
            add_weights(l, from, g_);
    }

    // What the last layer's bias has to do with its part's weight.
    void of_bias(float* dw) const {
        const float* bias = net_.offset(net_.layers - 1, part_);
        for (int lane = 0; lane < BLOCK; lane += LANES) {
            vec even{}, odd{};
            int row = 0;
            for (; row + 1 < net_.outputs(); row += 2) {
                even += load(g_ + row * BLOCK + lane) * bias[row];
                odd += load(g_ + (row + 1) * BLOCK + lane) * bias[row + 1];
            }
            if (row < net_.outputs()) even += load(g_ + row * BLOCK + lane) * bias[row];
            store(dw + lane, even + odd);
        }
    }

    void add_bias(int rows, const float* g, const float* w, float* bias) const {
        for (int row = 0; row < rows; ++row) {
            vec sum = load(bias + row * LANES);
            for (int lane = 0; lane < BLOCK; lane += LANES) {
                const vec value = load(g + row * BLOCK + lane);
                sum += w ? value * load(w + lane) : value;
            }
            store(bias + row * LANES, sum);
        }
    }

    void add_weights(int l, const float* from, const float* g) const {
        const int a = net_.width[l], b = net_.width[l + 1];
        float* sum = sums_->matrix(l, part_);
        switch (way(net_, l)) {
            case Way::OUTPUTS:
                transpose(b, padded(b), g, turned_);
                outer(a, padded(b), from, turned_, sum);
                break;
            case Way::INPUTS:
                transpose(a, padded(a), from, turned_);
                outer(b, padded(a), g, turned_, sum);
                break;
            case Way::LANES_APART:
                if (b == 1) narrow_outer<1>(a, from, g, sum);
                if (b == 2) narrow_outer<2>(a, from, g, sum);
                if (b == 3) narrow_outer<3>(a, from, g, sum);
                if (b == 4) narrow_outer<4>(a, from, g, sum);
                break;
        }
    }

    const Networks& net_;
    Sums* sums_;
    Buffer memory_;
    int part_ = 0;
    const float *x_ = nullptr, *g_ = nullptr, *values_ = nullptr;
    float *hidden_ = nullptr, *weighed_ = nullptr, *factor_ = nullptr;
    float *gradient_ = nullptr, *next_ = nullptr, *turned_ = nullptr, *aimed_ = nullptr, *dx_ = nullptr;
};

}  // namespace pf
