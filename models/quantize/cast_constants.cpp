#include <cmath>
#include <limits>

#include "models/format/fp32.hpp"
#include "models/quantize/cast_kernels.hpp"

namespace gradpath::kernels {
namespace {

constexpr int kMaxFloatField = 254;
constexpr std::uint32_t kNoCode = ~0u;

// fp32 exponent field of the power of two above the largest finite.
int clamp_field(const Format& format) { return std::ilogb(max_finite(format)) + 1 + fp32::kBias; }

// The conditions of round_narrow: ties decided by a mantissa bit; 2^23 quanta above any clamped
// input, R random bits above it, and a quantum below it are all normal fp32 numbers.
bool is_narrow(const Format& format, const Rounding& rounding) {
  const int m = format.mantissa_bits;
  const int min_field = format.min_exponent() + fp32::kBias;
  if (m < 1 || clamp_field(format) + fp32::kFractionBits - m > kMaxFloatField ||
      min_field - m < 1) {
    return false;
  }
  if (!rounding.is_stochastic()) return true;
  const int bits = rounding.random_bits + m;  // a < 2^(1 + m + R) units must fit 31 bits
  return bits <= 30 && 2 * fp32::kBias + bits - min_field <= kMaxFloatField &&
         2 * fp32::kBias + bits - clamp_field(format) >= 1;
}

}  // namespace

bool covers(const Format& format, const CastOptions& options) {
  const int min_field = format.min_exponent() + fp32::kBias;
  const int max_field =
      static_cast<int>(format.max_finite_magnitude() >> format.mantissa_bits) - 1 + min_field;
  return format.is_signed && format.has_zero && format.has_subnormals && format.bits() <= 16 &&
         min_field >= 1 && max_field <= kMaxFloatField &&
         (options.rounding.mode != Rounding::Mode::sru || is_narrow(format, options.rounding));
}

CastConstants cast_constants(const Format& format, const CastOptions& options) {
  const double infinity = std::numeric_limits<double>::infinity();
  const double largest = std::numeric_limits<double>::max();  // overflows every format covered
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const bool nan_is_error = !format.has_nan() && options.nan == NanPolicy::error;
  const auto code = [&](double x) { return encode(format, options, x); };
  const auto nan_code = [&](double x) { return nan_is_error ? 0 : code(x); };
  return {
      .rounding = options.rounding,
      .mantissa_bits = format.mantissa_bits,
      .magnitude_bits = format.magnitude_bits(),
      .min_field = static_cast<std::uint32_t>(format.min_exponent() + fp32::kBias),
      .max_magnitude = format.max_finite_magnitude(),
      .sign_mask = format.sign_mask(),
      .negative_zero = format.has_negative_zero() ? format.sign_mask() : 0,
      .overflow = {code(largest), code(-largest)},
      .infinity = {code(infinity), code(-infinity)},
      .nan = {nan_code(nan), nan_code(-nan)},
      .infinity_magnitude = format.has_infinity() ? format.infinity_magnitude() : kNoCode,
      .nan_zero = format.has_nan_at_negative_zero() ? format.sign_mask() : kNoCode,
      .min_normal = flushes_output(options.flush) ? Code{1} << format.mantissa_bits : 0,
      .flushes_input = flushes_input(options.flush),
      .nan_is_error = nan_is_error,
      .is_narrow = is_narrow(format, options.rounding),
      .clamp_bits = static_cast<std::uint32_t>(clamp_field(format)) << fp32::kFractionBits,
  };
}

bool has_exact_reciprocal(float scale) {
  int exponent = 0;
  return std::frexp(scale, &exponent) == 0.5f && std::isnormal(scale) &&
         std::isnormal(1.0f / scale);
}

}  // namespace gradpath::kernels
