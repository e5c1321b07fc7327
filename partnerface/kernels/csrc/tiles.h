// The matrix unit's registers, eight tiles of 16 rows of 64 bytes, and float32 numbers as two bfloat16.
#pragma once

#include <immintrin.h>

#include <cstdint>
#include <type_traits>

namespace pf {

// Rows of a tile, and columns of a sum; how many bfloat16 a row holds; a tile's bytes.
constexpr int EDGE = 16, DEPTH = 32, TILE_BYTES = 1024;
// Calls would have the vectors' constants fetched again.
#define PF_INLINE inline __attribute__((always_inline))

constexpr int tiles(int n, int edge) { return (n + edge - 1) / edge; }
constexpr int whole(int n, int edge) { return tiles(n, edge) * edge; }

// The thread's unit is set up while this lives.
class Unit {
    struct alignas(64) Setup {
        std::uint8_t palette = 1, start = 0, reserved[14] = {};
        std::uint16_t bytes[16] = {};
        std::uint8_t rows[16] = {};
    };

  public:
    Unit() {
        Setup setup;
        for (int tile = 0; tile < 8; ++tile) setup.bytes[tile] = 64, setup.rows[tile] = EDGE;
        asm volatile("ldtilecfg %0" ::"m"(setup));
    }
    ~Unit() { asm volatile("tilerelease"); }
    Unit(const Unit&) = delete;
    Unit& operator=(const Unit&) = delete;
};

template <int TILE>
PF_INLINE void tile_load(const void* from, long stride) {
    asm volatile("tileloadd (%0,%1,1), %%tmm%c2" ::"r"(from), "r"(stride), "i"(TILE) : "memory");
}
template <int TILE>
PF_INLINE void tile_store(void* to, long stride) {
    asm volatile("tilestored %%tmm%c2, (%0,%1,1)" ::"r"(to), "r"(stride), "i"(TILE) : "memory");
}
template <int TILE>
PF_INLINE void tile_clear() {
    asm volatile("tilezero %%tmm%c0" ::"i"(TILE));
}
template <int C, int A, int B>
PF_INLINE void tile_multiply() {
    asm volatile("tdpbf16ps %%tmm%c2, %%tmm%c1, %%tmm%c0" ::"i"(C), "i"(A), "i"(B));
}

// Rows of numbers in halves: the bytes of both, and between rows.
struct Halves {
    char *high = nullptr, *low = nullptr;
    long stride = 0;
    Halves from(long row, long column_bytes) const {
        const long offset = row * stride + column_bytes;
        return {high + offset, low + offset, stride};
    }
};

// One side of a product: where its first tile's halves lie, bytes to the next tile across and along the depth, and
// between rows.
struct Operand {
    const char *high, *low;
    long across, along, stride;
    Operand from(int tile) const { return {high + tile * across, low + tile * across, across, along, stride}; }
};

// Sums of a product in tiles 0 and 1 (SET 0) or 2 and 3, N of them, that are still to be stored.
struct Tail {
    int set = -1, tiles = 0;
    float* to = nullptr;
    long stride = 0;

    PF_INLINE void store() {
        if (set == 0) store_set<0>();
        if (set == 1) store_set<1>();
        set = -1;
    }

  private:
    template <int SET>
    PF_INLINE void store_set() const {
        tile_store<2 * SET>(to, stride * 4);
        if (tiles == 2) tile_store<2 * SET + 1>(to + EDGE, stride * 4);
    }
};

// to[m][n] = start[m][n] + sum over `depth` tiles of a[m] * b[n], with M by N tiles of [16][16] floats.
//
// It is done in strides so that vectors have something to do meanwhile: a processor looks ahead by some hundred
// instructions only, and a tile's load or store counts for many. A stride is a product of halves: high * low, high * high,
// low * high. The sums of a row of tiles are stored while the next row, which has other tiles, is summed; those of the
// last row are left to the next product.
template <int M, int N>
class Product {
    static_assert(M <= 2 && N <= 2, "there are eight tiles");

  public:
    Product(int depth, const Operand& a, const Operand& b, float* to, long stride)
        : strides_(3 * depth), left_(strides_), all_(M * strides_), a_(a), b_(b), to_(to), stride_(stride) {
        tail_.tiles = N, tail_.stride = stride;
    }

    // The sums start from a row for each column of tiles, from what is there, or else from zero.
    void start_from_row(const float* row) { row_ = row; }
    void start_from_sum() { add_ = true; }

