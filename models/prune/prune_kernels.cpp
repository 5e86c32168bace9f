// Loops over the elements of a pruned tensor. The decisions are those of the scalar definitions in
// stochastic_pruner.cpp, dithered_policy.cpp and nm_policy.cpp, on exact doubles.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "models/prune/prune_kernels.cpp"
#include "models/prune/prune_kernels.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>

#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "models/format/fp32.hpp"
#include "models/prune/nm_block.hpp"

HWY_BEFORE_NAMESPACE();
namespace gradpath::kernels::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

constexpr double kLargest = std::numeric_limits<float>::max();

// As many fp32 elements as a vector has doubles.
using Doubles = hn::ScalableTag<double>;
using Floats = hn::Rebind<float, Doubles>;
using Words = hn::Rebind<std::uint32_t, Doubles>;
using Integers = hn::Rebind<std::int32_t, Doubles>;

// 2u + 1 in double, u the top random_bits bits of a word.
HWY_INLINE hn::Vec<Doubles> odd_of(hn::Vec<Words> words, int random_bits) {
  const Words du;
  const auto u = hn::ShiftRightSame(words, 32 - random_bits);
  return hn::PromoteTo(Doubles(),
                       hn::BitCast(Integers(), hn::Or(hn::ShiftLeft<1>(u), hn::Set(du, 1))));
}

// A magnitude in double, rounded to fp32, with the sign of `bits`; +0 if it is none.
HWY_INLINE hn::Vec<Words> with_sign(hn::Vec<Doubles> magnitude, hn::Vec<Words> bits) {
  const Words du;
  const auto rounded = hn::BitCast(du, hn::DemoteTo(Floats(), magnitude));
  const auto sign = hn::AndNot(hn::Set(du, fp32::kMagnitude), bits);
  return hn::IfThenZeroElse(hn::Eq(rounded, hn::Zero(du)), hn::Or(rounded, sign));
}

// CounterRandom's words of elements first, first + 1, ...; writes up to a vector past the last.
void fill_words(CounterRandom random, std::uint64_t first, std::size_t count,
                std::uint32_t* HWY_RESTRICT words) {
  const hn::ScalableTag<std::uint32_t> d;
  for (std::size_t i = 0; i < count;) {
    const CounterRandom::Keys keys = random.keys((first + i) / CounterRandom::kBlock);
    const auto place = static_cast<std::uint32_t>((first + i) % CounterRandom::kBlock);
    const std::size_t run = std::min<std::size_t>(CounterRandom::kBlock - place, count - i);
    for (std::size_t k = 0; k < run; k += hn::Lanes(d)) {
      const auto places = hn::Iota(d, place + static_cast<std::uint32_t>(k));
      auto h =
          hn::Xor(hn::Mul(places, hn::Set(d, CounterRandom::spread(1))), hn::Set(d, keys.offset));
      h = hn::Mul(h, hn::Set(d, keys.factor));
      h = hn::Xor(h, hn::ShiftRight<16>(h));
      hn::StoreU(hn::Mul(h, hn::Set(d, 0x846ca68bu)), d, words + i + k);  // as mix()
    }
    i += run;
  }
}

// f(i, count): whole vectors, then what is left in a vector of its own, filled up with zeros.
template <class F>
HWY_INLINE void for_vectors(std::span<const float> in, const std::uint32_t* words, float* out,
                            F f) {
  const Words du;
  const Floats df;
  const std::size_t lanes = hn::Lanes(du);
  std::size_t i = 0;
  for (; i + lanes <= in.size(); i += lanes) {
    const auto bits = hn::BitCast(du, hn::LoadU(df, in.data() + i));
    hn::StoreU(hn::BitCast(df, f(bits, hn::LoadU(du, words + i))), df, out + i);
  }
  if (i == in.size()) return;
  HWY_ALIGN std::array<float, hn::MaxLanes(df)> rest{};
  HWY_ALIGN std::array<std::uint32_t, hn::MaxLanes(df)> rest_words{};
  std::copy(in.begin() + static_cast<std::ptrdiff_t>(i), in.end(), rest.begin());
  std::copy(words + i, words + in.size(), rest_words.begin());
  const auto bits = hn::BitCast(du, hn::Load(df, rest.data()));
  hn::Store(hn::BitCast(df, f(bits, hn::Load(du, rest_words.data()))), df, rest.data());
  std::copy_n(rest.begin(), in.size() - i, out + i);
}

