// K networks of one shape on blocks of samples, their outputs blended by weights; with one network and no weights, a
// plain multilayer perceptron. ReLU between layers.
#include <atomic>

#include "amounts.h"
#include "part_mixture_pass.h"

namespace {
using namespace pf;

// The hidden values are kept for the backward pass up to so many numbers; more are had sooner by computing them again
// than from memory.
constexpr i64 MOST_KEPT = i64(1) << 23;

// Whether parts count for few samples. Asked of all samples, not of a thread's share: the backward pass, which may have
// other threads, has to find the layers' values kept exactly where the forward pass kept them.
bool few(const Networks& net, const float* weights, float bound, i64 count) {
    if (!weights || bound < 0) return false;
    i64 total = 0;
    for (i64 i = 0; i < count * net.parts; ++i) total += weights[i] > bound;
    return total * 2 < count * net.parts;
}

// Samples of a share for which each part counts, which are gathered into blocks of their own.
std::vector<std::vector<i32>> live_samples(
    const Networks& net, const float* weights, float bound, i64 count, i64 begin, i64 end) {
    std::vector<std::vector<i32>> of(net.parts);
    for (int part = 0; part < net.parts; ++part) {
        const float* w = weights + part * count;
        for (i64 s = begin; s < end; ++s)
            if (w[s] > bound) of[part].push_back(i32(s - begin));
    }
    return of;
}

// The weights of a part for a block; those that do not count are zero.
void fetch_weights(
    const float* weights, float bound, i64 count, int part, i64 first, int width, const i32* at, float* to) {
    fetch(weights + part * count, 1, count, first, width, at, to);
    for (int s = 0; s < width; ++s)
        if (!(to[s] > bound)) to[s] = 0;
}

// A block's amounts [kinds][BLOCK], of the samples from `first` on or, counted from there, of those `at`.
void fetch_amounts(const Amounts& amounts, i64 first, int width, const i32* at, float* to) {
    const i32* slot = amounts.slot + first;
    auto of = [=](int s) { return slot[at ? at[s] : s]; };
    bool one = true;
    for (int s = 1; s < width; ++s) one &= of(s) == of(0);
    for (int j = 0; j < amounts.kinds; ++j) {
        const float* column = amounts.table + j;
        // Samples stand by rays, and rays by frames.
        if (one)
            for (int s = 0; s < BLOCK; s += LANES) store(to + j * BLOCK + s, vec{} + column[i64(of(0)) * amounts.kinds]);
        else
            for (int s = 0; s < BLOCK; ++s) to[j * BLOCK + s] = s < width ? column[i64(of(s)) * amounts.kinds] : 0.0f;
    }
}

// to[f] = sum_j amount[j] * from[j * left + f], rows of a block.
void add_up(const float* amount, const float* from, int kinds, int left, float* to) {
    for (int lane = 0; lane < BLOCK; lane += LANES)
        for (int f = 0; f < left; ++f) {
            vec sum{};
            for (int j = 0; j < kinds; ++j)
                sum += load(amount + j * BLOCK + lane) * load(from + (j * left + f) * BLOCK + lane);
            store(to + f * BLOCK + lane, sum);
        }
}

// The way back: to[j * left + f] = amount[j] * from[f].
void spread(const float* amount, const float* from, int kinds, int left, float* to) {
    for (int lane = 0; lane < BLOCK; lane += LANES)
        for (int f = 0; f < left; ++f) {
            const vec value = load(from + f * BLOCK + lane);
            for (int j = 0; j < kinds; ++j)
                store(to + (j * left + f) * BLOCK + lane, load(amount + j * BLOCK + lane) * value);
        }
}

// Rows of a block for what add_up and spread read and write.
struct Summing {
    const Amounts& amounts;
    int left;
    Buffer memory;

    Summing(const Networks& net, const Amounts& amounts)
        : amounts(amounts), left(amounts.left(net.outputs())),
          memory(amounts.any() ? buffer((i64(amounts.kinds) + left) * BLOCK) : nullptr) {}
    explicit operator bool() const { return memory || !amounts.any(); }
    float* sums() const { return memory.get() + i64(amounts.kinds) * BLOCK; }

    // What goes out of a block with these blended outputs.
    const float* ahead(const float* blended, i64 first, int width, const i32* at) const {
        if (!amounts.any()) return blended;
        fetch_amounts(amounts, first, width, at, memory.get());
        add_up(memory.get(), blended, amounts.kinds, left, sums());
        return sums();
    }

