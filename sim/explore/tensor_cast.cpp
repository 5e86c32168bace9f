#include "sim/explore/tensor_cast.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <unordered_set>
#include <utility>

#include <fmt/format.h>

#include "models/error.hpp"
#include "models/format/codec.hpp"
#include "models/format/formats.hpp"
#include "sim/explore/parallel.hpp"
#include "traces/tensor_data.hpp"
#include "traces/text.hpp"

namespace gradpath {
namespace {

// The slices of a chunk are written together, in order.
constexpr std::size_t kSlicesPerThread = 4;

DType unsigned_type(int bits) {
  return bits <= 8 ? DType::U8 : bits <= 16 ? DType::U16 : DType::U32;
}

CounterRandom random_words(const Tensor& tensor, Seed seed) {
  return CounterRandom(tensor_seed(seed, RandomUnit::quantizer, tensor.name));
}

// To a format, with its scaling.
class FormatCast : public TensorCast {
 public:
  FormatCast(const Quantizer& quantizer, std::unique_ptr<TensorScaling> scaling,
             const Tensor& tensor, Seed seed)
      : quantizer_(quantizer),
        scaling_(std::move(scaling)),
        random_(random_words(tensor, seed)),
        max_finite_(max_finite(quantizer.format())),
        nan_is_error_(!quantizer.format().has_nan() &&
                      quantizer.options().nan == NanPolicy::error) {}

  double scale() const override { return scaling_->scale(); }
  int bits() const override { return quantizer_.format().bits(); }
  DType code_dtype() const override { return unsigned_type(bits()); }
  std::vector<std::unique_ptr<SideTensor>> side_tensors(bool /*as_values*/) const override {
    return scaling_->side_tensors();
  }
  std::uint64_t cut_at(std::uint64_t element) const override { return scaling_->cut_at(element); }

  CastCounts cast(std::uint64_t first, std::span<float> in, CastResults out) const override {
    CastCounts counts;
    std::vector<float> scaled(in.size());
    scaling_->scaled(first, in, scaled);
    for (std::size_t i = 0; i < in.size(); ++i) {
      if (nan_is_error_ && std::isnan(in[i])) fail_nan(first + i);
      const bool above = std::abs(double{scaled[i]}) > max_finite_;
      counts.above_max += std::isfinite(in[i]) && above ? 1u : 0u;
    }
    scaling_->cast(first, in, out, random_);
    std::visit(
        [&]<class Out>(std::span<Out> results) {
          if constexpr (std::is_same_v<Out, float>) {
            counts.add_results(results);
          } else {
            quantizer_.decode_codes(std::span<const Out>(results), in);
            counts.add_results(in);
          }
        },
        out);
    return counts;
  }

 private:
  [[noreturn]] void fail_nan(std::uint64_t element) const {
    throw UserError(fmt::format(
        "element {} is NaN, which {} has no code for; choose `nan` zero or `nan` max, or a format "
        "with NaN",
        element, format_name(quantizer_.format())));
  }

  const Quantizer& quantizer_;
  std::unique_ptr<TensorScaling> scaling_;
  CounterRandom random_;
  double max_finite_;
  bool nan_is_error_;
};

// With a quantizer of the literature.
class SchemeCast : public TensorCast {
 public:
  SchemeCast(std::unique_ptr<PreparedScheme> scheme, const Tensor& tensor, Seed seed)
      : scheme_(std::move(scheme)), tensor_(tensor), random_(random_words(tensor, seed)) {}

  double scale() const override { return double{info().scale}; }
  int bits() const override { return info().bits; }
  std::size_t levels() const override { return info().book.size(); }
  DType code_dtype() const override {
    if (!has_integers()) return unsigned_type(bits());
    return bits() <= 8 ? DType::I8 : DType::I16;
  }
  std::vector<std::unique_ptr<SideTensor>> side_tensors(bool as_values) const override {
    std::vector<std::unique_ptr<SideTensor>> side;
    if (has_integers()) side.push_back(side_tensor(tensor_.name + ".scale", {info().scale}));
    if (info().codes == SchemeInfo::Codes::book && !as_values) {
      side.push_back(side_tensor(tensor_.name + ".codebook", info().book));
    }
    return side;
  }

