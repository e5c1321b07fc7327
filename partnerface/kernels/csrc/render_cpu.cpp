// Pictures square by square: a thread takes the next few samples of each ray that is not opaque yet, does everything to
// them while they are in its caches, and goes on until no ray is left.
#include <atomic>

#include "composite.h"
#include "part_mixture_pass.h"
#include "passes.h"
#include "render.h"

namespace {
using namespace pf;

// Pixels along a square's edge; its rays, which is also how many samples are worked on at once; how many samples are
// taken where few rays are left.
constexpr int SIDE = 32, ROOM = SIDE * SIDE, AT_LEAST = 256;

struct Scene {
    Space space;
    i64 height, width;
    // The deformation; no parts, none. Points are scaled by middle [3] and extent, displacements by scale.
    i64 octaves;
    const float* middle;
    float extent, scale, bound;
    Networks assigner, parts;
    // The field in the cube at low [3] of this edge.
    const float* low;
    float edge;
    GridShape grid;
    i64 features;
    const float* table;
    Networks geometry, colour;
    float rise, surface;
    // Where rays end, and what is not seen.
    float opaque, faint;
    float *colours, *opacities;

    i64 side_y() const { return std::min<i64>(height, SIDE); }
    i64 side_x() const { return ROOM / std::max<i64>(side_y(), 1); }
    i64 across() const { return (width + side_x() - 1) / side_x(); }
    i64 squares() const { return height ? (height + side_y() - 1) / side_y() * across() : 0; }
};

// Networks' weights as the instruction set wants them.
struct Operands {
    const Packed assigner, parts, geometry, colour;
    explicit Operands(const Scene& scene)
        : assigner(scene.assigner, false), parts(scene.parts, false), geometry(scene.geometry, false),
          colour(scene.colour, false) {}
    explicit operator bool() const { return assigner && parts && geometry && colour; }
};

// One thread's.
class Painter {
  public:
    Painter(const Scene& scene, const Operands& operands)
        : scene_(scene), places_(scene.space, ROOM), assigner_(scene.assigner, operands.assigner),
          parts_(scene.parts, operands.parts), geometry_(scene.geometry, operands.geometry),
          colour_(scene.colour, operands.colour) {
        const int parts = scene.parts.parts;
        const std::pair<float**, int> rows[] = {
            {&place_, 3}, {&scaled_, 3}, {&moved_, 3}, {&height_, 1}, {&density_, 1}, {&weight_, 1},
            {&encoded_, scene.parts.inputs()}, {&logits_, parts}, {&weights_, parts},
            {&features_, scene.geometry.inputs()}, {&values_, scene.geometry.outputs()},
            {&inputs_, scene.colour.inputs()}, {&shades_, scene.colour.outputs()}};
        i64 size = 0;
        for (const auto& one : rows) size += one.second * STRIDE;
        memory_ = buffer(size);
        if (!memory_) return;
        std::memset(memory_.get(), 0, size * sizeof(float));
        float* at = memory_.get();
        for (const auto& [pointer, count] : rows) *pointer = at, at += count * STRIDE;
    }
    explicit operator bool() const { return memory_ && places_ && assigner_ && parts_ && geometry_ && colour_; }

    void paint(i64 square) {
        const i64 y = square / scene_.across() * scene_.side_y(), x = square % scene_.across() * scene_.side_x();
        rays_.clear();
        for (i64 j = y; j < std::min(scene_.height, y + scene_.side_y()); ++j)
            for (i64 i = x; i < std::min(scene_.width, x + scene_.side_x()); ++i) {
                const i64 ray = j * scene_.width + i;
                rays_.push_back(i32(ray));
                scene_.opacities[ray] = 0;
                for (int c = 0; c < 3; ++c) scene_.colours[3 * ray + c] = 0;
            }
        places_.begin(rays_);
        active_.resize(rays_.size());
        for (int i = 0; i < int(active_.size()); ++i) active_[i] = i;
        while (!active_.empty()) {
            const int most = std::max(1, AT_LEAST / int(active_.size()));
            if (const int count = places_.next(active_, most, STRIDE, place_, height_, number_)) shade(count);
            active_.erase(
                std::remove_if(active_.begin(), active_.end(), [&](i32 i) {
                    return places_.over(i) || scene_.opacities[rays_[i]] >= scene_.opaque;
                }), active_.end());
        }
    }