    // The first stride, after which `before` is stored.
    PF_INLINE void start(Tail& before) {
        if (before.set == 0) before.store();
        begin<0>();
        stride();
        before.store();
    }
    // Called EDGE times, does what remains after the first stride.
    PF_INLINE void keep_pace() {
        for (due_ += all_ - 1; due_ >= EDGE; due_ -= EDGE) stride();
    }
    // The rest; the sums that are still to be stored.
    PF_INLINE Tail finish() {
        while (left_ || row_of_tiles_ + 1 < M) stride();
        tail_.set = row_of_tiles_, tail_.to = to_ + row_of_tiles_ * EDGE * stride_;
        return tail_;
    }

  private:
    template <int SET>
    PF_INLINE void begin() const {
        float* to = to_ + SET * EDGE * stride_;
        if (add_) {
            tile_load<2 * SET>(to, stride_ * 4);
            if constexpr (N == 2) tile_load<2 * SET + 1>(to + EDGE, stride_ * 4);
        } else if (row_) {
            tile_load<2 * SET>(row_, 0);
            if constexpr (N == 2) tile_load<2 * SET + 1>(row_ + EDGE, 0);
        } else {
            tile_clear<2 * SET>();
            if constexpr (N == 2) tile_clear<2 * SET + 1>();
        }
    }

    PF_INLINE void stride() {
        if (M == 1 || row_of_tiles_ == 0) {
            if (left_) return stride_of<0>(a_);
            if constexpr (M == 2) {
                row_of_tiles_ = 1, left_ = strides_, phase_ = 0, offset_a_ = a_.across, offset_b_ = 0;
                begin<1>();
                stride_of<1>(a_);
                Tail first = tail_;
                first.set = 0, first.to = to_;
                first.store();
            }
        } else {
            stride_of<1>(a_);
        }
    }

    template <int SET>
    PF_INLINE void stride_of(const Operand& a) {
        if (phase_ == 0) {
            tile_load<4>(a.high + offset_a_, a.stride);
            load_b(b_.low + offset_b_), multiply<SET, 4>();
            phase_ = 1;
        } else if (phase_ == 1) {
            load_b(b_.high + offset_b_), multiply<SET, 4>();
            phase_ = 2;
        } else {
            tile_load<5>(a.low + offset_a_, a.stride);
            multiply<SET, 5>();
            offset_a_ += a.along, offset_b_ += b_.along;
            phase_ = 0;
        }
        --left_;
    }
    PF_INLINE void load_b(const char* from) const {
        tile_load<6>(from, b_.stride);
        if constexpr (N == 2) tile_load<7>(from + b_.across, b_.stride);
    }
    template <int SET, int A>
    PF_INLINE void multiply() const {
        tile_multiply<2 * SET, A, 6>();
        if constexpr (N == 2) tile_multiply<2 * SET + 1, A, 7>();
    }

    int strides_, left_, all_, due_ = 0, phase_ = 0, row_of_tiles_ = 0;
    long offset_a_ = 0, offset_b_ = 0;
    bool add_ = false;
    const float* row_ = nullptr;
    Operand a_, b_;
    float* to_;
    long stride_;
    Tail tail_;
};

// Where nothing is multiplied meanwhile.
struct Nothing {
    PF_INLINE void keep_pace() {}
};

// Sixteen numbers in halves: high is the nearest bfloat16, with zeros behind, low the rest.
struct Split {
    __m512 high, low;
    Split() = default;
    PF_INLINE explicit Split(__m512 value) {
        const __m512i rounded = _mm512_add_epi32(_mm512_castps_si512(value), _mm512_set1_epi32(0x8000));
        high = _mm512_castsi512_ps(_mm512_and_si512(rounded, _mm512_set1_epi32(int(0xffff0000))));
        low = _mm512_sub_ps(value, high);
    }
};

// Numbers 16 places apart side by side, as a product's depth wants them: one's bfloat16 before two's. Of the low halves
// the rest is cut off.
PF_INLINE void store_pairs(const Halves& to, long row, long column_bytes, const Split& one, const Split& two) {
    const __m512i upper = _mm512_set1_epi32(int(0xffff0000));
    const long offset = row * to.stride + column_bytes;
    auto paired = [=](__m512 a, __m512 b) {
        const __m512i first = _mm512_srli_epi32(_mm512_castps_si512(a), 16);
        return _mm512_ternarylogic_epi32(first, _mm512_castps_si512(b), upper, 0xf8);  // first | (b & upper)
    };
    _mm512_store_si512(to.high + offset, paired(one.high, two.high));
    _mm512_store_si512(to.low + offset, paired(one.low, two.low));
}

}  // namespace pf
