#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include "models/error.hpp"
#include "models/sparse/dispatch.hpp"

namespace gradpath {
namespace {

/// Structured sparsity: of M positions a row has N nonzeros at most, and takes N cycles for them
/// whatever they are. A group in which some row has more is worked through densely.
class NmDispatch : public Dispatch {
 public:
  NmDispatch(std::uint32_t n, std::uint32_t m) : n_(n), m_(m) {}
  [[nodiscard]] std::string name() const override { return fmt::format("nm:{}:{}", n_, m_); }
  [[nodiscard]] std::uint32_t k_granule() const override { return m_; }
  [[nodiscard]] Schedule schedule(const SparsePanel& block, const ArrayShape&) const override {
    const std::uint32_t groups = (block.extent + m_ - 1) / m_;
    std::vector<std::uint32_t> fullest(groups, 0);
    std::vector<std::uint32_t> counts(groups);
    for (std::size_t r = 0; r < block.rows; ++r) {
      std::fill(counts.begin(), counts.end(), 0);
      for (std::size_t i = block.row_begin[r]; i < block.row_begin[r + 1]; ++i) {
        const std::uint32_t group = block.offsets[i] / m_;
        fullest[group] = std::max(fullest[group], ++counts[group]);
      }
    }
    Schedule schedule{.products = block.nonzeros()};
    for (std::uint32_t g = 0; g < groups; ++g) {
      const std::uint32_t length = std::min(m_, block.extent - g * m_);
      schedule.cycles += fullest[g] > n_ ? length : std::min(n_, length);
    }
    return schedule;
  }

 private:
  std::uint32_t n_;
  std::uint32_t m_;
};

}  // namespace

DispatchPtr make_nm_dispatch(const Parameters& parameters) {
  const auto n = static_cast<std::uint32_t>(parameters.integer(0));
  const auto m = static_cast<std::uint32_t>(parameters.integer(1));
  if (n > m) {
    throw UserError(fmt::format("dispatch nm:{}:{}: N is larger than M, expected 1 to M", n, m));
  }
  return std::make_shared<NmDispatch>(n, m);
}

}  // namespace gradpath
