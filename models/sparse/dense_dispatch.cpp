#include "models/sparse/dispatch.hpp"

namespace gradpath {
namespace {

/// One position of k a cycle.
class DenseDispatch : public Dispatch {
 public:
  [[nodiscard]] std::string name() const override { return "dense"; }
  [[nodiscard]] bool skips() const override { return false; }
  [[nodiscard]] Schedule schedule(const SparsePanel& block, const ArrayShape&) const override {
    return {.cycles = block.extent, .products = std::uint64_t{block.extent} * block.rows};
  }
};

}  // namespace

DispatchPtr make_dense_dispatch(const Parameters& /*parameters*/) {
  return std::make_shared<DenseDispatch>();
}

}  // namespace gradpath
