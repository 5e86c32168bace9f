#include "sim/cli/inputs/profile_inputs.hpp"

#include <algorithm>
#include <memory>
#include <mutex>
#include <utility>

#include <fmt/format.h>

#include "models/error.hpp"
#include "models/profile/profile_builder.hpp"
#include "sim/cli/framework/progress.hpp"
#include "sim/explore/parallel.hpp"
#include "sim/explore/profile_file.hpp"
#include "traces/tensor_data.hpp"

namespace gradpath::cli {
namespace {

// One thread's piece of work: long against the flush of a builder's counters.
constexpr std::uint64_t kSliceElements = std::uint64_t{1} << 22;
constexpr std::uint64_t kReadElements = std::uint64_t{1} << 14;  // converted in one go, within L1

// Reads `count` elements in pieces of at most `piece`: f(values, index of the first).
template <class F>
void for_values(const Tensor& tensor, std::uint64_t first, std::uint64_t count, std::uint64_t piece,
                F f) {
  std::vector<float> values;
  for (std::uint64_t begin = 0; begin < count; begin += piece) {
    values.resize(static_cast<std::size_t>(std::min(piece, count - begin)));
    read_floats(tensor, first + begin, values);
    f(std::span<const float>(values));
  }
}

// Builders are large, so that each thread keeps one; which one makes no difference.
template <class Builder>
class BuilderPool {
 public:
  // What `add(builder)` makes.
  template <class Add>
  auto make(Add add) {
    std::unique_ptr<Builder> builder = take();
    add(*builder);
    auto made = builder->take();
    const std::scoped_lock lock(mutex_);
    idle_.push_back(std::move(builder));
    return made;
  }

 private:
  std::unique_ptr<Builder> take() {
    const std::scoped_lock lock(mutex_);
    if (idle_.empty()) return std::make_unique<Builder>();
    auto builder = std::move(idle_.back());
    idle_.pop_back();
    return builder;
  }

  std::mutex mutex_;
  std::vector<std::unique_ptr<Builder>> idle_;
};

void add_slice(ProfileBuilder& builder, const SelectedTensor& selected, std::uint64_t first,
               std::uint64_t count) {
  const Tensor& tensor = *selected.tensor;
  if (const auto view = float_view(tensor)) {
    builder.add(view->subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(count)));
  } else {
    for_values(tensor, first, count, kReadElements, [&](auto values) { builder.add(values); });
  }
  selected.trace->file().release(tensor, first, count);
}

void add_groups(BlockProfileBuilder& builder, const SelectedTensor& selected,
                const BlockLayout& layout, GroupRange groups) {
  const Tensor& tensor = *selected.tensor;
  const std::uint64_t begin = layout.group_begin(groups.first);
  const std::uint64_t count = layout.group_begin(groups.first + groups.count) - begin;
  for_values(tensor, begin, count, std::max<std::uint64_t>(count, 1),
             [&](auto values) { builder.add(values, layout, groups); });
  selected.trace->file().release(tensor, begin, count);
}

struct Slice {
  std::size_t tensor;
  std::uint64_t first;
  std::uint64_t count;
};

// The block profiles of one kind of blocks, slice by slice of whole groups.
void profile_blocks(std::vector<ProfiledTensor>& tensors, const BlockKey& key,
                    const Session& session) {
  std::vector<Slice> slices;
  std::vector<BlockLayout> layouts(tensors.size());
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    if (!tensors[i].source) continue;
    layouts[i] = for_tensor(*tensors[i].source, [&] {
      return block_layout(tensors[i].source->tensor->shape, key.axis, key.block);
    });
    tensors[i].blocks[key];
    const BlockLayout& layout = layouts[i];
    if (layout.numel() == 0) continue;
    const std::uint64_t step = std::max<std::uint64_t>(
        kSliceElements / (std::min(layout.block, layout.length) * layout.inner), 1);
    for (std::uint64_t first = 0; first < layout.groups(); first += step) {
      slices.push_back({i, first, std::min(step, layout.groups() - first)});
    }
  }
  std::vector<BlockProfile> parts(slices.size());
  BuilderPool<BlockProfileBuilder> builders;
  parallel_for(slices.size(), session.threads, [&](std::size_t s) {
    const Slice& slice = slices[s];
    parts[s] = builders.make([&](BlockProfileBuilder& builder) {
      add_groups(builder, *tensors[slice.tensor].source, layouts[slice.tensor],
                 {slice.first, slice.count});
    });
  });
  for (std::size_t s = 0; s < slices.size(); ++s) {
    tensors[slices[s].tensor].blocks[key].merge(parts[s]);
  }
}

}  // namespace

void ProfileInputs::add_options(OptionSet& options) { TraceSelection::add_options(options); }

void ProfileInputs::setup(const Arguments& arguments) {
  paths_ = arguments.positional();
  choice_.setup(arguments);
  if (paths_.empty()) {
    throw UserError("no trace is given; give the path of a .safetensors file or of a profile");
  }
}

void ProfileInputs::open() {
  for (const std::string& path : paths_) {
    traces_.emplace_back();
    if (!is_profile_file(path)) traces_.back().emplace(path);
  }
}

std::vector<ProfiledTensor> ProfileInputs::tensors() const {
  std::vector<ProfiledTensor> tensors;
  for (std::size_t i = 0; i < paths_.size(); ++i) {
    if (traces_[i]) {
      for (const SelectedTensor& selected : choice_.select(*traces_[i])) {
        tensors.push_back({paths_[i], selected.tensor->name, {}, {}, selected});
      }
      continue;
    }
    const std::size_t before = tensors.size();
    const ProfileSet set = read_profiles(paths_[i]);
    for (const auto& [name, profile] : set) {
      if (choice_.takes(name)) {
        tensors.push_back({paths_[i], name, profile.profile, profile.blocks, {}});
      }
    }
    if (tensors.size() == before) {
      choice_.fail_none(paths_[i], set.size(), set.empty() ? "" : set.begin()->first);
    }
  }
  return tensors;
}

std::vector<ProfiledTensor> ProfileInputs::profiles(const Session& session,
                                                    std::span<const BlockKey> blocks) const {
  std::vector<ProfiledTensor> tensors = this->tensors();
  std::vector<Slice> slices;
  std::uint64_t elements = 0;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    if (!tensors[i].source) continue;
    const std::uint64_t numel = tensors[i].source->tensor->numel();
    elements += numel;
    for (std::uint64_t first = 0; first < numel; first += kSliceElements) {
      slices.push_back({i, first, std::min(kSliceElements, numel - first)});
    }
  }
  std::vector<Profile> parts(slices.size());
  Progress progress(session, "profile", elements);
  BuilderPool<ProfileBuilder> builders;
  parallel_for(slices.size(), session.threads, [&](std::size_t s) {
    const Slice& slice = slices[s];
    parts[s] = builders.make([&](ProfileBuilder& builder) {
      add_slice(builder, *tensors[slice.tensor].source, slice.first, slice.count);
    });
    progress.add(slice.count);
  });
  for (std::size_t s = 0; s < slices.size(); ++s) {
    tensors[slices[s].tensor].profile.merge(parts[s]);
  }
  for (const BlockKey& key : blocks) profile_blocks(tensors, key, session);
  return tensors;
}

}  // namespace gradpath::cli
