#include "render.h"

#include "march.h"
#include "passes.h"

using namespace pf;

Places::Places(const Space& space, int room) : space_(space), room_(room), memory_(buffer(i64(7) * room)) {
    points_ = memory_.get(), canonical_ = points_ + 3 * room, height_ = canonical_ + 3 * room;
    std::fill(points_, points_ + (memory_ ? i64(7) * room : 0), 0.0f);
}

void Places::begin(std::vector<i32>& rays) {
    distances_.clear(), at_.clear(), end_.clear(), rays_.clear();
    for (const i32 ray : rays) {
        const i64 first = i64(distances_.size());
        march_ray(
            space_.origin + 3 * i64(ray), space_.direction + 3 * i64(ray), space_.reachable, space_.grid, space_.inner,
            space_.step, 0.5f, [&](float distance) { distances_.push_back(distance); });
        if (first == i64(distances_.size())) continue;
        at_.push_back(first), end_.push_back(i64(distances_.size()));
        rays_.push_back(ray);
    }
    taken_.resize(rays_.size());
    rays = rays_;
}

int Places::next(
    const std::vector<i32>& numbers, int most, i64 stride, float* canonical, float* height, i32* number) {
    int found = 0;
    pending_ = numbers;
    for (const i32 one : pending_) taken_[one] = 0;
    while (!pending_.empty()) {
        asked_.clear();
        for (const i32 one : pending_) {
            if (over(one)) continue;
            const float *origin = space_.origin + 3 * i64(rays_[one]), *direction = space_.direction + 3 * i64(rays_[one]);
            const float distance = distances_[at_[one]++];
            for (int axis = 0; axis < 3; ++axis)
                points_[axis * room_ + i64(asked_.size())] = origin[axis] + direction[axis] * distance;
            asked_.push_back(one);
        }
        const float* placed = points_;
        if (space_.skin.vertices) {
            carry_all(space_.skin, points_, nullptr, room_, 0, i64(asked_.size()), canonical_, nullptr, nullptr, height_);
            placed = canonical_;
        }
        pending_.clear();
        for (int s = 0; s < int(asked_.size()); ++s) {
            const float point[3] = {placed[s], placed[room_ + s], placed[2 * room_ + s]};
            const bool live = space_.live[voxel(space_.grid, point)];
            if (live) {
                for (int axis = 0; axis < 3; ++axis) canonical[axis * stride + found] = point[axis];
                height[found] = height_[s];
                number[found++] = asked_[s];
            }
            if ((taken_[asked_[s]] += live) < most) pending_.push_back(asked_[s]);
        }
    }
    return found;
}
