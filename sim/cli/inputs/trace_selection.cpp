#include "sim/cli/inputs/trace_selection.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <fnmatch.h>

#include "models/error.hpp"
#include "sim/cli/framework/number_list.hpp"
#include "traces/tensor_data.hpp"

namespace gradpath::cli {

void TensorChoice::add_options(OptionSet& options) {
  options.group("Input")
      .value_or("tensors", "GLOB", kDefault, "the tensors to work on, by name")
      .value("steps", "LIST", "only tensors step{S}/... of these steps: 0,100 or 0:1000:100");
}

void TensorChoice::setup(const Arguments& arguments) {
  glob_ = arguments.text("tensors");
  constexpr std::int64_t kMost = std::int64_t{1} << 53;
  if (const auto steps = arguments.optional_text("steps")) {
    steps_ = parse_integer_list("--steps", *steps, 0, kMost);
  }
}

bool TensorChoice::takes(const std::string& name) const {
  if (!matches_glob(glob_, name)) return false;
  if (steps_.empty()) return true;
  const auto parts = parse_trace_name(name);
  return parts && std::ranges::find(steps_, parts->step) != steps_.end();
}

std::vector<SelectedTensor> TensorChoice::select(const Trace& trace) const {
  std::vector<SelectedTensor> selected;
  for (const Tensor& tensor : trace.tensors()) {
    if (!takes(tensor.name)) continue;
    if (!is_readable_as_float(tensor.dtype)) {
      throw UserError(
          fmt::format("{}: tensor {}: dtype is {}, expected F32, BF16, F16 or F64; "
                      "narrow --tensors, which is '{}'",
                      trace.path(), quote(tensor.name), dtype_name(tensor.dtype), glob_));
    }
    selected.push_back({&trace, &tensor});
  }
  if (selected.empty()) {
    const auto tensors = trace.tensors();
    fail_none(trace.path(), tensors.size(), tensors.empty() ? "" : tensors.front().name);
  }
  return selected;
}

void TensorChoice::fail_none(const std::string& path, std::size_t count,
                             const std::string& example) const {
  throw UserError(fmt::format("{}: no tensor matches --tensors '{}'{}; the file has {} tensors{}",
                              path, glob_, steps_.empty() ? "" : " and --steps", count,
                              count == 0 ? "" : ", e.g. " + quote(example)));
}

void TraceSelection::add_options(OptionSet& options, int most) {
  options.positional("trace", most, FileUse::source);
  TensorChoice::add_options(options);
}

void TraceSelection::setup(const Arguments& arguments) {
  setup(arguments.positional(), arguments);
  if (paths_.empty()) {
    throw UserError("no trace is given; give the path of a .safetensors file");
  }
}

void TraceSelection::setup(std::vector<std::string> paths, const Arguments& arguments) {
  paths_ = std::move(paths);
  choice_.setup(arguments);
}

void TraceSelection::open() {
  traces_.reserve(paths_.size());
  for (const std::string& path : paths_) traces_.emplace_back(path);
}

std::vector<SelectedTensor> TraceSelection::tensors() const {
  std::vector<SelectedTensor> selected;
  for (const Trace& trace : traces_) {
    const auto more = choice_.select(trace);
    selected.insert(selected.end(), more.begin(), more.end());
  }
  return selected;
}

bool matches_glob(const std::string& pattern, const std::string& name) {
  return ::fnmatch(pattern.c_str(), name.c_str(), 0) == 0;
}

}  // namespace gradpath::cli
