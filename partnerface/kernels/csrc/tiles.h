// The matrix unit's registers: eight tiles of 16 rows of 64 bytes.
#pragma once

#include <immintrin.h>

#include <cstdint>
#include <cstring>
#include <type_traits>

namespace pf {

// Rows of a tile, and columns of a sum; how many bfloat16 a row holds; a tile's bytes.
constexpr int EDGE = 16, DEPTH = 32, TILE_BYTES = 1024;
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
inline void tile_load(const void* from, long stride) {
    asm volatile("tileloadd (%0,%1,1), %%tmm%c2" ::"r"(from), "r"(stride), "i"(TILE) : "memory");
}
template <int TILE>
inline void tile_store(void* to, long stride) {
    asm volatile("tilestored %%tmm%c2, (%0,%1,1)" ::"r"(to), "r"(stride), "i"(TILE) : "memory");
}
template <int TILE>
inline void tile_clear() {
    asm volatile("tilezero %%tmm%c0" ::"i"(TILE));
}
template <int C, int A, int B>
inline void tile_multiply() {
    asm volatile("tdpbf16ps %%tmm%c2, %%tmm%c1, %%tmm%c0" ::"i"(C), "i"(A), "i"(B));
}

// One side of a product: where its first tile's halves lie, bytes to the next tile across and along the depth, and
// between rows.
struct Operand {
    const char *high, *low;
    long across, along, stride;
    Operand from(int tile) const { return {high + tile * across, low + tile * across, across, along, stride}; }
};

// c[m][n] (+)= sum over `depth` tiles of a[m] * b[n], M by N tiles of [16][16] floats, rows `stride` floats apart.
template <int M, int N>
inline void product(int depth, const Operand& a, const Operand& b, float* c, long stride, bool add) {
    static_assert((M <= 2 && N <= 2) || (M == 4 && N == 1) || (M == 1 && N == 4), "there are eight tiles");
    const long bytes = stride * 4;
    auto sums = [&](auto what) {
        what(std::integral_constant<int, 0>{});
        if constexpr (M * N > 1) what(std::integral_constant<int, 1>{});
        if constexpr (M * N > 2) what(std::integral_constant<int, 2>{}), what(std::integral_constant<int, 3>{});
    };
    sums([&](auto t) {
        if (add) tile_load<t>(c + t / N * EDGE * stride + t % N * EDGE, bytes);
        else tile_clear<t>();
    });
    for (int k = 0; k < depth; ++k) {
        const char *ah = a.high + k * a.along, *al = a.low + k * a.along;
        const char *bh = b.high + k * b.along, *bl = b.low + k * b.along;
        // Sums follow each other in turn, as each takes three products' time.
        if constexpr (M == 4) {
            auto column = [&](const char* from) {
                tile_load<4>(from, a.stride), tile_multiply<0, 4, 6>();
                tile_load<5>(from + a.across, a.stride), tile_multiply<1, 5, 6>();
                tile_load<4>(from + 2 * a.across, a.stride), tile_multiply<2, 4, 6>();
                tile_load<5>(from + 3 * a.across, a.stride), tile_multiply<3, 5, 6>();
            };
            tile_load<6>(bh, b.stride), column(ah), column(al);
            tile_load<6>(bl, b.stride), column(ah);
        } else if constexpr (N == 4) {
            auto row = [&](const char* from) {
                tile_load<6>(from, b.stride), tile_multiply<0, 4, 6>();
                tile_load<7>(from + b.across, b.stride), tile_multiply<1, 4, 7>();
                tile_load<6>(from + 2 * b.across, b.stride), tile_multiply<2, 4, 6>();
                tile_load<7>(from + 3 * b.across, b.stride), tile_multiply<3, 4, 7>();
            };
            tile_load<4>(ah, a.stride), row(bh), row(bl);
            tile_load<4>(al, a.stride), row(bh);
        } else {
            auto all = [&] {
                tile_multiply<0, 4, 6>();
                if constexpr (N == 2) tile_multiply<1, 4, 7>();
                if constexpr (M == 2) tile_multiply<N, 5, 6>();
                if constexpr (M == 2 && N == 2) tile_multiply<3, 5, 7>();
            };
            auto load_a = [&](const char* from) {
                tile_load<4>(from, a.stride);
                if constexpr (M == 2) tile_load<5>(from + a.across, a.stride);
            };
            auto load_b = [&](const char* from) {
                tile_load<6>(from, b.stride);
                if constexpr (N == 2) tile_load<7>(from + b.across, b.stride);
            };
            load_a(ah), load_b(bl), all();
            load_b(bh), all();
            load_a(al), all();
        }
    }
    sums([&](auto t) { tile_store<t>(c + t / N * EDGE * stride + t % N * EDGE, bytes); });
}

// The same, added, for numbers of tiles that are known when it runs.
inline void product_of(int m, int n, int depth, const Operand& a, const Operand& b, float* c, long stride) {
    if (m == 2 && n == 2) product<2, 2>(depth, a, b, c, stride, true);
    else if (m == 2) product<2, 1>(depth, a, b, c, stride, true);
    else if (n == 2) product<1, 2>(depth, a, b, c, stride, true);
    else product<1, 1>(depth, a, b, c, stride, true);
}

// The bfloat16 nearest to a number, as float32, and its bits.
inline float nearest(float value) {
    std::uint32_t bits;
    std::memcpy(&bits, &value, 4);
    bits = (bits + 0x8000u) & 0xffff0000u;
    std::memcpy(&value, &bits, 4);
    return value;
}
inline std::uint16_t upper(float value) {
    std::uint32_t bits;
    std::memcpy(&bits, &value, 4);
    return std::uint16_t(bits >> 16);
}

// Sixteen numbers as their halves: high is a bfloat16 with zeros behind, low the rest.
struct Split {
    __m512 high, low;
    Split() = default;
    explicit Split(__m512 value) {
        const __m512i rounded = _mm512_add_epi32(_mm512_castps_si512(value), _mm512_set1_epi32(0x8000));
        high = _mm512_castsi512_ps(_mm512_and_si512(rounded, _mm512_set1_epi32(int(0xffff0000))));
        low = _mm512_sub_ps(value, high);
    }
};

// 32 numbers of a row side by side.
template <class Halves>
inline void rows_store(const Halves& to, int row, int column_bytes, const Split& a, const Split& b) {
    _mm512_store_si512(to.at(false, row, column_bytes), (__m512i)_mm512_cvtne2ps_pbh(b.high, a.high));
    _mm512_store_si512(to.at(true, row, column_bytes), (__m512i)_mm512_cvtne2ps_pbh(b.low, a.low));
}

// 16 numbers of a row and those of the next in pairs. The low halves are cut off here, not rounded.
template <class Halves>
inline void pairs_store(const Halves& to, int row, int column_bytes, const Split& a, const Split& b) {
    const __m512i upper = _mm512_set1_epi32(int(0xffff0000));
    auto paired = [=](__m512 one, __m512 two) {
        const __m512i first = _mm512_srli_epi32(_mm512_castps_si512(one), 16);
        return _mm512_ternarylogic_epi32(first, _mm512_castps_si512(two), upper, 0xf8);
    };
    _mm512_store_si512(to.at(false, row, column_bytes), paired(a.high, b.high));
    _mm512_store_si512(to.at(true, row, column_bytes), paired(a.low, b.low));
}

}  // namespace pf