  CastCounts cast(std::uint64_t first, std::span<float> in, CastResults out) const override {
    CastCounts counts;
    for (const float x : in) {
      const bool is_outside = double{x} < info().lowest || double{x} > info().highest;
      counts.above_max += is_outside && std::isfinite(x) ? 1u : 0u;
    }
    std::visit(
        [&]<class Out>(std::span<Out> results) {
          if constexpr (std::is_same_v<Out, float>) {
            scheme_->to_values(in, results, random_, first);
            counts.add_results(results);
          } else {
            std::vector<std::int32_t> codes(in.size());
            scheme_->to_codes(in, codes, random_, first);
            scheme_->decode(codes, in);
            counts.add_results(in);
            // Of a negative code the two's complement, which is what I8 and I16 hold.
            std::ranges::transform(codes, results.begin(),
                                   [](std::int32_t code) { return static_cast<Out>(code); });
          }
        },
        out);
    return counts;
  }

 private:
  [[nodiscard]] const SchemeInfo& info() const { return scheme_->info(); }
  [[nodiscard]] bool has_integers() const { return info().codes == SchemeInfo::Codes::integers; }

  std::unique_ptr<PreparedScheme> scheme_;
  const Tensor& tensor_;
  CounterRandom random_;
};

SchemeStatistics gather(const SelectedTensor& selected, bool with_deviations, unsigned threads) {
  static_assert(kTensorSlice == kStatisticsSlice);
  SchemeStatistics all;
  for (const auto& slice : for_slices<SchemeStatistics>(selected, threads, slice_statistics)) {
    merge_statistics(all, slice);
  }
  if (!with_deviations) return all;
  all.deviations = 0;
  for (const double deviations : for_slices<double>(
           selected, threads, [&](auto values) { return slice_deviations(values, all.mean); })) {
    all.deviations += deviations;
  }
  return all;
}

template <class Out>
CastCounts write_as(const SelectedTensor& selected, const TensorCast& cast,
                    SafetensorsWriter& writer, unsigned threads,
                    const std::function<void(std::uint64_t)>& done) {
  const Tensor& tensor = *selected.tensor;
  const std::uint64_t numel = tensor.numel();
  std::vector<float> in;
  std::vector<Out> out;
  CastCounts total;
  for (std::uint64_t first = 0; first < numel;) {
    std::vector<std::uint64_t> cuts{first};
    while (cuts.size() <= kSlicesPerThread * threads && cuts.back() < numel) {
      cuts.push_back(std::min(cast.cut_at(cuts.back() + kTensorSlice), numel));
    }
    const auto size = static_cast<std::size_t>(cuts.back() - first);
    in.resize(size);
    out.resize(size);
    std::vector<CastCounts> counts(cuts.size() - 1);
    parallel_for(counts.size(), threads, [&](std::size_t s) {
      const auto begin = static_cast<std::size_t>(cuts[s] - first);
      const auto length = static_cast<std::size_t>(cuts[s + 1] - cuts[s]);
      const std::span<float> values = std::span(in).subspan(begin, length);
      read_floats(tensor, cuts[s], values);
      counts[s] = cast.cast(cuts[s], values, std::span(out).subspan(begin, length));
    });
    for (const CastCounts& slice : counts) total.add(slice);
    writer.append(std::span<const Out>(out));
    selected.trace->file().release(tensor, first, size);
    done(size);
    first = cuts.back();
  }
  return total;
}

using Row = CastRow;

const auto kColumns = std::to_array<Column<Row>>({
    column<&Row::trace>("trace", "", "path of the trace"),
    column<&Row::tensor>("tensor", "", "name of the tensor"),
    column<&Row::numel>("numel", "elements", "elements of the tensor"),
    column<&Row::scale>("scale", "1",
                        "what elements are multiplied by before the cast; nan if that is not one "
                        "number"),
    column<&Row::counts, &CastCounts::zeros>("zeros", "elements", "results that are zero"),
    column<&Row::counts, &CastCounts::above_max>(
        "above_max", "elements", "finite, but scaled beyond the range of the format or scheme"),
    column<&Row::counts, &CastCounts::infs>("infs", "elements", "results that are infinite"),
    column<&Row::counts, &CastCounts::nans>("nans", "elements", "results that are NaN"),
});
const auto kSchemeColumns = std::to_array<Column<Row>>({
    {"bits", "", "bits", "of a code",
     [](const Row& row) -> Cell { return std::uint64_t{static_cast<unsigned>(row.bits)}; }},
    column<&Row::levels>("levels", "1", "values of the code book; 0 without one"),
});

}  // namespace

void CastCounts::add_results(std::span<const float> values) {
  for (const float value : values) {
    zeros += value == 0.0f ? 1u : 0u;
    infs += std::isinf(value) ? 1u : 0u;
    nans += std::isnan(value) ? 1u : 0u;
  }
}

void CastCounts::add(const CastCounts& other) {
  zeros += other.zeros;
  above_max += other.above_max;
  infs += other.infs;
  nans += other.nans;
}

PreparedCasts prepare_casts(const Scaling& scaling, int axis, const Quantizer& quantizer,
                            const std::vector<SelectedTensor>& tensors, Seed seed,
                            unsigned threads) {
  ResolvedScaling resolved = resolve_scaling(scaling, axis, quantizer, tensors, threads);
  PreparedCasts prepared{.casts = {}, .notes = std::move(resolved.notes)};
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    prepared.casts.push_back(std::make_unique<FormatCast>(quantizer, std::move(resolved.tensors[i]),
                                                          *tensors[i].tensor, seed));
  }
  return prepared;
}

