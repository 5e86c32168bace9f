#pragma once

#include <memory>
#include <string_view>

#include "models/schemes/scheme.hpp"
#include "models/specification/grammar.hpp"

namespace gradpath {

/// Of `luq:L`.
inline constexpr int kMostLuqDoublings = 30;

/// A row of the list of schemes. One more scheme is one more row of schemes.cpp.
struct SchemeFamily : Form {
  std::unique_ptr<Scheme> (*make)(const Parameters& parameters);
};

/// Reads `int8`, `luq:6:nearest`, `codebook:FILE`, ...; touches no file. UserError.
[[nodiscard]] std::unique_ptr<Scheme> parse_scheme(std::string_view text);
[[nodiscard]] const Grammar& scheme_grammar();

}  // namespace gradpath
