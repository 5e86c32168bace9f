#include "models/profile/profile.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "models/error.hpp"
#include "sim/cli/framework/table_output.hpp"
#include "sim/cli/inputs/profile_inputs.hpp"
#include "sim/cli/verbs/commands.hpp"
#include "sim/explore/profile_file.hpp"
#include "traces/atomic_file.hpp"

namespace gradpath::cli {
namespace {

class ProfileCommand : public Command {
 public:
  const Description& description() const override {
    static const Description kDescription{
        .name = "profile",
        .synopsis = "TRACE|PROFILE... [-o FILE] [options]",
        .summary = "reads each tensor once into a small exact profile; merges and shows profiles",
        .examples = {
            {{"gradpath profile trace.safetensors --blocks 32 -o trace.profile",
              "every gradient, also by MX blocks of 32; `gradpath sweep trace.profile --scale mx` "
              "answers from it"},
             {"gradpath profile shard0.profile shard1.safetensors --into all -o all.profile",
              "profiles and traces merged into one; without --into, by tensor name"}}}};
    return kDescription;
  }

  void add_options(OptionSet& options) const override {
    ProfileInputs::add_options(options);
    options.group("Merging").value("into", "NAME",
                                   "merge all tensors into one of this name; default: those of "
                                   "the same name");
    options.group("Blocks")
        .value("blocks", "LIST",
               "sizes of blocks, e.g. 16,32: keeps what `sweep --scale mx:SIZE` asks too")
        .value_or("axis", "N", "-1", "their axis, from 0 or, negative, from the end");
    options.group("Output")
        .value("output", "FILE", "the profile to write; may be an input")
        .letter('o')
        .file(FileUse::replace);
    TableOutput::add_options(options);
  }

  void setup(const Arguments& arguments) override {
    inputs_.setup(arguments);
    table_output_.setup(arguments);
    into_ = arguments.optional_text("into");
    output_ = arguments.optional_text("output");
    const int axis = parse_axis(arguments.text("axis"));
    if (!arguments.has("blocks")) {
      if (axis != -1) throw UserError("--axis has no effect without --blocks");
      return;
    }
    for (const std::string& text : arguments.list("blocks")) {
      blocks_.push_back({parse_integer("--blocks", text, 1, std::uint64_t{1} << 40), axis});
    }
    std::ranges::sort(blocks_);
    const auto repeated = std::ranges::unique(blocks_);
    blocks_.erase(repeated.begin(), repeated.end());
  }

  ExitCode run(Session& session) override {
    table_output_.open();
    inputs_.open();
    std::optional<AtomicFile> file;
    if (output_) file.emplace(*output_);

    ProfileSet merged;
    std::vector<Row> rows;
    for (ProfiledTensor& input : inputs_.profiles(session, blocks_)) {
      const std::string& name = into_ ? *into_ : input.tensor;
      merge_into(merged, name,
                 {.profile = std::move(input.profile), .blocks = std::move(input.blocks)});
      const auto row = std::ranges::find(rows, name, &Row::tensor);
      if (row == rows.end()) {
        rows.push_back({name, {input.trace}});
      } else if (std::ranges::find(row->traces, input.trace) == row->traces.end()) {
        row->traces.push_back(input.trace);
      }
    }

    Table table({"trace", "tensor", "numel", "zeros", "subnormals", "infs", "nans", "abs_min",
                 "abs_max", "buckets", "id"});
    for (const Row& row : rows) {
      const Profile& profile = merged.at(row.tensor).profile;
      const TensorCounts counts = profile.counts();
      table.add_row({row.trace(), row.tensor, counts.numel, counts.zeros, counts.subnormals,
                     counts.infs, counts.nans, counts.abs_min, counts.abs_max,
                     std::uint64_t{profile.buckets().size()}, profile.id()});
    }
    if (file) {
      file->write(encode_profiles(merged));
      file->commit();
    }
    table_output_.write(table, session);
    return ExitCode::good;
  }

 private:
  struct Row {
    std::string tensor;
    std::vector<std::string> traces;

    // The files that a merged tensor comes from, joined by `+`.
    [[nodiscard]] std::string trace() const {
      std::string text;
      for (const std::string& path : traces) text += (text.empty() ? "" : "+") + path;
      return text;
    }
  };

  ProfileInputs inputs_;
  TableOutput table_output_;
  std::optional<std::string> into_;
  std::optional<std::string> output_;
  std::vector<BlockKey> blocks_;
};

}  // namespace

CommandPtr make_profile_command() { return std::make_unique<ProfileCommand>(); }

}  // namespace gradpath::cli
