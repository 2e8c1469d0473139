// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/proxy/log_file.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <utility>

namespace evenkeel::proxy {
namespace {

// What a pipe takes without blocking once poll() says that it is writable (PIPE_BUF).
constexpr std::size_t kPipeBytes = 4096;
constexpr int kPollMs = 100;
// Polls without room before a stopping writer gives up.
constexpr int kLastPolls = 10;

}  // namespace

core::Result<std::unique_ptr<LogFile>, std::string> LogFile::open(const std::string& path) {
  const int fd = path.empty()
                     ? ::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0)
                     : ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (fd < 0) {
    return core::Unexpected{"logging.access_file: cannot write to " +
                            (path.empty() ? "standard output" : path) + ": " +
                            std::strerror(errno)};
  }
  return std::make_unique<LogFile>(fd);
}

LogFile::LogFile(int fd) : fd_(fd), spare_(kBlocks) {
  for (auto& block : spare_) block.reserve(kBlockSize);
  thread_ = std::thread([this] { run(); });
}

LogFile::~LogFile() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
  ::close(fd_);
}

bool LogFile::submit(std::vector<char>& block) {
  {
    const std::lock_guard lock(mutex_);
    if (spare_.empty() || stopping_) return false;
    block.swap(spare_.back());
    waiting_.push_back(std::move(spare_.back()));
    spare_.pop_back();
  }
  changed_.notify_all();
  return true;
}

void LogFile::wait_until_written() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return waiting_.empty() && !writing_; });
}

void LogFile::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
    if (waiting_.empty()) return;
    std::vector<char> block = std::move(waiting_.front());
    waiting_.erase(waiting_.begin());
    writing_ = true;
    lock.unlock();
    const bool written = write_all(block);
    block.clear();
    lock.lock();
    writing_ = false;
    spare_.push_back(std::move(block));
    if (!written && stopping_) waiting_.clear();
    changed_.notify_all();
  }
}

bool LogFile::write_all(const std::vector<char>& block) {
  struct stat status {};
  const bool regular = ::fstat(fd_, &status) == 0 && S_ISREG(status.st_mode);
  const std::size_t chunk = regular ? block.size() : kPipeBytes;
  int polls = 0;
  for (std::size_t at = 0; at < block.size();) {
    pollfd waited{fd_, POLLOUT, 0};
    if (!regular && ::poll(&waited, 1, kPollMs) == 0) {
      const std::lock_guard lock(mutex_);
      if (stopping_ && ++polls >= kLastPolls) return false;
      continue;
    }
    const ssize_t n = ::write(fd_, block.data() + at, std::min(chunk, block.size() - at));
    if (n > 0) {
      at += static_cast<std::size_t>(n);
    } else if (errno != EINTR && errno != EAGAIN) {
      return false;  // a full disk or a closed pipe: these lines are lost, the next may not be
    }
  }
  return true;
}

}  // namespace evenkeel::proxy
