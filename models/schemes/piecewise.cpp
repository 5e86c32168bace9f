#include "models/schemes/piecewise.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

#include <fmt/format.h>

#include "models/schemes/code_book.hpp"
#include "models/schemes/schemes.hpp"
#include "models/theory/normal.hpp"

namespace gradpath::schemes {

double piecewise_breakpoint(double m, bool is_laplace) {
  // Half the derivative of the error; negative at 0, positive at m.
  const auto slope = [&](double p) {
    const double rate = std::numbers::sqrt2;  // of the Laplace distribution with variance 1
    const double inside = is_laplace ? -std::expm1(-rate * p) : 2.0 * theory::normal_cdf(p) - 1.0;
    const double density =
        is_laplace ? 0.5 * rate * std::exp(-rate * p) : theory::normal_density(p);
    return -(m - p) + m * inside + m * (2.0 * p - m) * density;
  };
  double low = 0.0;
  double high = m;
  while (true) {
    const double middle = 0.5 * (low + high);
    if (middle <= low || middle >= high) return middle;
    (slope(middle) < 0.0 ? low : high) = middle;
  }
}

namespace {

// Two grids of equal steps: the centre [-p, p] with B signed bits, the tails p .. amax with B - 1
// bits each, their first value p that of the centre's end. One bit more says which grid.
class Piecewise final : public Scheme {
 public:
  Piecewise(int bits, bool is_laplace) : bits_(bits), is_laplace_(is_laplace) {}

  [[nodiscard]] std::string name() const override {
    return fmt::format("piecewise:{}:{}", bits_, is_laplace_ ? "laplace" : "gauss");
  }

  [[nodiscard]] std::unique_ptr<PreparedScheme> prepare(
      const SchemeStatistics& statistics, const SchemeContext& context) const override {
    const double amax = statistics.amax();
    const double deviation = statistics.standard_deviation();
    // A constant tensor has no deviation; where the breakpoint lies is no matter then.
    const double p = deviation > 0 ? deviation * piecewise_breakpoint(amax / deviation, is_laplace_)
                                   : 0.5 * amax;
    const int steps = (1 << (bits_ - 1)) - 1;
    std::vector<float> book = {0.0f};
    for (int k = 1; k <= steps; ++k) book.push_back(static_cast<float>(k * p / steps));
    for (int k = 1; k < steps; ++k) {
      book.push_back(static_cast<float>(p + k * (amax - p) / steps));
    }
    book.push_back(static_cast<float>(amax));
    for (std::size_t i = book.size(); --i > 0;) book.push_back(-book[i]);
    std::ranges::sort(book);
    return make_nearest(std::move(book), bits_ + 1, context);
  }

 private:
  int bits_;
  bool is_laplace_;
};

}  // namespace

std::unique_ptr<Scheme> make_piecewise(const Parameters& p) {
  return std::make_unique<Piecewise>(static_cast<int>(p.integer(0)), p.text(1) == "laplace");
}

}  // namespace gradpath::schemes
