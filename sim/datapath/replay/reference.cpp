#include "sim/datapath/replay/reference.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <stdexcept>
#include <tuple>

#include "models/mac/gemm.hpp"
#include "models/prune/stochastic_pruner.hpp"

namespace gradpath {
namespace {

std::size_t as_size(std::int64_t value) { return static_cast<std::size_t>(value); }

struct Words {
  std::vector<std::uint32_t> prune;
  std::vector<std::uint32_t> quantize;
};

Words counter_words(const LayerTensors& layer) {
  const CounterRandom prune(layer.prune_seed);
  const CounterRandom quantize(layer.quantize_seed);
  Words words;
  for (std::uint64_t i = 0; i < layer.gradient.size(); ++i) {
    words.prune.push_back(prune.word(i));
    words.quantize.push_back(quantize.word(i));
  }
  return words;
}

/// One unit's lane words for a stream of `beats` beats, laid out beat by beat.
std::vector<std::uint32_t> lane_words(Seed seed, RandomUnit unit, std::uint32_t lanes,
                                      std::uint64_t beats) {
  std::vector<std::uint32_t> words(beats * lanes);
  for (std::uint32_t lane = 0; lane < lanes; ++lane) {
    Lfsr lfsr(lane_seed(seed, unit, lane));
    for (std::uint64_t beat = 0; beat < beats; ++beat, lfsr.step()) {
      words[beat * lanes + lane] = lfsr.word();
    }
  }
  return words;
}

std::vector<std::uint32_t> k_order(const DatapathConfig& config, std::uint64_t k) {
  return config.interleaves_k ? interleaved(k) : std::vector<std::uint32_t>{};
}

/// The order of the stream: panels of R rows, chunks of k, rows, k; a chunk starts a new beat, and
/// each group starts the lanes anew.
Words stream_words(const DatapathConfig& config, const ReplayNumerics& numerics,
                   const LayerTensors& layer, GemmKind kind) {
  Words words{std::vector<std::uint32_t>(layer.gradient.size()),
              std::vector<std::uint32_t>(layer.gradient.size())};
  const GemmDemand demand = group_demand(layer, kind, numerics);
  const GemmPlan plan = make_plan(demand, config, *config.dispatch);
  const std::vector<std::uint32_t> order = k_order(config, demand.k);
  for (std::int64_t group = 0; group < layer.shape.groups; ++group) {
    const GradientOperand gradient{layer.gradient, &layer.shape, group, kind, order};
    std::vector<std::pair<std::uint64_t, std::uint64_t>> slots;  // element, place in the beats
    std::uint64_t place = 0;
    for (std::uint64_t panel = 0; panel < demand.m; panel += plan.rows) {
      for (std::uint64_t chunk = 0; chunk < demand.k; chunk += plan.depth) {
        place = (place + config.lanes - 1) / config.lanes * config.lanes;
        for (std::uint64_t m = panel; m < std::min(panel + plan.rows, demand.m); ++m) {
          const std::uint64_t end = std::min<std::uint64_t>(chunk + plan.depth, demand.k);
          for (std::uint64_t k = chunk; k < end; ++k)
            slots.emplace_back(gradient.index(m, k), place++);
        }
      }
    }
    const std::uint64_t beats = (place + config.lanes - 1) / config.lanes;
    const auto prune = lane_words(layer.prune_seed, RandomUnit::pruner, config.lanes, beats);
    const auto quantize =
        lane_words(layer.quantize_seed, RandomUnit::quantizer, config.lanes, beats);
    for (const auto& [element, at] : slots) {
      words.prune[element] = prune[at];
      words.quantize[element] = quantize[at];
    }
  }
  return words;
}

/// D = A B where rows share their work: block by block, each sum in the order that the dispatch
/// says.
void shared_product(const DatapathConfig& config, const GemmPlan& plan, std::span<const float> a,
                    std::span<const float> b, std::span<float> d) {
  const auto& [m, n, k] = std::tie(plan.demand.m, plan.demand.n, plan.demand.k);
  for (std::uint64_t m0 = 0; m0 < m; m0 += plan.rows) {
    const std::uint64_t rows = std::min<std::uint64_t>(plan.rows, m - m0);
    for (std::uint64_t k0 = 0; k0 < k; k0 += plan.depth) {
      SparsePanel block{
          .rows = rows,
          .extent = static_cast<std::uint32_t>(std::min<std::uint64_t>(plan.depth, k - k0)),
          .row_begin = {0},
          .offsets = {},
          .values = {}};
      for (std::uint64_t r = 0; r < rows; ++r) {
        for (std::uint32_t i = 0; i < block.extent; ++i) {
          const float value = a[(m0 + r) * k + k0 + i];
          if (value == 0.0f) continue;
          block.offsets.push_back(i);
          block.values.push_back(value);
        }
        block.row_begin.push_back(block.offsets.size());
      }
      const Schedule schedule = config.dispatch->schedule(
          block, {.rows = config.array_rows, .mixes_rows = config.mixes_rows});
      for (std::size_t s = 0; s < schedule.order.rows; ++s) {
        for (std::uint64_t c = 0; c < n; ++c) {
          float partial = 0.0f;
          for (std::size_t i = schedule.order.row_begin[s]; i < schedule.order.row_begin[s + 1];
               ++i) {
            const float product =
                schedule.order.values[i] * b[(k0 + schedule.order.offsets[i]) * n + c];
            partial += product;
          }
          d[(m0 + s / schedule.partials) * n + c] += partial;
        }
      }
    }
  }
}

std::vector<float> gradient_values(const DatapathConfig& config, const ReplayNumerics& numerics,
                                   const LayerTensors& layer, GemmKind kind, float scale) {
  const Words words = numerics.random == RandomSource::counter
                          ? counter_words(layer)
                          : stream_words(config, numerics, layer, kind);
  const StochasticPruner pruner(layer.alpha, numerics.prune_random_bits);
  std::vector<float> values(layer.gradient.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    const float pruned = pruner.prune(layer.gradient[i], words.prune[i]);
    const float scaled = pruned * scale;
    values[i] = static_cast<float>(decode(
        numerics.gradient_format,
        encode(numerics.gradient_format, numerics.gradient_cast, scaled, words.quantize[i])));
  }
  return values;
}

}  // namespace

std::vector<float> reference_gemm(const DatapathConfig& config, const ReplayNumerics& numerics,
                                  const LayerTensors& layer, GemmKind kind) {
  const ConvShape& shape = layer.shape;
  const bool is_dx = kind == GemmKind::input_gradient;
  const std::span<const float> operand = is_dx ? layer.weight : layer.input;
  const float gradient_scale = tensor_scale(numerics.gradient_scale, numerics.gradient_format,
                                            layer.gradient, layer.gradient_expected_max);
  const float operand_scale =
      tensor_scale(numerics.operand_scale, numerics.operand_format, operand);
  const std::vector<float> gradient =
      gradient_values(config, numerics, layer, kind, gradient_scale);
  const std::vector<float> operand_values = code_values(
      Quantizer(numerics.operand_format, numerics.operand_cast), operand, operand_scale);

  const std::int64_t m = is_dx ? shape.positions() : shape.group_outputs();
  const std::int64_t k = is_dx ? shape.group_outputs() : shape.positions();
  const std::int64_t n = shape.columns();
  std::vector<float> result(as_size(is_dx ? shape.input_elements() : shape.weight_elements()),
                            0.0f);
  const GemmPlan plan = make_plan(group_demand(layer, kind, numerics), config, *config.dispatch);
  const std::vector<std::uint32_t> order = k_order(config, static_cast<std::uint64_t>(k));
  const auto kth = [&](std::int64_t i) {
    return order.empty() ? i : std::int64_t{order[as_size(i)]};
  };
  for (std::int64_t group = 0; group < shape.groups; ++group) {
    std::vector<float> a(as_size(m * k));
    for (std::int64_t row = 0; row < m; ++row) {
      for (std::int64_t i = 0; i < k; ++i) {
        const std::int64_t at = is_dx ? shape.gradient_index(group, row, kth(i))
                                      : shape.gradient_index(group, kth(i), row);
        a[as_size(row * k + i)] = gradient[as_size(at)];
      }
    }
    std::vector<float> b(as_size(k * n));
    for (std::int64_t i = 0; i < k; ++i) {
      const std::span<float> row = std::span(b).subspan(as_size(i * n), as_size(n));
      if (is_dx) {
        const std::size_t first = as_size((group * shape.group_outputs() + kth(i)) * n);
        std::copy_n(operand_values.begin() + static_cast<std::ptrdiff_t>(first), n, row.begin());
      } else {
        im2col_row(shape, group, kth(i), operand_values, row);
      }
    }
    std::vector<float> d(as_size(m * n), 0.0f);
    if (config.dispatch->shares()) {
      shared_product(config, plan, a, b, d);
    } else {
      gemm_reference(a, b, d, m, n, k);
    }
    unscale(d, gradient_scale, operand_scale);
    for (std::int64_t row = 0; row < m; ++row) {
      const std::span<const float> values =
          std::span<const float>(d).subspan(as_size(row * n), as_size(n));
      if (is_dx) {
        col2im_add_row(shape, group, row, values, result);
      } else {
        std::copy(values.begin(), values.end(),
                  result.begin() + (group * shape.group_outputs() + row) * n);
      }
    }
  }
  return result;
}

std::uint64_t count_mismatches(std::span<const float> a, std::span<const float> b) {
  if (a.size() != b.size()) throw std::invalid_argument("count_mismatches: sizes differ");
  std::uint64_t count = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const bool both_nan = std::isnan(a[i]) && std::isnan(b[i]);
    const bool same = std::bit_cast<std::uint32_t>(a[i]) == std::bit_cast<std::uint32_t>(b[i]);
    count += both_nan || same ? 0U : 1U;
  }
  return count;
}

}  // namespace gradpath
