// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "evenkeel/core/result.h"

namespace evenkeel::proxy {

// A file that is written in whole blocks by a thread of its own, so that a slow disk or a full pipe
// never holds up a worker. At most kBlocks wait; a block that finds no place is refused.
class LogFile {
 public:
  static constexpr std::size_t kBlockSize = 64 * 1024;
  static constexpr std::size_t kBlocks = 16;

  // Opens for appending; "": standard output. Fails in words.
  [[nodiscard]] static core::Result<std::unique_ptr<LogFile>, std::string> open(
      const std::string& path);
  // Takes the descriptor.
  explicit LogFile(int fd);
  // Writes what waits, for at most a second when the file does not take it, and closes.
  ~LogFile();
  LogFile(const LogFile&) = delete;
  LogFile& operator=(const LogFile&) = delete;

  // Takes the content of `block` and leaves it empty, with room for the next. False: no place, the
  // block is unchanged. Any thread.
  [[nodiscard]] bool submit(std::vector<char>& block);
  // Waits until everything submitted is written or the file failed. For tests.
  void wait_until_written();

 private:
  void run();
  // False when the file failed or, while stopping, does not take it in time.
  bool write_all(const std::vector<char>& block);

  int fd_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::vector<char>> waiting_;  // oldest first
  std::vector<std::vector<char>> spare_;
  bool writing_ = false;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace evenkeel::proxy
