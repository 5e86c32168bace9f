#include "sim/verify/result.hpp"

#include <algorithm>
#include <tuple>

namespace gradpath::verify {

std::vector<Result> merge(std::span<const std::vector<Result>> results) {
  const auto key = [](const Result& r) {
    return std::tie(r.module, r.format, r.rounding, r.overflow, r.scale);
  };
  std::vector<Result> merged;
  for (const auto& part : results) {
    for (const Result& result : part) {
      const auto same = std::find_if(merged.begin(), merged.end(),
                                     [&](const Result& m) { return key(m) == key(result); });
      if (same == merged.end()) {
        merged.push_back(result);
        continue;
      }
      if (same->mismatches == 0 && result.mismatches > 0) {
        same->first_mismatch = result.first_mismatch;
        same->scene = result.scene;
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
