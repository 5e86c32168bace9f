#include <fmt/format.h>

#include "models/schemes/affine.hpp"
#include "models/schemes/schemes.hpp"

namespace gradpath::schemes {
namespace {

// Banner et al. quantize with GEMMLOWP's affine scheme: 2^B equal steps from the least to the
// greatest element, gradients rounded stochastically. Zero is a value only where a step meets it,
// as in the authors' code, whose zero point is the real minimum.
class Banner final : public Scheme {
 public:
  Banner(int bits, bool is_stochastic) : bits_(bits), is_stochastic_(is_stochastic) {}

  [[nodiscard]] std::string name() const override {
    return fmt::format("banner:{}:{}", bits_, is_stochastic_ ? "sr" : "rne");
  }

  [[nodiscard]] std::unique_ptr<PreparedScheme> prepare(
      const SchemeStatistics& statistics, const SchemeContext& context) const override {
    const double last = static_cast<double>((1 << bits_) - 1);
    const double range = statistics.greatest - statistics.least;
    const SchemeInfo info{
        .bits = bits_, .lowest = statistics.least, .highest = statistics.greatest};
    return with_constant(is_stochastic_, [&](auto stochastic) {
      constexpr auto kRounding =
          stochastic ? AffineRounding::stochastic : AffineRounding::nearest_even;
      return make_kernel_scheme(AffineKernel<kRounding>{.offset = statistics.least,
                                                        .step = range / last,
                                                        .per_step = range > 0 ? last / range : 0.0,
                                                        .last = last},
                                info, std::size_t{1} << bits_, context);
    });
  }

 private:
  int bits_;
  bool is_stochastic_;
};

}  // namespace

std::unique_ptr<Scheme> make_banner(const Parameters& p) {
  return std::make_unique<Banner>(static_cast<int>(p.integer(0)), p.text(1) == "sr");
}

}  // namespace gradpath::schemes
