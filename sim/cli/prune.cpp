#include <cmath>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "models/prune/policy.hpp"
#include "sim/cli/commands.hpp"
#include "sim/cli/parallel.hpp"
#include "sim/cli/progress.hpp"
#include "sim/cli/table_output.hpp"
#include "sim/cli/trace_selection.hpp"
#include "traces/tensor_data.hpp"

namespace gradpath::cli {
namespace {

std::string policy_help() {
  std::string text;
  for (const PrunePolicy& policy : prune_policies()) {
    if (!text.empty()) text += "; ";
    text += fmt::format("{}: {}", policy.name, policy.summary);
  }
  return text;
}

class PruneCommand : public Command {
 public:
  const Description& description() const override {
    static const Description kDescription{
        .name = "prune",
        .synopsis = "TRACE... --sparsity S[,S...] [options]",
        .summary = "prunes each tensor to a target sparsity: predicted and reached, cosine, error",
        .examples = {{{"gradpath prune trace.safetensors --sparsity 0.5,0.8,0.9",
                       "three targets, the threshold solved exactly on each tensor"},
                      {"gradpath prune trace.safetensors --sparsity 0.9 --alpha lognormal "
                       "--csv prune.csv",
                       "the threshold from mu and sigma alone, as hardware would"}}}};
    return kDescription;
  }

  void add_options(OptionSet& options) const override {
    TraceSelection::add_options(options);
    options.group("Pruning")
        .value("sparsity", "S[,S...]", "target fractions of zeros, each from 0 to below 1")
        .value_or("policy", "NAME", "stochastic", policy_help())
        .value_or("alpha", "MODE", "exact",
                  "threshold solved on the tensor (exact) or from its fit (lognormal)");
    TableOutput::add_options(options);
  }

  void setup(const Arguments& arguments) override {
    selection_.setup(arguments);
    output_.setup(arguments);
    targets_ = arguments.reals("sparsity", 0.0, std::nextafter(1.0, 0.0));
    policy_ = &find_prune_policy(arguments.text("policy"));
    options_.alpha = parse_alpha_mode(arguments.text("alpha"));
  }

  ExitCode run(Session& session) override {
    output_.open(selection_.paths());
    selection_.open();
    const std::vector<SelectedTensor> tensors = selection_.tensors();
    std::vector<std::vector<PruneResult>> results(tensors.size());
    Progress progress(session, "prune", tensors.size());
    parallel_for(tensors.size(), session.threads, [&](std::size_t i) {
      results[i] = for_tensor(tensors[i], [&] { return prune(*tensors[i].tensor, session); });
      tensors[i].trace->file().release(*tensors[i].tensor);
      progress.add(1);
    });
    Table table({"trace", "tensor", "policy", "target_sparsity", "alpha", "predicted_sparsity",
                 "reached_sparsity", "cosine", "mse"});
    for (std::size_t i = 0; i < tensors.size(); ++i) {
      for (const PruneResult& result : results[i]) {
        table.add_row({tensors[i].trace->path(), tensors[i].tensor->name,
                       std::string(policy_->name), result.target_sparsity, double{result.alpha},
                       result.predicted_sparsity, result.reached_sparsity, result.cosine,
                       result.mse});
      }
    }
    output_.write(table, session);
    return ExitCode::good;
  }

 private:
  [[nodiscard]] std::vector<PruneResult> prune(const Tensor& tensor, const Session& session) const {
    const TensorFloats floats(tensor);
    PruneInput input(floats.values());
    PruneOptions options = options_;
    options.seed = tensor_seed(session.seed, RandomUnit::pruner, tensor.name);
    std::vector<float> pruned(floats.values().size());
    std::vector<PruneResult> results;
    for (const double target : targets_) {
      options.target_sparsity = target;
      results.push_back(prune_tensor(*policy_, input, options, pruned));
    }
    return results;
  }

  TraceSelection selection_;
  TableOutput output_;
  std::vector<double> targets_;
  const PrunePolicy* policy_ = nullptr;
  PruneOptions options_;
};

}  // namespace

CommandPtr make_prune_command() { return std::make_unique<PruneCommand>(); }

}  // namespace gradpath::cli