void promote_all(std::span<const float> in, const std::uint32_t* words, std::uint32_t alpha_bits,
                 int random_bits, float* out) {
  const Words du;
  const Doubles dd;
  const auto alpha = hn::Set(dd, double{std::bit_cast<float>(alpha_bits)});
  const auto scale = hn::Set(dd, std::ldexp(1.0, random_bits + 1));
  const auto least = hn::Set(du, alpha_bits);
  // (2u + 1) alpha < |x| 2^(R + 1), both sides exact in double (25 + 24 bits).
  for_vectors(in, words, out, [&](auto bits, auto word) HWY_ATTR {
    const auto magnitude = hn::And(bits, hn::Set(du, fp32::kMagnitude));
    const auto x = hn::PromoteTo(dd, hn::BitCast(Floats(), magnitude));
    const auto keeps = hn::Lt(hn::Mul(odd_of(word, random_bits), alpha), hn::Mul(x, scale));
    const auto promoted = with_sign(hn::IfThenElseZero(keeps, alpha), bits);
    return hn::IfThenElse(hn::Lt(magnitude, least), promoted, bits);
  });
}

void scale_all(std::span<const float> in, const std::uint32_t* words, std::uint32_t limit,
               double factor, float* out) {
  const Words du;
  const Doubles dd;
  for_vectors(in, words, out, [&](auto bits, auto word) HWY_ATTR {
    const auto magnitude = hn::And(bits, hn::Set(du, fp32::kMagnitude));
    const auto keeps = hn::Lt(word, hn::Set(du, limit));
    const auto is_finite = hn::Lt(magnitude, hn::Set(du, fp32::kInfinity));
    const auto finite = hn::IfThenElseZero(is_finite, magnitude);
    const auto x = hn::PromoteTo(dd, hn::BitCast(Floats(), finite));
    const auto scaled = hn::Min(hn::Mul(x, hn::Set(dd, factor)), hn::Set(dd, kLargest));
    const auto kept = hn::IfThenElseZero(keeps, with_sign(scaled, bits));
    return hn::IfThenElse(is_finite, kept, bits);
  });
}

bool dither_all(std::span<const float> in, const std::uint32_t* words, float step, int random_bits,
                float* out) {
  const Words du;
  const Doubles dd;
  const auto width = hn::Set(dd, double{step});
  const auto inverse = hn::Set(dd, 1.0 / double{step});
  const auto scale = hn::Set(dd, std::ldexp(1.0, random_bits + 1));
  const auto one = hn::Set(dd, 1.0);
  auto most = hn::Zero(dd);
  for_vectors(in, words, out, [&](auto bits, auto word) HWY_ATTR {
    const auto magnitude = hn::And(bits, hn::Set(du, fp32::kMagnitude));
    const auto is_finite = hn::Lt(magnitude, hn::Set(du, fp32::kInfinity));
    const auto x =
        hn::PromoteTo(dd, hn::BitCast(Floats(), hn::IfThenElseZero(is_finite, magnitude)));
    // The floor of the true quotient: the product's is at most one off, and the rest, exact, tells.
    auto whole = hn::Floor(hn::Mul(x, inverse));
    auto rest = hn::NegMulAdd(whole, width, x);
    const auto over = hn::Lt(rest, hn::Zero(dd));
    whole = hn::Sub(whole, hn::IfThenElseZero(over, one));
    rest = hn::Add(rest, hn::IfThenElseZero(over, width));
    const auto under = hn::Ge(rest, width);
    whole = hn::Add(whole, hn::IfThenElseZero(under, one));
    rest = hn::Sub(rest, hn::IfThenElseZero(under, width));
    most = hn::Max(most, whole);
    // The rest is to the step as |x| is to alpha in `stochastic`.
    const auto up = hn::Lt(hn::Mul(odd_of(word, random_bits), width), hn::Mul(rest, scale));
    whole = hn::Add(whole, hn::IfThenElseZero(up, one));
    const auto value = hn::Min(hn::Mul(whole, width), hn::Set(dd, kLargest));
    return hn::IfThenElse(is_finite, with_sign(value, bits), bits);
  });
  return hn::AllTrue(dd, hn::Lt(most, hn::Set(dd, 0x1p29)));
}

// Blocks side by side, one a lane; row k holds the k-th element of each.
constexpr std::size_t kBlocks = hn::MaxLanes(Doubles());
struct alignas(64) NmRows {
  std::array<std::array<float, kBlocks>, kLargestNmBlock> x;  ///< becomes what is left of it
  std::array<std::array<double, kBlocks>, kLargestNmBlock>
      left;  ///< |x|, 0 once it is sure to stay
  std::array<double, kBlocks> points;
};

// One row's work on each of m rows; kSize: m where it is known when compiling, else 0.
template <std::size_t kSize, class F>
HWY_INLINE void for_rows(std::size_t m, F f) {
  const std::size_t rows = kSize > 0 ? kSize : m;
  for (std::size_t k = 0; k < rows; ++k) f(k);
}

