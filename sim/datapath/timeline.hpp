#pragma once

#include <cstdint>
#include <iosfwd>
#include <string>
#include <vector>

#include "sim/datapath/stats.hpp"

namespace gradpath {

/// When each module was busy, as Chrome trace events (which Perfetto and chrome://tracing load).
/// One cycle is shown as one microsecond.
class Timeline {
 public:
  /// Names what follows (a layer's product) and moves its zero behind all that was recorded.
  void begin(const std::string& label);
  /// A busy interval of a module, in cycles of the current product; one that touches the module's
  /// last is joined to it.
  void busy(const std::string& module, Cycles start, Cycles length);

  /// The JSON document.
  void write(std::ostream& out) const;

 private:
  struct Interval {
    std::size_t label;
    Cycles start;
    Cycles end;
  };
  struct Track {
    std::string module;
    std::vector<Interval> intervals;
  };
  std::vector<std::string> labels_;
  std::vector<Track> tracks_;  ///< in the order of their first interval
  Cycles origin_ = 0;
  Cycles end_ = 0;
};

}  // namespace gradpath
