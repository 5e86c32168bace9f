// All 2^32 fp32 inputs through the vector code, for every named format of 8 bits or fewer.
//
// A deterministic cast is monotone in |x| by its definition, so over the bit patterns of one sign
// it is a staircase. Each step's first input is found by bisection on `encode`; between two edges
// the code cannot change. The expected codes of all inputs follow, and each is compared. Stochastic
// casts are compared with the scalar code, input by input, with the words that the index gives.
#include <algorithm>
#include <atomic>
#include <bit>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "models/format/formats.hpp"
#include "models/quantize/quantizer.hpp"

namespace gradpath {
namespace {

constexpr std::uint32_t kInfinityBits = 0x7f800000u;
constexpr std::uint64_t kInputs = std::uint64_t{1} << 32;
constexpr std::uint32_t kBlock = std::uint32_t{1} << 14;  // inputs and codes stay in the cache

// First input of each step, in bit order of one sign, with the step's code; ends with the NaNs.
struct Step {
  std::uint32_t first;
  Code code;
};

std::vector<Step> staircase(const Format& format, const CastOptions& options, std::uint32_t sign) {
  const auto code_of = [&](std::uint32_t magnitude) {
    return encode(format, options, static_cast<double>(std::bit_cast<float>(magnitude | sign)));
  };
  std::vector<Step> steps = {{0, code_of(0)}};
  while (steps.back().code != code_of(kInfinityBits)) {
    std::uint32_t same = steps.back().first;
    std::uint32_t other = kInfinityBits;
    while (other - same > 1) {
      const std::uint32_t middle = same + (other - same) / 2;
      (code_of(middle) == steps.back().code ? same : other) = middle;
    }
    steps.push_back({other, code_of(other)});
  }
  steps.push_back({kInfinityBits + 1, code_of(kInfinityBits + 1)});
  return steps;
}

// Runs check(first input of a block) over all blocks on all cores; returns the sum of its results.
template <class Check>
std::uint64_t over_all_blocks(Check check) {
  std::atomic<std::uint64_t> next = 0;
  std::atomic<std::uint64_t> sum = 0;
  std::vector<std::jthread> threads;
  for (unsigned t = 0; t < std::max(1u, std::thread::hardware_concurrency()); ++t) {
    threads.emplace_back([&] {
      for (;;) {
        const std::uint64_t first = next.fetch_add(kBlock);
        if (first >= kInputs) return;
        sum += check(static_cast<std::uint32_t>(first));
      }
    });
  }
  threads.clear();
  return sum;
}

std::vector<float> block_inputs(std::uint32_t first) {
  std::vector<float> inputs(kBlock);
  for (std::uint32_t i = 0; i < kBlock; ++i) inputs[i] = std::bit_cast<float>(first + i);
  return inputs;
}

std::vector<std::string> named_up_to_8_bits() {
  std::vector<std::string> names;
  for (const auto& row : named_formats()) {
    if (row.format.bits() <= 8 && row.format.is_signed) names.emplace_back(row.name);
  }
  return names;
}

class AllInputs : public testing::TestWithParam<std::string> {};

TEST_P(AllInputs, DeterministicCodesAreTheStaircaseOfTheDefinition) {
  const Format format = parse_format(GetParam());
  for (const char* rounding : {"rne", "rna", "rtz", "rup", "rdn", "rto"}) {
    for (const auto overflow : {Overflow::standard, Overflow::saturate}) {
      const CastOptions options{parse_rounding(rounding), overflow, NanPolicy::zero};
      const Quantizer quantizer(format, options);
      const std::vector<Step> steps[2] = {staircase(format, options, 0),
                                          staircase(format, options, 0x80000000u)};
      const auto mismatches = over_all_blocks([&](std::uint32_t first) {
        std::vector<std::uint8_t> codes(kBlock);
        quantizer.to_codes<std::uint8_t>(block_inputs(first), codes);
        const auto& side = steps[first >> 31];
        const std::uint32_t begin = first & 0x7fffffffu;
        auto step = std::ranges::upper_bound(side, begin, {}, &Step::first) - 1;
        std::uint64_t wrong = 0;
        for (std::uint32_t i = 0; i < kBlock;) {
          const std::uint64_t end = step + 1 == side.end() ? kBlock : (step + 1)->first - begin;
          const auto last = static_cast<std::uint32_t>(std::min<std::uint64_t>(end, kBlock));
          const auto right = std::count(codes.begin() + i, codes.begin() + last,
                                        static_cast<std::uint8_t>(step->code));
          wrong += last - i - static_cast<std::uint64_t>(right);
          i = last;
          ++step;
        }
        return wrong;
      });
      EXPECT_EQ(mismatches, 0u) << GetParam() << " " << rounding << " " << overflow_name(overflow);
    }
  }
}

TEST_P(AllInputs, StochasticCodesEqualTheScalarCode) {
  const Format format = parse_format(GetParam());
  const CounterRandom random(Seed{32});
  std::vector<const char*> roundings = {"sr:24"};
  if (GetParam() == "e4m3fn" || GetParam() == "e5m2") roundings.push_back("sru:8");
  for (const char* rounding : roundings) {
    const CastOptions options{parse_rounding(rounding), Overflow::standard, NanPolicy::zero};
    const Quantizer quantizer(format, options);
    const auto mismatches = over_all_blocks([&](std::uint32_t first) {
      const auto inputs = block_inputs(first);
      std::vector<std::uint8_t> codes(kBlock);
      quantizer.to_codes<std::uint8_t>(inputs, codes, 1.0f, random, first);
      std::uint64_t wrong = 0;
      for (std::uint32_t i = 0; i < kBlock; ++i) {
        wrong += codes[i] != quantizer.code(inputs[i], random.word(first + i)) ? 1u : 0u;
      }
      return wrong;
    });
    EXPECT_EQ(mismatches, 0u) << GetParam() << " " << rounding;
  }
}

INSTANTIATE_TEST_SUITE_P(Named, AllInputs, testing::ValuesIn(named_up_to_8_bits()),
                         [](const auto& row) { return row.param; });

}  // namespace
}  // namespace gradpath
