// A profile file. Its checksum is made right, or nothing behind it would ever be read; what is good
// has one spelling, and its questions have answers.
#include "models/round/random.hpp"
#include "sim/explore/profile_file.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace gradpath;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string bytes(fuzz::text_of(data, size));
  std::uint64_t sum = name_hash(bytes);
  for (int i = 0; i < 8; ++i, sum >>= 8) bytes += static_cast<char>(sum & 0xff);
  fuzz::good_or_refused([&] {
    const ProfileSet set = decode_profiles("f", bytes);
    fuzz::require(encode_profiles(set) == bytes);
    for (const auto& [name, profile] : set) {
      static_cast<void>(profile.profile.counts());
      static_cast<void>(profile.profile.id());
      ProfileSet twice = {{name, profile}};
      merge_into(twice, name, profile);
    }
  });
  return 0;
}
