#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "models/schemes/schemes.hpp"
#include "models/schemes/symmetric.hpp"

namespace gradpath::schemes {

std::unique_ptr<PreparedScheme> make_symmetric(int bits, float scale, bool is_stochastic,
                                               const SchemeContext& context) {
  const std::int32_t limit = (std::int32_t{1} << (bits - 1)) - 1;
  const double largest = static_cast<double>(limit) / double{scale};
  const SchemeInfo info{.codes = SchemeInfo::Codes::integers,
                        .bits = bits,
                        .first_code = -limit,
                        .scale = scale,
                        .lowest = -largest,
                        .highest = largest};
  return with_constant(is_stochastic, [&](auto stochastic) {
    return make_kernel_scheme(
        SymmetricKernel<stochastic>{.scale = scale, .limit = static_cast<float>(limit)}, info,
        2 * static_cast<std::size_t>(limit) + 1, context);
  });
}

namespace {

// Symmetric signed integers of B bits without the most negative one ("restricted range" of the
// whitepaper), the scale such that the largest magnitude is the largest integer.
class Integer final : public Scheme {
 public:
  Integer(int bits, bool is_power_of_two, bool is_stochastic)
      : bits_(bits), is_power_of_two_(is_power_of_two), is_stochastic_(is_stochastic) {}

  [[nodiscard]] std::string name() const override {
    return fmt::format("int:{}:{}:{}", bits_, is_power_of_two_ ? "po2" : "real",
                       is_stochastic_ ? "sr" : "rne");
  }

  [[nodiscard]] std::unique_ptr<PreparedScheme> prepare(
      const SchemeStatistics& statistics, const SchemeContext& context) const override {
    return make_symmetric(bits_, scale(statistics.amax()), is_stochastic_, context);
  }

 private:
  [[nodiscard]] float scale(double amax) const {
    if (amax == 0) return 1.0f;
    // Exact in double where it is a power of two: limit and amax have 24 bits at most, so the
    // quotient cannot round up to one.
    double scale = static_cast<double>((1 << (bits_ - 1)) - 1) / amax;
    if (is_power_of_two_) scale = std::ldexp(1.0, std::ilogb(scale));
    return static_cast<float>(std::clamp(scale, 0x1p-126, 0x1p127));
  }

  int bits_;
  bool is_power_of_two_;
  bool is_stochastic_;
};

}  // namespace

std::unique_ptr<Scheme> make_integer(const Parameters& p) {
  return std::make_unique<Integer>(static_cast<int>(p.integer(0)), p.text(1) == "po2",
                                   p.text(2) == "sr");
}

}  // namespace gradpath::schemes
