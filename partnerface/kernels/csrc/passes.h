// What one thread does of an op's forward pass, on samples [begin, end) of rows that are `count` long: drivers hand these
// out to threads, and the renderer has them work on samples that stay in the caches.
#pragma once

#include "cpu.h"
#include "hash_grid.h"
#include "inverse_skinning.h"

namespace pf {

// x [3, count] to out [3 + 6 octaves, count].
void encode(const float* x, i64 count, i64 begin, i64 end, i64 octaves, float* out);

// x [3, count], table [entries, features] to out [levels * features, count]. UNSUPPORTED: so many features.
int grid_features(
    const GridShape& shape, i64 features, const float* x, i64 count, i64 begin, i64 end, const float* table, float* out);

// logits [parts, count] to weights [parts, count].
void weigh_parts(const float* logits, i64 count, i64 begin, i64 end, i64 parts, float* weights);

// points [3, count], slot [count] or null (all are in the first frame) to canonical [3, count], map [9, count] or null,
// distance or null, height [count].
void carry_all(
    const Skin& skin, const float* points, const i64* slot, i64 count, i64 begin, i64 end, float* canonical, float* map,
    float* distance, float* height);

}  // namespace pf
