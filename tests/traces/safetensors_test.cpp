#include "traces/safetensors.hpp"

#include <cstring>
#include <filesystem>
#include <random>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "models/error.hpp"
#include "tests/traces/support.hpp"
#include "traces/text.hpp"

namespace gradpath::test {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// A header of two tensors and metadata with 8 + 6 bytes of data.
constexpr std::string_view kGood = R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
                                   R"("b":{"dtype":"BF16","shape":[1,3],"data_offsets":[8,14]},)"
                                   R"("__metadata__":{"model":"m"}})";
constexpr std::size_t kGoodBytes = 14;

TEST(SafetensorsFile, ReadsNamesTypesShapesBytesAndMetadata) {
  const TemporaryFolder folder;
  const std::string path = folder.file("good.safetensors");
  write_text(path, raw_safetensors(kGood, kGoodBytes));
  const SafetensorsFile file(path);
  ASSERT_EQ(file.tensors().size(), 2u);
  const Tensor& b = file.tensors()[1];
  EXPECT_EQ(b.name, "b");
  EXPECT_EQ(b.dtype, DType::BF16);
  EXPECT_THAT(b.shape, ElementsAre(1, 3));
  EXPECT_EQ(b.numel(), 3u);
  ASSERT_EQ(b.bytes.size(), 6u);
  EXPECT_EQ(std::to_integer<int>(b.bytes[0]), 8);
  EXPECT_EQ(file.metadata().at("model"), "m");
  EXPECT_EQ(file.find("b"), &b);
  EXPECT_EQ(file.find("c"), nullptr);
}

TEST(SafetensorsFile, AcceptsEveryTypeWithItsSize) {
  const std::vector<std::pair<std::string, int>> sizes = {
      {"BOOL", 1}, {"U8", 1},  {"I8", 1},  {"U16", 2},     {"I16", 2},
      {"U32", 4},  {"I32", 4}, {"U64", 8}, {"I64", 8},     {"F16", 2},
      {"BF16", 2}, {"F32", 4}, {"F64", 8}, {"F8_E4M3", 1}, {"F8_E5M2", 1}};
  const TemporaryFolder folder;
  for (const auto& [dtype, size] : sizes) {
    const std::string path = folder.file(dtype);
    write_text(
        path, raw_safetensors(R"({"t":{"dtype":")" + dtype + R"(","shape":[3],"data_offsets":[0,)" +
                                  std::to_string(3 * size) + "]}}",
                              static_cast<std::size_t>(3 * size)));
    EXPECT_EQ(SafetensorsFile(path).tensors()[0].numel(), 3u) << dtype;
  }
}

TEST(SafetensorsFile, AcceptsScalarsEmptyTensorsEmptyFilesAndTrailingSpaces) {
  const TemporaryFolder folder;
  const std::string path = folder.file("f");
  write_text(path,
             raw_safetensors(R"({"none":{"dtype":"F32","shape":[0,5],"data_offsets":[0,0]},)"
                             R"("scalar":{"data_offsets":[0,4],"shape":[],"dtype":"F32"}}   )",
                             4));
  const SafetensorsFile file(path);
  EXPECT_EQ(file.find("none")->numel(), 0u);
  EXPECT_EQ(file.find("scalar")->numel(), 1u);
  write_text(path, raw_safetensors("{}", 0));
  EXPECT_THAT(SafetensorsFile(path).tensors(), IsEmpty());
}

TEST(SafetensorsFile, StaysValidWhenMoved) {
  const TemporaryFolder folder;
  const std::string path = folder.file("f");
  write_text(path, raw_safetensors(kGood, kGoodBytes));
  SafetensorsFile first(path);
  const Tensor* tensor = first.find("a");
  const SafetensorsFile second = std::move(first);
  EXPECT_EQ(second.find("a"), tensor);
  EXPECT_EQ(std::to_integer<int>(tensor->bytes[7]), 7);
}

TEST(SafetensorsFile, ReleasedTensorsReadTheSameAgain) {
  const TemporaryFolder folder;
  const std::string path = folder.file("f");
  constexpr std::size_t kBytes = 100'000;
  write_text(path,
             raw_safetensors(R"({"a":{"dtype":"U8","shape":[100000],"data_offsets":[0,100000]}})",
                             kBytes));
  const SafetensorsFile file(path);
  const Tensor& tensor = *file.find("a");
  const std::vector<std::byte> before(tensor.bytes.begin(), tensor.bytes.end());
  file.release(tensor, 5, 90'000);
  file.release(tensor, kBytes, 0);
  file.release(tensor);
  EXPECT_TRUE(std::equal(before.begin(), before.end(), tensor.bytes.begin()));
}

// A header that is wrong in one place, and what the message must say.
struct Malformed {
  std::string name;
  std::string header;
  std::size_t data_bytes;
  std::string expected;
};

class MalformedHeader : public ::testing::TestWithParam<Malformed> {};

TEST_P(MalformedHeader, IsRefusedNamingFileAndFault) {
  const TemporaryFolder folder;
  const std::string path = folder.file("bad.safetensors");
  write_text(path, raw_safetensors(GetParam().header, GetParam().data_bytes));
  EXPECT_THAT(user_error([&] { const SafetensorsFile file(path); }),
              AllOf(HasSubstr(path), HasSubstr(GetParam().expected)));
}

std::string tensor_header(const std::string& fields) { return R"({"t":{)" + fields + "}}"; }

std::vector<Malformed> malformed_headers() {
  const std::string dtype = R"("dtype":"F32")";
  const std::string shape = R"("shape":[1])";
  const std::string offsets = R"("data_offsets":[0,4])";
  const auto with_dtype = [&](const std::string& value) {
    return tensor_header(R"("dtype":)" + value + "," + shape + "," + offsets);
  };
  const auto with_shape = [&](const std::string& value) {
    return tensor_header(dtype + R"(,"shape":)" + value + "," + offsets);
  };
  const auto with_offsets = [&](const std::string& value) {
    return tensor_header(dtype + "," + shape + R"(,"data_offsets":)" + value);
  };
  const std::string a = R"("a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]})";
  std::string deep;
  for (int i = 0; i < 100'000; ++i) deep += R"({"x":)";
  return {
      {"EmptyHeader", "", 0, "not valid UTF-8 JSON"},
      {"NotJson", "{nonsense", 0, "not valid UTF-8 JSON"},
      {"TextAfterObject", "{}x", 0, "not valid UTF-8 JSON"},
      {"NulPadding", std::string("{}\0\0", 4), 0, "not valid UTF-8 JSON"},
      {"NotUtf8", "{\"\xff\xfe\":1}", 0, "not valid UTF-8 JSON at byte 3"},
      {"OverlongUtf8", "{\"\xc0\xaf\":1}", 0, "not valid UTF-8 JSON"},
      {"UnfinishedObject", R"({"t":{"dtype":"F32")", 0, "not valid UTF-8 JSON"},
      {"HeaderIsArray", "[]", 0, "expected an object"},
      {"HeaderIsNumber", "7", 0, "expected an object"},
      {"HeaderIsNull", "null", 0, "expected an object"},
      {"EntryIsArray", R"({"t":[]})", 0, "'t': the entry is an array, expected an object"},
      {"EntryIsString", R"({"t":"x"})", 0, "the entry is the string 'x', expected an object"},
      {"EntryIsNumber", R"({"t":1})", 0, "the entry is the number 1"},
      {"DeeplyNestedEntry", deep, 0, "unknown field 'x'"},
      {"DeeplyNestedArray", std::string(100'000, '['), 0, "expected an object"},
      {"DeeplyNestedShape", with_shape(std::string(100'000, '[')), 4, "shape holds an array"},

      {"DtypeMissing", tensor_header(shape + "," + offsets), 4, "'t': field 'dtype' is missing"},
      {"DtypeUnknown", with_dtype(R"("F31")"), 4, "dtype 'F31' is unknown; known are BOOL, U8"},
      {"DtypeLowerCase", with_dtype(R"("f32")"), 4, "dtype 'f32' is unknown"},
      {"DtypeIsNumber", with_dtype("32"), 4, "dtype is the number 32, expected a string"},
      {"DtypeIsNull", with_dtype("null"), 4, "dtype is null, expected a string"},
      {"DtypeIsArray", with_dtype("[]"), 4, "dtype is an array, expected a string"},
      {"DtypeIsObject", with_dtype("{}"), 4, "dtype is an object, expected a string"},
      {"DtypeTwice", tensor_header(dtype + "," + dtype + "," + shape + "," + offsets), 4,
       "'t': field 'dtype' occurs twice"},
      {"DtypeOfOtherSize", with_dtype(R"("F64")"), 4, "hold 4 bytes, but shape [1] of F64 needs 8"},

      {"ShapeMissing", tensor_header(dtype + "," + offsets), 4, "'t': field 'shape' is missing"},
      {"ShapeIsNumber", with_shape("1"), 4, "shape is the number 1, expected an array"},
      {"ShapeIsString", with_shape(R"("1")"), 4, "shape is the string '1', expected an array"},
      {"ShapeIsObject", with_shape("{}"), 4, "shape is an object, expected an array"},
      {"ShapeHoldsNegative", with_shape("[-1]"), 4, "shape holds the number -1"},
      {"ShapeHoldsNegativeZero", with_shape("[-0]"), 4, "shape holds the number"},
      {"ShapeHoldsFraction", with_shape("[1.5]"), 4, "shape holds the number '1.5'"},
      {"ShapeHoldsFloat", with_shape("[1.0]"), 4, "shape holds the number '1.0'"},
      {"ShapeHoldsExponent", with_shape("[1e0]"), 4, "shape holds the number '1e0'"},
      {"ShapeHoldsString", with_shape(R"(["1"])"), 4, "shape holds the string '1'"},
      {"ShapeHoldsTrue", with_shape("[true]"), 4, "shape holds true"},
      {"ShapeHoldsNull", with_shape("[null]"), 4, "shape holds null"},
      {"ShapeHoldsObject", with_shape("[{}]"), 4, "shape holds an object"},
      {"ShapeDimensionBeyond63Bits", with_shape("[9223372036854775808]"), 4, "above 2^63 - 1"},
      {"ShapeDimensionBeyond64Bits", with_shape("[18446744073709551617]"), 4, "shape holds"},
      {"ShapeOverflows", with_shape("[4294967296,4294967296]"), 4, "exceeds 2^63 bytes"},
      {"ShapeOverflowsBesideAZero", with_shape("[0,4294967296,4294967296]"), 4,
       "exceeds 2^63 bytes"},
      {"ShapeOverflowsByElementSize", with_shape("[4611686018427387905]"), 4, "exceeds 2^63 bytes"},
      {"ShapeTooLarge", with_shape("[2]"), 4, "hold 4 bytes, but shape [2] of F32 needs 8"},
      {"ShapeTooSmall", with_shape("[0]"), 4, "hold 4 bytes, but shape [0] of F32 needs 0"},
      {"ShapeTwice", tensor_header(dtype + "," + shape + "," + shape + "," + offsets), 4,
       "'t': field 'shape' occurs twice"},

      {"OffsetsMissing", tensor_header(dtype + "," + shape), 4, "field 'data_offsets' is missing"},
      {"OffsetsAreNumber", with_offsets("4"), 4, "data_offsets is the number 4"},
      {"OffsetsAreObject", with_offsets("{}"), 4, "data_offsets is an object"},
      {"OffsetsEmpty", with_offsets("[]"), 4, "data_offsets has 0 numbers"},
      {"OffsetsOne", with_offsets("[0]"), 4, "data_offsets has 1 numbers"},
      {"OffsetsThree", with_offsets("[0,4,8]"), 4, "data_offsets has 3 numbers"},
      {"OffsetsNegative", with_offsets("[-4,0]"), 4, "data_offsets holds the number -4"},
      {"OffsetsFraction", with_offsets("[0,4.5]"), 4, "data_offsets holds the number '4.5'"},
      {"OffsetsStrings", with_offsets(R"(["0","4"])"), 4, "data_offsets holds the string '0'"},
      {"OffsetsReversed", with_offsets("[4,0]"), 4, "begin at 4, after their end 0"},
      {"OffsetsBeyondFile", with_offsets("[0,8]"), 4, "end at byte 8, but the file has only 4"},
      {"OffsetsHuge", with_offsets("[0,18446744073709551615]"), 4, "but the file has only 4"},
      {"OffsetsBeyond64Bits", with_offsets("[0,18446744073709551616]"), 4, "data_offsets holds"},
      {"OffsetsStartLate", with_offsets("[4,8]"), 8, "begin at 4, expected 0: a gap"},
      {"OffsetsTwice", tensor_header(dtype + "," + shape + "," + offsets + "," + offsets), 4,
       "'t': field 'data_offsets' occurs twice"},

      {"UnknownField", tensor_header(dtype + "," + shape + "," + offsets + R"(,"extra":1)"), 4,
       "unknown field 'extra'"},
      {"DataAfterLastTensor", "{" + a + "}", 5, "end at byte 4 of the data, but the file has 5"},
      {"DataWithoutTensors", "{}", 1, "end at byte 0 of the data, but the file has 1"},
      {"Gap", "{" + a + R"(,"b":{"dtype":"U8","shape":[2],"data_offsets":[5,7]}})", 7,
       "'b': data_offsets begin at 5, expected 4: a gap"},
      {"Overlap", "{" + a + R"(,"b":{"dtype":"U8","shape":[4],"data_offsets":[3,7]}})", 7,
       "'b': data_offsets begin at 3, expected 4: overlaps"},
      {"SameData", "{" + a + R"(,"b":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}})", 4,
       "overlaps"},
      {"EmptyTensorInsideAnother",
       "{" + a + R"(,"b":{"dtype":"U8","shape":[0],"data_offsets":[2,2]}})", 4, "overlaps"},
      {"DuplicateName", "{" + a + "," + a + "}", 4, "'a': the name occurs twice"},
      {"DuplicateNameEscaped",
       "{" + a + R"(,"\u0061":{"dtype":"U8","shape":[4],"data_offsets":[4,8]}})", 8,
       "'a': the name occurs twice"},
      {"NameWithNul", R"({"a\u0000":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}})", 4,
       "NUL character"},
      {"NameWithNewline", R"({"a\nb":1})", 4, R"('a\x0ab')"},

      {"MetadataIsArray", R"({"__metadata__":[]})", 0, "__metadata__ is an array"},
      {"MetadataIsString", R"({"__metadata__":"x"})", 0, "__metadata__ is the string 'x'"},
      {"MetadataHoldsNumber", R"({"__metadata__":{"batch":32}})", 0,
       "__metadata__: 'batch' is the number 32, expected a string"},
      {"MetadataHoldsObject", R"({"__metadata__":{"layers":{}}})", 0,
       "__metadata__: 'layers' is an object, expected a string"},
      {"MetadataHoldsNull", R"({"__metadata__":{"k":null}})", 0, "'k' is null, expected a string"},
      {"MetadataKeyTwice", R"({"__metadata__":{"k":"1","k":"2"}})", 0, "key 'k' occurs twice"},
      {"MetadataTwice", R"({"__metadata__":{},"__metadata__":{}})", 0, "occurs twice"},
  };
}

INSTANTIATE_TEST_SUITE_P(Each, MalformedHeader, ::testing::ValuesIn(malformed_headers()),
                         [](const auto& test) { return test.param.name; });

class HeaderLength : public ::testing::TestWithParam<std::uint64_t> {};

TEST_P(HeaderLength, BeyondTheFileOrTheLimitIsRefused) {
  const TemporaryFolder folder;
  const std::string path = folder.file("bad.safetensors");
  std::string bytes = raw_safetensors(kGood, kGoodBytes);
  const std::uint64_t length = GetParam();
  std::memcpy(bytes.data(), &length, sizeof length);
  write_text(path, bytes);
  EXPECT_THAT(user_error([&] { const SafetensorsFile file(path); }),
              AllOf(HasSubstr(path), HasSubstr("header length is " + std::to_string(length))));
}

INSTANTIATE_TEST_SUITE_P(Each, HeaderLength,
                         ::testing::Values(kGood.size() + kGoodBytes + 1, 99'999'999u, 100'000'001u,
                                           std::uint64_t{1} << 31, std::uint64_t{1} << 32,
                                           std::uint64_t{1} << 63, ~std::uint64_t{0},
                                           ~std::uint64_t{0} - 7));

// A good file must not merely fail when cut: it must fail with a message, at every length.
TEST(SafetensorsFile, TruncatedAtAnyByteIsRefused) {
  const TemporaryFolder folder;
  const std::string path = folder.file("cut.safetensors");
  const std::string good = raw_safetensors(kGood, kGoodBytes);
  for (std::size_t size = 0; size < good.size(); ++size) {
    write_text(path, good.substr(0, size));
    EXPECT_THAT(user_error([&] { const SafetensorsFile file(path); }), HasSubstr(path)) << size;
  }
}

TEST(SafetensorsFile, TruncatedAtEvery4KiBIsRefused) {
  const TemporaryFolder folder;
  const std::string path = folder.file("cut.safetensors");
  constexpr std::size_t kBytes = 1 << 18;
  const std::string good =
      raw_safetensors(R"({"a":{"dtype":"U8","shape":[262140],"data_offsets":[0,262140]},)"
                      R"("b":{"dtype":"U8","shape":[4],"data_offsets":[262140,262144]}})",
                      kBytes);
  write_text(path, good);
  ASSERT_NO_THROW(SafetensorsFile{path});
  for (std::size_t size = 0; size < good.size(); size += 4096) {
    std::filesystem::resize_file(path, 0);
    write_text(path, good.substr(0, size));
    EXPECT_THAT(user_error([&] { const SafetensorsFile file(path); }), HasSubstr(path)) << size;
  }
}

// Any single changed byte of the header either leaves a well-formed file or is a UserError: never
// another exception, a crash or a read outside the file (asan runs this too).
TEST(SafetensorsFile, SurvivesEveryChangedByteOfTheHeader) {
  const TemporaryFolder folder;
  const std::string path = folder.file("flip.safetensors");
  const std::string good = raw_safetensors(kGood, kGoodBytes);
  std::mt19937_64 random(test_seed());
  SCOPED_TRACE("GRADPATH_TEST_SEED=" + std::to_string(test_seed()));
  int refused = 0;
  int tried = 0;
  for (std::size_t i = 0; i < 8 + kGood.size(); ++i) {
    for (const unsigned mask : {0x01u, 0x80u, static_cast<unsigned>(random() % 255 + 1)}) {
      std::string bytes = good;
      bytes[i] = static_cast<char>(static_cast<unsigned char>(bytes[i]) ^ mask);
      write_text(path, bytes);
      ++tried;
      try {
        const SafetensorsFile file(path);
        std::size_t total = 0;
        for (const Tensor& tensor : file.tensors()) {
          for (const std::byte byte : tensor.bytes) total += std::to_integer<std::size_t>(byte);
        }
        EXPECT_LE(total, 255 * kGoodBytes);
      } catch (const UserError&) {
        ++refused;
      }
    }
  }
  EXPECT_GT(refused, tried / 2);
}

TEST(SafetensorsFile, NamesAMissingFileAndAFolder) {
  const TemporaryFolder folder;
  EXPECT_THAT(user_error([&] { SafetensorsFile file(folder.file("none")); }),
              AllOf(HasSubstr(folder.file("none")), HasSubstr("No such file")));
  EXPECT_THAT(user_error([&] { SafetensorsFile file(folder.path().string()); }),
              HasSubstr("is a directory"));
  EXPECT_THAT(user_error([&] { SafetensorsFile file("/dev/null"); }),
              HasSubstr("is a pipe or a device"));
  ASSERT_EQ(::mkfifo(folder.file("pipe").c_str(), 0600), 0);  // no writer will ever come
  EXPECT_THAT(user_error([&] { SafetensorsFile file(folder.file("pipe")); }),
              HasSubstr("is a pipe or a device"));
}

TEST(OneLine, EscapesWhatWouldBreakALineAndKeepsText) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"plain é 中 \U0001f600", "plain é 中 \U0001f600"},
      {"a\nb\r\t\x1b[31m\x7f", "a\\x0ab\\x0d\\x09\\x1b[31m\\x7f"},
      {std::string("a\0b", 3), "a\\x00b"},
      {"\xff\xfe", "\\xff\\xfe"},                    // no UTF-8 at all
      {"\xc3", "\\xc3"},                             // cut short
      {"\xc0\xaf", "\\xc0\\xaf"},                    // not the shortest form
      {"\xed\xa0\x80", "\\xed\\xa0\\x80"},           // a surrogate
      {"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"},  // beyond U+10FFFF
      {"\xc2\x85", "\\xc2\\x85"},                    // U+0085, next line
      {"\xe2\x80\xa8", "\\xe2\\x80\\xa8"},           // U+2028, line separator
      {"\x80", "\\x80"}};
  for (const auto& [text, shown] : cases) EXPECT_EQ(one_line(text), shown);
  EXPECT_EQ(quote("a\nb"), "'a\\x0ab'");
  // Cut at 200 bytes, but never inside a character.
  EXPECT_EQ(quote(std::string(199, 'x') + "é"), "'" + std::string(199, 'x') + "...'");
  EXPECT_EQ(quote(std::string(198, 'x') + "é"), "'" + std::string(198, 'x') + "é'");
  EXPECT_EQ(quote(std::string(201, 'x')), "'" + std::string(200, 'x') + "...'");
}

}  // namespace
}  // namespace gradpath::test
