#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sim/explore/sweep.hpp"

struct sqlite3;
struct sqlite3_stmt;

namespace gradpath {

/// Where a result of a sweep belongs. A point is answered anew if the tensor's elements changed:
/// the identity of a kernel's result holds their order and shape, the seed and the name too.
struct StoreKey {
  std::string profile_id;  ///< Profile::id()
  std::string tensor;      ///< name
  std::string identity;    ///< TensorSweep::profile_identity() or kernel_identity()
};

/// A row of a store, as far as it is needed without the tensor.
struct StoredResult {
  std::string profile_id;
  std::string trace;
  std::string tensor;
  std::string format;
  int exponent_bits = 0;
  int mantissa_bits = 0;
  /// All of the point but its format, as SweepPoint::name() has it:
  /// `rne standard scale none sparsity 0`.
  std::string setting;
  CastMeasures measures;
};

/// Every result of a store, one a tensor, format and setting: of kernels' results that differ only
/// in the seed or the elements' order the first. By trace, tensor, setting, then format. UserError,
/// naming `path`, if there is no such store.
[[nodiscard]] std::vector<StoredResult> read_results(const std::string& path);

/// Results of sweeps in an SQLite file: table `sweep`, a row a tensor and point, columns as the
/// verb's CSV. Rows appear in whole batches, whatever ends the program; those that are there need
/// not be computed again. Not for several threads at once.
class ResultsStore {
 public:
  /// Opens or makes the file. UserError, naming `path`, if it is no such store.
  explicit ResultsStore(const std::string& path);
  ResultsStore(const ResultsStore&) = delete;
  ResultsStore& operator=(const ResultsStore&) = delete;
  ~ResultsStore();

  [[nodiscard]] std::optional<SweepResult> find(const StoreKey& key, const SweepPoint& point);
  /// Kept for good at the next commit(). Replaces what is there.
  void add(const StoreKey& key, const std::string& trace, const SweepPoint& point,
           const SweepResult& result);
  void commit();

 private:
  struct Close {
    void operator()(sqlite3* database) const;
    void operator()(sqlite3_stmt* statement) const;
  };
  using Statement = std::unique_ptr<sqlite3_stmt, Close>;

  void run(const char* sql);
  [[nodiscard]] Statement prepare(const char* sql);
  [[noreturn]] void fail() const;

  std::string path_;
  std::unique_ptr<sqlite3, Close> database_;
  Statement find_;
  Statement add_;
  bool in_transaction_ = false;
};

}  // namespace gradpath
