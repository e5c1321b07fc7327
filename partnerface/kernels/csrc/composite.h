// Volume rendering of one ray's packed samples (see reference/composite.py).
#pragma once

#include "rays.h"

namespace pf {

// weight[i] = T_i (1 - exp(-density[i] length[i])), T_i the transmittance up to sample i of [begin, end).
PF_HD void composite_ray(const float* density, const float* length, i64 begin, i64 end, float* weight) {
    float depth = 0;
    for (i64 i = begin; i < end; ++i) {
        const float here = density[i] * length[i];
        weight[i] = expf(-depth) * -expm1f(-here);
        depth += here;
    }
}

// d(loss)/d(density) for d(loss)/d(weight): with tau_i = density_i length_i,
// dw_i / dtau_i = T_i exp(-tau_i) and dw_j / dtau_i = -w_j for j > i.
PF_HD void composite_ray_back(
    const float* grad, const float* density, const float* length, const float* weight, i64 begin, i64 end, float* to) {
    float depth = 0, behind = 0;
    for (i64 i = begin; i < end; ++i) behind += grad[i] * weight[i];
    for (i64 i = begin; i < end; ++i) {
        const float here = density[i] * length[i];
        behind -= grad[i] * weight[i];
        depth += here;
        to[i] = (grad[i] * expf(-depth) - behind) * length[i];
    }
}

}  // namespace pf
