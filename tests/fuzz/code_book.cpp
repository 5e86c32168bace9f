// A code book: any text of numbers.
#include "models/schemes/code_book.hpp"

#include "tests/fuzz/fuzz.hpp"

using namespace gradpath;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::good_or_refused([&] {
    const auto entries = schemes::parse_code_book(fuzz::text_of(data, size), "f");
    const schemes::NearestEntry nearest(entries);
    for (std::size_t i = 0; i < entries.size(); ++i) {
      fuzz::require(i == 0 || entries[i - 1] < entries[i]);
      fuzz::require(nearest.place(entries[i]) == static_cast<std::int32_t>(i));  // its own nearest
    }
  });
  return 0;
}
