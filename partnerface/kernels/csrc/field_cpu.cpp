// The radiance field's two networks on blocks of samples, one after the other: what passes between them stays in the
// caches.
#include <atomic>

#include "networks_share.h"

namespace {
using namespace pf;

// Of the first network's outputs one is handed out, and the rest, with `extra` further inputs, goes into the second.
struct Pair {
    Networks first, second;
    int passed() const { return first.outputs() - 1; }
    int extra() const { return second.inputs() - passed(); }
};

struct Tensors {
    const float *x, *extra;
    i64 count;
};

// A block's values before each network. The first network's outputs stand where all of them but one are the second's
// first inputs.
struct Block {
    const Pair& pair;
    Buffer memory;

    explicit Block(const Pair& pair)
        : pair(pair), memory(buffer((i64(pair.first.inputs()) + 1 + pair.second.inputs()) * BLOCK)) {}
    explicit operator bool() const { return bool(memory); }
    float* x() const { return memory.get(); }
    float* left() const { return x() + pair.first.inputs() * BLOCK; }
    float* y() const { return left() + BLOCK; }

    // Through the first network to what the second takes.
    void first(Worker& worker, const Tensors& in, i64 first, i64 end, int width) const {
        fetch(in.x, pair.first.inputs(), in.count, first, width, nullptr, x());
        if (first + 2 * BLOCK <= end) foresee(in.x, pair.first.inputs(), in.count, first + BLOCK);
        worker.take(x());
        worker.run(0, nullptr, nullptr);
        worker.outputs(nullptr, left(), true);
        fetch(in.extra, pair.extra(), in.count, first, width, nullptr, y() + pair.passed() * BLOCK);
    }
};

bool forward(
    const Pair& pair, const Packed& one, const Packed& two, const Tensors& in, i64 begin, i64 end, float* left,
    float* right) {
    Worker first_worker(pair.first, one, nullptr), second_worker(pair.second, two, nullptr);
    const Block block(pair);
    const auto out = buffer(i64(pair.second.outputs()) * BLOCK);
    if (!first_worker || !second_worker || !block || !out) return false;
    for (i64 first = begin; first < end; first += BLOCK) {
        const int width = int(std::min<i64>(BLOCK, end - first));
        block.first(first_worker, in, first, end, width);
        put(block.left(), 1, in.count, first, width, left);
        second_worker.take(block.y());
        second_worker.run(0, nullptr, nullptr);
        second_worker.outputs(nullptr, out.get(), true);
        put(out.get(), pair.second.outputs(), in.count, first, width, right);
    }
    return true;
}

// grad_x and grad_extra may be null.
bool backward(
    const Pair& pair, const Packed& one, const Packed& two, const Tensors& in, i64 begin, i64 end,
    const float* left, const float* right, float* grad_x, float* grad_extra, Sums& first_sums, Sums& second_sums) {
    Worker first_worker(pair.first, one, &first_sums), second_worker(pair.second, two, &second_sums);
    const Block block(pair);
    const auto memory = buffer((i64(pair.first.outputs()) + pair.second.outputs()) * BLOCK);
    if (!first_worker || !second_worker || !block || !memory) return false;
    float *first_gradient = memory.get(), *second_gradient = first_gradient + pair.first.outputs() * BLOCK;
    for (i64 first = begin; first < end; first += BLOCK) {
        const int width = int(std::min<i64>(BLOCK, end - first));
        block.first(first_worker, in, first, end, width);
        fetch(right, pair.second.outputs(), in.count, first, width, nullptr, second_gradient);
        second_worker.take(block.y());
        second_worker.aim(second_gradient);
        second_worker.run(0, nullptr, nullptr);
        second_worker.back(nullptr, 0, nullptr, true, true);
        fetch(left, 1, in.count, first, width, nullptr, first_gradient);
        std::memcpy(first_gradient + BLOCK, second_worker.dx(), i64(pair.passed()) * BLOCK * sizeof(float));
        if (grad_extra)
            put(second_worker.dx() + pair.passed() * BLOCK, pair.extra(), in.count, first, width, grad_extra);
        first_worker.aim(first_gradient);
        first_worker.back(nullptr, 0, nullptr, grad_x, true);
        if (grad_x) put(first_worker.dx(), pair.first.inputs(), in.count, first, width, grad_x);
    }
    return true;
}

int pair_of(
    i64 first_layers, const i32* first_width, const float* const* first, i64 second_layers, const i32* second_width,
    const float* const* second, Pair& pair) {
    if (const int failed = networks(1, first_layers, first_width, first, pair.first)) return failed;
    return networks(1, second_layers, second_width, second, pair.second);
}

}  // namespace

// x [inputs of the first, count]; extra [further inputs of the second, count]; parameters: a weight [a, b] and a bias [b]
// for each layer; left: the first's first output [count]; right: the second's outputs [outputs, count].
PF_API int pf_field_forward(
    const float* x, const float* extra, i64 count, i64 first_layers, const i32* first_width, const float* const* first,
    i64 second_layers, const i32* second_width, const float* const* second, float* left, float* right,
    i64 threads, void*) {
    Pair pair;
    if (const int failed = pair_of(first_layers, first_width, first, second_layers, second_width, second, pair))
        return failed;
    const Packed one(pair.first, false), two(pair.second, false);
    if (!one || !two) return OUT_OF_MEMORY;
    std::atomic<bool> done{true};
    parallel(threads, count, BLOCK, [&](i64 begin, i64 end, int) {
        if (!forward(pair, one, two, {x, extra, count}, begin, end, left, right)) done = false;
    });
    return done ? OK : OUT_OF_MEMORY;
}

// left, right: gradients of the two; grad_x and grad_extra may be null; gradients: as the parameters.
PF_API int pf_field_backward(
    const float* left, const float* right, const float* x, const float* extra, i64 count, i64 first_layers, const i32* first_width,
    const float* const* first, i64 second_layers, const i32* second_width, const float* const* second, float* grad_x,
    float* grad_extra, float* const* first_gradients, float* const* second_gradients, i64 threads, void*) {
    Pair pair;
    if (const int failed = pair_of(first_layers, first_width, first, second_layers, second_width, second, pair))
        return failed;
    const Packed one(pair.first, true), two(pair.second, true);
    std::vector<Sums> first_sums = make_sums(pair.first, working(threads, count));
    std::vector<Sums> second_sums = make_sums(pair.second, working(threads, count));
    if (!one || !two || first_sums.empty() || second_sums.empty()) return OUT_OF_MEMORY;
    std::atomic<bool> done{true};
    parallel(threads, count, BLOCK, [&](i64 begin, i64 end, int thread) {
        if (!backward(pair, one, two, {x, extra, count}, begin, end, left, right, grad_x, grad_extra, first_sums[thread],
                second_sums[thread]))
            done = false;
    });
    collect(pair.first, first_sums, first_gradients);
    collect(pair.second, second_sums, second_gradients);
    return done ? OK : OUT_OF_MEMORY;
}
