// What the loader asks the CUDA library before it calls anything else.
#include "cuda.h"

PF_API int pf_abi() { return pf::ABI; }
PF_API const char* pf_isa() { return "cuda"; }
PF_API int pf_runs_here() {
    int devices = 0;
    return cudaGetDeviceCount(&devices) == cudaSuccess && devices > 0;
}
