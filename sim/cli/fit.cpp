#include "models/stats/fit.hpp"

#include <vector>

#include "sim/cli/commands.hpp"
#include "sim/cli/parallel.hpp"
#include "sim/cli/progress.hpp"
#include "sim/cli/table_output.hpp"
#include "sim/cli/trace_selection.hpp"
#include "traces/tensor_data.hpp"

namespace gradpath::cli {
namespace {

class FitCommand : public Command {
 public:
  const Description& description() const override {
    static const Description kDescription{
        .name = "fit",
        .synopsis = "TRACE... [options]",
        .summary = "fits a lognormal to each tensor and measures distances to five distributions",
        .examples = {{{"gradpath fit trace.safetensors",
                       "mu, sigma and the Kolmogorov-Smirnov distances of every gradient"},
                      {"gradpath fit a.safetensors b.safetensors --tensors 'step0/*/input' "
                       "--csv fit.csv",
                       "the activations of the first step of two traces, as CSV"}}}};
    return kDescription;
  }

  void add_options(OptionSet& options) const override {
    TraceSelection::add_options(options);
    TableOutput::add_options(options);
  }

  void setup(const Arguments& arguments) override {
    selection_.setup(arguments);
    output_.setup(arguments);
  }

  ExitCode run(Session& session) override {
    output_.open(selection_.paths());
    selection_.open();
    const std::vector<SelectedTensor> tensors = selection_.tensors();
    std::vector<TensorFit> fits(tensors.size());
    Progress progress(session, "fit", tensors.size());
    parallel_for(tensors.size(), session.threads, [&](std::size_t i) {
      fits[i] = for_tensor(tensors[i],
                           [&] { return fit_tensor(TensorFloats(*tensors[i].tensor).values()); });
      tensors[i].trace->file().release(*tensors[i].tensor);
      progress.add(1);
    });
    Table table({"trace",        "tensor",    "numel",      "zeros",         "subnormals",
                 "infs",         "nans",      "abs_min",    "abs_max",       "mu_ln",
                 "sigma_ln",     "mu_log2",   "sigma_log2", "skewness",      "excess_kurtosis",
                 "ks_lognormal", "ks_normal", "ks_laplace", "ks_halfnormal", "ks_exponential",
                 "expected_max"});
    for (std::size_t i = 0; i < tensors.size(); ++i) table.add_row(row(tensors[i], fits[i]));
    output_.write(table, session);
    return ExitCode::good;
  }

 private:
  static std::vector<Cell> row(const SelectedTensor& selected, const TensorFit& fit) {
    const TensorCounts& counts = fit.counts;
    return {selected.trace->path(),
            selected.tensor->name,
            counts.numel,
            counts.zeros,
            counts.subnormals,
            counts.infs,
            counts.nans,
            counts.abs_min,
            counts.abs_max,
            fit.mu_ln,
            fit.sigma_ln,
            fit.mu_log2,
            fit.sigma_log2,
            fit.skewness,
            fit.excess_kurtosis,
            fit.ks_lognormal,
            fit.ks_normal,
            fit.ks_laplace,
            fit.ks_halfnormal,
            fit.ks_exponential,
            fit.expected_max};
  }

  TraceSelection selection_;
  TableOutput output_;
};

}  // namespace

CommandPtr make_fit_command() { return std::make_unique<FitCommand>(); }

}  // namespace gradpath::cli
