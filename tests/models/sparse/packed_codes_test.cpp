#include "models/sparse/packed_codes.hpp"

#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "models/format/formats.hpp"
#include "tests/models/random_tensor.hpp"

namespace gradpath {
namespace {

TEST(PackedCodes, BitmapAndCodesOfAHandMadeExample) {
  const Format e5m2 = parse_format("e5m2");
  const PackedCodes packed = pack_codes(e5m2, std::vector<Code>{0x3c, 0x00, 0x80, 0xbc, 0x01});
  EXPECT_EQ(packed.elements, 5u);
  EXPECT_EQ(packed.bitmap, std::vector<std::uint64_t>{0b11001});
  EXPECT_EQ(packed.codes, (std::vector<Code>{0x3c, 0xbc, 0x01}));
}

TEST(PackedCodes, NegativeZeroOfFnuzIsANanAndStays) {
  const Format fnuz = parse_format("e5m2fnuz");
  EXPECT_FALSE(is_zero_code(fnuz, 0x80));
  EXPECT_TRUE(is_zero_code(fnuz, 0x00));
  const Format e8m0 = parse_format("e8m0fnu");
  EXPECT_FALSE(is_zero_code(e8m0, 0x00));
}

TEST(PackedCodes, RoundTripKeepsEverythingButTheSignOfZeros) {
  const Format e5m2 = parse_format("e5m2");
  std::mt19937_64 random(test_seed(20260703));
  for (std::size_t size = 0; size <= 200; ++size) {
    std::vector<Code> codes(size);
    for (Code& code : codes) code = random() % 3 == 0 ? static_cast<Code>(random() % 256) : 0;
    const PackedCodes packed = pack_codes(e5m2, codes);
    std::vector<Code> out(size, 99);
    unpack_codes(packed, out);
    for (Code& code : codes) code = code == 0x80 ? 0 : code;
    EXPECT_EQ(out, codes) << "size " << size;
  }
}

// The span is never read: only its size is in question.
TEST(PackedCodes, MoreElementsThanItsCounterHoldsAreRefused) {
  const Code code = 0;
  EXPECT_THROW(static_cast<void>(
                   pack_codes(parse_format("e5m2"), std::span(&code, (std::size_t{1} << 32) + 1))),
               std::length_error);
}

TEST(PackedCodes, BytesAreThoseOfBitmapAndCodes) {
  EXPECT_EQ(packed_bytes(0, 0, 8), 0u);
  EXPECT_EQ(packed_bytes(64, 10, 8), 8u + 10u);
  EXPECT_EQ(packed_bytes(65, 3, 6), 9u + 3u);  // 65 bits; 18 bits
}

TEST(DecodePanel, FindsEveryNonzeroAtItsPlaceAcrossRunsAndWords) {
  const Format fp16 = parse_format("fp16");
  const Quantizer quantizer(fp16, {});
  constexpr std::size_t kRows = 3;
  constexpr std::uint32_t kExtent = 47;
  std::mt19937_64 random(test_seed(20260703));
  std::vector<float> dense(kRows * kExtent);
  std::vector<Code> codes(dense.size());
  for (std::size_t i = 0; i < dense.size(); ++i) {
    dense[i] = random() % 3 == 0 ? static_cast<float>(1 + random() % 100) : 0.0f;
    codes[i] = quantizer.code(dense[i]);
  }
  std::vector<PackedCodes> runs;
  for (std::size_t first = 0; first < codes.size(); first += 70) {
    runs.push_back(pack_codes(fp16, std::span<const Code>(codes).subspan(
                                        first, std::min<std::size_t>(70, codes.size() - first))));
  }
  const SparsePanel panel = decode_panel(runs, kRows, kExtent, quantizer);
  std::vector<float> rebuilt(dense.size(), 0.0f);
  for (std::size_t r = 0; r < kRows; ++r) {
    for (std::size_t i = panel.row_begin[r]; i < panel.row_begin[r + 1]; ++i) {
      rebuilt[r * kExtent + panel.offsets[i]] = panel.values[i];
    }
  }
  EXPECT_EQ(rebuilt, dense);
  EXPECT_THROW(static_cast<void>(decode_panel(runs, kRows, kExtent + 1, quantizer)),
               std::invalid_argument);
}

}  // namespace
}  // namespace gradpath
