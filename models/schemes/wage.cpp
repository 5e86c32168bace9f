#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "models/schemes/schemes.hpp"
#include "models/schemes/symmetric.hpp"

namespace gradpath::schemes {
namespace {

// WAGE: x is divided by Shift(amax), the power of two nearest to amax on the log scale, and rounded
// to a multiple of sigma = 2^(1 - B) within +-(1 - sigma). In integers: scale 2^(B-1) /
// Shift(amax). What lies above (1 - sigma) Shift(amax) is clipped: of the largest magnitude at most
// 1 - (1 - sigma) / sqrt(2), from .65 of it at two bits down to .29.
class Wage final : public Scheme {
 public:
  Wage(int bits, bool is_stochastic) : bits_(bits), is_stochastic_(is_stochastic) {}

  [[nodiscard]] std::string name() const override {
    return fmt::format("wage:{}:{}", bits_, is_stochastic_ ? "sr" : "rne");
  }

  [[nodiscard]] std::unique_ptr<PreparedScheme> prepare(
      const SchemeStatistics& statistics, const SchemeContext& context) const override {
    return make_symmetric(bits_, scale(statistics.amax()), is_stochastic_, context);
  }

 private:
  [[nodiscard]] float scale(double amax) const {
    if (amax == 0) return 1.0f;
    int shift = std::ilogb(amax);
    const double significand = std::ldexp(amax, -shift);
    if (significand * significand > 2.0) ++shift;  // 48 bits: exact, and never equal
    return std::ldexp(1.0f, std::clamp(bits_ - 1 - shift, -126, 127));
  }

  int bits_;
  bool is_stochastic_;
};

}  // namespace

std::unique_ptr<Scheme> make_wage(const Parameters& p) {
  return std::make_unique<Wage>(static_cast<int>(p.integer(0)), p.text(1) == "sr");
}

}  // namespace gradpath::schemes
