#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include "models/sparse/dispatch.hpp"

namespace gradpath {
namespace {

/// Each row compacts its nonzeros inside windows of L positions of k. A window takes as long as its
/// fullest row, and a cycle at least.
class RowSkipDispatch : public Dispatch {
 public:
  explicit RowSkipDispatch(std::uint32_t window) : window_(window) {}
  [[nodiscard]] std::string name() const override { return fmt::format("row-skip:{}", window_); }
  [[nodiscard]] std::uint32_t k_granule() const override { return window_; }
  [[nodiscard]] Schedule schedule(const SparsePanel& block, const ArrayShape&) const override {
    std::vector<std::uint32_t> fullest((block.extent + window_ - 1) / window_, 1);
    for (std::size_t r = 0; r < block.rows; ++r) {
      std::size_t i = block.row_begin[r];
      while (i < block.row_begin[r + 1]) {
        const std::uint32_t w = block.offsets[i] / window_;
        std::uint32_t count = 0;
        for (; i < block.row_begin[r + 1] && block.offsets[i] / window_ == w; ++i) ++count;
        fullest[w] = std::max(fullest[w], count);
      }
    }
    Schedule schedule{.products = block.nonzeros()};
    for (const std::uint32_t count : fullest) schedule.cycles += count;
    return schedule;
  }

 private:
  std::uint32_t window_;
};

}  // namespace

DispatchPtr make_row_skip_dispatch(const Parameters& parameters) {
  return std::make_shared<RowSkipDispatch>(static_cast<std::uint32_t>(parameters.integer(0)));
}

}  // namespace gradpath
