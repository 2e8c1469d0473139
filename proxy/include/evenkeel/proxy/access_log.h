// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "evenkeel/core/policies.h"
#include "evenkeel/core/time.h"
#include "evenkeel/net/pipeline.h"
#include "evenkeel/proxy/log_file.h"

namespace evenkeel::proxy {

// The access log of one worker: a JSON object per request and line.
//
// Lines are formatted by hand into one block, which goes to the file when it is full and on
// flush(): a general logger costs several microseconds per line, this about a third of one. When
// the file does not keep up, lines are dropped and counted; requests never wait for the log.
class AccessLog {
 public:
  // Longer texts of a client are cut to this many bytes; whoever sends more is not owed disk space.
  static constexpr std::size_t kMaxText = 4096;

  // `file` must outlive the log; nullptr: nothing is written.
  AccessLog(const core::Config& config, LogFile* file);

  // `wall` is when the request ended, since 1970.
  void write(const net::RequestEnd& end, core::Duration wall);
  // An answer to something that never became a request for a pool.
  void write_refused(std::uint32_t listener, std::string_view client, unsigned status,
                     std::string_view cause, core::Duration wall);
  // Hands over what there is. Wanted on every tick and at the end.
  void flush();
  // Lines that the file had no place for.
  [[nodiscard]] std::uint64_t dropped() const { return dropped_; }

 private:
  char* format(char* out, const net::RequestEnd& end, core::Duration wall);
  char* put_time(char* out, core::Duration wall);
  // Room for a line with so many bytes of texts from outside.
  char* begin_line(std::size_t text_bytes);
  void end_line(const char* stop);

  LogFile* file_;
  // Fragments that are the same for every line, escaped once.
  std::vector<std::string> listeners_;              // "listener":"…"
  std::vector<std::string> routes_;                 // "route":"…"
  std::vector<std::string> pools_;                  // "pool":"…"
  std::vector<std::vector<std::string>> backends_;  // "…", by pool
  std::vector<char> block_;
  std::size_t used_ = 0;         // bytes of block_ that are lines
  std::size_t known_bytes_ = 0;  // of the longest line without texts from outside
  std::uint64_t lines_ = 0;      // in block_
  std::uint64_t dropped_ = 0;
  std::int64_t second_ = -1;            // of second_text_
  std::array<char, 20> second_text_{};  // "2031-12-31T23:59:59"
};

}  // namespace evenkeel::proxy
