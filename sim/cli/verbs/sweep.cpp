#include "sim/explore/sweep.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "models/error.hpp"
#include "models/format/formats.hpp"
#include "sim/cli/framework/parallel.hpp"
#include "sim/cli/framework/progress.hpp"
#include "sim/cli/framework/table_output.hpp"
#include "sim/cli/inputs/profile_inputs.hpp"
#include "sim/cli/verbs/commands.hpp"
#include "sim/explore/best_split.hpp"
#include "sim/explore/cost_table.hpp"
#include "sim/explore/results_store.hpp"
#include "traces/tensor_data.hpp"
#include "traces/text.hpp"

namespace gradpath::cli {
namespace {

// A store shared by threads; commits about once a second.
class SharedStore {
 public:
  explicit SharedStore(const std::string& path) : store_(path) {}

  std::optional<SweepResult> find(const StoreKey& key, const SweepPoint& point) {
    const std::scoped_lock lock(mutex_);
    return store_.find(key, point);
  }
  void add(const StoreKey& key, const std::string& trace, const SweepPoint& point,
           const SweepResult& result) {
    const std::scoped_lock lock(mutex_);
    store_.add(key, trace, point, result);
    const auto now = std::chrono::steady_clock::now();
    if (now - committed_ < std::chrono::seconds(1)) return;
    store_.commit();
    committed_ = now;
  }
  void commit() {
    const std::scoped_lock lock(mutex_);
    store_.commit();
  }

 private:
  std::mutex mutex_;
  ResultsStore store_;
  std::chrono::steady_clock::time_point committed_ = std::chrono::steady_clock::now();
};

class SweepCommand : public Command {
 public:
  const Description& description() const override {
    static const Description kDescription{
        .name = "sweep",
        .synopsis = "TRACE|PROFILE... --formats LIST [options]",
        .summary = "the error of every format, rounding, scale and sparsity on every tensor",
        .examples = {
            {{"gradpath sweep trace.safetensors --formats e{2..6}m{1..5}f,e4m3fn --round rne,sr "
              "--scale none,amax-po2 --csv sweep.csv",
              "one pass over the trace, then every combination from the profiles"},
             {"gradpath sweep trace.profile --best 8 --by mean_relative_error --scale amax-po2",
              "the best split of 8 bits for each tensor, and how far the second is behind"}}}};
    return kDescription;
  }

  void add_options(OptionSet& options) const override {
    ProfileInputs::add_options(options);
    options.group("Design space")
        .value("formats", "LIST", "names and ranges: e5m2,e4m3fn,e{2..6}m{0..5}f")
        .value_or("round", "LIST", "rne", "of rne, rna, rtz, rup, rdn, rto, sr[:R], sru[:R]")
        .value_or("overflow", "LIST", "standard", "of standard, saturate")
        .value_or("scale", "LIST", "none",
                  "of none, positive numbers, amax, amax-po2, expected-max, mean-log, "
                  "mx[:BLOCK[:RULE]], nvfp4[:BLOCK]")
        .value_or("axis", "N", "-1", "the axis of the blocks, from 0 or, negative, from the end")
        .value_or("sparsity", "LIST", "0", "targets of pruning before the cast; 0 is none")
        .value_or("pruning", "WAY", "kernel",
                  "kernel: every element, with its random word; expected: expectations over the "
                  "words, from the profile, within the bounds of the columns *_bound");
    options.group("Work")
        .value("db", "FILE", "SQLite file that keeps results; what is in it is not done again")
        .flag("brute-force", "cast every element instead of asking the profile");
    options.group("Cost")
        .value("cost", "FILE",
               "CSV of scripts/synth: adds area_ge, delay_fo4, power_proxy by format and rounding "
               "(nan where it has none)")
        .value_or("cost-block", "LIST", "multiplier,quantizer_lane",
                  "blocks whose areas and powers add up, and whose longest delay counts")
        .value(
            "pareto", "MEASURE",
            "adds pareto: 1 where no point of the tensor and sparsity has less error and area; " +
                measure_names());
    options.group("Best split")
        .value("best", "BITS", "show the best format of so many bits for each tensor")
        .value_or("by", "MEASURE", "mean_relative_error", measure_names() + ", for --best");
    TableOutput::add_options(options);
  }