template <std::size_t kSize>
HWY_INLINE void prune_rows(NmRows& rows, std::size_t n, std::size_t m) {
  const Doubles dd;
  const Floats df;
  const Words du;
  const auto zero = hn::Zero(dd);
  const auto one = hn::Set(dd, 1.0);
  auto nonzeros = zero;
  auto not_finite = zero;
  for_rows<kSize>(m, [&](std::size_t k) HWY_ATTR {
    const auto a = hn::Abs(hn::PromoteTo(dd, hn::Load(df, rows.x[k].data())));
    nonzeros = hn::Add(nonzeros, hn::IfThenZeroElse(hn::Eq(a, zero), one));
    not_finite = hn::IfThenElse(hn::Le(a, hn::Set(dd, kLargest)), not_finite, one);
    hn::Store(a, dd, rows.left[k].data());
  });
  const auto size = hn::Set(dd, static_cast<double>(n));
  const auto acts = hn::And(hn::Eq(not_finite, zero), hn::Gt(nonzeros, size));

  // The largest are sure first; each lowers the level of the rest, so they are found one by one.
  auto drawn = size;
  const auto level_of_rest = [&]() HWY_ATTR {
    auto rest = zero;
    for_rows<kSize>(m, [&](std::size_t k)
                           HWY_ATTR { rest = hn::Add(rest, hn::Load(dd, rows.left[k].data())); });
    return hn::Div(rest, drawn);
  };
  auto level = level_of_rest();
  for (std::size_t sure = 1; sure < n; ++sure) {
    auto found = zero;
    for_rows<kSize>(m, [&](std::size_t k) HWY_ATTR {
      const auto a = hn::Load(dd, rows.left[k].data());
      const auto takes = hn::And(hn::Ge(a, level), hn::And(hn::Gt(a, zero), hn::Eq(found, zero)));
      found = hn::Add(found, hn::IfThenElseZero(takes, one));
      hn::Store(hn::IfThenZeroElse(takes, a), dd, rows.left[k].data());
    });
    if (hn::AllTrue(dd, hn::Eq(found, zero))) break;
    drawn = hn::Sub(drawn, found);
    level = level_of_rest();
  }
  const auto stays_at = hn::Min(level, hn::Set(dd, kLargest));
  auto last = zero;  // the last element that may be drawn: it takes a point lost to rounding
  for_rows<kSize>(m, [&](std::size_t k) HWY_ATTR {
    const auto draws = hn::Gt(hn::Load(dd, rows.left[k].data()), zero);
    last = hn::IfThenElse(draws, hn::Set(dd, static_cast<double>(k)), last);
  });
  const auto acts_word =
      hn::Ne(hn::BitCast(du, hn::DemoteTo(df, hn::IfThenElseZero(acts, one))), hn::Zero(du));
  auto point = hn::Load(dd, rows.points.data());
  auto place = zero;
  for_rows<kSize>(m, [&](std::size_t k) HWY_ATTR {
    const auto x = hn::Load(df, rows.x[k].data());
    const auto bits = hn::BitCast(du, x);
    const auto a = hn::Load(dd, rows.left[k].data());
    const auto draws = hn::Gt(a, zero);
    place = hn::Add(place, hn::Div(a, level));
    const auto reached =
        hn::Or(hn::Lt(point, place), hn::Eq(last, hn::Set(dd, static_cast<double>(k))));
    const auto stays = hn::And(draws, hn::And(hn::Gt(drawn, zero), reached));
    point = hn::Add(point, hn::IfThenElseZero(stays, one));
    drawn = hn::Sub(drawn, hn::IfThenElseZero(stays, one));
    const auto value =
        hn::IfThenElse(draws, hn::IfThenElseZero(stays, stays_at), hn::Abs(hn::PromoteTo(dd, x)));
    const auto pruned = hn::IfThenElse(acts_word, with_sign(value, bits), bits);
    hn::Store(hn::BitCast(df, pruned), df, rows.x[k].data());
  });
}

template <std::size_t kSize>
HWY_INLINE void load_rows(const float* HWY_RESTRICT in, std::size_t m, NmRows& rows) {
  const Floats df;
  if constexpr (kSize == 4) {
    hn::Vec<Floats> a, b, c, d;
    hn::LoadInterleaved4(df, in, a, b, c, d);
    hn::Store(a, df, rows.x[0].data());
    hn::Store(b, df, rows.x[1].data());
    hn::Store(c, df, rows.x[2].data());
    hn::Store(d, df, rows.x[3].data());
  } else {
    for (std::size_t lane = 0; lane < hn::Lanes(df); ++lane) {
      for_rows<kSize>(m, [&](std::size_t k) { rows.x[k][lane] = in[lane * m + k]; });
    }
  }
}

