#include "models/schemes/aciq.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "models/schemes/affine.hpp"
#include "models/schemes/schemes.hpp"
#include "models/theory/normal.hpp"
#include "models/theory/root.hpp"

namespace gradpath::schemes {

double aciq_laplace_clip(int bits) {
  const double log_right = std::log(3.0) + 2.0 * bits * std::log(2.0);
  // ln c + c = ln(3 * 4^bits), solved for ln c, which takes every real value.
  return std::exp(theory::increasing_root([&](double log_c) {
    const double c = std::exp(log_c);
    return theory::ValueAndSlope{log_c + c - log_right, 1.0 + c};
  }));
}

double aciq_gauss_clip(int bits) {
  const double noise = 1.0 / (3.0 * std::exp2(2.0 * bits));
  // Half the derivative of the error: the noise of the steps, c * noise, less what clipping still
  // loses, 2 E[(z - c)+] = 2 density(c) (1 - c mills_ratio(-c)).
  return theory::increasing_root([&](double c) {
    const double lost = theory::normal_density(c) - c * theory::normal_cdf(-c);
    return theory::ValueAndSlope{c * noise - 2.0 * lost, noise + 2.0 * theory::normal_cdf(-c)};
  });
}

namespace {

// ACIQ: 2^B equal regions of [mean - c, mean + c], each represented by its middle.
class Aciq final : public Scheme {
 public:
  Aciq(int bits, bool is_laplace) : bits_(bits), is_laplace_(is_laplace) {}

  [[nodiscard]] std::string name() const override {
    return fmt::format("aciq:{}:{}", bits_, is_laplace_ ? "laplace" : "gauss");
  }
  [[nodiscard]] bool needs_deviations() const override { return is_laplace_; }

  [[nodiscard]] std::unique_ptr<PreparedScheme> prepare(
      const SchemeStatistics& statistics, const SchemeContext& context) const override {
    const double mean = statistics.mean;
    const double optimum = is_laplace_ ? aciq_laplace_clip(bits_) * statistics.mean_deviation()
                                       : aciq_gauss_clip(bits_) * statistics.standard_deviation();
    // Regions past the farthest element would be empty.
    const double farthest = std::max(statistics.greatest - mean, mean - statistics.least);
    const double clip = std::min(optimum, farthest);
    const double regions = std::exp2(bits_);
    const SchemeInfo info{.bits = bits_, .lowest = mean - clip, .highest = mean + clip};
    return make_kernel_scheme(
        AffineKernel<AffineRounding::floor>{.offset = mean,
                                            .step = 2.0 * clip / regions,
                                            .per_step = clip > 0 ? regions / (2.0 * clip) : 0.0,
                                            .last = regions - 1.0,
                                            .origin = 0.5 * regions,
                                            .centre = 0.5},
        info, std::size_t{1} << bits_, context);
  }

 private:
  int bits_;
  bool is_laplace_;
};

}  // namespace

std::unique_ptr<Scheme> make_aciq(const Parameters& p) {
  return std::make_unique<Aciq>(static_cast<int>(p.integer(0)), p.text(1) == "laplace");
}

}  // namespace gradpath::schemes
