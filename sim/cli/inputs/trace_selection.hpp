#pragma once

#include <new>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "models/error.hpp"
#include "sim/cli/framework/arguments.hpp"
#include "sim/cli/framework/options.hpp"
#include "traces/text.hpp"
#include "traces/trace.hpp"

namespace gradpath::cli {

/// A tensor that --tensors selected, with its file.
struct SelectedTensor {
  const Trace* trace = nullptr;
  const Tensor* tensor = nullptr;
};

/// The traces named on the command line and the tensors in them that --tensors selects.
class TraceSelection {
 public:
  static constexpr int kAnyNumber = -1;

  /// TRACE arguments, at most `most` of them, and --tensors.
  static void add_options(OptionSet& options, int most = kAnyNumber);
  /// UserError if there is no trace.
  void setup(const Arguments& arguments);
  /// The same from values, for verbs that also work without a trace.
  void setup(std::vector<std::string> paths, std::string glob);
  /// Maps and checks all files. Once, in run().
  void open();

  [[nodiscard]] const std::vector<std::string>& paths() const { return paths_; }
  /// After open(), as the next one.
  [[nodiscard]] const std::vector<Trace>& traces() const { return traces_; }
  /// By file, inside a file in its order. UserError if a file has no such tensor, naming some that
  /// it has, or if one cannot be read as numbers.
  [[nodiscard]] std::vector<SelectedTensor> tensors() const;

 private:
  std::vector<std::string> paths_;
  std::string glob_;
  std::vector<Trace> traces_;
};

/// True if the name matches the shell pattern: `*` any text, `?` any character, `[abc]` one of
/// them. A slash is a character like any other.
[[nodiscard]] bool matches_glob(const std::string& pattern, const std::string& name);

/// Runs `work` and puts file and tensor before the message of a UserError that it throws, as the
/// models know neither. Memory that is not to be had is one too.
template <class Work>
auto for_tensor(const SelectedTensor& selected, Work&& work);
/// UserError that names file and tensor.
[[noreturn]] void fail_in(const SelectedTensor& selected, std::string_view what);

}  // namespace gradpath::cli

namespace gradpath::cli {

template <class Work>
auto for_tensor(const SelectedTensor& selected, Work&& work) {
  constexpr std::string_view kNoMemory =
      "needs more memory than there is; use fewer --threads or select less";
  try {
    return work();
  } catch (const UserError& error) {
    fail_in(selected, error.what());
  } catch (const std::bad_alloc&) {
    fail_in(selected, kNoMemory);
  } catch (const std::length_error&) {
    fail_in(selected, kNoMemory);
  }
}

}  // namespace gradpath::cli
