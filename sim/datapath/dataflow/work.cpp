#include "sim/datapath/dataflow/work.hpp"

#include <numbers>
#include <numeric>

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

std::vector<std::uint32_t> interleaved(std::uint64_t k) {
  auto stride = static_cast<std::uint64_t>(static_cast<double>(k) / std::numbers::phi);
  while (std::gcd(stride, k) != 1) ++stride;  // k + 1 at the latest
  std::vector<std::uint32_t> order(k);
  for (std::uint64_t i = 0; i < k; ++i) order[i] = static_cast<std::uint32_t>(i * stride % k);
  return order;
}

}  // namespace gradpath
