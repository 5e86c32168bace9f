#include "sim/datapath/dataflow/work.hpp"

#include <fmt/format.h>

#include "models/error.hpp"

namespace gradpath {

RandomSource parse_random_source(std::string_view text) {
  if (text == "counter") return RandomSource::counter;
  if (text == "lanes") return RandomSource::lanes;
  throw UserError(fmt::format("unknown random source '{}', expected counter or lanes", text));
}

std::string_view random_source_name(RandomSource source) {
  return source == RandomSource::counter ? "counter" : "lanes";
}

std::string_view gemm_name(GemmKind kind) { return kind == GemmKind::input_gradient ? "dX" : "dW"; }

}  // namespace gradpath
