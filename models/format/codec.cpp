#include "models/format/codec.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "models/format/cast_definition.hpp"

namespace gradpath {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

// Above every grid value that matters, and far from double's own overflow: 2^600.
constexpr double kBeyondEveryFormat = 0x1p600;

constexpr double kSmallestNormalFloat = 0x1p-126;

// The value at place `magnitude` of the format's grid, as if every code were a number and the
// exponent field had no end: so also the places past the largest finite.
double grid_value(const Format& format, std::uint64_t magnitude) {
  if (magnitude == 0 && format.has_zero) return 0.0;
  const auto field = static_cast<int>(magnitude >> format.mantissa_bits);
  const auto fraction = magnitude & ((std::uint64_t{1} << format.mantissa_bits) - 1);
  const bool subnormal = field == 0 && format.has_subnormals;
  const auto significand = fraction + (subnormal ? 0 : std::uint64_t{1} << format.mantissa_bits);
  const int exponent = (subnormal ? 1 : field) - format.bias - format.mantissa_bits;
  return std::ldexp(static_cast<double>(significand), exponent);
}

// The place of the largest grid value <= a. a: finite, >= 0.
std::uint64_t place_below(const Format& format, double a) {
  if (a <= grid_value(format, 0)) return 0;
  if (a < grid_value(format, 1)) return 0;
  const int exponent = std::max(std::ilogb(a), format.min_exponent());
  const auto significand =
      static_cast<std::uint64_t>(std::ldexp(a, format.mantissa_bits - exponent));
  // The implicit bit of a normal significand adds one to the exponent field.
  const int below_field = exponent + format.bias - 1;
  return static_cast<std::uint64_t>(
      (static_cast<std::int64_t>(below_field) << format.mantissa_bits) +
      static_cast<std::int64_t>(significand));
}

// Whether a value at lo + f * (hi - lo), 0 < f < 1, goes to hi.
bool goes_up(const Rounding& rounding, double a, double lo, double hi, bool lo_is_odd,
             bool negative, std::uint32_t random_word) {
  const double above = a - lo;  // exact: lo and hi are within a factor of two, or lo is zero
  const double gap = hi - lo;
  if (!rounding.is_stochastic()) {
    return rounds_up(rounding.mode, negative, lo_is_odd, above <=> gap / 2);
  }
  // T = floor(2^R * above / gap). Where the gap is no power of two (DLFloat's to zero) the division
  // may round up to an integer that the exact quotient does not reach: fma sees the remainder.
  const double scaled = std::ldexp(above, rounding.random_bits);
  double top_bits = std::floor(scaled / gap);
  if (std::fma(top_bits, gap, -scaled) > 0) top_bits -= 1;
  if (rounding.mode == Rounding::Mode::sru) {
    const double rest = -std::fma(top_bits, gap, -scaled);  // exact, below one gap
    const bool odd = std::fmod(top_bits, 2) != 0;
    if (rest > gap / 2 || (rest == gap / 2 && odd)) top_bits += 1;
  }
  const std::uint32_t u = random_word >> (32 - rounding.random_bits);
  return top_bits + static_cast<double>(u) >= std::ldexp(1.0, rounding.random_bits);
}

Code nan_result(const Format& format, NanPolicy policy, bool negative) {
  const Code code = code_of_nan(format, policy, negative);
  if (code == kNoCode) throw std::domain_error("NaN has no code in this format");
  return code;
}

}  // namespace

double decode(const Format& format, Code code) {
  const Code magnitude = code & format.magnitude_mask();
  const bool negative = (code & format.sign_mask()) != 0;
  if (format.has_nan_at_negative_zero() && code == format.sign_mask()) return kNan;
  if (magnitude > format.max_finite_magnitude()) {
    const bool infinite = format.has_infinity() && magnitude == format.infinity_magnitude();
    if (!infinite) return kNan;
    return negative ? -std::numeric_limits<double>::infinity()
                    : std::numeric_limits<double>::infinity();
  }
  const double value = grid_value(format, magnitude);
  return negative ? -value : value;
}

double max_finite(const Format& format) {
  return grid_value(format, format.max_finite_magnitude());
}

double min_normal(const Format& format) {
  Code magnitude = 0;
  if (format.has_subnormals) {
    magnitude = Code{1} << format.mantissa_bits;
  } else if (format.has_zero) {
    magnitude = 1;
  }
  return magnitude <= format.max_finite_magnitude() ? grid_value(format, magnitude) : kNan;
}

double min_subnormal(const Format& format) {
  return format.has_subnormals && format.mantissa_bits > 0 ? grid_value(format, 1) : kNan;
}

Code encode(const Format& format, const CastOptions& options, double x, std::uint32_t random_word) {
  const bool negative = std::signbit(x);
  if (std::isnan(x)) return nan_result(format, options.nan, negative);
  double a = std::min(std::fabs(x), kBeyondEveryFormat);
  if (flushes_input(options.flush) && a < kSmallestNormalFloat) a = 0;
  if (negative && !format.is_signed && a != 0) return nan_result(format, options.nan, false);
  if (std::isinf(x)) return overflow_code(format, options.overflow, negative);

  std::uint64_t place = place_below(format, a);
  const double lo = grid_value(format, place);
  if (lo < a) {
    const double hi = grid_value(format, place + 1);
    if (goes_up(options.rounding, a, lo, hi, place % 2 != 0, negative, random_word)) ++place;
  }
  if (place > format.max_finite_magnitude()) {
    if (rounds_toward_zero(options.rounding.mode, negative)) {
      return with_sign(format, format.max_finite_magnitude(), negative);
    }
    return overflow_code(format, options.overflow, negative);
  }
  if (flushes_output(options.flush) && format.has_subnormals &&
      place < std::uint64_t{1} << format.mantissa_bits) {
    place = 0;
  }
  return with_sign(format, static_cast<Code>(place), negative);
}

}  // namespace gradpath
