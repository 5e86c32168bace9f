#include "models/schemes/schemes.hpp"

#include <array>
#include <string>

#include <fmt/format.h>

#include "models/error.hpp"

namespace gradpath {
namespace {

constexpr std::array<SchemeFamily, 9> kFamilies = {{
    {"int", ":B[:real|po2][:rne|sr]", "Krishnamoorthi 2018, arXiv 1806.08342",
     schemes::make_integer},
    {"wage", ":B[:sr|rne]", "Wu et al. 2018, arXiv 1802.04680", schemes::make_wage},
    {"banner", ":B[:sr|rne]", "Banner et al. 2018, arXiv 1805.11046", schemes::make_banner},
    {"aciq", ":B[:laplace|gauss]", "Banner et al. 2019, arXiv 1810.05723", schemes::make_aciq},
    {"piecewise", ":B[:laplace|gauss]", "Fang et al. 2020, arXiv 2002.00104",
     schemes::make_piecewise},
    {"luq", ":L[:nearest]", "Chmiel et al. 2023, arXiv 2112.10769", schemes::make_luq},
    {"hfp8", "[:forward|backward]", "Sun et al. 2019, NeurIPS", schemes::make_hfp8},
    {"signsgd", "[:mean]", "Bernstein et al. 2018, arXiv 1802.04434", schemes::make_sign_sgd},
    {"codebook", "[:amax]:FILE", "a text file of values", schemes::make_code_book},
}};

}  // namespace

std::span<const SchemeFamily> scheme_families() { return kFamilies; }

std::string scheme_specifications() {
  std::string all;
  for (const SchemeFamily& family : kFamilies) {
    all += fmt::format("{}{}{}", all.empty() ? "" : ", ", family.name, family.parameters);
  }
  return all;
}

std::unique_ptr<Scheme> parse_scheme(std::string_view text) {
  // `int8` is short for `int:8`.
  std::string full(text);
  if (text.size() > 3 && text.starts_with("int") && text[3] >= '0' && text[3] <= '9') {
    full.insert(3, ":");
  }
  for (const SchemeFamily& family : kFamilies) {
    const std::string_view rest = std::string_view(full).substr(0, family.name.size());
    if (rest != family.name) continue;
    const std::string_view parameters = std::string_view(full).substr(family.name.size());
    if (!parameters.empty() && parameters.front() != ':') continue;
    return family.make(
        Specification(text, fmt::format("{}{}", family.name, family.parameters), parameters));
  }
  throw UserError(
      fmt::format("scheme '{}' is not known; expected one of: {}", text, scheme_specifications()));
}

}  // namespace gradpath
