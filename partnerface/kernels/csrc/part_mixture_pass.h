// What one thread does of the part mixture's forward pass (see passes.h), with the memory that it needs.
#pragma once

#include "networks_share.h"

namespace pf {

struct MixturePass {
    const Networks& net;
    const Packed& packed;
    Worker worker;
    Buffer memory;

    MixturePass(const Networks& net, const Packed& packed)
        : net(net), packed(packed), worker(net, packed, nullptr),
          memory(buffer((i64(net.inputs()) + 1 + net.outputs()) * BLOCK)) {}
    explicit operator bool() const { return worker && memory; }

    // x [inputs, count], weights [parts, count] or null to out [outputs, count], samples [0, end); gathered: each part's
    // samples, those that weigh more than `bound`, are brought together first.
    void run(const float* x, const float* weights, float bound, bool gathered, i64 count, i64 end, float* out);
};

}  // namespace pf
