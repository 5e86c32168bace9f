#include "models/quantize/quantizer.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <random>
#include <string>

#include <gtest/gtest.h>
#include <hwy/targets.h>

#include "models/error.hpp"
#include "models/format/formats.hpp"
#include "tests/seed.hpp"

namespace gradpath {
namespace {

// Inputs around everything that decides a cast: each grid value, each midpoint and their fp32
// neighbours, beyond the largest finite too; then specials and random bit patterns.
std::vector<float> adversarial_inputs(const Format& format, std::mt19937_64& random) {
  std::vector<float> inputs;
  const auto add = [&](double centre) {
    const auto x = static_cast<float>(centre);
    for (const float y : {x, std::nextafter(x, 0.0f), std::nextafter(x, 1e38f)}) {
      inputs.push_back(y);
      inputs.push_back(-y);
    }
  };
  const Code last = format.max_finite_magnitude();
  const Code step = std::max<Code>(1, last / 2000);
  for (Code code = 0; code < last; code += step) {
    const double lo = decode(format, code);
    const double hi = decode(format, code + 1);
    add(lo);
    add((lo + hi) / 2);
    add(lo + (hi - lo) * 0.25);
  }
  const double top = max_finite(format);
  for (const double factor : {1.0, 1.01, 1.0625, 1.125, 1.25, 1.5, 2.0, 3.0, 100.0})
    add(top * factor);
  for (const std::uint32_t bits :
       {0x7f800000u, 0xff800000u, 0x7fc00000u, 0xffc12345u, 0x7f800001u, 0x00000001u, 0x80000001u,
        0x007fffffu, 0x00800000u, 0u, 0x80000000u}) {
    inputs.push_back(std::bit_cast<float>(bits));
  }
  for (int i = 0; i < 2000; ++i)
    inputs.push_back(std::bit_cast<float>(static_cast<std::uint32_t>(random())));
  return inputs;
}

std::vector<CastOptions> variants(const Rounding& rounding) {
  return {{rounding, Overflow::standard, NanPolicy::zero, Flush::none},
          {rounding, Overflow::saturate, NanPolicy::max, Flush::none},
          {rounding, Overflow::standard, NanPolicy::zero, Flush::both}};
}

class BulkCast : public testing::TestWithParam<std::string> {};

TEST_P(BulkCast, EqualsTheDefinition) {
  const auto seed = test_seed(20061);
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  const Format format = parse_format(GetParam());
  const auto inputs = adversarial_inputs(format, random);
  for (const char* rounding : {"rne", "rna", "rtz", "rup", "rdn", "rto", "sr:1", "sr:7", "sr:24",
                               "sr:32", "sru:1", "sru:5", "sru:24", "sru:32"}) {
    for (const auto& options : variants(parse_rounding(rounding))) {
      const Quantizer quantizer(format, options);
      for (const float x : inputs) {
        const auto word = static_cast<std::uint32_t>(random());
        ASSERT_EQ(quantizer.code(x, word), encode(format, options, static_cast<double>(x), word))
            << GetParam() << " " << rounding << " x " << std::hexfloat << x << " bits " << std::hex
            << std::bit_cast<std::uint32_t>(x) << " word " << word;
      }
    }
  }
}

// Every instruction set that the vector code was compiled for and this machine has, and the widths
// around a vector, with words hashed and words given.
class VectorCast : public testing::TestWithParam<std::string> {};

TEST_P(VectorCast, EqualsTheDefinitionOnEveryTarget) {
  const auto seed = test_seed(20061);
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  const Format format = parse_format(GetParam());
  auto inputs = adversarial_inputs(format, random);
  std::shuffle(inputs.begin(), inputs.end(), random);
  const CounterRandom words(Seed{seed});
  const std::uint64_t first = (std::uint64_t{1} << 32) - 1000;  // crosses a change of keys
  std::vector<std::uint32_t> given(inputs.size());
  for (auto& word : given) word = static_cast<std::uint32_t>(random());

  for (const char* rounding : {"rne", "rna", "rtz", "rup", "rdn", "rto", "sr:1", "sr:7", "sr:24",
                               "sr:32", "sru:1", "sru:5", "sru:24", "sru:32"}) {
    for (const auto& options : variants(parse_rounding(rounding))) {
      const Quantizer quantizer(format, options);
      std::vector<std::uint16_t> expected(inputs.size());
      std::vector<std::uint16_t> expected_given(inputs.size());
      for (std::size_t i = 0; i < inputs.size(); ++i) {
        const auto x = static_cast<double>(inputs[i] * 0.5f);
        expected[i] = static_cast<std::uint16_t>(encode(format, options, x, words.word(first + i)));
        expected_given[i] = static_cast<std::uint16_t>(encode(format, options, x, given[i]));
      }
      for (const std::int64_t target : hwy::SupportedAndGeneratedTargets()) {
        hwy::SetSupportedTargetsForTest(target);
        const auto where = GetParam() + " " + rounding + " on " + hwy::TargetName(target);
        std::vector<std::uint16_t> codes(inputs.size());
        quantizer.to_codes<std::uint16_t>(inputs, codes, 0.5f, words, first);
        ASSERT_EQ(codes, expected) << where;
        quantizer.to_codes_with_words<std::uint16_t>(inputs, given, codes, 0.5f);
        ASSERT_EQ(codes, expected_given) << where;
        std::vector<float> values(inputs.size());
        quantizer.to_values(inputs, values, 0.5f, words, first);
        for (std::size_t i = 0; i < values.size(); ++i) {
          const auto value = static_cast<float>(decode(format, expected[i])) / 0.5f;
          ASSERT_EQ(std::bit_cast<std::uint32_t>(values[i]), std::bit_cast<std::uint32_t>(value))
              << where << " code " << expected[i];
        }
        std::vector<float> decoded(inputs.size());
        quantizer.decode_codes<std::uint16_t>(codes, decoded, 0.25f);
        for (std::size_t i = 0; i < decoded.size(); ++i) {
          const auto value = static_cast<float>(decode(format, codes[i])) / 0.25f;
          ASSERT_EQ(std::bit_cast<std::uint32_t>(decoded[i]), std::bit_cast<std::uint32_t>(value))
              << where << " code " << codes[i];
        }
        if (format.bits() <= 8) {
          for (std::size_t count = 0; count < 70; ++count) {
            std::vector<std::uint8_t> bytes(count);
            quantizer.to_codes<std::uint8_t>(std::span(inputs).first(count), bytes, 0.5f, words,
                                             first);
            ASSERT_TRUE(std::equal(bytes.begin(), bytes.end(), expected.begin())) << where;
          }
        }
      }
      hwy::SetSupportedTargetsForTest(0);
    }
  }
}

constexpr const char* kUpTo16Bits =
    "e5m2,e4m3,e4m3fn,e3m4,e2m5,e5m2fnuz,e4m3fnuz,e4m3b11fnuz,e8m0fnu,e3m2fn,e2m3fn,e2m1fn,fp16,"
    "bf16,dlfloat16,e1m6,e1m0f,e8m0,e8m3b200f,e6m1b60fn,e8m4b255,e7m0fnuz,e5m0,e3m0f,binary8p3se,"
    "binary8p4ue,binary6p2sf,binary8p1ue,binary10p5uf";

const auto kByName = [](const auto& row) { return row.param; };

INSTANTIATE_TEST_SUITE_P(UpTo16Bits, BulkCast, testing::ValuesIn(parse_format_list(kUpTo16Bits)),
                         kByName);
INSTANTIATE_TEST_SUITE_P(Wide, BulkCast, testing::ValuesIn(parse_format_list("tf32,fp32,e4m23")),
                         kByName);
INSTANTIATE_TEST_SUITE_P(UpTo16Bits, VectorCast, testing::ValuesIn(parse_format_list(kUpTo16Bits)),
                         kByName);

TEST(BulkCast, DoesNotDependOnChunks) {
  const Quantizer quantizer(parse_format("e4m3fn"), {.rounding = parse_rounding("sr")});
  const CounterRandom random(Seed{7});
  std::vector<float> in(10'000);
  for (std::size_t i = 0; i < in.size(); ++i) in[i] = std::sin(static_cast<float>(i)) * 300;
  std::vector<std::uint8_t> whole(in.size());
  std::vector<std::uint8_t> parts(in.size());
  quantizer.to_codes<std::uint8_t>(in, whole, 1.0f, random);
  for (std::size_t begin = 0, size = 1; begin < in.size();
       begin += size, size = size * 3 % 257 + 1) {
    const auto count = std::min(size, in.size() - begin);
    quantizer.to_codes<std::uint8_t>(std::span(in).subspan(begin, count),
                                     std::span(parts).subspan(begin, count), 1.0f, random, begin);
  }
  EXPECT_EQ(whole, parts);
}

// Large outputs are written past the caches by whole lines, wherever they begin in memory and among
// the indices: equal to casts of short runs, and not a byte beside them written.
template <class T>
void expect_large_equals_short(const Quantizer& quantizer, std::size_t count, auto&& cast) {
  const CounterRandom random(Seed{test_seed(20061)});
  std::vector<float> in(count);
  for (std::size_t i = 0; i < in.size(); ++i) in[i] = std::sin(static_cast<float>(i)) * 300;
  for (const std::uint64_t first : {0u, 5u, 48u, 63u}) {
    std::vector<T> expected(count);
    for (std::size_t i = 0; i < count; i += 10'000) {
      const auto size = std::min<std::size_t>(10'000, count - i);
      cast(quantizer, std::span(in).subspan(i, size), std::span(expected).subspan(i, size), random,
           first + i);
    }
    for (const std::size_t offset : {0u, 1u, 4u, 15u, 16u, 61u}) {
      constexpr std::size_t kGuard = 64;
      const T guard = 77;
      std::vector<T> out(count + offset + 2 * kGuard, guard);
      const auto middle = std::span(out).subspan(kGuard + offset, count);
      cast(quantizer, std::span<const float>(in), middle, random, first);
      ASSERT_TRUE(std::equal(middle.begin(), middle.end(), expected.begin()))
          << "first index " << first << ", offset " << offset;
      const auto untouched = [&](T element) { return element == guard; };
      ASSERT_TRUE(std::all_of(out.data(), middle.data(), untouched));
      ASSERT_TRUE(std::all_of(middle.data() + count, out.data() + out.size(), untouched));
    }
  }
}

TEST(BulkCast, LargeOutputsDependNeitherOnAddressNorOnIndex) {
  for (const char* rounding : {"sr", "rne"}) {
    const Quantizer quantizer(parse_format("e4m3fn"), {.rounding = parse_rounding(rounding)});
    expect_large_equals_short<std::uint8_t>(
        quantizer, (std::size_t{4} << 20) + 12'345,
        [](const Quantizer& q, auto in, auto out, const CounterRandom& random,
           std::uint64_t first) { q.to_codes<std::uint8_t>(in, out, 0.5f, random, first); });
    expect_large_equals_short<float>(
        quantizer, (std::size_t{1} << 20) + 777,
        [](const Quantizer& q, auto in, auto out, const CounterRandom& random,
           std::uint64_t first) { q.to_values(in, out, 0.5f, random, first); });
  }
}

TEST(BulkCast, ValuesAreDecodedCodesDividedByTheScale) {
  const Quantizer quantizer(parse_format("e5m2"), {});
  const std::vector<float> in = {1.1f, -3.3f, 1e-6f, 0.0f, 70000.0f};
  std::vector<float> values(in.size());
  quantizer.to_values(in, values, 0.25f);
  EXPECT_EQ(values, (std::vector<float>{1.0f, -3.5f, 0.0f, 0.0f, 65536.0f}));
}

TEST(BulkCast, NanErrorNamesTheElement) {
  const Quantizer quantizer(parse_format("e2m1fn"), {});
  std::vector<float> in(10, 1.0f);
  in[6] = std::numeric_limits<float>::quiet_NaN();
  std::vector<std::uint8_t> out(in.size());
  try {
    quantizer.to_codes<std::uint8_t>(in, out, 1.0f, CounterRandom(Seed{}), 100);
    FAIL() << "no error";
  } catch (const UserError& error) {
    EXPECT_NE(std::string(error.what()).find("element 106"), std::string::npos) << error.what();
  }
}

TEST(BulkCast, RefusesCodesThatDoNotFitAndSizesThatDiffer) {
  const Quantizer quantizer(parse_format("fp16"), {});
  std::vector<float> in(4);
  std::vector<std::uint8_t> narrow(4);
  std::vector<std::uint16_t> short_out(3);
  EXPECT_THROW(quantizer.to_codes<std::uint8_t>(in, narrow), std::invalid_argument);
  EXPECT_THROW(quantizer.to_codes<std::uint16_t>(in, short_out), std::invalid_argument);
}

}  // namespace
}  // namespace gradpath