  void setup(const Arguments& arguments) override {
    inputs_.setup(arguments);
    table_output_.setup(arguments);
    if (arguments.has("best")) {
      best_bits_ = static_cast<int>(arguments.integer("best", 2, 32));
    }
    by_ = &find_measure(arguments.text("by"));
    std::vector<std::string> formats;
    if (best_bits_ && !arguments.has("formats")) {
      formats = splits_of(*best_bits_);
    } else {
      formats = parse_format_list(arguments.text("formats"));
    }
    if (best_bits_) {
      std::erase_if(formats,
                    [&](const auto& name) { return parse_format(name).bits() != *best_bits_; });
      if (formats.empty()) {
        throw UserError(
            fmt::format("--formats has no format of {} bits, which --best asks for; "
                        "leave it out for all splits",
                        *best_bits_));
      }
    }
    std::vector<Rounding> roundings;
    for (const auto& text : arguments.list("round")) roundings.push_back(parse_rounding(text));
    std::vector<Overflow> overflows;
    for (const auto& text : arguments.list("overflow")) overflows.push_back(parse_overflow(text));
    points_ = sweep_points(formats, roundings, overflows, arguments.list("scale"),
                           parse_axis(arguments.text("axis")),
                           arguments.reals("sparsity", 0.0, std::nextafter(1.0, 0.0)));
    if (arguments.choice("pruning", {"kernel", "expected"}) == "expected") {
      for (SweepPoint& point : points_) point.is_expected = true;
    }
    setup_cost(arguments);
    db_ = arguments.optional_text("db");
    brute_force_ = arguments.flag("brute-force");
  }

  ExitCode run(Session& session) override {
    table_output_.open(inputs_.paths());
    if (cost_path_) cost_ = CostTable::read(*cost_path_, cost_blocks_);
    inputs_.open();
    std::optional<SharedStore> store;
    if (db_) store.emplace(*db_);
    const std::vector<ProfiledTensor> tensors =
        inputs_.profiles(session, brute_force_ ? std::vector<BlockKey>{} : needed_blocks(points_));
    std::vector<std::vector<SweepResult>> results(tensors.size());
    Progress progress(session, "sweep", tensors.size() * points_.size());
    const auto keep = [&] {
      if (store) store->commit();
    };
    try {
      parallel_for(tensors.size(), session.threads, [&](std::size_t i) {
        results[i] = sweep(tensors[i], session, store ? &*store : nullptr, progress);
      });
    } catch (...) {
      keep();  // what was computed before the failure stays
      throw;
    }
    keep();
    table_output_.write(best_bits_ ? best_table(tensors, results) : full_table(tensors, results),
                        session);
    return ExitCode::good;
  }

 private:
  std::vector<SweepResult> sweep(const ProfiledTensor& input, const Session& session,
                                 SharedStore* store, Progress& progress) const {
    // Most sweeps never look at the elements: F32 data are a view, others are converted if needed.
    std::optional<TensorFloats> floats;
    std::optional<std::span<const float>> values;
    if (input.source) {
      floats.emplace(*input.source->tensor);
      values = floats->values();
    }
    try {
      SweepTensor known{.name = input.tensor, .profile = input.profile, .blocks = input.blocks};
      if (input.source) {
        known.values = values;
        known.shape = input.source->tensor->shape;
      }
      TensorSweep tensor(std::move(known), session.seed);
      std::vector<SweepResult> results;
      for (const SweepPoint& point : points_) {
        results.push_back(answer(tensor, input, point, store));
        progress.add(1);
      }
      if (input.source) input.source->trace->file().release(*input.source->tensor);
      return results;
    } catch (const UserError& error) {
      throw UserError(
          fmt::format("{}: tensor {}: {}", input.trace, quote(input.tensor), error.what()));
    }
  }

  // What is in the store never changes which way a point is answered, only whether it is again.
  [[nodiscard]] SweepResult answer(TensorSweep& tensor, const ProfiledTensor& input,
                                   const SweepPoint& point, SharedStore* store) const {
    StoreKey key{input.profile.id(), input.tensor, ""};
    const auto find = [&] { return store == nullptr ? std::nullopt : store->find(key, point); };
    const auto keep = [&](const SweepResult& result) {
      if (store != nullptr) store->add(key, input.trace, point, result);
      return result;
    };
    if (!brute_force_) {
      key.identity = tensor.profile_identity(point);
      if (const auto known = find()) return *known;
      if (const auto result = tensor.by_profile(point)) return keep(*result);
    }
    if (store != nullptr && input.source) key.identity = tensor.kernel_identity();
    if (input.source) {
      if (const auto known = find()) return *known;
    }
    return keep(tensor.by_kernel(point));
  }

  void setup_cost(const Arguments& arguments) {
    cost_path_ = arguments.optional_text("cost");
    cost_blocks_ = arguments.list("cost-block");
    if (arguments.has("pareto")) {
      pareto_ = &find_measure(arguments.text("pareto"), "--pareto");
      if (!cost_path_) throw UserError("--pareto weighs errors against areas: name a --cost FILE");
    }
    if (cost_path_ && best_bits_) {
      throw UserError("--cost belongs to the table of all points; leave --best out");
    }
  }

  // The points of a tensor that none of its sparsity beats in both measure and area.
  [[nodiscard]] std::vector<bool> front(const std::vector<SweepResult>& results) const {
    std::map<double, std::vector<std::size_t>> groups;
    for (std::size_t p = 0; p < points_.size(); ++p) groups[points_[p].sparsity].push_back(p);
    std::vector<bool> all(points_.size());
    for (const auto& [sparsity, members] : groups) {
      std::vector<double> loss;
      std::vector<double> area;
      for (const std::size_t p : members) {
        loss.push_back(pareto_->loss(pareto_->value(results[p].measures)));
        area.push_back(cost_of(points_[p]).area_ge);
      }
      const auto chosen = pareto_front(loss, area);
      for (std::size_t i = 0; i < members.size(); ++i) all[members[i]] = chosen[i];
    }
    return all;
  }

