#include "sim/explore/fit_run.hpp"

#include <array>
#include <cmath>
#include <memory>
#include <utility>

#include <fmt/format.h>

#include "models/error.hpp"
#include "models/profile/profile_source.hpp"
#include "models/prune/choose_alpha.hpp"
#include "models/stats/laws.hpp"
#include "models/stats/stand_in.hpp"
#include "traces/tensor_data.hpp"

namespace gradpath {
namespace {

constexpr std::size_t kReleaseEvery = 4096;  // runs of a channel, each from a page of its own

// The elements of one channel after the other.
class Channels {
 public:
  explicit Channels(const std::vector<std::int64_t>& shape) {
    if (shape.empty()) return;
    const std::size_t axis = shape.size() >= 4 ? 1 : shape.size() - 1;
    count_ = static_cast<std::size_t>(shape[axis]);
    for (std::size_t i = 0; i < shape.size(); ++i) {
      if (i < axis) outer_ *= static_cast<std::size_t>(shape[i]);
      if (i > axis) inner_ *= static_cast<std::size_t>(shape[i]);
    }
  }

  [[nodiscard]] std::size_t count() const { return count_; }

  void gather(const TensorSource& source, std::size_t channel, std::vector<float>& out) const {
    out.clear();
    std::vector<float> buffer;
    for (std::size_t o = 0; o < outer_; ++o) {
      const auto run = source.read((o * count_ + channel) * inner_, inner_, buffer);
      out.insert(out.end(), run.begin(), run.end());
      if (o % kReleaseEvery == 0) source.release(0, source.numel());
    }
    source.release(0, source.numel());
  }