    // The gradients of a block's blended outputs, from those of what went out.
    void back(const float* grad, i64 count, i64 first, int width, const i32* at, float* to) const {
        fetch(grad, left, count, first, width, at, amounts.any() ? sums() : to);
        if (!amounts.any()) return;
        fetch_amounts(amounts, first, width, at, memory.get());
        spread(memory.get(), sums(), amounts.kinds, left, to);
    }
};

struct Forward {
    const Networks& net;
    const Packed& packed;
    const float *x, *weights;
    Amounts amounts;
    float bound;
    bool gathered;
    i64 count;
    float *out, *kept;

    bool share(i64 begin, i64 end) const {
        MixturePass pass(net, packed);
        const Summing summing(net, amounts);
        if (!pass || !summing) return false;
        share(pass.worker, summing, pass.memory.get(), begin, end);
        return true;
    }

    void share(Worker& worker, const Summing& summing, float* in, i64 begin, i64 end) const {
        float *w = in + net.inputs() * BLOCK, *sum = w + BLOCK;
        const int left = summing.left;
        if (gathered) {
            const auto live = live_samples(net, weights, bound, count, begin, end);
            for (int row = 0; row < left; ++row) std::memset(out + row * count + begin, 0, (end - begin) * 4);
            for (int part = 0; part < net.parts; ++part)
                for (i64 i = 0; i < i64(live[part].size()); i += BLOCK) {
                    const i32* at = live[part].data() + i;
                    const int width = int(std::min<i64>(BLOCK, i64(live[part].size()) - i));
                    fetch(x, net.inputs(), count, begin, width, at, in);
                    fetch_weights(weights, bound, count, part, begin, width, at, w);
                    worker.take(in);
                    worker.run(part, nullptr, nullptr);
                    worker.outputs(w, sum, true);
                    add(summing.ahead(sum, begin, width, at), left, count, begin, width, at, out);
                }
            return;
        }
        for (i64 first = begin; first < end; first += BLOCK) {
            const int width = int(std::min<i64>(BLOCK, end - first));
            fetch(x, net.inputs(), count, first, width, nullptr, in);
            if (first + 2 * BLOCK <= end) foresee(x, net.inputs(), count, first + BLOCK);
            worker.take(in);
            for (int part = 0; part < net.parts; ++part) {
                worker.run(part, nullptr, kept ? kept + (first / BLOCK * net.parts + part) * Worker::kept(net) : nullptr);
                if (weights) fetch_weights(weights, bound, count, part, first, width, nullptr, w);
                worker.outputs(weights ? w : nullptr, sum, part == 0);
            }
            put(summing.ahead(sum, first, width, nullptr), left, count, first, width, out);
        }
        stream_end();
    }
};

struct Backward {
    const Networks& net;
    const Packed& packed;
    const float *grad, *x, *weights;
    Amounts amounts;
    float bound;
    bool gathered;
    i64 count;
    const float* kept;
    float *grad_x, *grad_weights;

    bool share(i64 begin, i64 end, Sums& sums) const {
        Worker worker(net, packed, &sums);
        const auto memory = buffer((i64(net.inputs()) + net.outputs() + 2) * BLOCK);
        const Summing summing(net, amounts);
        if (!worker || !memory || !summing) return false;
        float *in = memory.get(), *g = in + net.inputs() * BLOCK, *w = g + net.outputs() * BLOCK, *dw = w + BLOCK;
        if (gathered) {
            const auto live = live_samples(net, weights, bound, count, begin, end);
            auto clear = [&](float* rows, int number) {
                for (int row = 0; row < number; ++row) std::memset(rows + row * count + begin, 0, (end - begin) * 4);
            };
            if (grad_weights) clear(grad_weights, net.parts);
            if (grad_x) clear(grad_x, net.inputs());
            for (int part = 0; part < net.parts; ++part)
                for (i64 i = 0; i < i64(live[part].size()); i += BLOCK) {
                    const i32* at = live[part].data() + i;
                    const int width = int(std::min<i64>(BLOCK, i64(live[part].size()) - i));
                    fetch(x, net.inputs(), count, begin, width, at, in);
                    summing.back(grad, count, begin, width, at, g);
                    fetch(weights + part * count, 1, count, begin, width, at, w);
                    worker.take(in);
                    worker.aim(g);
                    worker.run(part, nullptr, nullptr);
                    worker.back(w, bound, grad_weights ? dw : nullptr, grad_x, true);
                    if (grad_weights) add(dw, 1, count, begin, width, at, grad_weights + part * count);
                    if (grad_x) add(worker.dx(), net.inputs(), count, begin, width, at, grad_x);
                }
            return true;
        }
        for (i64 first = begin; first < end; first += BLOCK) {
            const int width = int(std::min<i64>(BLOCK, end - first));
            fetch(x, net.inputs(), count, first, width, nullptr, in);
            summing.back(grad, count, first, width, nullptr, g);
            if (first + 2 * BLOCK <= end) {
                foresee(x, net.inputs(), count, first + BLOCK);
                foresee(grad, summing.left, count, first + BLOCK);
            }
            worker.take(in);
            worker.aim(g);
            for (int part = 0; part < net.parts; ++part) {
                worker.run(part, kept ? kept + (first / BLOCK * net.parts + part) * Worker::kept(net) : nullptr, nullptr);
                if (weights) fetch(weights + part * count, 1, count, first, width, nullptr, w);
                worker.back(weights ? w : nullptr, bound, grad_weights ? dw : nullptr, grad_x, part == 0);
                if (grad_weights) put(dw, 1, count, first, width, grad_weights + part * count);
            }
            if (grad_x) put(worker.dx(), net.inputs(), count, first, width, grad_x);
        }
        stream_end();
        return true;
    }
};

}  // namespace

