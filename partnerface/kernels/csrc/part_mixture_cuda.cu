// Blocks of threads on blocks of samples; products by the matrix units in TF32, of which two make a float32: high * high +
// high * low + low * high, added in float32.
#include <mma.h>

#include "cuda.h"
#include "part_mixture_block.h"

namespace {
using namespace pf;
namespace wmma = nvcuda::wmma;

constexpr int WARPS = 4;

template <bool TURNED>
using Layout = std::conditional_t<TURNED, wmma::col_major, wmma::row_major>;

template <class Fragment>
__device__ __forceinline__ void split(const Fragment& from, Fragment& high, Fragment& low) {
#pragma unroll
    for (int i = 0; i < from.num_elements; ++i) {
        high.x[i] = wmma::__float_to_tf32(from.x[i]);
        low.x[i] = wmma::__float_to_tf32(from.x[i] - high.x[i]);
    }
}

struct Unit {
    __device__ int thread() const { return threadIdx.x; }
    __device__ int threads() const { return blockDim.x; }
    __device__ void wait() const { __syncthreads(); }
    __device__ bool any(bool mine) const { return __syncthreads_or(mine); }

    // c [m, n] (+)= a [m, k] b [k, n]; turned: stored the other way round. m, n: multiples of 16, k: of 8.
    template <bool A_TURNED, bool B_TURNED>
    __device__ void multiply(
        const float* a, int a_pitch, const float* b, int b_pitch, float* c, int c_pitch, int m, int n, int k,
        bool add) const {
        const int tiles = m / 16 * (n / 16);
        for (int tile = threadIdx.x / 32; tile < tiles; tile += WARPS) {
            const int row = tile / (n / 16) * 16, column = tile % (n / 16) * 16;
            float* to = c + i64(row) * c_pitch + column;
            wmma::fragment<wmma::accumulator, 16, 16, 8, float> sum;
            if (add)
                wmma::load_matrix_sync(sum, to, c_pitch, wmma::mem_row_major);
            else
                wmma::fill_fragment(sum, 0.0f);
            for (int depth = 0; depth < k; depth += 8) {
                using A = wmma::fragment<wmma::matrix_a, 16, 16, 8, wmma::precision::tf32, Layout<A_TURNED>>;
                using B = wmma::fragment<wmma::matrix_b, 16, 16, 8, wmma::precision::tf32, Layout<B_TURNED>>;
                A left, left_high, left_low;
                B right, right_high, right_low;
                wmma::load_matrix_sync(left, A_TURNED ? a + depth * a_pitch + row : a + row * a_pitch + depth, a_pitch);
                wmma::load_matrix_sync(
                    right, B_TURNED ? b + column * b_pitch + depth : b + depth * b_pitch + column, b_pitch);
                split(left, left_high, left_low);
                split(right, right_high, right_low);
                wmma::mma_sync(sum, left_low, right_high, sum);
                wmma::mma_sync(sum, left_high, right_low, sum);
                wmma::mma_sync(sum, left_high, right_high, sum);
            }
            wmma::store_matrix_sync(to, sum, c_pitch, wmma::mem_row_major);
        }
    }
};

__global__ void __launch_bounds__(32 * WARPS) forward_kernel(block::Networks net, block::Call call, float* out) {
    extern __shared__ __align__(32) float memory[];
    block::forward(Unit{}, net, call, i64(blockIdx.x) * block::SAMPLES, out, memory);
}

// Each block of threads has blocks of samples of its own, and a slice for their sums.
__global__ void __launch_bounds__(32 * WARPS) backward_kernel(
    block::Networks net, block::Call call, const float* grad, float* grad_x, float* grad_weights, float* slices) {
    extern __shared__ __align__(32) float memory[];
    for (i64 first = i64(blockIdx.x) * block::SAMPLES; first < call.count; first += i64(gridDim.x) * block::SAMPLES)
        block::backward(
            Unit{}, net, call, first, grad, grad_x, grad_weights, slices + blockIdx.x * net.slice(), memory);
}

int networks(i64 parts, i64 layers, const i32* width, const float* const* parameters, block::Networks& net) {
    if (layers < 1 || layers > block::MAX_LAYERS) return UNSUPPORTED;
    net.parts = int(parts), net.layers = int(layers);
    for (int l = 0; l <= layers; ++l) net.width[l] = width[l];
    for (int l = 0; l < layers; ++l) net.weight[l] = parameters[2 * l], net.bias[l] = parameters[2 * l + 1];
    return OK;
}

int status(cudaError_t error) { return error == cudaSuccess ? OK : CUDA_FIRST + int(error); }

// Bytes of shared memory, which a kernel of large networks has to be granted.
template <class Kernel>
int grant(Kernel kernel, const block::Networks& net, bool back, int& bytes) {
    bytes = int(block::Room(net, back, nullptr).size * sizeof(float));
    int device = 0, most = 0;
    if (const int failed = status(cudaGetDevice(&device))) return failed;
    if (const int failed = status(cudaDeviceGetAttribute(&most, cudaDevAttrMaxSharedMemoryPerBlockOptin, device)))
        return failed;
    if (bytes > most) return UNSUPPORTED;
    return status(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes));
}

