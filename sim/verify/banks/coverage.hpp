#pragma once

#ifdef GRADPATH_RTL_COVERAGE
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <iterator>
#include <mutex>
#include <string>
#include <vector>

#include <verilated_cov.h>
#endif

namespace gradpath::verify {

#ifdef GRADPATH_RTL_COVERAGE
/// What the coverage points of all models of a type counted in this process, written at its end as
/// <model>.dat into the folder that GRADPATH_RTL_COVERAGE_DIR names. The checks make hundreds of
/// models; a file of each would be gigabytes.
template <class Model>
class CoverageTotals {
 public:
  static CoverageTotals& of_process() {
    static CoverageTotals totals;
    return totals;
  }
  void add(Model& model) {
    const std::lock_guard lock(mutex_);
    auto& counts = model.rootp->vlSymsp->__Vcoverage;
    totals_.resize(std::size(counts));
    for (std::size_t i = 0; i < totals_.size(); ++i) totals_[i] += counts[i];
  }

 private:
  CoverageTotals() = default;
  // A new model names the points; the totals take the place of its counts.
  ~CoverageTotals() {
    const char* folder = std::getenv("GRADPATH_RTL_COVERAGE_DIR");
    if (folder == nullptr) return;
    VerilatedContext context;
    Model model{&context};
    for (std::size_t i = 0; i < totals_.size(); ++i) {
      model.rootp->vlSymsp->__Vcoverage[i] =
          static_cast<std::uint32_t>(std::min<std::uint64_t>(totals_[i], 0xffffffffu));
    }
    const std::string path = std::string(folder) + "/" + model.modelName() + ".dat";
    context.coveragep()->write(path.c_str());
  }

  std::mutex mutex_;
  std::vector<std::uint64_t> totals_;
};
#endif

/// Called before a Verilated model ends; does nothing but in a build for coverage.
template <class Model>
void add_coverage([[maybe_unused]] Model& model) {
#ifdef GRADPATH_RTL_COVERAGE
  CoverageTotals<Model>::of_process().add(model);
#endif
}

}  // namespace gradpath::verify
