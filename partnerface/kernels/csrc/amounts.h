// What a part mixture's outputs are added up by: they are `kinds` groups of outputs of one size, and a sample's frame says
// how much it has of each.
#pragma once

#include "common.h"

namespace pf {

struct Amounts {
    const float* table;  // [frames, kinds]
    const i32* slot;     // [count], which frame's
    int kinds;           // 0: the outputs stay apart

    PF_HD bool any() const { return kinds > 0; }
    PF_HD int left(int outputs) const { return kinds ? outputs / kinds : outputs; }
    PF_HD const float* of(i64 sample) const { return table + i64(slot[sample]) * kinds; }
};

}  // namespace pf
