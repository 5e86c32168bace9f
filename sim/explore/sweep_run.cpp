#include "sim/explore/sweep_run.hpp"

#include <algorithm>
#include <map>
#include <optional>

#include "models/error.hpp"

namespace gradpath {
namespace {

SweepResult answer(TensorSweep& tensor, const std::string& trace, const SweepPoint& point,
                   const SweepRunOptions& options) {
  ResultsStore* store = options.store;
  StoreKey key{tensor.tensor().profile.id(), tensor.tensor().name, ""};
  const auto find = [&] { return store == nullptr ? std::nullopt : store->find(key, point); };
  const auto keep = [&](const SweepResult& result) {
    if (store != nullptr) {
      store->add(key, trace, point, result);
      store->commit_if_due();
    }
    return result;
  };
  if (!options.brute_force) {
    key.identity = tensor.profile_identity(point);
    if (const auto known = find()) return *known;
    if (const auto result = tensor.by_profile(point)) return keep(*result);
  }
  if (store != nullptr && tensor.tensor().values) {
    key.identity = tensor.kernel_identity();
    if (const auto known = find()) return *known;
  }
  SweepResult result;
  try {
    result = tensor.by_kernel(point);
  } catch (const UserError& error) {
    return SweepResult::without(error.what());
  }
  return keep(result);
}

}  // namespace

std::vector<SweepResult> answer_points(TensorSweep& tensor, const std::string& trace,
                                       std::span<const SweepPoint> points,
                                       const SweepRunOptions& options,
                                       const std::function<void()>& done) {
  std::vector<SweepResult> results;
  for (const SweepPoint& point : points) {
    results.push_back(answer(tensor, trace, point, options));
    done();
  }
  const auto is_skipped = [](const SweepResult& result) { return !result.skipped.empty(); };
  if (!results.empty() && std::ranges::all_of(results, is_skipped)) {
    throw UserError(results.front().skipped);
  }
  return results;
}

std::vector<bool> sweep_front(std::span<const SweepPoint> points,
                              std::span<const SweepResult> results, const Measure& measure,
                              const CostTable& costs) {
  std::map<double, std::vector<std::size_t>> groups;
  for (std::size_t p = 0; p < points.size(); ++p) groups[points[p].sparsity].push_back(p);
  std::vector<bool> all(points.size());
  for (const auto& [sparsity, members] : groups) {
    std::vector<double> loss;
    std::vector<double> area;
    for (const std::size_t p : members) {
      loss.push_back(measure.loss(measure.value(results[p].measures)));
      area.push_back(costs.find(points[p].format, points[p].rounding, points[p].overflow).area_ge);
    }
    const auto chosen = pareto_front(loss, area);
    for (std::size_t i = 0; i < members.size(); ++i) all[members[i]] = chosen[i];
  }
  return all;
}

}  // namespace gradpath
