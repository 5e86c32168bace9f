#include <limits>

#include "models/quantize/cast_kernels.hpp"

namespace gradpath::kernels {
namespace {

constexpr int kFloatBias = 127;
constexpr int kMaxFloatField = 254;
constexpr std::uint32_t kNoCode = ~0u;

}  // namespace

bool covers(const Format& format) {
  const int min_field = format.min_exponent() + kFloatBias;
  const int max_field =
      static_cast<int>(format.max_finite_magnitude() >> format.mantissa_bits) - 1 + min_field;
  return format.is_signed && format.has_zero && format.has_subnormals && format.bits() <= 16 &&
         min_field >= 1 && max_field <= kMaxFloatField;
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
      .min_field = static_cast<std::uint32_t>(format.min_exponent() + kFloatBias),
      .max_magnitude = format.max_finite_magnitude(),
      .sign_mask = format.sign_mask(),
      .negative_zero = format.has_negative_zero() ? format.sign_mask() : 0,
      .overflow = {code(largest), code(-largest)},
      .infinity = {code(infinity), code(-infinity)},
      .nan = {nan_code(nan), nan_code(-nan)},
      .infinity_magnitude = format.has_infinity() ? format.infinity_magnitude() : kNoCode,
      .nan_zero = format.non_finite == NonFinite::nan_neg_zero ? format.sign_mask() : kNoCode,
      .nan_is_error = nan_is_error,
  };
}

}  // namespace gradpath::kernels
