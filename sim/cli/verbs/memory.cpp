#include <array>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "models/error.hpp"
#include "sim/cli/framework/number_list.hpp"
#include "sim/cli/framework/table_output.hpp"
#include "sim/cli/verbs/commands.hpp"
#include "sim/datapath/memory/dram_timing.hpp"
#include "sim/datapath/memory/memory_probe.hpp"
#include "sim/explore/parallel.hpp"

namespace gradpath::cli {
namespace {

/// One row of the table.
struct Probe {
  const MemoryPattern* pattern;
  double param;
  std::string mapping;
  std::uint32_t window;
  bool refresh;
};

bool is_ideal(std::string_view memory) { return memory.starts_with("ideal"); }

/// What make_memory would choose where the user does not.
std::string own_mapping(std::string_view memory) {
  for (const DramTiming& timing : dram_timings()) {
    if (timing.name == memory) return std::string(address_mapping_name(timing.mapping));
  }
  return "none";
}

class MemoryCommand : public Command {
 public:
  const Description& description() const override {
    static const Description kDescription{
        .name = "memory",
        .synopsis = "NAME [options]",
        .summary = "what a memory delivers under patterns of 64-byte requests",
        .examples = {{{"gradpath memory ddr4-3200",
                       "bandwidth, latency and row hits of one channel under every pattern"},
                      {"gradpath memory hbm2 --pattern streams3 --param 0,4096 --mapping bgi,brc",
                       "what it costs when three streams meet in the same bank"}}}};
    return kDescription;
  }

  void add_options(OptionSet& options) const override {
    std::string names;
    for (const MemoryPattern& pattern : kMemoryPatterns) {
      names += (names.empty() ? "" : ", ") + std::string(pattern.name);
    }
    options.positional("memory", 1);
    options.group("Traffic: each a list, a row for each combination")
        .value("pattern", "LIST", "who asks for what: " + names + " (default: all)")
        .value("param", "LIST",
               "streams3, streams2r: bytes of stagger; stride: bytes; rate, randrate: fraction of "
               "the peak (default: a usual one)")
        .value_or("window", "LIST", "32", "requests outstanding at most")
        .value("mapping", "LIST", "order of the address's parts: bgi, rbc, brc (default: its own)")
        .value_or("refresh", "LIST", "on", "on, off")
        .value_or("requests", "N", "40000", "of each row")
        .value_or("clock-ghz", "F", "1", "clock of ideal:B, whose bandwidth is B bytes a cycle");
    TableOutput::add_options(options);
  }

  void setup(const Arguments& arguments) override {
    output_.setup(arguments);
    if (arguments.positional().empty()) {
      throw UserError("no memory is named; give one, as in `gradpath memory ddr4-3200`");
    }
    memory_ = arguments.positional().front();
    requests_ = arguments.integer("requests", 1, std::uint64_t{1} << 32);
    clock_ghz_ = arguments.real("clock-ghz", 1e-3, 1e3);
    static_cast<void>(make_memory(memory_));
    std::vector<std::string> mappings = {own_mapping(memory_)};
    if (arguments.has("mapping")) mappings = arguments.list("mapping");
    if (is_ideal(memory_) && arguments.has("mapping")) {
      throw UserError(fmt::format("--mapping has no meaning for {}: it has no banks", memory_));
    }
    for (const std::string& mapping : mappings) {
      if (!is_ideal(memory_)) static_cast<void>(parse_address_mapping(mapping));
    }
    const auto windows = parse_integer_list("--window", arguments.text("window"), 1, 1 << 20);
    std::vector<const MemoryPattern*> patterns;
    if (arguments.has("pattern")) {
      for (const auto& name : arguments.list("pattern")) {
        patterns.push_back(&find_memory_pattern(name));
      }
    } else {
      for (const MemoryPattern& pattern : kMemoryPatterns) patterns.push_back(&pattern);
    }
    for (const MemoryPattern* pattern : patterns) {
      std::vector<double> params = {pattern->fallback};
      if (!pattern->param.empty() && arguments.has("param")) {
        params = parse_number_list("--param", arguments.text("param"), pattern->least_param,
                                   pattern->most_param);
      }
      for (const double param : params) {
        for (const std::string& mapping : mappings) {
          for (const std::int64_t window : windows) {
            for (const std::string& refresh : arguments.list("refresh")) {
              if (refresh != "on" && refresh != "off") {
                throw UserError(fmt::format("--refresh '{}', expected on or off", refresh));
              }
              probes_.push_back(
                  {pattern, param, mapping, static_cast<std::uint32_t>(window), refresh == "on"});
            }
          }
        }
      }
    }
  }

  ExitCode run(Session& session) override {
    output_.open();
    std::vector<MemoryFigures> figures(probes_.size());
    parallel_for(probes_.size(), session.threads, [&](std::size_t i) {
      const Probe& probe = probes_[i];
      const auto memory = make_memory(memory_, {.mapping = is_ideal(memory_) ? "" : probe.mapping,
                                                .refresh = probe.refresh,
                                                .clock_ghz = clock_ghz_});
      figures[i] = probe_memory(*memory, {.pattern = probe.pattern->name,
                                          .param = probe.param,
                                          .requests = requests_,
                                          .window = probe.window,
                                          .seed = session.seed});
    });
    Table table({"memory", "pattern", "param", "mapping", "window", "refresh", "bandwidth_gbps",
                 "peak_fraction", "mean_latency_ns", "row_hit_rate"});
    for (std::size_t i = 0; i < probes_.size(); ++i) {
      const Probe& probe = probes_[i];
      table.add_row({memory_, std::string(probe.pattern->name), probe.param, probe.mapping,
                     std::uint64_t{probe.window}, std::string(probe.refresh ? "on" : "off"),
                     figures[i].bandwidth_gbps, figures[i].peak_fraction,
                     figures[i].mean_latency_ns, figures[i].row_hit_rate});
    }
    output_.write(table, session);
    return ExitCode::good;
  }

 private:
  TableOutput output_;
  std::string memory_;
  std::uint64_t requests_ = 0;
  double clock_ghz_ = 1;
  std::vector<Probe> probes_;
};

}  // namespace

CommandPtr make_memory_command() { return std::make_unique<MemoryCommand>(); }

}  // namespace gradpath::cli