template <std::size_t kSize>
HWY_INLINE void store_rows(const NmRows& rows, std::size_t m, float* HWY_RESTRICT out) {
  const Floats df;
  if constexpr (kSize == 4) {
    hn::StoreInterleaved4(hn::Load(df, rows.x[0].data()), hn::Load(df, rows.x[1].data()),
                          hn::Load(df, rows.x[2].data()), hn::Load(df, rows.x[3].data()), df, out);
  } else {
    for (std::size_t lane = 0; lane < hn::Lanes(df); ++lane) {
      for_rows<kSize>(m, [&](std::size_t k) { out[lane * m + k] = rows.x[k][lane]; });
    }
  }
}

template <std::size_t kSize>
void nm_blocks(const PruneRun& run, std::size_t n, std::size_t m) {
  const std::size_t lanes = hn::Lanes(Doubles());
  const std::size_t whole = run.in.size() / m / lanes * lanes;  // blocks that go as vectors
  NmRows rows;
  CounterRandom::Keys keys{};
  std::uint64_t keys_of = ~std::uint64_t{0};
  for (std::size_t block = 0; block < whole; block += lanes) {
    load_rows<kSize>(run.in.data() + block * m, m, rows);
    for (std::size_t lane = 0; lane < lanes; ++lane) {
      const std::uint64_t index = run.first + (block + lane) * m;
      if (index / CounterRandom::kBlock != keys_of) {
        keys_of = index / CounterRandom::kBlock;
        keys = run.random.keys(keys_of);
      }
      const auto place = static_cast<std::uint32_t>(index % CounterRandom::kBlock);
      const std::uint32_t word = CounterRandom::mix(CounterRandom::spread(place), keys);
      rows.points[lane] = (word + 0.5) * 0x1p-32;
    }
    prune_rows<kSize>(rows, n, m);
    store_rows<kSize>(rows, m, run.out + block * m);
  }
  for (std::size_t i = whole * m; i < run.in.size(); i += m) {
    const std::size_t size = std::min(m, run.in.size() - i);
    nm_prune_block(run.in.subspan(i, size), n, run.random.word(run.first + i),
                   std::span(run.out + i, size));
  }
}

void nm_all(const PruneRun& run, std::size_t n, std::size_t m) {
  m == 2 ? nm_blocks<2>(run, n, m) : m == 4 ? nm_blocks<4>(run, n, m) : nm_blocks<0>(run, n, m);
}

}  // namespace gradpath::kernels::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gradpath::kernels {
namespace {

HWY_EXPORT(fill_words);
HWY_EXPORT(promote_all);
HWY_EXPORT(scale_all);
HWY_EXPORT(dither_all);
HWY_EXPORT(nm_all);

// Calls work(elements, words, out) for stretches whose words are made at once.
template <class Work>
void with_words(const PruneRun& run, Work work) {
  constexpr std::size_t kWords = 16 * CounterRandom::kBlock;
  // One more block: fill_words writes past the last by less than a vector of the widest target.
  std::array<std::uint32_t, kWords + CounterRandom::kBlock> words;
  for (std::size_t begin = 0; begin < run.in.size(); begin += kWords) {
    const std::size_t size = std::min(kWords, run.in.size() - begin);
    HWY_DYNAMIC_DISPATCH(fill_words)(run.random, run.first + begin, size, words.data());
    work(run.in.subspan(begin, size), words.data(), run.out + begin);
  }
}

}  // namespace

void keep_from(std::span<const float> in, std::uint32_t least, float* out) {
  const auto from = static_cast<std::int32_t>(least);
  for (std::size_t i = 0; i < in.size(); ++i) {
    const auto bits = std::bit_cast<std::int32_t>(in[i]);
    out[i] = (bits & 0x7fffffff) >= from ? in[i] : 0.0f;
  }
}

void promote(std::span<const float> in, const std::uint32_t* words, std::uint32_t alpha_bits,
             int random_bits, float* out) {
  HWY_DYNAMIC_DISPATCH(promote_all)(in, words, alpha_bits, random_bits, out);
}

void scale_kept(const PruneRun& run, std::uint32_t limit, double factor) {
  with_words(run, [&](std::span<const float> in, const std::uint32_t* words, float* out) {
    HWY_DYNAMIC_DISPATCH(scale_all)(in, words, limit, factor, out);
  });
}

void promote(const PruneRun& run, std::uint32_t alpha_bits, int random_bits) {
  with_words(run, [&](std::span<const float> in, const std::uint32_t* words, float* out) {
    promote(in, words, alpha_bits, random_bits, out);
  });
}

bool dither(const PruneRun& run, float step, int random_bits) {
  bool holds = true;
  with_words(run, [&](std::span<const float> in, const std::uint32_t* words, float* out) {
    holds = HWY_DYNAMIC_DISPATCH(dither_all)(in, words, step, random_bits, out) && holds;
  });
  return holds;
}

void nm_prune(const PruneRun& run, std::size_t n, std::size_t m) {
  HWY_DYNAMIC_DISPATCH(nm_all)(run, n, m);
}

}  // namespace gradpath::kernels
#endif
