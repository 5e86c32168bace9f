#include "sim/cli/verbs/scheme_cast.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <span>
#include <unordered_set>
#include <vector>

#include <fmt/format.h>

#include "models/error.hpp"
#include "sim/cli/framework/parallel.hpp"
#include "sim/cli/framework/progress.hpp"
#include "sim/cli/verbs/cast_counts.hpp"
#include "traces/mapped_file.hpp"
#include "traces/safetensors_writer.hpp"
#include "traces/tensor_data.hpp"

namespace gradpath::cli {
namespace {

// A slice is one thread's piece of work; the slices of a chunk are written together, in order.
constexpr std::size_t kSliceElements = kStatisticsSlice;
constexpr std::size_t kSlicesPerThread = 4;

std::string read_text(const std::string& path) {
  const MappedFile file(path);
  const auto bytes = file.bytes();
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Calls work(slice number, first element, values) for every slice of a tensor of any size.
template <class Work>
void for_slices(const SelectedTensor& selected, unsigned threads, Work work) {
  const Tensor& tensor = *selected.tensor;
  const std::uint64_t numel = tensor.numel();
  const auto slices = static_cast<std::size_t>((numel + kSliceElements - 1) / kSliceElements);
  parallel_for(slices, threads, [&](std::size_t s) {
    const std::uint64_t first = std::uint64_t{s} * kSliceElements;
    std::vector<float> values(
        static_cast<std::size_t>(std::min<std::uint64_t>(kSliceElements, numel - first)));
    read_floats(tensor, first, values);
    selected.trace->file().release(tensor, first, values.size());
    work(s, std::span<const float>(values));
  });
}

SchemeStatistics gather(const SelectedTensor& selected, bool with_deviations, unsigned threads) {
  std::vector<SchemeStatistics> slices(
      static_cast<std::size_t>((selected.tensor->numel() + kSliceElements - 1) / kSliceElements));
  for_slices(selected, threads, [&](std::size_t s, std::span<const float> values) {
    slices[s] = slice_statistics(values);
  });
  SchemeStatistics all;
  for (const SchemeStatistics& slice : slices) merge_statistics(all, slice);
  if (with_deviations) {
    for_slices(selected, threads, [&](std::size_t s, std::span<const float> values) {
      slices[s].deviations = slice_deviations(values, all.mean);
    });
    all.deviations = 0;
    for (const SchemeStatistics& slice : slices) all.deviations += slice.deviations;
  }
  return all;
}

// One tensor, prepared.
struct Job {
  SelectedTensor selected;
  std::unique_ptr<PreparedScheme> scheme;

  [[nodiscard]] const SchemeInfo& info() const { return scheme->info(); }
  [[nodiscard]] bool has_integers() const { return info().codes == SchemeInfo::Codes::integers; }
  [[nodiscard]] bool has_book() const { return info().codes == SchemeInfo::Codes::book; }
  [[nodiscard]] DType code_dtype() const {
    if (has_integers()) return info().bits <= 8 ? DType::I8 : DType::I16;
    return info().bits <= 8 ? DType::U8 : DType::U16;
  }
};

// Out: float for values, else a code's type.
template <class Out>
CastCounts map_slice(const Job& job, CounterRandom random, std::uint64_t first, std::span<float> in,
                     std::span<Out> out) {
  read_floats(*job.selected.tensor, first, in);
  const SchemeInfo& info = job.info();
  CastCounts counts;
  for (const float x : in) {
    const bool is_outside = double{x} < info.lowest || double{x} > info.highest;
    counts.above_max += is_outside && std::isfinite(x) ? 1u : 0u;
  }
  if constexpr (std::is_same_v<Out, float>) {
    job.scheme->to_values(in, out, random, first);
    counts.add_results(out);
  } else {
    std::vector<std::int32_t> codes(in.size());
    job.scheme->to_codes(in, codes, random, first);
    job.scheme->decode(codes, in);  // `in` has done its duty
    counts.add_results(in);
    std::ranges::transform(codes, out.begin(), [](std::int32_t c) { return static_cast<Out>(c); });
  }
  return counts;
}

template <class Out>
CastCounts map_tensor(const Job& job, SafetensorsWriter& writer, Progress& progress,
                      const Session& session) {
  const Tensor& tensor = *job.selected.tensor;
  const CounterRandom random(tensor_seed(session.seed, RandomUnit::quantizer, tensor.name));
  const std::uint64_t numel = tensor.numel();
  const std::size_t chunk = kSliceElements * kSlicesPerThread * session.threads;
  std::vector<float> in(static_cast<std::size_t>(std::min<std::uint64_t>(chunk, numel)));
  std::vector<Out> out(in.size());
  CastCounts total;
  for (std::uint64_t first = 0; first < numel; first += chunk) {
    const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(chunk, numel - first));
    const std::size_t slices = (size + kSliceElements - 1) / kSliceElements;
    std::vector<CastCounts> counts(slices);
    parallel_for(slices, session.threads, [&](std::size_t s) {
      const std::size_t begin = s * kSliceElements;
      const std::size_t length = std::min(kSliceElements, size - begin);
      counts[s] = map_slice<Out>(job, random, first + begin, std::span(in).subspan(begin, length),
                                 std::span(out).subspan(begin, length));
    });
    for (const CastCounts& slice : counts) total.add(slice);
    job.selected.trace->file().release(tensor, first, size);
    writer.append(std::span<const Out>(out).first(size));
    progress.add(size);
  }
  return total;
}

CastCounts write_tensor(const Job& job, bool as_values, SafetensorsWriter& writer,
                        Progress& progress, const Session& session) {
  if (as_values) return map_tensor<float>(job, writer, progress, session);
  switch (job.code_dtype()) {
    case DType::I8:
      return map_tensor<std::int8_t>(job, writer, progress, session);
    case DType::I16:
      return map_tensor<std::int16_t>(job, writer, progress, session);
    case DType::U8:
      return map_tensor<std::uint8_t>(job, writer, progress, session);
    default:
      return map_tensor<std::uint16_t>(job, writer, progress, session);
  }
}

// What the codes mean comes first: four-byte elements before bytes keep every tensor aligned.
std::vector<TensorDeclaration> declare(const std::vector<Job>& jobs, bool as_values) {
  std::vector<TensorDeclaration> declarations;
  for (const Job& job : jobs) {
    const std::string& name = job.selected.tensor->name;
    if (job.has_integers()) declarations.push_back({name + ".scale", DType::F32, {1}});
    if (job.has_book() && !as_values) {
      declarations.push_back(
          {name + ".codebook", DType::F32, {static_cast<std::int64_t>(job.info().book.size())}});
    }
  }
  for (const Job& job : jobs) {
    const Tensor& tensor = *job.selected.tensor;
    declarations.push_back({tensor.name, as_values ? DType::F32 : job.code_dtype(), tensor.shape});
  }
  std::unordered_set<std::string> names;
  for (const TensorDeclaration& declaration : declarations) {
    if (names.insert(declaration.name).second) continue;
    throw UserError(
        fmt::format("{}: tensor {} would collide with the scale or code book of another tensor; "
                    "leave it out with --tensors",
                    jobs.front().selected.trace->path(), quote(declaration.name)));
  }
  return declarations;
}

std::map<std::string, std::string> metadata(const SchemeCast& cast, const TraceSelection& selection,
                                            const Session& session) {
  std::map<std::string, std::string> result = selection.traces().front().file().metadata();
  result["cast_by"] = "gradpath " + version();
  result["cast_as"] = cast.as_values ? "values" : "codes";
  result["cast_scheme"] = cast.scheme.name();
  result["cast_nan"] = cast.nan_name;
  result["cast_seed"] = std::to_string(session.seed.value);
  if (cast.scheme.has_cast_options()) {
    result["cast_round"] = rounding_name(cast.options.rounding);
    result["cast_overflow"] = overflow_name(cast.options.overflow);
    result["cast_flush"] = flush_name(cast.options.flush);
  }
  return result;
}

}  // namespace

ExitCode run_scheme_cast(const SchemeCast& cast, const TraceSelection& selection,
                         TableOutput& table_output, Session& session) {
  cast.scheme.load(read_text);
  std::vector<Job> jobs;
  for (const SelectedTensor& selected : selection.tensors()) {
    for_tensor(selected, [&] {
      const SchemeStatistics statistics =
          gather(selected, cast.scheme.needs_deviations(), session.threads);
      jobs.push_back({selected, cast.scheme.prepare(statistics, {.tensor = selected.tensor->name,
                                                                 .cast = cast.options})});
    });
  }
  SafetensorsWriter writer(cast.path, declare(jobs, cast.as_values),
                           metadata(cast, selection, session));
  std::uint64_t elements = 0;
  for (const Job& job : jobs) {
    elements += job.selected.tensor->numel();
    if (job.has_integers()) writer.append(std::span<const float>(&job.info().scale, 1));
    if (job.has_book() && !cast.as_values) writer.append(std::span<const float>(job.info().book));
  }
  Table table({"trace", "tensor", "numel", "scale", "zeros", "above_max", "infs", "nans", "bits",
               "levels"});
  Progress progress(session, "cast", elements);
  for (const Job& job : jobs) {
    const Tensor& tensor = *job.selected.tensor;
    const CastCounts counts = for_tensor(
        job.selected, [&] { return write_tensor(job, cast.as_values, writer, progress, session); });
    table.add_row({job.selected.trace->path(), tensor.name, tensor.numel(),
                   double{job.info().scale}, counts.zeros, counts.above_max, counts.infs,
                   counts.nans, std::uint64_t{static_cast<unsigned>(job.info().bits)},
                   std::uint64_t{job.info().book.size()}});
  }
  writer.commit();
  table_output.write(table, session);
  return ExitCode::good;
}

}  // namespace gradpath::cli
