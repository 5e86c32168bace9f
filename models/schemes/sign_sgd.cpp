#include <bit>

#include <fmt/format.h>

#include "models/schemes/kernel.hpp"
#include "models/schemes/schemes.hpp"

namespace gradpath::schemes {
namespace {

struct SignKernel {
  static constexpr bool kUsesWords = false;

  float magnitude;

  [[nodiscard]] std::int32_t code(float x, std::uint32_t /*word*/) const {
    return 1 - static_cast<std::int32_t>(std::bit_cast<std::uint32_t>(x) >> 31);
  }
  [[nodiscard]] float value(std::int32_t code) const { return code == 0 ? -magnitude : magnitude; }
};

// signSGD: one bit, the sign bit of x, so a zero keeps its own. Its value is +-1, or +- the mean
// magnitude of the tensor, which makes it a 1-bit quantizer (Karimireddy et al. 2019).
class SignSgd final : public Scheme {
 public:
  explicit SignSgd(bool has_mean) : has_mean_(has_mean) {}

  [[nodiscard]] std::string name() const override { return has_mean_ ? "signsgd:mean" : "signsgd"; }

  [[nodiscard]] std::unique_ptr<PreparedScheme> prepare(
      const SchemeStatistics& statistics, const SchemeContext& context) const override {
    const float magnitude = has_mean_ ? static_cast<float>(statistics.mean_magnitude()) : 1.0f;
    const SchemeInfo info{.bits = 1, .lowest = -double{magnitude}, .highest = double{magnitude}};
    return make_kernel_scheme(SignKernel{.magnitude = magnitude}, info, 2, context);
  }

 private:
  bool has_mean_;
};

}  // namespace

std::unique_ptr<Scheme> make_sign_sgd(const Parameters& p) {
  return std::make_unique<SignSgd>(p.has(0));
}

}  // namespace gradpath::schemes