void MixturePass::run(
    const float* x, const float* weights, float bound, bool gathered, i64 count, i64 end, float* out) {
    const Forward pass{net, packed, x, weights, {}, bound, gathered, count, out, nullptr};
    pass.share(worker, Summing(net, pass.amounts), memory.get(), 0, end);
}

// How many of the hidden values a forward pass is to keep; none where the backward pass computes them again.
PF_API i64 pf_part_mixture_kept(i64 count, i64 parts, i64 layers, const i32* width) {
    Networks net;
    if (networks(parts, layers, width, nullptr, net)) return 0;
    const i64 size = (count + BLOCK - 1) / BLOCK * parts * Worker::kept(net);
    return size <= MOST_KEPT ? size : 0;
}

// x [inputs, count]; weights [parts, count] or null: those of at most `bound` do not count; amounts [frames, kinds] and slot
// [count], see Amounts, or null and kinds = 0; parameters: a weight [parts, a, b] and a bias [parts, b] for each layer; out
// [outputs, count] or, with amounts, [outputs / kinds, count]; kept null, or pf_part_mixture_kept's:
// [blocks of 64 samples][parts][sum of the hidden widths][64].
PF_API int pf_part_mixture_forward(
    const float* x, const float* weights, const float* amounts, const i32* slot, i64 kinds, i64 count, i64 parts,
    i64 layers, const i32* width, const float* const* parameters, float bound, float* out, float* kept, i64 threads, void*) {
    Networks net;
    if (const int status = networks(parts, layers, width, parameters, net)) return status;
    const Packed packed(net, false);
    if (!packed) return OUT_OF_MEMORY;
    const Forward pass{
        net, packed, x, weights, {amounts, slot, int(kinds)}, bound, few(net, weights, bound, count), count, out, kept};
    std::atomic<bool> done{true};
    parallel(threads, count, BLOCK, [&](i64 begin, i64 end, int) {
        if (!pass.share(begin, end)) done = false;
    });
    return done ? OK : OUT_OF_MEMORY;
}

// grad like out; grad_x and grad_weights may be null; gradients: as `parameters`.
PF_API int pf_part_mixture_backward(
    const float* grad, const float* x, const float* weights, const float* amounts, const i32* slot, i64 kinds, i64 count,
    i64 parts, i64 layers, const i32* width, const float* const* parameters, float bound, const float* kept, float* grad_x,
    float* grad_weights, float* const* gradients, i64 threads, void*) {
    Networks net;
    if (const int status = networks(parts, layers, width, parameters, net)) return status;
    const Packed packed(net, true);
    if (!packed) return OUT_OF_MEMORY;
    const Backward pass{
        net, packed, grad, x, weights, {amounts, slot, int(kinds)}, bound, few(net, weights, bound, count), count, kept,
        grad_x, grad_weights};
    std::vector<Sums> sums = make_sums(net, working(threads, count));
    if (sums.empty()) return OUT_OF_MEMORY;
    std::atomic<bool> done{true};
    parallel(threads, count, BLOCK, [&](i64 begin, i64 end, int thread) {
        if (!pass.share(begin, end, sums[thread])) done = false;
    });
    collect(net, sums, gradients);
    return done ? OK : OUT_OF_MEMORY;
}
