// K networks of one shape on blocks of samples, their outputs blended by weights; with one network and no weights, a
// plain multilayer perceptron. ReLU between layers.
#include <cstring>
#include <utility>
#include <vector>

#include "lanes.h"

namespace {
using namespace pf;

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
    int widest() const { return *std::max_element(width, width + layers + 1); }
    const float* matrix(int l, int part) const { return weight[l] + i64(part) * width[l] * width[l + 1]; }
};

// Which way round a layer's weight gradient is summed: vectors run along the side that wastes fewer lanes.
bool along_outputs(const Networks& net, int l) {
    return i64(padded(net.width[l + 1])) * net.width[l] <= i64(padded(net.width[l])) * net.width[l + 1];
}

// Sums of one thread: per layer and part a weight gradient and, lane by lane, a bias gradient.
struct Sums {
    Buffer memory;
    i64 weight[MAX_LAYERS], bias[MAX_LAYERS], size = 0;

    explicit Sums(const Networks& net) {
        for (int l = 0; l < net.layers; ++l) {
            const int a = net.width[l], b = net.width[l + 1];
            weight[l] = size;
            size += i64(net.parts) * (along_outputs(net, l) ? a * padded(b) : b * padded(a));
            bias[l] = size;
            size += i64(net.parts) * b * LANES;
        }
        memory = buffer(size);
        if (memory) std::memset(memory.get(), 0, size * sizeof(float));
    }
    float* matrix(const Networks& net, int l, int part) const {
        const int a = net.width[l], b = net.width[l + 1];
        return memory.get() + weight[l] + i64(part) * (along_outputs(net, l) ? a * padded(b) : b * padded(a));
    }
    float* offset(const Networks& net, int l, int part) const {
        return memory.get() + bias[l] + i64(part) * net.width[l + 1] * LANES;
    }
};

