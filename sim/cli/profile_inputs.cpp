#include "sim/cli/profile_inputs.hpp"

#include <algorithm>
#include <memory>
#include <mutex>
#include <utility>

#include <fmt/format.h>

#include "models/error.hpp"
#include "models/profile/profile_builder.hpp"
#include "sim/cli/parallel.hpp"
#include "sim/cli/progress.hpp"
#include "sim/explore/profile_file.hpp"
#include "traces/tensor_data.hpp"

namespace gradpath::cli {
namespace {

// One thread's piece of work: long against the flush of a builder's counters.
constexpr std::uint64_t kSliceElements = std::uint64_t{1} << 22;
constexpr std::uint64_t kReadElements = std::uint64_t{1} << 14;  // converted in one go, within L1

// Builders are large, so that each thread keeps one; which one makes no difference.
class BuilderPool {
 public:
  Profile make(const SelectedTensor& selected, std::uint64_t first, std::uint64_t count) {
    std::unique_ptr<ProfileBuilder> builder = take();
    const Tensor& tensor = *selected.tensor;
    if (const auto view = float_view(tensor)) {
      builder->add(view->subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(count)));
    } else {
      std::vector<float> values;
      for (std::uint64_t begin = 0; begin < count; begin += kReadElements) {
        values.resize(static_cast<std::size_t>(std::min(kReadElements, count - begin)));
        read_floats(tensor, first + begin, values);
        builder->add(values);
      }
    }
    selected.trace->file().release(tensor, first, count);
    Profile profile = builder->take();
    const std::scoped_lock lock(mutex_);
    idle_.push_back(std::move(builder));
    return profile;
  }

 private:
  std::unique_ptr<ProfileBuilder> take() {
    const std::scoped_lock lock(mutex_);
    if (idle_.empty()) return std::make_unique<ProfileBuilder>();
    auto builder = std::move(idle_.back());
    idle_.pop_back();
    return builder;
  }

  std::mutex mutex_;
  std::vector<std::unique_ptr<ProfileBuilder>> idle_;
};

struct Slice {
  std::size_t tensor;
  std::uint64_t first;
  std::uint64_t count;
};

}  // namespace

void ProfileInputs::add_options(OptionSet& options) { TraceSelection::add_options(options); }

void ProfileInputs::setup(const Arguments& arguments) {
  paths_ = arguments.positional();
  glob_ = arguments.text("tensors");
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

std::vector<ProfiledTensor> ProfileInputs::profiles(const Session& session) const {
  std::vector<ProfiledTensor> tensors;
  for (std::size_t i = 0; i < paths_.size(); ++i) {
    const std::size_t before = tensors.size();
    std::size_t present = 0;
    std::string example;
    if (traces_[i]) {
      present = traces_[i]->tensors().size();
      if (present > 0) example = traces_[i]->tensors().front().name;
      for (const Tensor& tensor : traces_[i]->tensors()) {
        if (!matches_glob(glob_, tensor.name)) continue;
        if (!is_readable_as_float(tensor.dtype)) {
          throw UserError(
              fmt::format("{}: tensor {}: dtype is {}, expected F32, BF16, F16 or F64; "
                          "narrow --tensors, which is '{}'",
                          paths_[i], quote(tensor.name), dtype_name(tensor.dtype), glob_));
        }
        tensors.push_back({paths_[i], tensor.name, {}, SelectedTensor{&*traces_[i], &tensor}});
      }
    } else {
      const ProfileSet set = read_profiles(paths_[i]);
      present = set.size();
      if (present > 0) example = set.begin()->first;
      for (const auto& [name, profile] : set) {
        if (matches_glob(glob_, name)) tensors.push_back({paths_[i], name, profile, {}});
      }
    }
    if (tensors.size() == before) {
      throw UserError(fmt::format("{}: no tensor matches --tensors '{}'; the file has {} tensors{}",
                                  paths_[i], glob_, present,
                                  present == 0 ? "" : ", e.g. " + quote(example)));
    }
  }

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
  BuilderPool builders;
  parallel_for(slices.size(), session.threads, [&](std::size_t s) {
    const Slice& slice = slices[s];
    parts[s] = builders.make(*tensors[slice.tensor].source, slice.first, slice.count);
    progress.add(slice.count);
  });
  for (std::size_t s = 0; s < slices.size(); ++s) {
    tensors[slices[s].tensor].profile.merge(parts[s]);
  }
  return tensors;
}

}  // namespace gradpath::cli