  private:
    // Between features: no large power of two, or they would contend for the same lines of a cache.
    static constexpr i64 STRIDE = ROOM + 16;

    void shade(int count) {
        if (scene_.parts.parts) deform(count);
        for (int axis = 0; axis < 3; ++axis)
            for (int s = 0; s < count; ++s)
                scaled_[axis * STRIDE + s] = (place_[axis * STRIDE + s] - scene_.low[axis]) / scene_.edge;
        grid_features(scene_.grid, scene_.features, scaled_, STRIDE, 0, count, scene_.table, features_);
        geometry_.run(features_, nullptr, -1, false, STRIDE, count, values_);
#pragma omp simd
        for (int s = 0; s < count; ++s) density_[s] = density_at(values_[s], height_[s], scene_.rise, scene_.surface);
        const int seen = composite(count);
        colour_.run(inputs_, nullptr, -1, false, STRIDE, seen, shades_);
        for (int c = 0; c < 3; ++c) {
#pragma omp simd
            for (int s = 0; s < seen; ++s) shades_[c * STRIDE + s] = logistic(shades_[c * STRIDE + s]) * weight_[s];
            for (int s = 0; s < seen; ++s) scene_.colours[3 * i64(rays_[number_[s]]) + c] += shades_[c * STRIDE + s];
        }
    }

    void deform(int count) {
        for (int axis = 0; axis < 3; ++axis)
            for (int s = 0; s < count; ++s)
                scaled_[axis * STRIDE + s] = (place_[axis * STRIDE + s] - scene_.middle[axis]) / scene_.extent;
        encode(scaled_, STRIDE, 0, count, scene_.octaves, encoded_);
        assigner_.run(encoded_, nullptr, -1, false, STRIDE, count, logits_);
        weigh_parts(logits_, STRIDE, 0, count, scene_.parts.parts, weights_);
        i64 live = 0;
        for (int part = 0; part < scene_.parts.parts; ++part)
            for (int s = 0; s < count; ++s) live += weights_[part * STRIDE + s] > scene_.bound;
        // Gathering from the caches costs a fourth of what a network does.
        const bool few = live * 4 < i64(count) * scene_.parts.parts * 3;
        parts_.run(encoded_, weights_, scene_.bound, few, STRIDE, count, moved_);
        for (int axis = 0; axis < 3; ++axis)
            for (int s = 0; s < count; ++s) place_[axis * STRIDE + s] += moved_[axis * STRIDE + s] * scene_.scale;
    }

    // Takes the samples into their rays' opacities. Those that are seen are moved to the front: number_, weight_, and
    // the colour network's inputs; returns how many there are.
    int composite(int count) {
        const int passed = scene_.geometry.outputs() - 1;
        int seen = 0;
        for (int s = 0; s < count; ++s) {
            const i64 ray = rays_[number_[s]];
            float& opacity = scene_.opacities[ray];
            if (opacity >= scene_.opaque) continue;
            float weight;
            composite_ray(density_ + s, &scene_.space.step, 0, 1, &weight);
            weight *= 1 - opacity;
            // Said this way round, what is not a number is seen.
            if (weight <= scene_.faint) continue;
            opacity += weight;
            weight_[seen] = weight;
            number_[seen] = number_[s];
            for (int row = 0; row < passed; ++row) inputs_[row * STRIDE + seen] = values_[(row + 1) * STRIDE + s];
            for (int axis = 0; axis < 3; ++axis)
                inputs_[(passed + axis) * STRIDE + seen] = scene_.space.direction[3 * ray + axis];
            ++seen;
        }
        return seen;
    }

    const Scene& scene_;
    Places places_;
    MixturePass assigner_, parts_, geometry_, colour_;
    Buffer memory_;
    float *place_, *scaled_, *height_, *weight_, *density_, *encoded_, *logits_, *weights_, *moved_, *features_, *values_, *inputs_,
        *shades_;
    i32 number_[ROOM];
    std::vector<i32> rays_, active_;
};

}  // namespace

