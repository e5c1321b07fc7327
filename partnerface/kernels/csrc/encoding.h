// Positional encoding of one number (see reference/encoding.py).
#pragma once

#include "common.h"

namespace pf {

constexpr int MAX_OCTAVES = 16;

// sin and cos of pi x: exact reduction to |r| <= 1/4, then the series of both to float's precision.
PF_HD void sincos_pi(float x, float& sine, float& cosine) {
    const float halves = rintf(2 * x), r = 3.14159265358979f * (x - 0.5f * halves), r2 = r * r;
    const float s = r * (1 + r2 * (-1.6666667e-1f + r2 * (8.3333310e-3f + r2 * (-1.9840874e-4f + r2 * 2.7525562e-6f))));
    const float c = 1 + r2 * (-0.5f + r2 * (4.1666668e-2f + r2 * (-1.3888887e-3f + r2 * (2.4800648e-5f - r2 * 2.7e-7f))));
    // The quarter of the turn, 0..3, also for negative x.
    const float quarter = halves - 4 * floorf(0.25f * halves);
    const bool odd = quarter == 1 || quarter == 3;
    sine = (quarter >= 2 ? -1.0f : 1.0f) * (odd ? c : s);
    cosine = (quarter == 1 || quarter == 2 ? -1.0f : 1.0f) * (odd ? s : c);
}

// The next octave: sin 2a and cos 2a.
PF_HD void double_angle(float& sine, float& cosine) {
    const float s = 2 * sine * cosine;
    cosine = 1 - 2 * sine * sine;
    sine = s;
}

}  // namespace pf