// Values of all layers of one part for a block; state: see Networks::state.
void run(const Networks& net, int part, const float* x, float* state) {
    const float* from = x;
    for (int l = 0; l < net.layers; ++l) {
        const int a = net.width[l], b = net.width[l + 1];
        const float* bias = net.bias[l] + i64(part) * b;
        float* to = state;
        if (l + 1 < net.layers)
            product(b, a, from, net.matrix(l, part), b, 1, [=](int row, int lane, vec sum) {
                sum += bias[row];
                store(to + row * BLOCK + lane, sum > vec{} ? sum : vec{});
            });
        else
            product(b, a, from, net.matrix(l, part), b, 1, [=](int row, int lane, vec sum) {
                store(to + row * BLOCK + lane, sum + bias[row]);
            });
        from = state;
        state += b * BLOCK;
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

// From room.gradient, that of a part's outputs, to the sums of its parameters and, where wanted, added to dx.
void run_back(const Networks& net, int part, const float* x, const float* state, Room& room, Sums& sums, float* dx) {
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
        if (along_outputs(net, l)) {
            transpose(b, padded(b), room.gradient, room.turned);
            outer(a, padded(b), from, room.turned, sums.matrix(net, l, part));
        } else {
            transpose(a, padded(a), from, room.turned);
            outer(b, padded(a), room.gradient, room.turned, sums.matrix(net, l, part));
        }
        const float* matrix = net.matrix(l, part);
        if (l) {
            float* next = room.next;
            product(a, b, room.gradient, matrix, 1, b, [=](int row, int lane, vec sum) {
                store(next + row * BLOCK + lane, load(from + row * BLOCK + lane) > vec{} ? sum : vec{});
            });
            std::swap(room.gradient, room.next);
        } else if (dx) {
            product(a, b, room.gradient, matrix, 1, b, [=](int row, int lane, vec sum) {
                float* place = dx + row * BLOCK + lane;
                store(place, load(place) + sum);
            });
        }
    }
}

// A block of [rows, count] from column `first`, or those of the samples `at`; what is missing is zero.
void fetch(const float* from, i64 rows, i64 count, i64 first, int width, const i32* at, float* to) {
    for (i64 row = 0; row < rows; ++row, to += BLOCK) {
        const float* line = from + row * count + first;
        if (at)
            for (int s = 0; s < width; ++s) to[s] = line[at[s]];
        else
            std::memcpy(to, line, width * sizeof(float));
        if (width < BLOCK) std::memset(to + width, 0, (BLOCK - width) * sizeof(float));
    }
}

void add(const float* from, i64 rows, i64 count, i64 first, int width, const i32* at, float* to) {
    for (i64 row = 0; row < rows; ++row, from += BLOCK) {
        float* line = to + row * count + first;
        for (int s = 0; s < width; ++s) line[at ? at[s] : s] += from[s];
    }
}

// Samples of a share for which each part counts. Where these are few they are gathered into blocks of their own.
struct Live {
    std::vector<std::vector<i32>> of;
    bool sparse = false;

    Live(const Networks& net, const float* weights, float bound, i64 count, i64 begin, i64 end) {
        if (!weights) return;
        of.resize(net.parts);
        i64 total = 0;
        for (int part = 0; part < net.parts; ++part) {
            const float* w = weights + part * count;
            for (i64 s = begin; s < end; ++s)
                if (w[s] > bound) of[part].push_back(i32(s - begin));
            total += i64(of[part].size());
        }
        sparse = total * 2 < (end - begin) * net.parts;
    }
};

// The weights of a part for a block; those that do not count are zero.
void fetch_weights(
    const float* weights, float bound, i64 count, int part, i64 first, int width, const i32* at, float* to) {
    fetch(weights + part * count, 1, count, first, width, at, to);
    for (int s = 0; s < width; ++s)
        if (!(to[s] > bound)) to[s] = 0;
}

struct Forward {
    const Networks& net;
    const float *x, *weights;
    float bound;
    i64 count;
    float *out, *kept;

    void share(i64 begin, i64 end) const {
        const Live live(net, weights, bound, count, begin, end);
        auto memory = buffer(i64(net.inputs()) * BLOCK + net.state() + (1 + net.outputs()) * BLOCK);
        float *in = memory.get(), *state = in + net.inputs() * BLOCK, *w = state + net.state(), *sum = w + BLOCK;
        const float* last = state + net.state() - net.outputs() * BLOCK;
        for (int row = 0; row < net.outputs(); ++row) std::memset(out + row * count + begin, 0, (end - begin) * 4);
        if (live.sparse) {
            for (int part = 0; part < net.parts; ++part)
                for (i64 i = 0; i < i64(live.of[part].size()); i += BLOCK) {
                    const i32* at = live.of[part].data() + i;
                    const int width = int(std::min<i64>(BLOCK, i64(live.of[part].size()) - i));
                    fetch(x, net.inputs(), count, begin, width, at, in);
                    fetch_weights(weights, bound, count, part, begin, width, at, w);
                    run(net, part, in, state);
                    blend(last, w, sum, true);
                    add(sum, net.outputs(), count, begin, width, at, out);
                }
            return;
        }
        for (i64 first = begin; first < end; first += BLOCK) {
            const int width = int(std::min<i64>(BLOCK, end - first));
            fetch(x, net.inputs(), count, first, width, nullptr, in);
            for (int part = 0; part < net.parts; ++part) {
                float* to = kept ? kept + (first / BLOCK * net.parts + part) * net.state() : state;
                run(net, part, in, to);
                const float* result = to + net.state() - net.outputs() * BLOCK;
                if (weights) fetch_weights(weights, bound, count, part, first, width, nullptr, w);
                blend(result, weights ? w : nullptr, sum, part == 0);
            }
            add(sum, net.outputs(), count, first, width, nullptr, out);
        }
    }

    void blend(const float* result, const float* w, float* sum, bool fresh) const {
        for (int row = 0; row < net.outputs(); ++row)
            for (int lane = 0; lane < BLOCK; lane += LANES) {
                vec value = load(result + row * BLOCK + lane);
                if (w) value *= load(w + lane);
                float* place = sum + row * BLOCK + lane;
                store(place, fresh ? value : load(place) + value);
            }
    }
};

struct Backward {
    const Networks& net;
    const float *grad, *x, *weights;
    float bound;
    i64 count;
    const float* kept;
    float *grad_x, *grad_weights;

    void share(i64 begin, i64 end, Sums& sums) const {
        const Live live(net, weights, bound, count, begin, end);
        const i64 in_block = i64(net.inputs()) * BLOCK, out_block = i64(net.outputs()) * BLOCK;
        auto memory = buffer(2 * in_block + net.state() + out_block + 2 * BLOCK);
        float *in = memory.get(), *dx = in + in_block, *state = dx + in_block, *g = state + net.state();
        float *w = g + out_block, *dw = w + BLOCK;
        Room room(net);
        if (grad_weights)
            for (int part = 0; part < net.parts; ++part)
                std::memset(grad_weights + part * count + begin, 0, (end - begin) * sizeof(float));
        if (grad_x)
            for (int row = 0; row < net.inputs(); ++row)
                std::memset(grad_x + row * count + begin, 0, (end - begin) * sizeof(float));
        if (live.sparse) {
            for (int part = 0; part < net.parts; ++part)
                for (i64 i = 0; i < i64(live.of[part].size()); i += BLOCK) {
                    const i32* at = live.of[part].data() + i;
                    const int width = int(std::min<i64>(BLOCK, i64(live.of[part].size()) - i));
                    fetch(x, net.inputs(), count, begin, width, at, in);
                    fetch(grad, net.outputs(), count, begin, width, at, g);
                    fetch_weights(weights, bound, count, part, begin, width, at, w);
                    run(net, part, in, state);
                    weigh(state, g, w, dw, room);
                    if (grad_weights) add(dw, 1, count, begin, width, at, grad_weights + part * count);
                    std::memset(dx, 0, in_block * sizeof(float));
                    run_back(net, part, in, state, room, sums, grad_x ? dx : nullptr);
                    if (grad_x) add(dx, net.inputs(), count, begin, width, at, grad_x);
                }
            return;
        }
        for (i64 first = begin; first < end; first += BLOCK) {
            const int width = int(std::min<i64>(BLOCK, end - first));
            fetch(x, net.inputs(), count, first, width, nullptr, in);
            fetch(grad, net.outputs(), count, first, width, nullptr, g);
            std::memset(dx, 0, in_block * sizeof(float));
            for (int part = 0; part < net.parts; ++part) {
                const float* values = state;
                if (kept)
                    values = kept + (first / BLOCK * net.parts + part) * net.state();
                else
                    run(net, part, in, state);
                if (weights) fetch_weights(weights, bound, count, part, first, width, nullptr, w);
                weigh(values, g, weights ? w : nullptr, dw, room);
                if (grad_weights) add(dw, 1, count, first, width, nullptr, grad_weights + part * count);
                run_back(net, part, in, values, room, sums, grad_x ? dx : nullptr);
            }
            if (grad_x) add(dx, net.inputs(), count, first, width, nullptr, grad_x);
        }
    }

    // The gradient of a part's outputs, and of its weight.
    void weigh(const float* state, const float* g, const float* w, float* dw, Room& room) const {
        const float* result = state + net.state() - net.outputs() * BLOCK;
        for (int lane = 0; lane < BLOCK; lane += LANES) {
            vec sum{};
            const vec factor = w ? load(w + lane) : vec{} + 1.0f;
            for (int row = 0; row < net.outputs(); ++row) {
                const vec value = load(g + row * BLOCK + lane);
                sum += value * load(result + row * BLOCK + lane);
                store(room.gradient + row * BLOCK + lane, value * factor);
            }
            // A part that does not count has no say in its weight.
            store(dw + lane, factor != vec{} ? sum : vec{});
        }
    }
};

// Adds the threads' sums, in the threads' order.
void collect(const Networks& net, const std::vector<Sums>& all, float* const* to) {
    for (int l = 0; l < net.layers; ++l) {
        const int a = net.width[l], b = net.width[l + 1];
        const bool along = along_outputs(net, l);
        for (int part = 0; part < net.parts; ++part) {
            float* matrix = to[2 * l] + i64(part) * a * b;
            float* bias = to[2 * l + 1] + i64(part) * b;
            std::memset(matrix, 0, i64(a) * b * sizeof(float));
            std::memset(bias, 0, b * sizeof(float));
            for (const Sums& sums : all) {
                const float* sum = sums.matrix(net, l, part);
                for (int i = 0; i < a; ++i)
                    for (int o = 0; o < b; ++o) matrix[i * b + o] += along ? sum[i * padded(b) + o] : sum[o * padded(a) + i];
                const float* lanes = sums.offset(net, l, part);
                for (int o = 0; o < b; ++o)
                    for (int lane = 0; lane < LANES; ++lane) bias[o] += lanes[o * LANES + lane];
            }
        }
    }
}

int networks(i64 parts, i64 layers, const i32* width, const float* const* parameters, Networks& net) {
    if (layers < 1 || layers > MAX_LAYERS) return UNSUPPORTED;
    net.parts = int(parts);
    net.layers = int(layers);
    for (int l = 0; l <= layers; ++l) net.width[l] = width[l];
    for (int l = 0; l < layers; ++l) net.weight[l] = parameters[2 * l], net.bias[l] = parameters[2 * l + 1];
    return OK;
}
}  // namespace