PreparedCasts prepare_casts(const Scheme& scheme, const CastOptions& options,
                            const std::vector<SelectedTensor>& tensors, Seed seed,
                            unsigned threads) {
  PreparedCasts prepared;
  for (const SelectedTensor& selected : tensors) {
    for_tensor(selected, [&] {
      const Tensor& tensor = *selected.tensor;
      prepared.casts.push_back(std::make_unique<SchemeCast>(
          scheme.prepare(gather(selected, scheme.needs_deviations(), threads),
                         {.tensor = tensor.name, .cast = options}),
          tensor, seed));
    });
  }
  return prepared;
}

CastFile::CastFile(const std::vector<SelectedTensor>& tensors, const PreparedCasts& prepared,
                   bool values, std::optional<DType> result_dtype)
    : as_values(values) {
  std::vector<TensorDeclaration> results;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const TensorCast& cast = *prepared.casts[i];
    const DType dtype = values ? DType::F32 : result_dtype.value_or(cast.code_dtype());
    results.push_back({tensors[i].tensor->name, dtype, tensors[i].tensor->shape});
    for (auto& side : cast.side_tensors(values)) {
      const bool is_wide = side->declaration().dtype == DType::F32;
      (is_wide ? wide : narrow).push_back(std::move(side));
    }
  }
  for (const auto& side : wide) declarations.push_back(side->declaration());
  declarations.insert(declarations.end(), results.begin(), results.end());
  for (const auto& side : narrow) declarations.push_back(side->declaration());
  std::unordered_set<std::string> names;
  for (const TensorDeclaration& declaration : declarations) {
    if (names.insert(declaration.name).second) continue;
    throw UserError(
        fmt::format("{}: tensor {} would collide with the scale or code book of another tensor; "
                    "leave it out with `tensors`",
                    tensors.front().trace->path(), quote(declaration.name)));
  }
}

CastCounts write_cast(const SelectedTensor& selected, const TensorCast& cast, bool as_values,
                      SafetensorsWriter& writer, unsigned threads,
                      const std::function<void(std::uint64_t)>& done) {
  return for_tensor(selected, [&] {
    if (as_values) return write_as<float>(selected, cast, writer, threads, done);
    switch (unsigned_type(cast.bits())) {
      case DType::U8:
        return write_as<std::uint8_t>(selected, cast, writer, threads, done);
      case DType::U16:
        return write_as<std::uint16_t>(selected, cast, writer, threads, done);
      default:
        return write_as<std::uint32_t>(selected, cast, writer, threads, done);
    }
  });
}

std::span<const Column<CastRow>> cast_columns() { return kColumns; }
std::span<const Column<CastRow>> scheme_columns() { return kSchemeColumns; }

}  // namespace gradpath
