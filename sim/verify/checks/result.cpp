#include "sim/verify/checks/result.hpp"

#include <algorithm>
#include <tuple>

namespace gradpath::verify {

void Result::count_assertion(const std::optional<std::uint64_t>& failed) {
  if (failed) count(false, *failed, [] { return std::string("an assertion of the RTL failed"); });
}

std::vector<Result> merge(std::span<const std::vector<Result>> results) {
  const auto key = [](const Result& r) {
    return std::tie(r.module, r.format, r.rounding, r.overflow, r.scale);
  };
  std::vector<Result> merged;
  for (std::size_t check = 0; check < results.size(); ++check) {
    for (const Result& result : results[check]) {
      const auto same = std::find_if(merged.begin(), merged.end(),
                                     [&](const Result& m) { return key(m) == key(result); });
      if (same == merged.end()) {
        merged.push_back(result);
        merged.back().check = check;
        continue;
      }
      if (same->mismatches == 0 && result.mismatches > 0) {
        same->first_mismatch = result.first_mismatch;
        same->tick = result.tick;
        same->check = check;
      }
      same->vectors += result.vectors;
      same->mismatches += result.mismatches;
    }
  }
  return merged;
}

bool all_equal(std::span<const Result> results) {
  return !results.empty() && std::all_of(results.begin(), results.end(), [](const Result& r) {
    return r.vectors > 0 && r.mismatches == 0;
  });
}

}  // namespace gradpath::verify
