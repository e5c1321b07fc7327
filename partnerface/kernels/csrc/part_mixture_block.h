// What a block of threads does to a block of samples in the part mixture on a GPU.
//
// A Unit says who the thread is, waits for the others, and multiplies matrices. That of a GPU is in part_mixture_cuda.cu;
// one of a single thread in the tests, where this file runs on the host.
#pragma once

#include "amounts.h"

namespace pf::block {

constexpr int MAX_LAYERS = 8, SAMPLES = 64;
// Floats between features of a block: neighbours stand in other banks of the shared memory.
constexpr int PITCH = SAMPLES + 4;

PF_HD int padded(int n) { return (n + 15) / 16 * 16; }

// width[0] inputs, ..., width[layers] outputs; weight[l] is [parts][width[l]][width[l + 1]], bias[l] [parts][width[l + 1]].
struct Networks {
    int parts, layers;
    int width[MAX_LAYERS + 1];
    const float *weight[MAX_LAYERS], *bias[MAX_LAYERS];

    PF_HD int inputs() const { return width[0]; }
    PF_HD int outputs() const { return width[layers]; }
    PF_HD int widest() const {
        int most = 0;
        for (int l = 0; l <= layers; ++l) most = padded(width[l]) > most ? padded(width[l]) : most;
        return most;
    }
    PF_HD int largest_matrix() const {
        int most = 0;
        for (int l = 0; l < layers; ++l) {
            const int size = padded(width[l]) * padded(width[l + 1]);
            most = size > most ? size : most;
        }
        return most;
    }
    // Where a part's sums of a layer begin in a slice, [padded inputs][padded outputs] and the bias's behind.
    PF_HD i64 sums(int l, int part) const {
        i64 before = 0;
        for (int k = 0; k < l; ++k) before += i64(parts) * (padded(width[k]) + 1) * padded(width[k + 1]);
        return before + i64(part) * (padded(width[l]) + 1) * padded(width[l + 1]);
    }
    PF_HD i64 slice() const { return sums(layers, 0); }
};

// The tensors of a call; see part_mixture_cpu.cpp.
struct Call {
    const float *x, *weights;
    Amounts amounts;
    float bound;
    i64 count;
};

// A block's shared memory: values of the layers, [features][PITCH] each, gradients, one layer's weights.
struct Room {
    float *x, *sum, *gradient, *next, *dx, *matrix, *values;
    bool back;
    i64 size;

    // All floats from `memory` on; a forward pass wants of the layers only the one before.
    PF_HD Room(const Networks& net, bool back, float* memory) : back(back), size(0) {
        int features = 0;
        for (int l = 0; l < net.layers; ++l) features += padded(net.width[l + 1]);
        x = take(memory, net.inputs());
        sum = take(memory, net.outputs());
        values = take(memory, back ? features : 2 * net.widest());
        gradient = take(memory, back ? net.widest() : 0);
        next = take(memory, back ? net.widest() : 0);
        dx = take(memory, back ? net.inputs() : 0);
        matrix = memory + size;
        size += net.largest_matrix();
    }

    // What leaves layer l.
    PF_HD float* value(const Networks& net, int l) const {
        if (!back) return values + (l & 1) * net.widest() * PITCH;
        float* place = values;
        for (int k = 0; k < l; ++k) place += padded(net.width[k + 1]) * PITCH;
        return place;
    }

