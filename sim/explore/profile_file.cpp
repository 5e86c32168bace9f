#include "sim/explore/profile_file.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "models/error.hpp"
#include "models/round/random.hpp"
#include "traces/mapped_file.hpp"
#include "traces/text.hpp"

namespace gradpath {
namespace {

constexpr std::string_view kMagic = "gprofile";
constexpr std::uint32_t kVersion = 2;

template <class T>
void put_fixed(std::string& out, T value) {
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    out += static_cast<char>(static_cast<unsigned char>(value >> (8 * i)));
  }
}

// LEB128: seven bits a byte, lowest first, the top bit says that more follow.
void put(std::string& out, Uint128 value) {
  while (value >= 0x80) {
    out += static_cast<char>(static_cast<unsigned char>(value & 0x7f) | 0x80u);
    value >>= 7;
  }
  out += static_cast<char>(value);
}

class Reader {
 public:
  Reader(std::string_view path, std::string_view bytes) : path_(path), bytes_(bytes) {}

  [[noreturn]] void fail(std::string_view what) const {
    throw UserError(fmt::format(
        "{}: byte {}: {}{}; the profile is damaged, make it again with `gradpath profile`", path_,
        at_, tensor_, what));
  }
  /// Errors from here on name this tensor.
  void enter(std::string_view tensor) { tensor_ = fmt::format("tensor {}: ", quote(tensor)); }

  std::string_view take(std::size_t count) {
    if (count > bytes_.size() - at_) fail("the file ends too early");
    at_ += count;
    return bytes_.substr(at_ - count, count);
  }

  template <class T>
  T fixed() {
    T value = 0;
    int shift = 0;
    for (const char c : take(sizeof(T))) {
      value = static_cast<T>(value | static_cast<T>(T{static_cast<unsigned char>(c)} << shift));
      shift += 8;
    }
    return value;
  }

  template <class T>
  T number() {
    T value = 0;
    for (unsigned shift = 0;; shift += 7) {
      const auto byte = static_cast<unsigned char>(take(1).front());
      const T part = static_cast<T>(byte & 0x7fu);
      if (shift >= 8 * sizeof(T) || (part << shift) >> shift != part) fail("a number is too large");
      value = static_cast<T>(value | (part << shift));
      if (byte < 0x80) {
        if (byte == 0 && shift > 0) fail("a number is not in its shortest form");
        return value;
      }
    }
  }

  [[nodiscard]] std::size_t left() const { return bytes_.size() - at_; }

 private:
  std::string_view path_;
  std::string_view bytes_;
  std::size_t at_ = 0;
  std::string tensor_;
};

void put_profile(std::string& out, const Profile& profile) {
  put(out, profile.zeros());
  put(out, profile.infs());
  put(out, profile.nans());
  put_fixed(out, profile.abs_min_bits());
  put_fixed(out, profile.abs_max_bits());
  put_fixed(out, profile.checksum());
  put(out, profile.buckets().size());
  std::uint32_t next = 0;
  for (const ProfileBucket& bucket : profile.buckets()) {
    put(out, bucket.key - next);
    put(out, bucket.count);
    put(out, bucket.ties);
    put(out, bucket.low_sum);
    put(out, bucket.low_square_sum);
    next = bucket.key + 1u;
  }
}

Profile read_profile(Reader& in) {
  const auto zeros = in.number<std::uint64_t>();
  const auto infs = in.number<std::uint64_t>();
  const auto nans = in.number<std::uint64_t>();
  const auto abs_min_bits = in.fixed<std::uint32_t>();
  const auto abs_max_bits = in.fixed<std::uint32_t>();
  const auto checksum = in.fixed<std::uint64_t>();
  const auto size = in.number<std::uint64_t>();
  if (size > 0x10000) in.fail("there are more buckets than keys");
  std::vector<ProfileBucket> buckets(size);
  std::uint64_t next = 0;
  for (ProfileBucket& bucket : buckets) {
    const auto skipped = in.number<std::uint64_t>();
    const auto key = next + skipped;
    if (skipped > 0xffff || key > 0xffff) in.fail("a bucket's key is too large");
    bucket.key = static_cast<std::uint16_t>(key);
    bucket.count = in.number<std::uint64_t>();
    bucket.ties = in.number<std::uint64_t>();
    bucket.low_sum = in.number<std::uint64_t>();
    bucket.low_square_sum = in.number<Uint128>();
    next = key + 1;
  }
  try {
    return Profile(zeros, infs, nans, abs_min_bits, abs_max_bits, checksum, std::move(buckets));
  } catch (const std::invalid_argument& wrong) {
    in.fail(wrong.what());
  }
}

// Numbers of either sign: 0, -1, 1, -2, ... as 0, 1, 2, 3, ...
std::uint64_t zigzag(int value) {
  return value < 0 ? 2 * static_cast<std::uint64_t>(-(value + 1)) + 1
                   : 2 * static_cast<std::uint64_t>(value);
}
int read_zigzag(Reader& in) {
  const auto value = in.number<std::uint32_t>();
  const auto half = static_cast<int>(value / 2);
  return value % 2 == 0 ? half : -half - 1;
}

void put_blocks(std::string& out, const std::map<BlockKey, BlockProfile>& blocks) {
  put(out, blocks.size());
  for (const auto& [key, profile] : blocks) {
    put(out, key.block);
    put(out, zigzag(key.axis));
    put(out, profile.classes().size());
    for (const auto& [exponent, part] : profile.classes()) {
      put(out, static_cast<unsigned>(exponent - BlockProfile::kZeroBlocks));
      put_profile(out, part);
    }
  }
}

std::map<BlockKey, BlockProfile> read_blocks(Reader& in, const Profile& whole) {
  std::map<BlockKey, BlockProfile> blocks;
  for (auto left = in.number<std::uint64_t>(); left > 0; --left) {
    BlockKey key{.block = in.number<std::uint64_t>()};
    key.axis = read_zigzag(in);
    if (key.block == 0 || (!blocks.empty() && blocks.rbegin()->first >= key)) {
      in.fail("blocks are not in ascending order");
    }
    std::map<int, Profile> classes;
    for (auto parts = in.number<std::uint64_t>(); parts > 0; --parts) {
      const auto code = in.number<std::uint16_t>();
      const int exponent = int{code} + BlockProfile::kZeroBlocks;
      if (!classes.empty() && classes.rbegin()->first >= exponent) {
        in.fail("classes of blocks are not in ascending order");
      }
      classes.emplace(exponent, read_profile(in));
    }
    try {
      BlockProfile profile(std::move(classes));
      if (profile.whole() != whole) in.fail("the blocks' elements are not the tensor's");
      blocks.emplace(key, std::move(profile));
    } catch (const std::invalid_argument& wrong) {
      in.fail(wrong.what());
    }
  }
  return blocks;
}

std::string_view text_of(const MappedFile& file) {
  // The one cast of this file: bytes as characters, which may alias anything.
  return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
}

}  // namespace

