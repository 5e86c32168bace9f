#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <pybind11/operators.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include "models/error.hpp"
#include "models/format/formats.hpp"
#include "models/profile/profile_builder.hpp"
#include "models/prune/policy.hpp"
#include "models/prune/stochastic_pruner.hpp"
#include "models/stats/fit.hpp"
#include "models/theory/best_split.hpp"
#include "models/theory/expected_max.hpp"
#include "models/theory/lognormal_pruning.hpp"
#include "models/theory/split_error.hpp"
#include "sim/explore/profile_file.hpp"
#include "sim/explore/prune_columns.hpp"
#include "sim/explore/sweep.hpp"
#include "sim/explore/sweep_columns.hpp"
#include "sim/explore/sweep_run.hpp"
#include "sim/explore/training_place.hpp"
#include "sim/python/arrays.hpp"
#include "traces/atomic_file.hpp"

namespace gradpath::python {
namespace {

namespace py = pybind11;
using Shape = std::vector<std::int64_t>;

py::dict counts_row(const TensorCounts& counts) {
  py::dict row;
  row["numel"] = counts.numel;
  row["zeros"] = counts.zeros;
  row["subnormals"] = counts.subnormals;
  row["infs"] = counts.infs;
  row["nans"] = counts.nans;
  row["abs_min"] = counts.abs_min;
  row["abs_max"] = counts.abs_max;
  return row;
}

// The columns that say something of one tensor.
template <class Row>
py::dict to_dict(std::span<const Column<Row>> columns, const Row& row) {
  py::dict made;
  for (const Column<Row>& column : columns) {
    if (column.shown == Shown::no || column.name == "trace" || column.name == "tensor") continue;
    made[py::str(std::string(column.name))] = column.get(row);
  }
  return made;
}

py::dict fit(const py::buffer& input) {
  const Elements<const float> in(input);
  const TensorFit fit = [&] {
    const py::gil_scoped_release unlocked;
    return fit_tensor(in.span());
  }();
  py::dict row = counts_row(fit.counts);
  row["mu_ln"] = fit.mu_ln;
  row["sigma_ln"] = fit.sigma_ln;
  row["mu_log2"] = fit.mu_log2;
  row["sigma_log2"] = fit.sigma_log2;
  row["skewness"] = fit.skewness;
  row["excess_kurtosis"] = fit.excess_kurtosis;
  row["ks_lognormal"] = fit.ks_lognormal;
  row["ks_normal"] = fit.ks_normal;
  row["ks_laplace"] = fit.ks_laplace;
  row["ks_halfnormal"] = fit.ks_halfnormal;
  row["ks_exponential"] = fit.ks_exponential;
  row["expected_max"] = fit.expected_max;
  return row;
}

py::dict prune(const py::buffer& input, const Shape& shape, const py::buffer& output,
               const std::string& specification, std::optional<double> sparsity,
               const std::string& alpha, std::optional<float> last_alpha, std::uint64_t seed,
               const std::string& name) {
  const PrunePolicyPtr policy = parse_prune_policy(specification);
  if (policy->takes_target() && !sparsity) {
    throw UserError(
        fmt::format("policy '{}' takes a target; give sparsity, from 0 to below 1", specification));
  }
  PruneOptions options;
  options.target_sparsity = sparsity.value_or(0.0);
  options.alpha = parse_alpha_rule(alpha);
  options.last_alpha = last_alpha;
  options.seed = tensor_seed(Seed{seed}, RandomUnit::pruner, name);
  const Elements<const float> in(input);
  const Elements<float> out(output, true);
  const Tensor tensor{.name = name, .dtype = DType::F32, .shape = shape, .bytes = {}};
  PruneRow row{.trace = "", .tensor = name, .policy = policy->name(), .result = {}};
  {
    const py::gil_scoped_release unlocked;
    PruneInput pruned(in.span(), tensor_context(tensor));
    row.result = prune_tensor(*policy, pruned, options, out.span());
  }
  return to_dict(prune_columns(), row);
}

// The bytes of a profile file of one tensor.
void save_profile(const Profile& profile, const std::string& path, const std::string& name) {
  ProfileSet set;
  merge_into(set, name, {profile, {}});
  AtomicFile file(path);
  file.write(encode_profiles(set));
  file.commit();
}

py::dict load_profiles(const std::string& path) {
  py::dict profiles;
  for (const auto& [name, tensor] : read_profiles(path)) profiles[py::str(name)] = tensor.profile;
  return profiles;
}

/// A profile, and the elements where they are at hand.
py::list sweep(const Profile& profile, const std::optional<py::buffer>& input, const Shape& shape,
               const std::vector<std::string>& formats, const std::vector<std::string>& roundings,
               const std::vector<std::string>& overflows, const std::vector<std::string>& scales,
               const std::vector<double>& sparsities, int axis, std::uint64_t seed,
               const std::string& name) {
  std::vector<std::string> names;
  for (const std::string& list : formats) {
    for (std::string& format : parse_format_list(list)) names.push_back(std::move(format));
  }
  std::vector<Rounding> rounding_list(roundings.size());
  std::ranges::transform(roundings, rounding_list.begin(), parse_rounding);
  std::vector<Overflow> overflow_list(overflows.size());
  std::ranges::transform(overflows, overflow_list.begin(), parse_overflow);
  const auto points = sweep_points(names, rounding_list, overflow_list, scales, axis, sparsities);
  std::optional<Elements<const float>> in;
  if (input) in.emplace(*input);
  std::vector<SweepResult> results;
  {
    const py::gil_scoped_release unlocked;
    std::map<BlockKey, BlockProfile> blocks;
    if (in) {
      for (const BlockKey& key : needed_blocks(points)) {
        const BlockLayout layout = block_layout(shape, key.axis, key.block);
        BlockProfileBuilder builder;
        builder.add(in->span(), layout, {0, layout.groups()});
        blocks[key] = builder.take();
      }
    }
    SweepTensor known{.name = name, .profile = profile, .blocks = blocks};
    if (in) known.values = in->span();
    known.shape = shape;
    TensorSweep tensor(std::move(known), Seed{seed});
    results = answer_points(tensor, "", points, {}, [] {});
  }
  py::list rows;
  for (std::size_t i = 0; i < points.size(); ++i) {
    const SweepRow result = sweep_row("", name, points[i], results[i]);
    rows.append(to_dict(sweep_columns(), result));
  }
  return rows;
}

}  // namespace

void add_statistics(py::module_& module) {
  module.def("fit", &fit);
  module.def("prune", &prune);
  module.def("prune_at", [](const py::buffer& input, const py::buffer& output, float alpha,
                            std::uint64_t seed, const std::string& name) {
    const Elements<const float> in(input);
    const Elements<float> out(output, true);
    StochasticPruner(alpha).prune(in.span(), out.span(),
                                  CounterRandom(tensor_seed(Seed{seed}, RandomUnit::pruner, name)));
  });
  module.def("sweep", &sweep);
  py::class_<Profile>(module, "Profile")
      .def(py::init<>())
      .def(py::self == py::self)
      .def("merged",
           [](const Profile& self, const Profile& other) {
             Profile sum = self;
             sum.merge(other);
             return sum;
           })
      .def("counts", [](const Profile& self) { return counts_row(self.counts()); })
      .def_property_readonly("id", &Profile::id)
      .def_property_readonly("buckets", [](const Profile& self) { return self.buckets().size(); });
  module.def("profile", [](const py::buffer& input) {
    const Elements<const float> in(input);
    const py::gil_scoped_release unlocked;
    return profile_tensor(in.span());
  });
  module.def("save_profile", &save_profile);
  module.def("load_profiles", &load_profiles);

  module.def("standard_threshold", &theory::standard_threshold);
  module.def("promoted_fraction", &theory::promoted_fraction);
  module.def("pruning_cosine", &theory::pruning_cosine);
  module.def("topk_cosine", &theory::topk_cosine);
  module.def("split_error", [](double sigma_log2, int exponent_bits, int mantissa_bits) {
    const theory::Split split{exponent_bits, mantissa_bits};
    return std::pair(theory::split_error_smooth(sigma_log2, split),
                     theory::split_error_exact(sigma_log2, split));
  });
  module.def("best_split", [](double sigma_log2, int bits) {
    const theory::BestSplit best = theory::best_split(sigma_log2, bits);
    return std::pair(best.split.exponent_bits, best.mean_relative_error);
  });
  module.def("expected_max", &theory::expected_max);
  module.def("expected_max_bound", &theory::expected_max_bound);
}

}  // namespace gradpath::python
