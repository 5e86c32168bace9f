#include "traces/safetensors_writer.hpp"

#include <filesystem>
#include <numeric>
#include <random>
#include <stdexcept>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/traces/support.hpp"
#include "traces/safetensors.hpp"

namespace gradpath::test {
namespace {

using ::testing::ElementsAre;

// The bytes as the format's description has them, not as our reader takes them.
TEST(SafetensorsWriter, WritesTheDocumentedBytes) {
  const TemporaryFolder folder;
  const std::string path = folder.file("out");
  SafetensorsWriter writer(path, {{"t", DType::U8, {2}}}, {{"k", "v"}});
  writer.append(std::span<const std::byte>(std::vector<std::byte>{std::byte{7}, std::byte{9}}));
  writer.commit();
  const std::string header =
      R"({"__metadata__":{"k":"v"},"t":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}})";
  const std::size_t padded = (header.size() + 7) / 8 * 8;
  std::string expected(1, static_cast<char>(padded));
  expected += std::string(7, '\0') + header + std::string(padded - header.size(), ' ') + "\x07\x09";
  EXPECT_EQ(read_text(path), expected);
}

TEST(SafetensorsWriter, RoundTripsRandomFiles) {
  const std::uint64_t seed = test_seed();
  SCOPED_TRACE("GRADPATH_TEST_SEED=" + std::to_string(seed));
  std::mt19937_64 random(seed);
  const TemporaryFolder folder;
  for (int repeat = 0; repeat < 50; ++repeat) {
    // Wider types first, as alignment demands.
    std::vector<TensorDeclaration> declared;
    for (const DType dtype : {DType::F64, DType::F32, DType::BF16, DType::U8}) {
      for (std::uint64_t n = random() % 3; n > 0; --n) {
        TensorDeclaration tensor{
            "layer \"" + std::to_string(declared.size()) + "\"\n\xc3\xa4", dtype, {}};
        for (std::uint64_t d = random() % 4; d > 0; --d) {
          tensor.shape.push_back(static_cast<std::int64_t>(random() % 6));
        }
        declared.push_back(tensor);
      }
    }
    std::size_t size = 0;
    for (const TensorDeclaration& tensor : declared) size += tensor.bytes();
    std::vector<std::byte> data(size);
    for (std::byte& byte : data) byte = static_cast<std::byte>(random());
    const std::map<std::string, std::string> metadata = {{"quote\"", "line\nbreak"}, {"e", ""}};

    const std::string path = folder.file("out");
    SafetensorsWriter writer(path, declared, metadata);
    std::span<const std::byte> rest = data;
    while (!rest.empty()) {
      const std::size_t piece = std::min<std::size_t>(rest.size(), random() % 64);
      writer.append(rest.first(piece));
      rest = rest.subspan(piece);
    }
    writer.commit();

    const SafetensorsFile file(path);
    EXPECT_EQ(file.metadata(), metadata);
    ASSERT_EQ(file.tensors().size(), declared.size());
    std::vector<std::byte> read;
    for (const TensorDeclaration& tensor : declared) {
      const Tensor* found = file.find(tensor.name);
      ASSERT_NE(found, nullptr);
      EXPECT_EQ(found->dtype, tensor.dtype);
      EXPECT_EQ(found->shape, tensor.shape);
      read.insert(read.end(), found->bytes.begin(), found->bytes.end());
    }
    EXPECT_EQ(read, data);
  }
}

TEST(SafetensorsWriter, MayReplaceTheFileItsDataComeFrom) {
  const TemporaryFolder folder;
  const std::string path = folder.file("f");
  write_text(path, raw_safetensors(R"({"t":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}})", 4));
  const SafetensorsFile source(path);
  SafetensorsWriter writer(path, {{"u", DType::U8, {4}}}, {});
  writer.append(source.find("t")->bytes);
  writer.commit();
  EXPECT_EQ(std::to_integer<int>(source.find("t")->bytes[3]), 3);
  EXPECT_EQ(std::to_integer<int>(SafetensorsFile(path).find("u")->bytes[3]), 3);
}

TEST(SafetensorsWriter, RefusesMissingAndSurplusData) {
  const TemporaryFolder folder;
  const std::string path = folder.file("out");
  SafetensorsWriter writer(path, {{"t", DType::F32, {2}}}, {});
  const std::vector<float> one = {1.0f};
  writer.append(std::span<const float>(one));
  EXPECT_THROW(writer.commit(), std::logic_error);
  const std::vector<float> two = {1.0f, 2.0f};
  EXPECT_THROW(writer.append(std::span<const float>(two)), std::logic_error);
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(SafetensorsWriter, RefusesEqualNamesUnalignedTensorsAndImpossibleShapes) {
  const TemporaryFolder folder;
  const auto declare = [&](const std::vector<TensorDeclaration>& tensors) {
    const SafetensorsWriter writer(folder.file("out"), tensors, {});
  };
  EXPECT_THROW(declare({{"t", DType::U8, {4}}, {"t", DType::U8, {4}}}), std::invalid_argument);
  EXPECT_THROW(declare({{"__metadata__", DType::U8, {4}}}), std::invalid_argument);
  EXPECT_THROW(declare({{"a", DType::U8, {3}}, {"b", DType::F32, {1}}}), std::invalid_argument);
  EXPECT_THROW(declare({{"a", DType::U8, {-1}}}), std::invalid_argument);
  EXPECT_THROW(declare({{"a", DType::F32, {std::int64_t{1} << 62}}}), std::invalid_argument);
  EXPECT_EQ(folder.entries(), 0u);
}

}  // namespace
}  // namespace gradpath::test
