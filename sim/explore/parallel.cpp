#include "sim/explore/parallel.hpp"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

namespace gradpath {

void parallel_for(std::size_t count, unsigned threads,
                  const std::function<void(std::size_t)>& work) {
  std::atomic<std::size_t> next = 0;
  std::mutex mutex;
  std::size_t failed = count;  // the smallest index that threw
  std::exception_ptr failure;
  const auto take = [&] {
    // Indices are taken in order, so all below one that threw have been taken too and will finish:
    // the smallest failure is always found.
    for (std::size_t i = next++; i < count; i = next++) {
      try {
        work(i);
      } catch (...) {
        const std::scoped_lock lock(mutex);
        if (i < failed) {
          failed = i;
          failure = std::current_exception();
        }
        next = count;
      }
    }
  };
  {
    std::vector<std::jthread> helpers;
    for (std::size_t n = std::min<std::size_t>(threads, count); n > 1; --n) {
      try {
        helpers.emplace_back(take);
      } catch (const std::system_error&) {  // no more threads to be had: those there are do it
        break;
      }
    }
    take();
  }
  if (failure) std::rethrow_exception(failure);
}

}  // namespace gradpath