void merge_into(ProfileSet& set, const std::string& name, const TensorProfile& profile) {
  const auto [place, is_new] = set.try_emplace(name, profile);
  if (is_new) return;
  TensorProfile& sum = place->second;
  const auto same_key = [](const auto& a, const auto& b) { return a.first == b.first; };
  if (!std::ranges::equal(sum.blocks, profile.blocks, same_key)) {
    throw UserError(fmt::format(
        "tensor {}: profiles with different blocks cannot be merged; make all of them with the "
        "same `blocks` and `axis`",
        quote(name)));
  }
  try {
    sum.profile.merge(profile.profile);
    for (auto& [key, blocks] : sum.blocks) blocks.merge(profile.blocks.at(key));
  } catch (const std::invalid_argument& wrong) {
    throw UserError(
        fmt::format("tensor {}: the sum of its profiles: {}", quote(name), wrong.what()));
  }
}

std::string encode_profiles(const ProfileSet& set) {
  std::string out(kMagic);
  put_fixed(out, kVersion);
  put(out, set.size());
  for (const auto& [name, profile] : set) {
    put(out, name.size());
    out += name;
    put_profile(out, profile.profile);
    put_blocks(out, profile.blocks);
  }
  put_fixed(out, name_hash(out));
  return out;
}

ProfileSet decode_profiles(std::string_view path, std::string_view bytes) {
  Reader in(path, bytes);
  if (bytes.size() < kMagic.size() || in.take(kMagic.size()) != kMagic) {
    throw UserError(
        fmt::format("{}: is not a profile; expected a file of `gradpath profile -o`", path));
  }
  if (const auto version = in.fixed<std::uint32_t>(); version != kVersion) {
    throw UserError(fmt::format(
        "{}: is a profile of version {}, expected {}; make it again with `gradpath profile`", path,
        version, kVersion));
  }
  constexpr std::size_t kSumSize = 8;
  if (in.left() < kSumSize) in.fail("the file ends too early");
  Reader end(path, bytes.substr(bytes.size() - kSumSize));
  if (end.fixed<std::uint64_t>() != name_hash(bytes.substr(0, bytes.size() - kSumSize))) {
    in.fail("its checksum does not fit the rest");
  }
  ProfileSet set;
  const auto count = in.number<std::uint64_t>();
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::string name(in.take(in.number<std::uint32_t>()));
    in.enter(name);
    if (!set.empty() && set.rbegin()->first >= name) in.fail("names are not in ascending order");
    TensorProfile profile{.profile = read_profile(in), .blocks = {}};
    profile.blocks = read_blocks(in, profile.profile);
    set.emplace(name, std::move(profile));
  }
  if (in.left() != kSumSize) in.fail("there are bytes too many");
  return set;
}

bool is_profile_file(const std::string& path) {
  return text_of(MappedFile(path)).starts_with(kMagic);
}

ProfileSet read_profiles(const std::string& path) {
  const MappedFile file(path);
  return decode_profiles(path, text_of(file));
}

}  // namespace gradpath
