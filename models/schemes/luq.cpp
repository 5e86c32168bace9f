#include <array>
#include <bit>
#include <cmath>

#include <fmt/format.h>

#include "models/schemes/code_book.hpp"
#include "models/schemes/kernel.hpp"
#include "models/schemes/schemes.hpp"

namespace gradpath::schemes {
namespace {

constexpr std::size_t kMaxCodes = 2 * kMostLuqDoublings + 3;

// The values 0 and +-alpha 2^k, k = 0..L; code: L + 1, plus or minus the level k + 1.
template <bool stochastic>
struct LuqKernel {
  static constexpr bool kUsesWords = stochastic;

  float alpha;
  std::int32_t top;  ///< L + 1
  std::array<float, kMaxCodes> values;

  [[nodiscard]] std::int32_t code(float x, std::uint32_t word) const {
    const float most = std::bit_cast<float>((static_cast<std::uint32_t>(top) + 126u) << 23);  // 2^L
    float y = std::abs(x) / alpha;
    y = y < most ? y : most;
    // Place on the grid 0, 1, 2, 4, ... and the fraction to the next: for y >= 1 they are the
    // exponent and mantissa of y itself.
    const auto bits = std::bit_cast<std::int32_t>(y);
    // Masks in place of branches, which data would mispredict: all ones below 1.
    const std::int32_t below_one = -static_cast<std::int32_t>(bits < 0x3f800000);
    const std::int32_t below = ((bits >> 23) - 126) & ~below_one;
    const float small = std::bit_cast<float>(bits & below_one);
    const std::int32_t fraction =
        static_cast<std::int32_t>(small * 0x1p24f) | (((bits & 0x7fffff) << 1) & ~below_one);
    // Nearest: half way is a fraction of 1/2, and goes up.
    const std::int32_t level = below + goes_up(fraction, stochastic ? word : 0x80000000u);
    const std::int32_t sign = std::bit_cast<std::int32_t>(x) >> 31;  // -1 or 0
    return top + ((level ^ sign) - sign);
  }
  [[nodiscard]] float value(std::int32_t code) const {
    return values[static_cast<std::size_t>(code)];
  }
};

// LUQ: logarithmic, unbiased. Below alpha = amax / 2^L an element becomes alpha or 0, above it one
// of the two powers of two around it, each with the probability that keeps the mean.
class Luq final : public Scheme {
 public:
  Luq(int levels, bool is_nearest) : levels_(levels), is_nearest_(is_nearest) {}

  [[nodiscard]] std::string name() const override {
    return fmt::format("luq:{}{}", levels_, is_nearest_ ? ":nearest" : "");
  }

  [[nodiscard]] std::unique_ptr<PreparedScheme> prepare(
      const SchemeStatistics& statistics, const SchemeContext& context) const override {
    // A normal fp32, so that |x| / alpha keeps its powers of two.
    const double alpha = std::max(std::ldexp(statistics.amax(), -levels_), 0x1p-126);
    const double largest = std::ldexp(alpha, levels_);
    const SchemeInfo info{.bits = 1 + bits_for(static_cast<std::size_t>(levels_) + 2),
                          .lowest = -largest,
                          .highest = largest};
    return with_constant(!is_nearest_, [&](auto stochastic) {
      LuqKernel<stochastic> kernel{
          .alpha = static_cast<float>(alpha), .top = levels_ + 1, .values = {}};
      for (int k = 0; k <= levels_; ++k) {
        const auto value = static_cast<float>(std::ldexp(alpha, k));
        kernel.values[static_cast<std::size_t>(kernel.top + k + 1)] = value;
        kernel.values[static_cast<std::size_t>(kernel.top - k - 1)] = -value;
      }
      return make_kernel_scheme(kernel, info, 2 * static_cast<std::size_t>(levels_) + 3, context);
    });
  }

 private:
  int levels_;
  bool is_nearest_;
};

}  // namespace

std::unique_ptr<Scheme> make_luq(const Parameters& p) {
  return std::make_unique<Luq>(static_cast<int>(p.integer(0)), p.has(1));
}

}  // namespace gradpath::schemes