 private:
  std::size_t count_ = 1;
  std::size_t outer_ = 1;
  std::size_t inner_ = 1;
};

FitAnswers answers(const SortedMagnitudes& sorted, const FitRequest& request,
                   const std::string& title, const FitRequest::Seen& seen) {
  FitAnswers answers{.fit = fit_tensor(sorted), .generalised = {}, .quantiles = {}};
  if (request.generalised || seen) answers.generalised = fit_generalised(sorted);
  for (const double p : request.quantiles) {
    answers.quantiles.push_back(magnitude_quantile(sorted, p));
  }
  if (seen) seen(title, sorted, answers.fit, answers.generalised);
  return answers;
}

FitRow fit_source(const TensorSource& source, const FitRequest& request, Seed seed,
                  const std::string& title, std::size_t batch, const FitRequest::Seen& seen) {
  FitRow row;
  if (request.source.kind == FitSource::Kind::tensor) {
    row.seen = answers(SortedMagnitudes(source, batch), request, title, seen);
    row.fitted = static_cast<double>(row.seen.fit.counts.nonzeros());
    return row;
  }
  row.full = answers(SortedMagnitudes(source, batch), request, title, nullptr);
  const std::vector<float> left =
      request.source.kind == FitSource::Kind::sample
          ? draw_sample(source, request.source.parameter, seed)
          : histogram_stand_in(source, static_cast<int>(request.source.parameter));
  row.seen = answers(SortedMagnitudes(left, batch), request, title, seen);
  TensorFit& fit = row.seen.fit;
  row.fitted = static_cast<double>(fit.counts.nonzeros());
  // Counting is cheap in any hardware: counts are the tensor's, and so is the n of the maximum.
  fit.counts = row.full->fit.counts;
  if (fit.sigma_ln > 0.0) {
    fit.expected_max = lognormal_expected_max(fit.mu_ln, fit.sigma_ln, fit.counts.nonzeros());
  }
  return row;
}

template <auto Member>
Column<FitAnswers> counted(std::string_view name, std::string_view unit, std::string_view meaning) {
  return with(Shown::detail,
              column<&FitAnswers::fit, &TensorFit::counts, Member>(name, unit, meaning));
}
template <auto Member>
Column<FitAnswers> fitted(std::string_view name, std::string_view unit, std::string_view meaning) {
  return column<&FitAnswers::fit, Member>(name, unit, meaning);
}
template <auto Member>
Column<FitAnswers> general(std::string_view name, std::string_view unit, std::string_view meaning) {
  return column<&FitAnswers::generalised, Member>(name, unit, meaning);
}
using F = TensorFit;
using C = TensorCounts;
const auto kCountColumns = std::to_array<Column<FitAnswers>>({
    counted<&C::numel>("numel", "elements", "elements of the tensor"),
    counted<&C::zeros>("zeros", "elements", "zeros of either sign"),
    counted<&C::subnormals>("subnormals", "elements", "nonzero, below fp32's smallest normal"),
    counted<&C::infs>("infs", "elements", "infinities of either sign"),
    counted<&C::nans>("nans", "elements", "NaNs"),
    counted<&C::abs_min>("abs_min", "x", "smallest finite nonzero \\|x\\|"),
    counted<&C::abs_max>("abs_max", "x", "largest finite \\|x\\|"),
});
const auto kMomentColumns = std::to_array<Column<FitAnswers>>({
    fitted<&F::mu_ln>("mu_ln", "nats",
                      "mean of ln\\|x\\|, over finite nonzeros as all that follow"),
    fitted<&F::sigma_ln>("sigma_ln", "nats", "its population standard deviation"),
    with(Shown::detail, fitted<&F::mu_log2>("mu_log2", "octaves", "mean of log2\\|x\\|")),
    with(Shown::detail, fitted<&F::sigma_log2>("sigma_log2", "octaves", "its deviation")),
    fitted<&F::skewness>("skewness", "1", "of ln\\|x\\|: m3 / σ³"),
    fitted<&F::excess_kurtosis>("excess_kurtosis", "1", "of ln\\|x\\|: m4 / σ⁴ − 3"),
});
const auto kGeneralisedColumns = std::to_array<Column<FitAnswers>>({
    general<&GeneralisedFit::mu>("gen_mu", "nats",
                                 "location of the generalised gamma law of \\|x\\|"),
    general<&GeneralisedFit::sigma>("gen_sigma", "nats", "its spread"),
    general<&GeneralisedFit::shape>("gen_shape", "1", "its shape: 0 for the lognormal"),
    general<&GeneralisedFit::ks>("ks_generalised", "1", "sup \\|ECDF − CDF\\| against it"),
});
// Those of the laws follow from their rows.
std::vector<Column<FitAnswers>> make_fit_columns() {
  std::vector<Column<FitAnswers>> columns(kMomentColumns.begin(), kMomentColumns.end());
  for (const Law& law : fitted_laws()) {
    columns.push_back(
        {.name = fmt::format("ks_{}", law.name),
         .unit = "1",
         .meaning = fmt::format("sup \\|ECDF − CDF\\| against the fitted law ({})", law.name),
         .get = [distance = law.distance](const FitAnswers& row) -> Cell {
           return row.fit.*distance;
         }});
  }
  columns.push_back(
      fitted<&F::expected_max>("expected_max", "x", "exp(μ + σ √(2 ln n)), n the nonzeros"));
  return columns;
}

std::vector<Column<FitRow>> make_p_value_columns() {
  std::vector<Column<FitRow>> columns;
  for (const Law& law : fitted_laws()) {
    columns.push_back({.name = fmt::format("p_{}", law.name),
                       .unit = "1",
                       .meaning = fmt::format("Lilliefors: how likely so large a `ks_{}` is if the "
                                              "law were true",
                                              law.name),
                       .get = [law](const FitRow& row) -> Cell {
                         return lilliefors_p_value(law.tested, row.seen.fit.*law.distance,
                                                   row.fitted);
                       }});
  }
  return columns;
}

const auto kProfileColumns = std::to_array<Column<FitRow>>({
    column<&FitRow::ks_bound>(
        "ks_bound", "1",
        "how far the ks columns of a profile's row may be off; 0 where it is the whole truth"),
});

}  // namespace

std::vector<FitRow> fit_rows(const SelectedTensor& selected, const FitRequest& request,
                             std::size_t batch, Seed user_seed, const FitRequest::Seen& seen) {
  const Tensor& tensor = *selected.tensor;
  const TensorSource source = float_source(selected.trace->file(), tensor);
  const Seed seed = tensor_seed(user_seed, RandomUnit::pruner, tensor.name);
  std::vector<FitRow> rows;
  if (request.per_channel) {
    const Channels channels(tensor.shape);
    std::vector<float> values;
    for (std::size_t channel = 0; channel < channels.count(); ++channel) {
      channels.gather(source, channel, values);
      rows.push_back(fit_source(TensorSource(values), request, derive(seed, channel),
                                fmt::format("{} channel {}", tensor.name, channel), batch, seen));
      rows.back().channel = channel;
    }
  } else {
    rows.push_back(fit_source(source, request, seed, tensor.name, batch, seen));
  }
  for (FitRow& row : rows) {
    row.trace = selected.trace->path();
    row.tensor = tensor.name;
  }
  return rows;
}

FitRow fit_row(const std::string& trace, const std::string& tensor, const Profile& profile,
               const FitRequest& request, std::size_t batch, const FitRequest::Seen& seen) {
  if (request.per_channel || request.source.kind != FitSource::Kind::tensor) {
    throw UserError("a profile has no channels and no elements to draw; give the trace instead");
  }
  const TensorSource source = profile_source(std::make_shared<Profile>(profile));
  FitRow row = fit_source(source, request, {}, tensor, batch, seen);
  row.trace = trace;
  row.tensor = tensor;
  row.seen.fit.counts = profile.counts();
  row.ks_bound = largest_unplaced_share(profile);
  return row;
}

std::span<const Column<FitAnswers>> count_columns() { return kCountColumns; }
std::span<const Column<FitAnswers>> fit_columns() {
  static const auto kColumns = make_fit_columns();
  return kColumns;
}
std::span<const Column<FitAnswers>> generalised_columns() { return kGeneralisedColumns; }
std::span<const Column<FitRow>> p_value_columns() {
  static const auto kColumns = make_p_value_columns();
  return kColumns;
}
std::span<const Column<FitRow>> profile_fit_columns() { return kProfileColumns; }

}  // namespace gradpath
