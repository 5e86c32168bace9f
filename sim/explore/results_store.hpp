#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sim/explore/sweep_columns.hpp"

namespace gradpath {

/// Where a result of a sweep belongs. A point is answered anew if the tensor's elements changed:
/// the identity of a kernel's result holds their order and shape, the seed and the name too.
struct StoreKey {
  std::string profile_id;  ///< Profile::id()
  std::string tensor;      ///< name
  std::string identity;    ///< TensorSweep::profile_identity() or kernel_identity()
};

/// Every result of a store, one a tensor, format and setting: of kernels' results that differ only
/// in the seed or the elements' order the first. By trace, tensor, setting, then format. UserError,
/// naming `path`, if there is no such store.
[[nodiscard]] std::vector<SweepRow> read_results(const std::string& path);

/// Results of sweeps in an SQLite file: table `sweep`, a row a tensor and point, columns as
/// sweep_columns(). Rows appear in whole batches, whatever ends the program; those that are there
/// need not be computed again. Safe to use from several threads at once.
class ResultsStore {
 public:
  /// Opens or makes the file. A store that lacks columns which follow from others gets them.
  /// UserError, naming `path`, if it is no such store.
  explicit ResultsStore(const std::string& path);
  ResultsStore(const ResultsStore&) = delete;
  ResultsStore& operator=(const ResultsStore&) = delete;
  ~ResultsStore();

  [[nodiscard]] std::optional<SweepResult> find(const StoreKey& key, const SweepPoint& point);
  /// Kept for good at the next commit(). Replaces what is there.
  void add(const StoreKey& key, const std::string& trace, const SweepPoint& point,
           const SweepResult& result);
  void commit();
  /// The same if the last one is more than a second ago.
  void commit_if_due();

 private:
  struct Database;
  std::unique_ptr<Database> database_;
};

}  // namespace gradpath
