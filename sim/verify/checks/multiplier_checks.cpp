#include <cmath>

#include <fmt/format.h>

#include "models/format/codec.hpp"
#include "models/format/formats.hpp"
#include "sim/verify/banks/multiplier/multiplier.hpp"
#include "sim/verify/checks/checks.hpp"

namespace gradpath::verify {
namespace {

// All pairs of finite codes: the product of two decoded values is exact in double.
std::vector<Result> check_row(std::size_t row, Waveform* wave) {
  MultiplierBank bank;
  bank.watch(wave, row);
  const Format& format = bank.rows()[row];
  Result result{.module = "multiplier", .format = format_name(format)};
  const auto codes = static_cast<Code>(format.code_count());
  for (Code a = 0; a < codes; ++a) {
    const double left = decode(format, a);
    if (!std::isfinite(left)) continue;
    for (Code b = 0; b < codes; ++b) {
      const double right = decode(format, b);
      if (!std::isfinite(right)) continue;
      const double expected = left * right;
      const auto got = bank.multiply(row, a, b);
      const int exponent = got.exponent - 2 * format.bias - 2 * format.mantissa_bits;
      const double magnitude = std::ldexp(double{static_cast<float>(got.significand)}, exponent);
      const bool equal = magnitude == std::fabs(expected) && got.negative == std::signbit(expected);
      result.count(equal, bank.ticks() - 1, [&] {
        return fmt::format("a=0x{:02x} b=0x{:02x} expected={} got={}{}", a, b, expected,
                           got.negative ? "-" : "", magnitude);
      });
    }
  }
  return {result};
}

std::vector<Check> checks_of(std::string_view, const Options& options) {
  std::vector<Check> checks;
  const MultiplierBank bank;
  for (std::size_t row = 0; row < bank.rows().size(); ++row) {
    if (!options.has_format(bank.rows()[row])) continue;
    checks.emplace_back([=](Waveform* wave) { return check_row(row, wave); });
  }
  return checks;
}

void add_built(std::string_view, Built& built) {
  const MultiplierBank bank;
  for (const Format& format : bank.rows()) built.add(format);
}

}  // namespace

extern const Family k_multiplier;  // the registry declares it too
const Family k_multiplier = {add_built, checks_of};

}  // namespace gradpath::verify
