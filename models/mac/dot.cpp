#include "models/mac/dot.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <stdexcept>

#include "models/format/codec.hpp"
#include "models/mac/exact_sum.hpp"

namespace gradpath {
namespace {

constexpr int kMinExponent = -126;  // of fp32's normal numbers, and of a zero summand
constexpr int kFloatFractionBits = 23;
constexpr Format kFloat = {.exponent_bits = 8, .mantissa_bits = kFloatFractionBits, .bias = 127};

// x + y rounded to odd at 53 bits: what is lost to rounding sets the last bit. Exponents here are
// far from double's limits, so the error of the sum is itself a double (Knuth's TwoSum).
double add_to_odd(double x, double y) {
  const double sum = x + y;
  if (!std::isfinite(sum)) return sum;
  const double y_part = sum - x;
  const double error = (x - (sum - y_part)) + (y - y_part);
  const auto bits = std::bit_cast<std::uint64_t>(sum);
  if (error == 0 || (bits & 1) != 0) return sum;
  const bool away_from_zero = (error > 0) == (sum > 0);
  return std::bit_cast<double>(away_from_zero ? bits + 1 : bits - 1);
}

// significand 2^(exponent - fraction_bits), not necessarily normalised.
struct Summand {
  std::int64_t significand = 0;
  int exponent = kMinExponent;
  int fraction_bits = 0;
};

Summand summand_of(const Format& format, double x) {
  if (x == 0) return {};
  const int exponent = alignment_exponent(format, x);
  const auto significand =
      static_cast<std::int64_t>(std::ldexp(x, format.mantissa_bits - exponent));
  return {significand, exponent, format.mantissa_bits};
}

Summand product_of(const Summand& a, const Summand& b) {
  if (a.significand == 0 || b.significand == 0) return {};
  return {a.significand * b.significand, a.exponent + b.exponent,
          a.fraction_bits + b.fraction_bits};
}

std::int64_t shift_toward_zero(std::int64_t x, int right) {
  if (right <= 0) return x << -right;
  const std::int64_t magnitude = right < 63 ? std::abs(x) >> right : 0;
  return x < 0 ? -magnitude : magnitude;
}

// sum 2^unit_exponent as an fp32 value with `out_bits` fraction bits, truncated toward zero.
double truncated_result(std::int64_t sum, int unit_exponent, int out_bits) {
  if (sum == 0) return 0.0;
  const auto width = static_cast<int>(std::bit_width(static_cast<std::uint64_t>(std::abs(sum))));
  const int exponent = width - 1 + unit_exponent;
  const int quantum = std::max(exponent, kMinExponent) - out_bits;
  const int dropped = std::max(quantum - unit_exponent, 0);
  const double kept =
      dropped < 63 ? std::ldexp(static_cast<double>(shift_toward_zero(sum, dropped)), dropped)
                   : 0.0;
  const double value = std::copysign(std::ldexp(kept, unit_exponent), static_cast<double>(sum));
  if (std::fabs(value) < 0x1p128) return value;
  return std::copysign(std::numeric_limits<double>::infinity(), value);
}

// One group: products and running value aligned to the largest exponent, truncated, added.
double fused_step(const FusedGroup& fused, const Factors& a, const Factors& b, std::size_t begin,
                  std::size_t end, double running) {
  double ieee = running;
  Summand summand = summand_of(kFloat, std::isfinite(running) ? running : 0.0);
  int largest = summand.exponent;
  const auto product = [&](std::size_t k) {
    return product_of(summand_of(a.format, a.values[k]), summand_of(b.format, b.values[k]));
  };
  bool finite = std::isfinite(running);
  for (std::size_t k = begin; k < end; ++k) {
    const double exact = a.values[k] * b.values[k];
    ieee += exact;
    if (!std::isfinite(exact)) finite = false;
    if (finite) largest = std::max(largest, product(k).exponent);
  }
  if (!finite) return ieee;
  const auto aligned = [&](const Summand& s) {
    return shift_toward_zero(s.significand,
                             s.fraction_bits + (largest - s.exponent) - fused.fraction_bits);
  };
  std::int64_t sum = aligned(summand);
  for (std::size_t k = begin; k < end; ++k) sum += aligned(product(k));
  return truncated_result(sum, largest - fused.fraction_bits, fused.out_bits);
}

double rounded_dot(const Format& format, const Factors& a, const Factors& b, std::size_t begin,
                   std::size_t end) {
  double sum = 0.0;
  for (std::size_t k = begin; k < end; ++k) {
    sum = add_rounded(format, sum, a.values[k] * b.values[k]);
  }
  return sum;
}

}  // namespace

int alignment_exponent(const Format& format, double x) {
  return std::max(std::ilogb(x), format.min_exponent());
}

double round_to_format(const Format& format, double x) {
  if (std::isnan(x)) return x;
  return decode(format, encode(format, CastOptions{}, x));
}

double add_rounded(const Format& format, double sum, double addend) {
  return round_to_format(format, add_to_odd(sum, addend));
}

double dot(const Accumulator& accumulator, const Factors& a, const Factors& b) {
  const std::size_t length = a.values.size();
  if (length != b.values.size()) throw std::invalid_argument("dot: lengths differ");
  double sum = 0.0;
  switch (accumulator.kind) {
    case Accumulator::Kind::rounded:
      return rounded_dot(accumulator.format, a, b, 0, length);
    case Accumulator::Kind::chunked: {
      const auto chunk = static_cast<std::size_t>(accumulator.chunk);
      for (std::size_t begin = 0; begin < length; begin += chunk) {
        const std::size_t end = std::min(begin + chunk, length);
        sum =
            add_rounded(accumulator.format, sum, rounded_dot(accumulator.inner, a, b, begin, end));
      }
      return sum;
    }
    case Accumulator::Kind::fused: {
      const auto group = static_cast<std::size_t>(accumulator.fused.products);
      for (std::size_t begin = 0; begin < length; begin += group) {
        sum = fused_step(accumulator.fused, a, b, begin, std::min(begin + group, length), sum);
      }
      return sum;
    }
    case Accumulator::Kind::exact:
      break;
  }
  ExactSum exact;
  for (std::size_t k = 0; k < length; ++k) exact.add(a.values[k] * b.values[k]);
  return round_to_format(accumulator.format, exact.rounded_to_odd());
}

float result_as_float(const Accumulator& accumulator, double result) {
  if (!std::isnan(result)) return static_cast<float>(result);
  const bool fused = accumulator.kind == Accumulator::Kind::fused;
  return std::bit_cast<float>(fused ? 0x7fffffffu : 0x7fc00000u);
}

}  // namespace gradpath
