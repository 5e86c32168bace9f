#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "models/schemes/scheme.hpp"
#include "models/schemes/specification.hpp"

namespace gradpath {

/// A row of the list of schemes.
struct SchemeFamily {
  std::string_view name;
  std::string_view parameters;  ///< as a user writes them, defaults first: `:B[:sr|rne]`
  std::string_view source;
  std::unique_ptr<Scheme> (*make)(const Specification& specification);
};

/// All of them. One more scheme is one more row of schemes.cpp.
[[nodiscard]] std::span<const SchemeFamily> scheme_families();
/// The specifications, comma-separated, for --help and error messages.
[[nodiscard]] std::string scheme_specifications();

/// Reads `int8`, `luq:6:nearest`, `codebook:FILE`, ...; touches no file. UserError.
[[nodiscard]] std::unique_ptr<Scheme> parse_scheme(std::string_view text);

namespace schemes {
[[nodiscard]] std::unique_ptr<Scheme> make_integer(const Specification& specification);
[[nodiscard]] std::unique_ptr<Scheme> make_wage(const Specification& specification);
[[nodiscard]] std::unique_ptr<Scheme> make_banner(const Specification& specification);
[[nodiscard]] std::unique_ptr<Scheme> make_aciq(const Specification& specification);
[[nodiscard]] std::unique_ptr<Scheme> make_piecewise(const Specification& specification);
[[nodiscard]] std::unique_ptr<Scheme> make_luq(const Specification& specification);
[[nodiscard]] std::unique_ptr<Scheme> make_hfp8(const Specification& specification);
[[nodiscard]] std::unique_ptr<Scheme> make_sign_sgd(const Specification& specification);
[[nodiscard]] std::unique_ptr<Scheme> make_code_book(const Specification& specification);
}  // namespace schemes

}  // namespace gradpath
