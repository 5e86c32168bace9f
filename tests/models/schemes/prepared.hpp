#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "models/schemes/schemes.hpp"

namespace gradpath {

/// The text every `codebook:` specification of these tests reads.
inline constexpr std::string_view kBookText = "-1 -0.5 -0.25 0 0.25 0.5 1 # symmetric\n 3.0";

/// A scheme prepared on a tensor.
inline std::unique_ptr<PreparedScheme> prepared(std::string_view specification,
                                                std::span<const float> values,
                                                NanPolicy nan = NanPolicy::error,
                                                std::string_view tensor = "grad_output") {
  const auto scheme = parse_scheme(specification);
  scheme->load([](const std::string&) { return std::string(kBookText); });
  return scheme->prepare(tensor_statistics(values), {.tensor = tensor, .cast = {.nan = nan}});
}

inline std::vector<std::int32_t> codes_of(const PreparedScheme& scheme, std::span<const float> in,
                                          CounterRandom random = CounterRandom(Seed{}),
                                          std::uint64_t first_index = 0) {
  std::vector<std::int32_t> out(in.size());
  scheme.to_codes(in, out, random, first_index);
  return out;
}

inline std::vector<float> values_of(const PreparedScheme& scheme, std::span<const float> in,
                                    CounterRandom random = CounterRandom(Seed{}),
                                    std::uint64_t first_index = 0) {
  std::vector<float> out(in.size());
  scheme.to_values(in, out, random, first_index);
  return out;
}

/// One specification of every kind and variant.
inline const std::vector<std::string>& all_specifications() {
  static const std::vector<std::string> kAll = {"int:2:real:rne",
                                                "int:8:real:sr",
                                                "int:8:po2:rne",
                                                "int:16:po2:sr",
                                                "wage:8:sr",
                                                "wage:4:rne",
                                                "banner:8:sr",
                                                "banner:3:rne",
                                                "aciq:4:laplace",
                                                "aciq:8:gauss",
                                                "piecewise:4:laplace",
                                                "piecewise:6:gauss",
                                                "luq:6",
                                                "luq:3:nearest",
                                                "hfp8",
                                                "hfp8:forward",
                                                "signsgd",
                                                "signsgd:mean",
                                                "codebook:book.txt",
                                                "codebook:amax:a:b.txt"};
  return kAll;
}

}  // namespace gradpath
