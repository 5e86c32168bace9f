#include "sim/datapath/memory/dram_controller.hpp"

#include <algorithm>
#include <utility>

namespace gradpath {

DramController::DramController(const DramTiming& timing, AddressMapping mapping, bool refresh)
    : timing_(timing),
      mapping_(mapping),
      banks_(std::size_t{timing.bank_groups} * timing.banks_of_group),
      groups_(timing.bank_groups),
      next_refresh_(refresh ? timing.refresh_interval : kNever) {
  queue_.reserve(kQueue);
  activates_.fill(kLongAgo);
}

double DramController::peak_bytes_per_ns() const {
  return timing_.burst_bytes / (timing_.burst * timing_.tick_ns);
}

bool DramController::accepts(std::uint32_t bytes) const {
  const std::size_t bursts = (bytes + timing_.burst_bytes - 1) / timing_.burst_bytes;
  return queue_.size() + bursts <= kQueue;
}

void DramController::locate(std::uint64_t address, Burst& burst) const {
  std::uint64_t rest = address / timing_.burst_bytes;
  const auto cut = [&](std::uint64_t size) { return std::exchange(rest, rest / size) % size; };
  const std::uint64_t columns = timing_.row_bytes / timing_.burst_bytes;
  const std::uint64_t groups = timing_.bank_groups;
  const std::uint64_t banks = timing_.banks_of_group;
  std::uint64_t group = 0;
  std::uint64_t bank = 0;
  std::uint64_t row = 0;
  switch (mapping_) {
    case AddressMapping::bgi:
      group = cut(groups);
      cut(columns);
      bank = cut(banks);
      row = cut(timing_.rows);
      break;
    case AddressMapping::rbc:
      cut(columns);
      group = cut(groups);
      bank = cut(banks);
      row = cut(timing_.rows);
      break;
    case AddressMapping::brc:
      cut(columns);
      row = cut(timing_.rows);
      bank = cut(banks);
      group = cut(groups);
      break;
  }
  burst.bank = static_cast<std::uint32_t>(bank * timing_.bank_groups + group);
  burst.row = static_cast<std::uint32_t>(row);
}

void DramController::push(const Request& request, Tick now) {
  // While nothing waits, nobody calls step(): what was due in the meantime is done here.
  while (queue_.empty() && next_refresh_ <= now) refresh(next_refresh_);
  const std::uint64_t first = request.address / timing_.burst_bytes;
  const std::uint64_t last = (request.address + request.bytes - 1) / timing_.burst_bytes;
  for (std::uint64_t i = first; i <= last; ++i) {
    Burst burst{
        .id = request.id, .bank = 0, .row = 0, .is_write = request.is_write, .arrived = now};
    locate(i * timing_.burst_bytes, burst);
    queue_.push_back(burst);
  }
  decided_ = decide();
}

MemoryModel::Tick DramController::next() const { return decided_.at; }

/// Each bank has one burst in mind: the oldest that finds its row open, else the oldest.
DramController::Command DramController::decide() {
  if (queue_.empty()) return {};
  ++decisions_;
  for (std::size_t i = 0; i < queue_.size(); ++i) {
    Bank& bank = banks_[queue_[i].bank];
    const bool hits = bank.row == queue_[i].row;
    if (bank.chosen_in == decisions_ && (bank.hits || !hits)) continue;
    bank.chosen = i;
    bank.chosen_in = decisions_;
    bank.hits = hits;
  }
  Command best;
  Tick best_end = kNever;
  for (const Bank& bank : banks_) {
    if (bank.chosen_in != decisions_) continue;
    const Command command = command_for(bank.chosen);
    const Tick end = command.at + (command.kind == Kind::column     ? timing_.column_command
                                   : command.kind == Kind::activate ? timing_.activate_command
                                                                    : timing_.precharge_command);
    if (end < best_end || (end == best_end && command.burst < best.burst)) {
      best = command;
      best_end = end;
    }
  }
  if (best.at >= next_refresh_) return {.kind = Kind::refresh, .at = next_refresh_};
  return best;
}

DramController::Command DramController::command_for(std::size_t index) const {
  const Burst& burst = queue_[index];
  const Bank& bank = banks_[burst.bank];
  const Last& group = groups_[this->group(burst.bank)];
  const Tick seen = burst.arrived + 1;
  if (bank.row < 0) {
    return {Kind::activate,
            std::max({seen, bank.activate, row_bus_, last_.activate + timing_.activate_short,
                      group.activate + timing_.activate_long,
                      activates_[oldest_activate_] + timing_.four_activates}),
            index};
  }
  if (bank.row != burst.row) {
    return {Kind::precharge, std::max({seen, bank.precharge, row_bus_}), index};
  }
  const Tick at =
      burst.is_write
          ? std::max({seen, bank.write, column_bus_, last_.write + timing_.column_short,
                      group.write + timing_.column_long, last_.read + timing_.read_to_write})
          : std::max({seen, bank.read, column_bus_, last_.read + timing_.column_short,
                      group.read + timing_.column_long, last_.write + timing_.write_to_read_short,
                      group.write + timing_.write_to_read_long});
  return {Kind::column, at, index};
}

void DramController::step(std::vector<Response>& responses) {
  const Command command = decided_;
  const auto hold = [&](Tick& bus, int ticks) {
    bus = command.at + ticks;
    if (!timing_.row_bus) column_bus_ = row_bus_ = bus;
  };
  switch (command.kind) {
    case Kind::refresh:
      refresh(command.at);
      break;
    case Kind::precharge: {
      Bank& bank = banks_[queue_[command.burst].bank];
      bank.row = -1;
      bank.activate = std::max(bank.activate, command.at + timing_.precharge);
      hold(row_bus_, timing_.precharge_command);
      break;
    }
    case Kind::activate:
      activate(queue_[command.burst], command.at);
      hold(row_bus_, timing_.activate_command);
      break;
    case Kind::column:
      column(queue_[command.burst], command.at, responses);
      queue_.erase(queue_.begin() + static_cast<std::ptrdiff_t>(command.burst));
      hold(column_bus_, timing_.column_command);
      break;
  }
  decided_ = decide();
}

void DramController::activate(const Burst& burst, Tick at) {
  Bank& bank = banks_[burst.bank];
  bank.row = burst.row;
  bank.read = at + timing_.row_to_read;
  bank.write = at + timing_.row_to_write;
  bank.precharge = at + timing_.row_active;
  bank.activate = at + timing_.row_cycle;
  last_.activate = groups_[group(burst.bank)].activate = at;
  activates_[oldest_activate_] = at;
  oldest_activate_ = (oldest_activate_ + 1) % activates_.size();
  ++counts_.activations;
}

void DramController::column(const Burst& burst, Tick at, std::vector<Response>& responses) {
  Bank& bank = banks_[burst.bank];
  Last& group = groups_[this->group(burst.bank)];
  if (burst.is_write) {
    last_.write = group.write = at;
    bank.precharge = std::max(bank.precharge, at + timing_.write_to_precharge);
  } else {
    last_.read = group.read = at;
    bank.precharge = std::max(bank.precharge, at + timing_.read_to_precharge);
  }
  ++counts_.bursts;
  // The bursts of a request may be served in any order, but its last to be served answers it: the
  // queue then holds no other of its id.
  const auto same = std::count_if(queue_.begin(), queue_.end(),
                                  [&](const Burst& other) { return other.id == burst.id; });
  if (same == 1) {
    const int latency = burst.is_write ? timing_.write_latency : timing_.read_latency;
    responses.push_back({burst.id, at + latency + timing_.burst});
  }
}

void DramController::refresh(Tick due) {
  Tick at = due;
  bool any_open = false;
  for (const Bank& bank : banks_) {
    if (bank.row >= 0) at = std::max(at, bank.precharge);
    any_open = any_open || bank.row >= 0;
  }
  if (any_open) at += timing_.precharge_all;
  for (const Bank& bank : banks_) {
    if (bank.row < 0) at = std::max(at, bank.activate);
  }
  for (Bank& bank : banks_) {
    bank.row = -1;
    bank.activate = at + timing_.refresh;
  }
  next_refresh_ += timing_.refresh_interval;
  ++counts_.refreshes;
}

}  // namespace gradpath
