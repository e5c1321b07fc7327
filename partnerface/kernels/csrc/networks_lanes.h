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

// Works on one block after another: its inputs are taken, then part by part its values are computed and, if asked for,
// gradients brought back.
class Worker {
  public:
    // Floats that a block's part wants to be kept for the backward pass: the outputs only where they were weighed.
    static i64 kept(const Networks& net, bool weighed) { return state(net) - (weighed ? 0 : net.outputs() * BLOCK); }

    Worker(const Networks& net, const Packed&, Sums* sums) : net_(net), sums_(sums) {
        const i64 block = i64(padded(net.widest())) * BLOCK, dx = i64(net.inputs()) * BLOCK;
        memory_ = buffer(state(net) + (sums ? 3 * block + dx : 0));
        if (!memory_) return;
        state_ = memory_.get();
        if (sums) gradient_ = state_ + state(net), next_ = gradient_ + block, turned_ = next_ + block, dx_ = turned_ + block;
    }
    explicit operator bool() const { return bool(memory_); }

    // The block's inputs, [inputs][BLOCK], which stay where they are until the next.
    void take(const float* x) { x_ = x; }

    // A part's outputs, [outputs][BLOCK]; known: null, or the values of an earlier pass; kept: null, or where they go
    // besides.
    const float* values(int part, const float* known, float* kept, bool weighed) {
        values_ = known ? known : state_;
        if (!known) run(part, kept, weighed);
        return values_ + state(net_) - net_.outputs() * BLOCK;
    }

    // Where the gradient of a part's outputs goes, [outputs][BLOCK].
    float* gradient() { return gradient_; }

    // From `gradient` to the sums, and to dx, [inputs][BLOCK], where it is wanted; fresh: it has no values yet.
    void back(int part, bool for_x, bool fresh) {
        const float* to = values_ + state(net_);
        for (int l = net_.layers - 1; l >= 0; --l) {
            const int a = net_.width[l], b = net_.width[l + 1];
            to -= b * BLOCK;
            const float* from = l ? to - a * BLOCK : x_;
            add_bias(b, sums_->offset(l, part));
            add_weights(a, b, from, way(net_, l), sums_->matrix(l, part));
            const float* matrix = net_.matrix(l, part);
            if (l) {
                float* next = next_;
                product(a, b, gradient_, matrix, 1, b, nullptr, [=](int row, int lane, vec sum) {
                    store(next + row * BLOCK + lane, load(from + row * BLOCK + lane) > vec{} ? sum : vec{});
                });
                std::swap(gradient_, next_);
            } else if (for_x) {
                float* dx = dx_;
                product(a, b, gradient_, matrix, 1, b, nullptr, [=](int row, int lane, vec sum) {
                    float* place = dx + row * BLOCK + lane;
                    store(place, fresh ? sum : load(place) + sum);
                });
            }
        }
    }
    const float* dx() const { return dx_; }

  private:
    // Floats of a block with all layers' values of one part, inputs apart.
    static i64 state(const Networks& net) {
        i64 sum = 0;
        for (int l = 1; l <= net.layers; ++l) sum += net.width[l];
        return sum * BLOCK;
    }

    void run(int part, float* kept, bool weighed) {
        const float* from = x_;
        float* state = state_;
        for (int l = 0; l < net_.layers; ++l) {
            const int a = net_.width[l], b = net_.width[l + 1];
            const bool last = l + 1 == net_.layers, also = kept && (weighed || !last);
            float* to = state;
            product(b, a, from, net_.matrix(l, part), b, 1, net_.bias[l] + i64(part) * b, [=](int row, int lane, vec sum) {
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

    void add_bias(int rows, float* bias) const {
        for (int row = 0; row < rows; ++row) {
            vec sum = load(bias + row * LANES);
            for (int lane = 0; lane < BLOCK; lane += LANES) sum += load(gradient_ + row * BLOCK + lane);
            store(bias + row * LANES, sum);
        }
    }

    void add_weights(int a, int b, const float* from, Way way, float* sum) const {
        switch (way) {
            case Way::OUTPUTS:
                transpose(b, padded(b), gradient_, turned_);
                outer(a, padded(b), from, turned_, sum);
                break;
            case Way::INPUTS:
                transpose(a, padded(a), from, turned_);
                outer(b, padded(a), gradient_, turned_, sum);
                break;
            case Way::LANES_APART:
                if (b == 1) narrow_outer<1>(a, from, gradient_, sum);
                if (b == 2) narrow_outer<2>(a, from, gradient_, sum);
                if (b == 3) narrow_outer<3>(a, from, gradient_, sum);
                if (b == 4) narrow_outer<4>(a, from, gradient_, sum);
                break;
        }
    }

    const Networks& net_;
    Sums* sums_;
    Buffer memory_;
    const float *x_ = nullptr, *values_ = nullptr;
    float *state_ = nullptr, *gradient_ = nullptr, *next_ = nullptr, *turned_ = nullptr, *dx_ = nullptr;
};

}  // namespace pf
