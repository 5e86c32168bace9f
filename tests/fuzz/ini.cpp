// An INI file, as --config reads it.
#include "sim/cli/framework/ini.hpp"

#include "tests/fuzz/fuzz.hpp"

using namespace gradpath;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::good_or_refused([&] {
    for (const cli::IniEntry& entry : cli::parse_ini("f", fuzz::text_of(data, size))) {
      fuzz::require(!entry.key.empty() && entry.line > 0);
    }
  });
  return 0;
}