// A picture of [height, width] rays, row by row.
//
// origin, direction [rays, 3]; reachable, live [x, y, z]; box, inner [2, 3]. Of one frame, or null: vertices, maps,
// volumes, patch and ring as of pf_inverse_skinning_forward, with the size of their grid in the same box. Networks: layers,
// widths and parameters as of pf_part_mixture_forward; the deformation's `parts` may be 0. low [3], table and the numbers
// before it as of pf_hash_grid_forward. The logarithm of the density rises by `rise` over `surface` (m). A sample of at
// most the weight `faint` is left out; a ray ends once its opacity is `opaque`. colours [rays, 3], premultiplied;
// opacities [rays].
PF_API int pf_render(
    const float* origin, const float* direction, i64 height, i64 width, const bool* reachable, const bool* live, i64 x,
    i64 y, i64 z, const float* box, const float* inner, float step, const float* vertices, const float* maps,
    const std::int16_t* volumes, const i32* patch, const i32* ring, i64 vertex_count, i64 patch_size, i64 ring_size,
    i64 skin_x, i64 skin_y, i64 skin_z, float radius, float near, float far, i64 octaves, const float* middle,
    float extent, float scale, float bound, i64 assigner_layers, const i32* assigner_width, const float* const* assigner,
    i64 parts, i64 part_layers, const i32* part_width, const float* const* part, const float* low, float edge,
    i64 features, i64 levels, i64 log2_size, const i32* resolution, const float* table, i64 geometry_layers,
    const i32* geometry_width, const float* const* geometry, i64 colour_layers, const i32* colour_width,
    const float* const* colour, float rise, float surface, float opaque, float faint, float* colours, float* opacities,
    i64 threads, void*) {
    if (ring_size > MAX_RING || levels > MAX_LEVELS || height * width > INT32_MAX) return UNSUPPORTED;
    const Skin skin{vertices, maps, volumes, patch, ring, vertex_count, skin_x * skin_y * skin_z, patch_size, ring_size,
                    Grid{box, box + 3, {skin_x, skin_y, skin_z}}, radius, near, far};
    Scene scene{};
    scene.space = {origin, direction, reachable, live, Grid{box, box + 3, {x, y, z}}, inner, step, skin};
    scene.height = height, scene.width = width;
    scene.octaves = octaves, scene.middle = middle, scene.extent = extent, scene.scale = scale, scene.bound = bound;
    scene.low = low, scene.edge = edge, scene.grid = grid_shape(levels, log2_size, resolution);
    scene.features = features, scene.table = table;
    scene.rise = rise, scene.surface = surface, scene.opaque = opaque, scene.faint = faint;
    scene.colours = colours, scene.opacities = opacities;
    if (parts) {
        if (const int failed = networks(1, assigner_layers, assigner_width, assigner, scene.assigner)) return failed;
        if (const int failed = networks(parts, part_layers, part_width, part, scene.parts)) return failed;
    }
    if (const int failed = networks(1, geometry_layers, geometry_width, geometry, scene.geometry)) return failed;
    if (const int failed = networks(1, colour_layers, colour_width, colour, scene.colour)) return failed;
    // Asks whether the grid has so many features.
    if (const int failed = grid_features(scene.grid, features, nullptr, 0, 0, 0, table, nullptr)) return failed;
    const Operands operands(scene);
    if (!operands) return OUT_OF_MEMORY;
    std::atomic<bool> done{true};
    std::atomic<i64> next{0};
    // Squares differ in what they hold: a thread takes another when it is through with one.
    const i64 squares = scene.squares(), workers = std::min(threads, squares);
    parallel(workers, workers, 1, [&](i64, i64, int) {
        Painter painter(scene, operands);
        if (!painter) done = false;
        else
            for (i64 square = next++; square < squares; square = next++) painter.paint(square);
    });
    return done ? OK : OUT_OF_MEMORY;
}
