#include "sim/datapath/timeline.hpp"

#include <algorithm>
#include <ostream>

#include <nlohmann/json.hpp>

namespace gradpath {

void Timeline::begin(const std::string& label) {
  labels_.push_back(label);
  origin_ = end_;
}

void Timeline::busy(const std::string& module, Cycles start, Cycles length) {
  if (length == 0) return;
  if (labels_.empty()) begin("");
  auto track = std::find_if(tracks_.begin(), tracks_.end(),
                            [&](const Track& t) { return t.module == module; });
  if (track == tracks_.end()) track = tracks_.insert(tracks_.end(), Track{module, {}});
  const Interval next{labels_.size() - 1, origin_ + start, origin_ + start + length};
  auto& intervals = track->intervals;
  if (!intervals.empty() && intervals.back().label == next.label &&
      intervals.back().end == next.start) {
    intervals.back().end = next.end;
  } else {
    intervals.push_back(next);
  }
  end_ = std::max(end_, next.end);
}

void Timeline::write(std::ostream& out) const {
  using nlohmann::json;
  out << "{\"displayTimeUnit\":\"ns\",\"otherData\":{\"unit\":\"1 us = 1 clock cycle\"},"
         "\"traceEvents\":[\n";
  bool first = true;
  const auto emit = [&](const json& event) {
    out << (first ? "" : ",\n") << event.dump();
    first = false;
  };
  for (std::size_t t = 0; t < tracks_.size(); ++t) {
    emit({{"ph", "M"},
          {"pid", 0},
          {"tid", t},
          {"name", "thread_name"},
          {"args", {{"name", tracks_[t].module}}}});
    for (const Interval& interval : tracks_[t].intervals) {
      emit({{"ph", "X"},
            {"pid", 0},
            {"tid", t},
            {"name", labels_[interval.label]},
            {"ts", interval.start},
            {"dur", interval.end - interval.start}});
    }
  }
  out << "\n]}\n";
}

}  // namespace gradpath
