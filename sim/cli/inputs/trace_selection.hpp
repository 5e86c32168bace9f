#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sim/cli/framework/arguments.hpp"
#include "sim/cli/framework/options.hpp"
#include "sim/explore/selected_tensor.hpp"
#include "traces/text.hpp"
#include "traces/trace.hpp"

namespace gradpath::cli {

/// Which tensors of its inputs a verb works on: --tensors and --steps.
class TensorChoice {
 public:
  static constexpr std::string_view kDefault = "*grad_output*";

  static void add_options(OptionSet& options);
  void setup(const Arguments& arguments);
  /// True if the name matches --tensors and its step, if that is asked for, is among --steps.
  [[nodiscard]] bool takes(const std::string& name) const;
  /// The tensors of a trace, in its order. UserError if there are none or one cannot be read as
  /// numbers.
  [[nodiscard]] std::vector<SelectedTensor> select(const Trace& trace) const;
  /// UserError: no tensor of this file is taken, though it has `count`.
  [[noreturn]] void fail_none(const std::string& path, std::size_t count,
                              const std::string& example) const;

 private:
  std::string glob_;
  std::vector<std::int64_t> steps_;  ///< empty: all
};

/// The traces named on the command line and the tensors in them that --tensors selects.
class TraceSelection {
 public:
  static constexpr int kAnyNumber = -1;

  /// TRACE arguments, at most `most` of them, and those of TensorChoice.
  static void add_options(OptionSet& options, int most = kAnyNumber);
  /// UserError if there is no trace.
  void setup(const Arguments& arguments);
  /// The same from values, for verbs that also work without a trace.
  void setup(std::vector<std::string> paths, const Arguments& arguments);
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
  TensorChoice choice_;
  std::vector<Trace> traces_;
};

/// True if the name matches the shell pattern: `*` any text, `?` any character, `[abc]` one of
/// them. A slash is a character like any other.
[[nodiscard]] bool matches_glob(const std::string& pattern, const std::string& name);

}  // namespace gradpath::cli
