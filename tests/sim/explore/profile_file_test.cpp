// Profile files: what is written is read, and nothing else is.
#include "sim/explore/profile_file.hpp"

#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "models/error.hpp"
#include "models/profile/profile_builder.hpp"
#include "models/round/random.hpp"
#include "tests/models/random_tensor.hpp"

namespace gradpath {
namespace {

ProfileSet example(std::uint64_t seed) {
  const auto values = lognormal_tensor(seed, 320, -5, 2, 0.2);
  TensorProfile blocks{.profile = profile_tensor(values), .blocks = {}};
  for (const BlockKey key : {BlockKey{.block = 16}, BlockKey{.block = 32, .axis = 0}}) {
    BlockLayout layout{.length = 320, .block = key.block};
    BlockProfileBuilder builder;
    builder.add(values, layout, {0, layout.groups()});
    blocks.blocks.emplace(key, builder.take());
  }
  ProfileSet set;
  merge_into(set, "a", blocks);
  merge_into(set, "empty", {});
  merge_into(set, "b", {.profile = profile_tensor(std::vector<float>{1.5f, 0.0f}), .blocks = {}});
  return set;
}

// The bytes under a checksum that fits, as only a forger's would.
std::string sealed(std::string bytes) {
  bytes.resize(bytes.size() - 8);
  const std::uint64_t hash = name_hash(bytes);
  for (int i = 0; i < 8; ++i) bytes += static_cast<char>(static_cast<unsigned char>(hash >> 8 * i));
  return bytes;
}

TEST(ProfileFile, ReadsWhatWasWritten) {
  const ProfileSet set = example(test_seed(101));
  EXPECT_EQ(decode_profiles("p", encode_profiles(set)), set);
  EXPECT_EQ(decode_profiles("p", encode_profiles({})), ProfileSet{});
}

TEST(ProfileFile, EveryTruncationIsRefused) {
  const std::string bytes = encode_profiles(example(test_seed(102)));
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_THROW(static_cast<void>(decode_profiles("p", bytes.substr(0, size))), UserError) << size;
  }
  EXPECT_THROW(static_cast<void>(decode_profiles("p", bytes + "x")), UserError);
}

TEST(ProfileFile, EveryFlippedBitIsRefused) {
  std::string bytes = encode_profiles(example(test_seed(103)));
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const char kept = bytes[i];
    bytes[i] = static_cast<char>(kept ^ (1 << i % 8));
    EXPECT_THROW(static_cast<void>(decode_profiles("p", bytes)), UserError) << i;
    bytes[i] = kept;
  }
}

// With a checksum that fits, damage is found out or is another valid profile; it never crashes, and
// what is read is written again as the same bytes.
TEST(ProfileFile, ForgedFilesAreRefusedOrConsistent) {
  const auto seed = test_seed(104);
  const std::string good = encode_profiles(example(seed));
  std::mt19937_64 random(seed);
  int refused = 0;
  constexpr int kTries = 4000;
  for (int i = 0; i < kTries; ++i) {
    std::string bytes = good;
    const std::size_t at = 12 + random() % (bytes.size() - 20);
    if (i % 3 == 0) {
      bytes[at] = static_cast<char>(random());
    } else if (i % 3 == 1) {
      bytes.erase(at, 1 + random() % 4);
    } else {
      bytes.insert(at, 1 + random() % 12, static_cast<char>(0xff));
    }
    bytes = sealed(bytes);
    try {
      EXPECT_EQ(encode_profiles(decode_profiles("p", bytes)), bytes);
    } catch (const UserError&) {
      ++refused;
    }
  }
  EXPECT_GT(refused, kTries / 2);
}

TEST(ProfileFile, ErrorsNameTheFileAndTheRemedy) {
  const auto message = [](const std::string& bytes) -> std::string {
    try {
      static_cast<void>(decode_profiles("x.profile", bytes));
    } catch (const UserError& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_NE(message("safetensors").find("x.profile: is not a profile"), std::string::npos);
  std::string other = encode_profiles({});
  other[8] = 9;
  EXPECT_NE(message(other).find("version 9, expected 2"), std::string::npos);
  EXPECT_THROW(static_cast<void>(read_profiles("no/such/file")), UserError);
}

// A bucket whose (sum l)^2 is above n times the sum of l^2: the variance would wrap around.
TEST(ProfileFile, ContradictionsNameTheTensorAndTheBucket) {
  ProfileSet set;
  merge_into(
      set, "conv1",
      {.profile = profile_tensor(std::vector<float>{0x1.000002p0f, 0x1.000008p0f}), .blocks = {}});
  std::string bytes = encode_profiles(set);
  // The bucket's last two numbers: sum of l, 1 + 4, and of l^2, 1 + 16.
  const std::size_t at = bytes.rfind(std::string{5, 17});
  ASSERT_NE(at, std::string::npos);
  bytes[at + 1] = 12;
  try {
    static_cast<void>(decode_profiles("x.profile", sealed(bytes)));
    ADD_FAILURE() << "accepted";
  } catch (const UserError& error) {
    const std::string message = error.what();
    EXPECT_NE(message.find("x.profile"), std::string::npos) << message;
    EXPECT_NE(message.find("'conv1': bucket 0x3f80: its sum of squares"), std::string::npos)
        << message;
  }
}

TEST(ProfileFile, DifferentBlocksDoNotMerge) {
  ProfileSet set = example(test_seed(105));
  EXPECT_THROW(merge_into(set, "a", {}), UserError);
  EXPECT_NO_THROW(merge_into(set, "b", {}));
}

}  // namespace
}  // namespace gradpath
