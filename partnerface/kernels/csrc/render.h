// Pictures of an avatar (see kernels/render.py): what is done to a sample, and where some rays have samples.
#pragma once

#include <vector>

#include "cpu.h"
#include "inverse_skinning.h"

namespace pf {

// What rays pass through. origin, direction [rays, 3]; reachable, of the rigid frame, and live, of canonical space, of
// grid's size; inner: [2, 3] corners of the box around what is reachable; skin: of one frame, its vertices null where
// samples stay where they are.
struct Space {
    const float *origin, *direction;
    const bool *reachable, *live;
    Grid grid;
    const float* inner;
    float step;
    Skin skin;
};

// Where some rays have samples. It decides which voxel a point lies in, so that its source keeps the reference's
// roundings.
class Places {
  public:
    // room: most rays at a time, and most samples.
    Places(const Space& space, int room);
    explicit operator bool() const { return bool(memory_); }

    // Sets out on rays; those that meet nothing reachable are left out of `rays`.
    void begin(std::vector<i32>& rays);

    // Of each of these rays, numbers [0, room) of `begin`'s, the next live samples, `most` of them or as many as there
    // are: one of every ray before the next of any. canonical [3, stride], height [stride]. Returns how many.
    int next(const std::vector<i32>& numbers, int most, i64 stride, float* canonical, float* height, i32* number);

    // Whether a ray has no more.
    bool over(int number) const { return at_[number] == end_[number]; }

  private:
    const Space& space_;
    int room_;
    Buffer memory_;
    float *points_, *canonical_, *height_;
    std::vector<float> distances_;
    std::vector<i32> rays_, pending_, asked_;
    std::vector<i64> at_, end_;
    std::vector<int> taken_;
};

// 1 / (1 + e^-x).
PF_HD float logistic(float x) { return 1 / (1 + exponential(clamp(-x, -80.0f, 80.0f))); }

// Density, 1/m, from its logarithm, which is raised by up to `rise` within about `width` (m) of the surface, outside to
// inside; height: over the surface, m.
PF_HD float density_at(float logarithm, float height, float rise, float width) {
    const float plain = exponential(logarithm > 15.0f ? 15.0f : logarithm);
    return plain * exponential(rise * logistic(-height / width));
}

}  // namespace pf
