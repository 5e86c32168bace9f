#include "models/schemes/schemes.hpp"

#include <array>
#include <string>

namespace gradpath {
namespace schemes {
// Each defined in the file of its name.
std::unique_ptr<Scheme> make_integer(const Parameters& p);
std::unique_ptr<Scheme> make_wage(const Parameters& p);
std::unique_ptr<Scheme> make_banner(const Parameters& p);
std::unique_ptr<Scheme> make_aciq(const Parameters& p);
std::unique_ptr<Scheme> make_piecewise(const Parameters& p);
std::unique_ptr<Scheme> make_luq(const Parameters& p);
std::unique_ptr<Scheme> make_hfp8(const Parameters& p);
std::unique_ptr<Scheme> make_sign_sgd(const Parameters& p);
std::unique_ptr<Scheme> make_code_book(const Parameters& p);
}  // namespace schemes

namespace {

constexpr auto kWord = Parameter::Kind::word;

constexpr Parameter width(int least, int most) {
  return Parameter::integer("B", "the width", least, most);
}
constexpr Parameter rounding(std::string_view words) {
  return Parameter::of(kWord, words, "rounding").optional(words.substr(0, words.find('|')));
}
constexpr Parameter kLaw =
    Parameter::of(kWord, "laplace|gauss", "the distribution assumed").optional("laplace");

constexpr std::array<SchemeFamily, 9> kFamilies = {{
    {{"int",
      "symmetric integers, amax at the largest; intB is short for it",
      {width(2, 16), Parameter::of(kWord, "real|po2", "the scale").optional("real"),
       rounding("rne|sr")},
      "Krishnamoorthi 2018, arXiv 1806.08342"},
     schemes::make_integer},
    {{"wage",
      "symmetric integers, scaled by amax rounded to a power of two",
      {width(2, 16), rounding("sr|rne")},
      "Wu et al. 2018, arXiv 1802.04680"},
     schemes::make_wage},
    {{"banner",
      "an affine grid from the least to the greatest",
      {width(1, 16), rounding("sr|rne")},
      "Banner et al. 2018, arXiv 1805.11046"},
     schemes::make_banner},
    {{"aciq",
      "equal regions around the mean, clipped where the square error is least",
      {width(1, 16), kLaw},
      "Banner et al. 2019, arXiv 1810.05723"},
     schemes::make_aciq},
    {{"piecewise",
      "a fine grid at the centre, a coarse one in the tails",
      {width(2, 12), kLaw},
      "Fang et al. 2020, arXiv 2002.00104"},
     schemes::make_piecewise},
    {{"luq",
      "0 and powers of two below amax, unbiased",
      {Parameter::integer("L", "the number of doublings", 0, kMostLuqDoublings),
       Parameter::of(kWord, "nearest", "in place of stochastic rounding").optional()},
      "Chmiel et al. 2023, arXiv 2112.10769"},
     schemes::make_luq},
    {{"hfp8",
      "1-4-3 with bias 11 forward, 1-5-2 backward",
      {Parameter::of(kWord, "forward|backward", "in place of what the name tells").optional()},
      "Sun et al. 2019, NeurIPS"},
     schemes::make_hfp8},
    {{"signsgd",
      "the sign bit; its value +-1",
      {Parameter::of(kWord, "mean", "the value is +- the mean magnitude").optional()},
      "Bernstein et al. 2018, arXiv 1802.04434"},
     schemes::make_sign_sgd},
    {{"codebook",
      "the nearest of the values of a text file",
      {Parameter::of(kWord, "amax", "the values are fractions of amax").optional(),
       Parameter::of(Parameter::Kind::rest, "FILE", "the file")}},
     schemes::make_code_book},
}};

const Table<SchemeFamily>& table() {
  static const Table<SchemeFamily> schemes("scheme", kFamilies);
  return schemes;
}

}  // namespace

const Grammar& scheme_grammar() { return table(); }

std::unique_ptr<Scheme> parse_scheme(std::string_view text) {
  // `int8` is short for `int:8`.
  std::string full(text);
  if (text.size() > 3 && text.starts_with("int") && text[3] >= '0' && text[3] <= '9') {
    full.insert(3, ":");
  }
  const auto [family, parameters] = table().parse(full, text);
  return family.make(parameters);
}

}  // namespace gradpath
