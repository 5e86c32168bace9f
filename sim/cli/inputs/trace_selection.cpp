#include "sim/cli/inputs/trace_selection.hpp"

#include <utility>

#include <fmt/format.h>
#include <fnmatch.h>

#include "traces/tensor_data.hpp"

namespace gradpath::cli {

void TraceSelection::add_options(OptionSet& options, int most) {
  options.positional("trace", most);
  options.group("Input").value_or("tensors", "GLOB", "*grad_output*",
                                  "the tensors to work on, by name");
}

void TraceSelection::setup(const Arguments& arguments) {
  paths_ = arguments.positional();
  glob_ = arguments.text("tensors");
  if (paths_.empty()) {
    throw UserError("no trace is given; give the path of a .safetensors file");
  }
}

void TraceSelection::setup(std::vector<std::string> paths, std::string glob) {
  paths_ = std::move(paths);
  glob_ = std::move(glob);
}

void TraceSelection::open() {
  traces_.reserve(paths_.size());
  for (const std::string& path : paths_) traces_.emplace_back(path);
}

std::vector<SelectedTensor> TraceSelection::tensors() const {
  std::vector<SelectedTensor> selected;
  for (const Trace& trace : traces_) {
    const std::size_t before = selected.size();
    for (const Tensor& tensor : trace.tensors()) {
      if (!matches_glob(glob_, tensor.name)) continue;
      if (!is_readable_as_float(tensor.dtype)) {
        throw UserError(
            fmt::format("{}: tensor {}: dtype is {}, expected F32, BF16, F16 or F64; "
                        "narrow --tensors, which is '{}'",
                        trace.path(), quote(tensor.name), dtype_name(tensor.dtype), glob_));
      }
      selected.push_back({&trace, &tensor});
    }
    if (selected.size() == before) {
      throw UserError(fmt::format(
          "{}: no tensor matches --tensors '{}'; the file has {} tensors{}", trace.path(), glob_,
          trace.tensors().size(),
          trace.tensors().empty() ? "" : ", e.g. " + quote(trace.tensors().front().name)));
    }
  }
  return selected;
}

void fail_in(const SelectedTensor& selected, std::string_view what) {
  throw UserError(
      fmt::format("{}: tensor {}: {}", selected.trace->path(), quote(selected.tensor->name), what));
}

bool matches_glob(const std::string& pattern, const std::string& name) {
  return ::fnmatch(pattern.c_str(), name.c_str(), 0) == 0;
}

}  // namespace gradpath::cli