// x [inputs, count]; weights [parts, count] or null: those of at most `bound` do not count; parameters: a weight
// [parts, a, b] and a bias [parts, b] for each layer; out [outputs, count]; kept null, or what a backward pass wants of
// the layers' values: [blocks of 64 samples][parts][sum of widths but the first][64].
PF_API int pf_part_mixture_forward(
    const float* x, const float* weights, i64 count, i64 parts, i64 layers, const i32* width,
    const float* const* parameters, float bound, float* out, float* kept, i64 threads, void*) {
    Networks net;
    if (const int status = networks(parts, layers, width, parameters, net)) return status;
    const Forward pass{net, x, weights, bound, count, out, kept};
    parallel(threads, count, BLOCK, [&](i64 begin, i64 end, int) { pass.share(begin, end); });
    return OK;
}

// grad like out; grad_x and grad_weights may be null; gradients: as `parameters`.
PF_API int pf_part_mixture_backward(
    const float* grad, const float* x, const float* weights, i64 count, i64 parts, i64 layers, const i32* width,
    const float* const* parameters, float bound, const float* kept, float* grad_x, float* grad_weights,
    float* const* gradients, i64 threads, void*) {
    Networks net;
    if (const int status = networks(parts, layers, width, parameters, net)) return status;
    const Backward pass{net, grad, x, weights, bound, count, kept, grad_x, grad_weights};
    std::vector<Sums> sums;
    const i64 blocks = (count + BLOCK - 1) / BLOCK;
    for (i64 thread = 0; thread < std::max<i64>(1, std::min(threads, blocks)); ++thread) {
        sums.emplace_back(net);
        if (!sums.back().memory) return OUT_OF_MEMORY;
    }
    parallel(threads, count, BLOCK, [&](i64 begin, i64 end, int thread) { pass.share(begin, end, sums[thread]); });
    collect(net, sums, gradients);
    return OK;
}