  private:
    PF_HD float* take(float* memory, int features) {
        float* place = memory + size;
        size += i64(padded(features)) * PITCH;
        return place;
    }
};

// body(feature, sample) for all of a block, a thread for some each.
template <class Unit, class Body>
PF_HD void each(const Unit& unit, int features, Body body) {
    for (int i = unit.thread(); i < features * SAMPLES; i += unit.threads()) body(i / SAMPLES, i % SAMPLES);
}

// Columns [first, first + SAMPLES) of [features, count]; what is missing is zero.
template <class Unit>
PF_HD void fetch(const Unit& unit, const float* from, int features, i64 count, i64 first, float* to) {
    each(unit, padded(features), [=](int f, int s) {
        to[f * PITCH + s] = f < features && first + s < count ? from[f * count + first + s] : 0.0f;
    });
}

template <class Unit>
PF_HD void put(const Unit& unit, const float* from, int features, i64 count, i64 first, float* to) {
    each(unit, features, [=](int f, int s) {
        if (first + s < count) to[f * count + first + s] = from[f * PITCH + s];
    });
}

// The blended outputs [outputs][PITCH], added up by their amounts, to [left, count].
template <class Unit>
PF_HD void put_sums(const Unit& unit, const float* from, int outputs, const Call& call, i64 first, float* to) {
    const int left = call.amounts.left(outputs);
    each(unit, left, [=](int f, int s) {
        if (first + s >= call.count) return;
        const float* amount = call.amounts.of(first + s);
        float sum = 0;
        for (int j = 0; j < call.amounts.kinds; ++j) sum += amount[j] * from[(j * left + f) * PITCH + s];
        to[f * call.count + first + s] = sum;
    });
}

// The way back: gradients of all outputs from those of their sums.
template <class Unit>
PF_HD void fetch_sums(const Unit& unit, const float* from, int outputs, const Call& call, i64 first, float* to) {
    const int left = call.amounts.left(outputs);
    each(unit, padded(outputs), [=](int f, int s) {
        const bool there = f < outputs && first + s < call.count;
        to[f * PITCH + s] = there ? from[f % left * call.count + first + s] * call.amounts.of(first + s)[f / left] : 0.0f;
    });
}

template <class Unit>
PF_HD void clear(const Unit& unit, int features, float* to) {
    each(unit, padded(features), [=](int f, int s) { to[f * PITCH + s] = 0; });
}

// A part's weight of a sample; zero if it does not count.
PF_HD float weight(const Call& call, int part, i64 sample) {
    if (sample >= call.count) return 0;
    if (!call.weights) return 1;
    const float w = call.weights[part * call.count + sample];
    return w > call.bound ? w : 0;
}

// Whether a part counts for any of a block's samples; the same for all threads.
template <class Unit>
PF_HD bool counts(const Unit& unit, const Call& call, int part, i64 first) {
    if (!call.weights) return true;
    bool any = false;
    for (int s = unit.thread(); s < SAMPLES; s += unit.threads())
        any |= first + s < call.count && call.weights[part * call.count + first + s] > call.bound;
    return unit.any(any);
}

// A layer's weights of a part, padded with zeros.
template <class Unit>
PF_HD void stage(const Unit& unit, const Networks& net, int l, int part, float* to) {
    const int a = net.width[l], b = net.width[l + 1], wide = padded(b);
    const float* from = net.weight[l] + i64(part) * a * b;
    for (int i = unit.thread(); i < padded(a) * wide; i += unit.threads()) {
        const int row = i / wide, column = i % wide;
        to[i] = row < a && column < b ? from[row * b + column] : 0.0f;
    }
}

// A part's values of all layers.
template <class Unit>
PF_HD void values(const Unit& unit, const Networks& net, int part, const Room& room) {
    const float* from = room.x;
    for (int l = 0; l < net.layers; ++l) {
        const int a = padded(net.width[l]), width = net.width[l + 1], b = padded(width);
        const float* bias = net.bias[l] + i64(part) * width;
        const bool last = l + 1 == net.layers;
        float* to = room.value(net, l);
        stage(unit, net, l, part, room.matrix);
        unit.wait();
        unit.template multiply<true, false>(room.matrix, b, from, PITCH, to, PITCH, b, SAMPLES, a, false);
        unit.wait();
        each(unit, b, [=](int f, int s) {
            const float value = to[f * PITCH + s] + (f < width ? bias[f] : 0.0f);
            // Said this way round, what is not a number stays none.
            to[f * PITCH + s] = !last && value < 0 ? 0.0f : value;
        });
        unit.wait();
        from = to;
    }
}

template <class Unit>
PF_HD void forward(const Unit& unit, const Networks& net, const Call& call, i64 first, float* out, float* memory) {
    const Room room(net, false, memory);
    fetch(unit, call.x, net.inputs(), call.count, first, room.x);
    clear(unit, net.outputs(), room.sum);
    unit.wait();
    const float* result = room.value(net, net.layers - 1);
    for (int part = 0; part < net.parts; ++part) {
        if (!counts(unit, call, part, first)) continue;
        values(unit, net, part, room);
        each(unit, net.outputs(), [&](int f, int s) {
            room.sum[f * PITCH + s] += weight(call, part, first + s) * result[f * PITCH + s];
        });
        unit.wait();
    }
    if (call.amounts.any())
        put_sums(unit, room.sum, net.outputs(), call, first, out);
    else
        put(unit, room.sum, net.outputs(), call.count, first, out);
    unit.wait();
}

// From the gradient of a part's outputs to the sums of its parameters and to room.dx.
template <class Unit>
PF_HD void run_back(const Unit& unit, const Networks& net, int part, const Room& room, bool for_x, float* slice) {
    float *gradient = room.gradient, *next = room.next;
    for (int l = net.layers - 1; l >= 0; --l) {
        const int a = padded(net.width[l]), b = padded(net.width[l + 1]);
        const float* from = l ? room.value(net, l - 1) : room.x;
        float* sums = slice + net.sums(l, part);
        unit.template multiply<false, true>(from, PITCH, gradient, PITCH, sums, b, a, b, SAMPLES, true);
        for (int f = unit.thread(); f < b; f += unit.threads()) {
            float sum = 0;
            for (int s = 0; s < SAMPLES; ++s) sum += gradient[f * PITCH + s];
            sums[a * b + f] += sum;
        }
        if (l || for_x) {
            stage(unit, net, l, part, room.matrix);
            unit.wait();
            unit.template multiply<false, false>(
                room.matrix, b, gradient, PITCH, l ? next : room.dx, PITCH, a, SAMPLES, b, l == 0);
        }
        unit.wait();
        if (l == 0) return;
        each(unit, a, [=](int f, int s) {
            if (!(from[f * PITCH + s] > 0)) next[f * PITCH + s] = 0;
        });
        unit.wait();
        float* spare = gradient;
        gradient = next, next = spare;
    }
}

// grad_x and grad_weights may be null; slice: this block's sums, added to.
template <class Unit>
PF_HD void backward(
    const Unit& unit, const Networks& net, const Call& call, i64 first, const float* grad, float* grad_x,
    float* grad_weights, float* slice, float* memory) {
    const Room room(net, true, memory);
    const int outputs = net.outputs();
    fetch(unit, call.x, net.inputs(), call.count, first, room.x);
    if (call.amounts.any())
        fetch_sums(unit, grad, outputs, call, first, room.sum);
    else
        fetch(unit, grad, outputs, call.count, first, room.sum);
    clear(unit, net.inputs(), room.dx);
    unit.wait();
    const float* result = room.value(net, net.layers - 1);
    for (int part = 0; part < net.parts; ++part) {
        float* of_weight = grad_weights ? grad_weights + part * call.count + first : nullptr;
        const bool any = counts(unit, call, part, first);
        if (any) {
            values(unit, net, part, room);
            each(unit, padded(outputs), [&](int f, int s) {
                room.gradient[f * PITCH + s] = room.sum[f * PITCH + s] * weight(call, part, first + s);
            });
        }
        for (int s = unit.thread(); of_weight && s < SAMPLES && first + s < call.count; s += unit.threads()) {
            // A part that does not count has no say in its weight; one whose weight is zero may count.
            float sum = 0;
            if (any && call.weights[part * call.count + first + s] > call.bound)
                for (int f = 0; f < outputs; ++f) sum += room.sum[f * PITCH + s] * result[f * PITCH + s];
            of_weight[s] = sum;
        }
        unit.wait();
        if (any) run_back(unit, net, part, room, grad_x, slice);
    }
    if (grad_x) put(unit, room.dx, net.inputs(), call.count, first, grad_x);
    unit.wait();
}

}  // namespace pf::block
