// The header of a safetensors file, before any byte of data is looked at. The first three bytes say
// how many bytes of data stand behind it.
#include "tests/fuzz/fuzz.hpp"
#include "traces/safetensors_header.hpp"

using namespace gradpath;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 3) return -1;
  const std::uint64_t data_size = data[0] + 256u * data[1] + 65536u * data[2];
  fuzz::good_or_refused([&] {
    const auto header = parse_safetensors_header("f", fuzz::text_of(data + 3, size - 3), data_size);
    std::uint64_t position = 0;  // every byte belongs to one tensor
    for (const HeaderEntry& entry : header.entries) {
      fuzz::require(entry.begin == position && entry.end >= entry.begin);
      position = entry.end;
    }
    fuzz::require(position == data_size);
  });
  return 0;
}
