#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "models/error.hpp"
#include "models/prune/policy.hpp"
#include "models/prune/threshold.hpp"
#include "sim/cli/framework/progress.hpp"
#include "sim/cli/framework/table_output.hpp"
#include "sim/cli/inputs/trace_selection.hpp"
#include "sim/cli/verbs/commands.hpp"
#include "sim/explore/parallel.hpp"
#include "sim/explore/prune_allocation.hpp"
#include "sim/explore/prune_columns.hpp"
#include "sim/explore/training_place.hpp"
#include "traces/safetensors_writer.hpp"
#include "traces/tensor_data.hpp"

namespace gradpath::cli {
namespace {

// Runs when made; its time is that between start and stop.
class Stopwatch {
 public:
  void start() { start_ = Clock::now(); }
  void stop() { elapsed_ += Clock::now() - start_; }
  [[nodiscard]] double seconds() const { return elapsed_.count(); }

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point start_ = Clock::now();
  std::chrono::duration<double> elapsed_ = {};
};

class PruneCommand : public Command {
 public:
  const Description& description() const override {
    static const Description kDescription{
        .name = "prune",
        .synopsis = "TRACE... --sparsity S[,S...] [options]",
        .summary = "prunes each tensor to a target sparsity: predicted and reached, cosine, error",
        .examples = {
            {{"gradpath prune trace.safetensors --sparsity 0.8,0.9 --policy "
              "stochastic,topk,dithered,random,nm:2:4 --csv prune.csv",
              "five policies side by side at two targets; predicted_sparsity is computed from the "
              "policy's rule, reached_sparsity counted in its output, bias and bias_error tell "
              "whether it keeps the expected magnitude"},
             {"gradpath prune trace.safetensors --sparsity 0.9 --alpha histogram:1 --allocate "
              "cosine -o pruned.safetensors",
              "thresholds as hardware that counts exponents finds them, sparsities that give all "
              "layers one expected cosine at 0.9 over all, and the pruned tensors"}}}};
    return kDescription;
  }

  void add_options(OptionSet& options) const override {
    TraceSelection::add_options(options);
    options.group("Pruning")
        .value("sparsity", "S[,S...]",
               "target fractions of zeros, each from 0 to below 1; may be left out where no policy "
               "takes a target (nm:N:M, hard:ALPHA, dithered:K)")
        .value_or("policy", "SPEC[,SPEC...]", "stochastic",
                  "which elements stay and what becomes of them")
        .of(prune_policy_grammar())
        .value_or("alpha", "RULE", "exact", "where the threshold of `stochastic` comes from")
        .of(alpha_grammar())
        .value_or("allocate", "RULE", "uniform",
                  "how the tensors selected share S: uniform (S each), cosine (one expected cosine "
                  "of stochastic pruning for all, S over all), authors (0.95, 0.98, 0.98 in the "
                  "last three blocks, one share up to 0.9 for the rest, S over all)");
    options.group("Output")
        .value("output", "FILE",
               "writes the pruned tensors as fp32 to a .safetensors file; one trace, one policy "
               "and one target")
        .letter('o')
        .file(FileUse::replace)
        .flag("time",
              "adds the column seconds: planning and pruning, each policy from the bare tensor");
    TableOutput::add_options(options);
  }

  void setup(const Arguments& arguments) override {
    selection_.setup(arguments);
    table_output_.setup(arguments);
    bool takes_target = false;
    bool looks_back = false;
    for (const std::string& specification : arguments.list("policy")) {
      policies_.push_back(parse_prune_policy(specification));
      takes_target |= policies_.back()->takes_target();
      looks_back |= policies_.back()->name() == "stochastic:last-step";
    }
    if (takes_target || arguments.has("sparsity")) {
      targets_ = arguments.reals("sparsity", 0.0, std::nextafter(1.0, 0.0));
    } else {
      targets_ = {std::numeric_limits<double>::quiet_NaN()};
    }
    options_.alpha = parse_alpha_rule(arguments.text("alpha"));
    looks_back_ = looks_back || options_.alpha == AlphaRule::last_step;
    allocation_ = parse_allocation_rule(arguments.text("allocate"));
    if (allocation_ != AllocationRule::uniform && std::isnan(targets_.front())) {
      throw UserError("--allocate shares out a sparsity, and no policy takes one; add --sparsity");
    }
    shows_time_ = arguments.flag("time");
    path_ = arguments.optional_text("output");
    if (path_ && (policies_.size() > 1 || targets_.size() > 1 || selection_.paths().size() > 1)) {
      throw UserError(fmt::format(
          "--output writes the result of one trace, one policy and one sparsity; found {} traces, "
          "{} policies and {} sparsities: run once for each",
          selection_.paths().size(), policies_.size(), targets_.size()));
    }
  }

  ExitCode run(Session& session) override {
    table_output_.open();
    selection_.open();
    const std::vector<SelectedTensor> tensors = selection_.tensors();
    std::optional<SafetensorsWriter> writer;
    if (path_) writer.emplace(*path_, declarations(tensors), metadata(session));
    const std::vector<Allocation> allocations = allocated(tensors, session);

    std::vector<std::vector<PruneRow>> rows(tensors.size());
    Progress progress(session, "prune", tensors.size());
    // What is written is written in the tensors' order, so one after the other.
    parallel_for(tensors.size(), writer ? 1 : session.threads, [&](std::size_t i) {
      rows[i] = for_tensor(tensors[i], [&] {
        return prune(tensors[i], i, allocations, session, writer ? &*writer : nullptr);
      });
      progress.add(1);
    });
    if (writer) writer->commit();
    table_output_.write(table(rows), session);
    return ExitCode::good;
  }

