// One number's step of Adam (see reference/adam.py).
#pragma once

#include "common.h"

namespace pf {

// rate and root already hold the bias corrections: rate / (1 - beta1^t), 1 / sqrt(1 - beta2^t).
struct Step {
    float rate, beta1, beta2, epsilon, root, scale, memory;
};

PF_HD void adam_step(const Step& step, float gradient, float& value, float& first, float& second, float& mean) {
    const float g = gradient * step.scale;
    first = step.beta1 * first + (1 - step.beta1) * g;
    second = step.beta2 * second + (1 - step.beta2) * g * g;
    value -= step.rate * first / (sqrtf(second) * step.root + step.epsilon);
    mean += (1 - step.memory) * (value - mean);
}

}  // namespace pf
