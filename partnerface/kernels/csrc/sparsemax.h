// Soft weights with exact zeros of one sample (see reference/sparsemax.py); `stride` lies between its numbers.
#pragma once

#include "common.h"

namespace pf {

// Number: float, or a vector of the logits of adjacent samples.
template <class Number>
PF_HD void sparsemax(const float* logits, i64 stride, i64 parts, float* weights) {
    const Number none{};
    Number threshold = none - INFINITY;
    // Each round but the last drops a part at least. All rounds are taken, so that samples go side by side in lanes.
    for (i64 round = 0; round < parts; ++round) {
        Number sum = none - 1.0f, count = none;
        for (i64 k = 0; k < parts; ++k) {
            const Number logit = *reinterpret_cast<const Number*>(logits + k * stride);
            const auto live = logit > threshold;
            sum += live ? logit : none;
            count += live ? none + 1.0f : none;
        }
        threshold = sum / count;
    }
    for (i64 k = 0; k < parts; ++k) {
        const Number above = *reinterpret_cast<const Number*>(logits + k * stride) - threshold;
        // Said this way round, what is not a number stays none.
        *reinterpret_cast<Number*>(weights + k * stride) = above < none ? none : above;
    }
}

// d w_k = d z_k - (mean of d z over the parts that count), for those that do.
PF_HD void sparsemax_backward(const float* grad, const float* weights, i64 stride, i64 parts, float* to) {
    float sum = 0, count = 0;
    for (i64 k = 0; k < parts; ++k) {
        const bool live = weights[k * stride] > 0;
        sum += live ? grad[k * stride] : 0.0f;
        count += live ? 1.0f : 0.0f;
    }
    const float mean = sum / count;
    for (i64 k = 0; k < parts; ++k) to[k * stride] = weights[k * stride] > 0 ? grad[k * stride] - mean : 0.0f;
}

}  // namespace pf