  [[nodiscard]] Cost cost_of(const SweepPoint& point) const {
    return cost_->find(point.format, point.rounding, point.overflow);
  }

  static std::vector<std::string> splits_of(int bits) {
    std::vector<std::string> names;
    for (int exponent_bits = 1; exponent_bits <= std::min(8, bits - 1); ++exponent_bits) {
      if (bits - 1 - exponent_bits > 23) continue;
      names.push_back(fmt::format("e{}m{}f", exponent_bits, bits - 1 - exponent_bits));
    }
    return names;
  }

  [[nodiscard]] Table full_table(const std::vector<ProfiledTensor>& tensors,
                                 const std::vector<std::vector<SweepResult>>& results) const {
    std::vector<std::string> columns = {"trace",
                                        "tensor",
                                        "format",
                                        "exponent_bits",
                                        "mantissa_bits",
                                        "bias",
                                        "rounding",
                                        "overflow",
                                        "scale",
                                        "sparsity",
                                        "mean_relative_error",
                                        "mse",
                                        "cosine",
                                        "zero_fraction",
                                        "saturated_fraction",
                                        "excluded_fraction",
                                        "sqnr_db",
                                        "bias_error",
                                        "sr_variance",
                                        "scale_value",
                                        "method",
                                        "mean_relative_error_bound",
                                        "mse_bound",
                                        "cosine_bound",
                                        "zero_fraction_bound"};
    if (cost_) columns.insert(columns.end(), {"area_ge", "delay_fo4", "power_proxy"});
    if (pareto_ != nullptr) columns.emplace_back("pareto");
    Table table(columns);
    for (std::size_t i = 0; i < tensors.size(); ++i) {
      const auto chosen = pareto_ == nullptr ? std::vector<bool>{} : front(results[i]);
      for (std::size_t p = 0; p < points_.size(); ++p) {
        const SweepPoint& point = points_[p];
        const SweepResult& result = results[i][p];
        const CastMeasures& m = result.measures;
        std::vector<Cell> row = {tensors[i].trace,
                                 tensors[i].tensor,
                                 point.format_name,
                                 std::int64_t{point.format.exponent_bits},
                                 std::int64_t{point.format.mantissa_bits},
                                 std::int64_t{point.format.bias},
                                 rounding_name(point.rounding),
                                 std::string(overflow_name(point.overflow)),
                                 point.scale_name,
                                 point.sparsity,
                                 m.mean_relative_error,
                                 m.mse,
                                 m.cosine,
                                 m.zero_fraction(),
                                 m.saturated_fraction(),
                                 m.excluded_fraction(),
                                 m.sqnr_db,
                                 m.bias,
                                 m.variance,
                                 double{result.scale},
                                 std::string(method_name(result.method)),
                                 result.bound.mean_relative_error,
                                 result.bound.mse,
                                 result.bound.cosine,
                                 zero_fraction_bound(result)};
        if (cost_) {
          const Cost cost = cost_of(point);
          row.insert(row.end(), {cost.area_ge, cost.delay_fo4, cost.power_proxy});
        }
        if (pareto_ != nullptr) row.emplace_back(std::int64_t{chosen[p]});
        table.add_row(std::move(row));
      }
    }
    return table;
  }

  [[nodiscard]] Table best_table(const std::vector<ProfiledTensor>& tensors,
                                 const std::vector<std::vector<SweepResult>>& results) const {
    Table table({"trace", "tensor", "bits", "rounding", "overflow", "scale", "sparsity", "measure",
                 "best", "value", "second", "second_value", "margin"});
    for (std::size_t i = 0; i < tensors.size(); ++i) {
      for (const BestSplit& best : best_splits(points_, results[i], *by_)) {
        table.add_row({tensors[i].trace, tensors[i].tensor, std::int64_t{*best_bits_},
                       rounding_name(best.best->rounding),
                       std::string(overflow_name(best.best->overflow)), best.best->scale_name,
                       best.best->sparsity, std::string(by_->name), best.best->format_name,
                       best.value, best.second == nullptr ? "" : best.second->format_name,
                       best.second_value, best.margin});
      }
    }
    return table;
  }

  ProfileInputs inputs_;
  TableOutput table_output_;
  std::vector<SweepPoint> points_;
  std::optional<std::string> db_;
  bool brute_force_ = false;
  std::optional<int> best_bits_;
  const Measure* by_ = nullptr;
  std::optional<std::string> cost_path_;
  std::vector<std::string> cost_blocks_;
  std::optional<CostTable> cost_;
  const Measure* pareto_ = nullptr;
};

}  // namespace

CommandPtr make_sweep_command() { return std::make_unique<SweepCommand>(); }

}  // namespace gradpath::cli