// Adds the slices, in their order.
int collect(const block::Networks& net, const float* slices, int blocks, float* const* to, void* stream) {
    const i64 slice = net.slice();
    for (int l = 0; l < net.layers; ++l) {
        const int a = net.width[l], b = net.width[l + 1], wide = block::padded(b);
        const i64 sums = net.sums(l, 0), part_size = i64(block::padded(a) + 1) * wide, bias_row = block::padded(a);
        float *matrix = to[2 * l], *bias = to[2 * l + 1];
        const int failed = each(i64(net.parts) * (a + 1) * b, 1, stream, [=] __device__(i64 i, int) {
            const i64 part = i / ((a + 1) * b), row = i / b % (a + 1), column = i % b;
            const float* from = slices + sums + part * part_size + (row < a ? row : bias_row) * wide + column;
            float sum = 0;
            for (int k = 0; k < blocks; ++k) sum += from[k * slice];
            (row < a ? matrix[(part * a + row) * b + column] : bias[part * b + column]) = sum;
        });
        if (failed) return failed;
    }
    return OK;
}

}  // namespace

// See part_mixture_cpu.cpp. Nothing is kept: it is sooner computed again than fetched.
PF_API i64 pf_part_mixture_kept(i64, i64, i64, const i32*) { return 0; }

PF_API int pf_part_mixture_forward(
    const float* x, const float* weights, const float* amounts, const i32* slot, i64 kinds, i64 count, i64 parts,
    i64 layers, const i32* width, const float* const* parameters, float bound, float* out, float*, i64, void* stream) {
    block::Networks net;
    int bytes = 0;
    if (const int failed = networks(parts, layers, width, parameters, net)) return failed;
    if (count == 0) return OK;
    if (const int failed = grant(forward_kernel, net, false, bytes)) return failed;
    const auto blocks = static_cast<unsigned>((count + block::SAMPLES - 1) / block::SAMPLES);
    forward_kernel<<<blocks, 32 * WARPS, bytes, static_cast<cudaStream_t>(stream)>>>(
        net, block::Call{x, weights, {amounts, slot, int(kinds)}, bound, count}, out);
    return status(cudaGetLastError());
}

PF_API int pf_part_mixture_backward(
    const float* grad, const float* x, const float* weights, const float* amounts, const i32* slot, i64 kinds, i64 count,
    i64 parts, i64 layers, const i32* width, const float* const* parameters, float bound, const float*, float* grad_x,
    float* grad_weights, float* const* gradients, i64, void* stream_of_torch) {
    block::Networks net;
    int bytes = 0, device = 0, units = 0;
    if (const int failed = networks(parts, layers, width, parameters, net)) return failed;
    if (const int failed = grant(backward_kernel, net, true, bytes)) return failed;
    if (const int failed = status(cudaGetDevice(&device))) return failed;
    if (const int failed = status(cudaDeviceGetAttribute(&units, cudaDevAttrMultiProcessorCount, device))) return failed;
    // How many there are says in what order sums are added: the device alone decides it.
    const i64 wanted = (count + block::SAMPLES - 1) / block::SAMPLES;
    const int blocks = int(wanted < 2 * units ? wanted : 2 * units);
    const auto stream = static_cast<cudaStream_t>(stream_of_torch);
    float* slices = nullptr;
    const std::size_t size = std::size_t(blocks > 0 ? blocks : 1) * net.slice() * sizeof(float);
    if (const int failed = status(cudaMallocAsync(reinterpret_cast<void**>(&slices), size, stream))) return failed;
    int result = status(cudaMemsetAsync(slices, 0, size, stream));
    if (!result && blocks) {
        backward_kernel<<<blocks, 32 * WARPS, bytes, stream>>>(
            net, block::Call{x, weights, {amounts, slot, int(kinds)}, bound, count}, grad, grad_x, grad_weights, slices);
        result = status(cudaGetLastError());
    }
    if (!result) result = collect(net, slices, blocks, gradients, stream_of_torch);
    const int freed = status(cudaFreeAsync(slices, stream));
    return result ? result : freed;
}
