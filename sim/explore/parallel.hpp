#pragma once

#include <cstddef>
#include <functional>

namespace gradpath {

/// Calls work(i) for every i in [0, count), on up to `threads` threads in any order, and returns
/// when all are done. If calls throw, the exception of the smallest i is rethrown, whatever the
/// number of threads.
void parallel_for(std::size_t count, unsigned threads,
                  const std::function<void(std::size_t)>& work);

}  // namespace gradpath