 private:
  [[nodiscard]] std::vector<Allocation> allocated(const std::vector<SelectedTensor>& tensors,
                                                  const Session& session) const {
    auto allocations = allocate(allocation_, tensors, targets_, session.threads);
    for (std::size_t t = 0; t < targets_.size(); ++t) {
      const double reached = allocations[t].reached;
      if (allocation_ != AllocationRule::authors || std::abs(reached - targets_[t]) <= 1e-9)
        continue;
      session.note(fmt::format(
          "--allocate authors: a sparsity of {} becomes {:.4g}: the last three blocks have fixed "
          "ones, and no other layer gets more than {}",
          targets_[t], reached, kMostOtherSparsity));
    }
    return allocations;
  }

  // All targets and policies of one tensor, piece by piece.
  [[nodiscard]] std::vector<PruneRow> prune(const SelectedTensor& selected, std::size_t index,
                                            const std::vector<Allocation>& allocations,
                                            const Session& session,
                                            SafetensorsWriter* writer) const {
    const Tensor& tensor = *selected.tensor;
    const TensorSource source = source_of(selected);
    const TensorContext context = tensor_context(tensor);
    std::optional<PruneInput> input(std::in_place, source, context);
    std::optional<MagnitudeTable> before = table_of_step_before(selected);
    PruneOptions options = options_;
    options.seed = tensor_seed(session.seed, RandomUnit::pruner, tensor.name);
    std::vector<PruneRow> rows;
    for (std::size_t t = 0; t < targets_.size(); ++t) {
      options.target_sparsity = allocations[t].sparsities[index];
      if (before) options.last_alpha = exact_threshold(*before, options.target_sparsity);
      double cosine = 0.0;
      if (allocation_ != AllocationRule::uniform) {
        const float alpha = exact_threshold(input->table(), options.target_sparsity);
        cosine = expected_pruning_cosine(input->table(), double{alpha});
      }
      for (const PrunePolicyPtr& policy : policies_) {
        if (shows_time_) input.emplace(source, context);  // nothing known yet
        Stopwatch watch;
        const PrunePlan plan = policy->plan(*input, options);
        watch.stop();
        PruneMeasurer measured;
        std::vector<float> out;
        source.visit(
            [&](std::uint64_t first, std::span<const float> in) {
              out.resize(in.size());
              watch.start();
              policy->apply(plan, options, first, in, out);
              watch.stop();
              measured.add(in, out);
              if (writer != nullptr) writer->append(std::span<const float>(out));
            },
            piece_size(plan));
        rows.push_back({.trace = selected.trace->path(),
                        .tensor = tensor.name,
                        .policy = policy->name(),
                        .result = result_of(*policy, plan, options, measured),
                        .budget = targets_[t],
                        .expected_cosine = cosine,
                        .seconds = watch.seconds()});
      }
    }
    return rows;
  }

  [[nodiscard]] std::optional<MagnitudeTable> table_of_step_before(
      const SelectedTensor& selected) const {
    if (!looks_back_) return std::nullopt;
    const auto before = tensor_a_step_before(selection_.traces(), selected);
    if (!before) return std::nullopt;
    return MagnitudeTable(source_of(*before));
  }

  [[nodiscard]] Table table(const std::vector<std::vector<PruneRow>>& rows) const {
    const auto none = prune_columns().first(0);
    const auto columns = shown_columns<PruneRow>(
        {prune_columns(), allocation_ != AllocationRule::uniform ? allocation_columns() : none,
         shows_time_ ? time_columns() : none});
    Table table = Table::of(std::span<const Column<PruneRow>>(columns));
    for (const auto& of_tensor : rows) {
      for (const PruneRow& row : of_tensor) table.add_row(cells<PruneRow>(columns, row));
    }
    return table;
  }

  [[nodiscard]] static std::vector<TensorDeclaration> declarations(
      const std::vector<SelectedTensor>& tensors) {
    std::vector<TensorDeclaration> declared;
    for (const SelectedTensor& selected : tensors) {
      declared.push_back({selected.tensor->name, DType::F32, selected.tensor->shape});
    }
    return declared;
  }

  [[nodiscard]] std::map<std::string, std::string> metadata(const Session& session) const {
    std::map<std::string, std::string> result = selection_.traces().front().file().metadata();
    result["pruned_by"] = "gradpath " + version();
    result["prune_policy"] = policies_.front()->name();
    result["prune_alpha"] = alpha_rule_name(options_.alpha);
    if (!std::isnan(targets_.front())) result["prune_sparsity"] = number_text(targets_.front());
    result["prune_seed"] = std::to_string(session.seed.value);
    return result;
  }

  TraceSelection selection_;
  TableOutput table_output_;
  std::vector<double> targets_;  ///< one NaN where no policy takes a target
  std::vector<PrunePolicyPtr> policies_;
  PruneOptions options_;
  AllocationRule allocation_ = AllocationRule::uniform;
  bool looks_back_ = false;
  bool shows_time_ = false;
  std::optional<std::string> path_;
};

}  // namespace

CommandPtr make_prune_command() { return std::make_unique<PruneCommand>(); }

}  // namespace gradpath::cli
