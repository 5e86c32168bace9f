// A results store: any file that calls itself SQLite.
#include "sim/explore/results_store.hpp"
#include "sim/explore/results_summary.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace gradpath;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const fuzz::MemoryFile file(fuzz::text_of(data, size));
  fuzz::good_or_refused([&] { static_cast<void>(summarise(read_results(file.path()))); });
  fuzz::good_or_refused([&] { ResultsStore store(file.path()); });
  return 0;
}
