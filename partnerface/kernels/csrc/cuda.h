// Launching on a stream.
#pragma once

#include <cuda_runtime.h>

#include "common.h"

namespace pf {

constexpr int THREADS = 256;

template <class Body>
__global__ void each_kernel(i64 count, Body body) {
    const i64 item = i64(blockIdx.x) * blockDim.x + threadIdx.x;
    if (item < count) body(item, blockIdx.y);
}

// body(item, layer) for each item of [0, count) and each of `layers` layers, a thread for each.
template <class Body>
int each(i64 count, int layers, void* stream, Body body) {
    if (count == 0 || layers == 0) return OK;
    const dim3 blocks(static_cast<unsigned>((count + THREADS - 1) / THREADS), layers);
    each_kernel<<<blocks, THREADS, 0, static_cast<cudaStream_t>(stream)>>>(count, body);
    const cudaError_t error = cudaGetLastError();
    return error == cudaSuccess ? OK : CUDA_FIRST + int(error);
}

// Sums that come out the same in any order: 64-bit fixed point, `scale` units in 1.
__device__ inline void add_fixed(unsigned long long* to, float value, float scale) {
    atomicAdd(to, static_cast<unsigned long long>(__float2ll_rn(value * scale)));
}

}  // namespace pf
