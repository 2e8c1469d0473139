// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/proxy/access_log.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstring>
#include <ctime>
#include <string_view>

#include "evenkeel/proxy/json_text.h"

namespace evenkeel::proxy {
namespace {

using core::Flag;

// Everything of a line that is neither a client's text nor a configured name.
constexpr std::size_t kFixedBytes = 1024;
// Texts of a client in one line: address, method, target, host, request id.
constexpr std::size_t kClientTexts = 5;

char* put(char* out, std::string_view text) {
  std::memcpy(out, text.data(), text.size());
  return out + text.size();
}

char* put_number(char* out, std::uint64_t value) { return std::to_chars(out, out + 20, value).ptr; }

// The value of a key; `key` includes the comma and the quotes.
char* put_text(char* out, std::string_view key, std::string_view text) {
  out = put(out, key);
  *out++ = '"';
  out = escape_json(out, text.substr(0, AccessLog::kMaxText));
  *out++ = '"';
  return out;
}

char* put_field(char* out, std::string_view key, std::uint64_t value) {
  return put_number(put(out, key), value);
}

// Milliseconds with three decimals.
char* put_millis(char* out, std::string_view key, core::Duration value) {
  using std::chrono::microseconds;
  const auto count =
      std::max<std::int64_t>(std::chrono::duration_cast<microseconds>(value).count(), 0);
  const auto micros = static_cast<std::uint64_t>(count);
  out = put_number(put(out, key), micros / 1000);
  const auto rest = static_cast<unsigned>(micros % 1000);
  *out++ = '.';
  *out++ = static_cast<char>('0' + rest / 100);
  *out++ = static_cast<char>('0' + rest / 10 % 10);
  *out++ = static_cast<char>('0' + rest % 10);
  return out;
}

// The words of the field "flags": what an operator filters by.
char* put_flags(char* out, const core::RequestRecord& record) {
  out = put(out, ",\"flags\":[");
  char* const first = out;
  const auto add = [&](std::string_view word) {
    if (out != first) *out++ = ',';
    *out++ = '"';
    out = put(out, word);
    *out++ = '"';
  };
  if (record.rejection) add(core::to_text(*record.rejection));
  if (has(record.flags, Flag::panic)) add("panic");
  if (has(record.flags, Flag::sticky)) add("sticky");
  if (has(record.flags, Flag::fallback_pool)) add("fallback_pool");
  if (has(record.flags, Flag::budget_exhausted)) add("retry_budget_exhausted");
  if (has(record.flags, Flag::client_gone)) add("client_closed");
  if (has(record.flags, Flag::response_aborted)) add("response_aborted");
  *out++ = ']';
  return out;
}

}  // namespace

AccessLog::AccessLog(const core::Config& config, LogFile* file) : file_(file) {
  std::size_t longest_listener = 0;
  std::size_t longest_route = 0;
  std::size_t longest_backend = 0;
  for (const auto& listener : config.listeners) {
    listeners_.push_back(",\"listener\":" + json_quoted(listener.name));
    longest_listener = std::max(longest_listener, listeners_.back().size());
  }
  for (const auto& route : config.routes) {
    routes_.push_back(",\"route\":" + json_quoted(route.name));
    longest_route = std::max(longest_route, routes_.back().size());
  }
  std::size_t longest_pool = 0;
  for (const auto& pool : config.pools) {
    pools_.push_back(",\"pool\":" + json_quoted(pool.name));
    longest_pool = std::max(longest_pool, pools_.back().size());
    auto& backends = backends_.emplace_back();
    for (const auto& backend : pool.backends) {
      backends.push_back(",\"backend\":" + json_quoted(backend.id));
      longest_backend = std::max(longest_backend, backends.back().size());
    }
  }
  known_bytes_ = kFixedBytes + longest_listener + longest_route + longest_pool + longest_backend;
}

void AccessLog::write(const net::RequestEnd& end, core::Duration wall) {
  if (file_ == nullptr) return;
  end_line(format(begin_line(end.client.size() + end.method.size() + end.target.size() +
                             end.host.size() + end.request_id.size()),
                  end, wall));
}

void AccessLog::write_refused(std::uint32_t listener, std::string_view client, unsigned status,
                              std::string_view cause, core::Duration wall) {
  if (file_ == nullptr) return;
  char* out = put_time(begin_line(client.size() + cause.size()), wall);
  out = put(out, "\",\"level\":\"warn\",\"event\":\"refused\"");
  out = put_text(out, ",\"client_ip\":", client);
  out = put(out, listeners_[listener]);
  out = put_field(out, ",\"status\":", status);
  out = put_text(out, ",\"error\":", cause);
  end_line(put(out, "}\n"));
}

char* AccessLog::begin_line(std::size_t text_bytes) {
  const std::size_t bound =
      known_bytes_ + kJsonExpansion * std::min(text_bytes, kClientTexts * kMaxText);
  if (used_ + bound > LogFile::kBlockSize) flush();
  if (used_ + bound > block_.size()) block_.resize(std::max(LogFile::kBlockSize, bound));
  return block_.data() + used_;
}

void AccessLog::end_line(const char* stop) {
  used_ = static_cast<std::size_t>(stop - block_.data());
  ++lines_;
}

void AccessLog::flush() {
  if (used_ == 0) return;
  block_.resize(used_);
  if (!file_->submit(block_)) dropped_ += lines_;
  used_ = 0;
  lines_ = 0;
}

char* AccessLog::format(char* out, const net::RequestEnd& end, core::Duration wall) {
  const core::RequestRecord& record = end.record;
  out = put_time(out, wall);
  out = put(out, "\",\"level\":\"info\",\"event\":\"request\"");
  out = put_text(out, ",\"request_id\":", end.request_id);
  out = put_text(out, ",\"client_ip\":", end.client);
  out = put(out, listeners_[end.listener]);
  out = put_text(out, ",\"method\":", end.method);
  out = put_text(out, ",\"host\":", end.host);
  out = put_text(out, ",\"path\":", end.target);
  out = put(out, routes_[core::index(record.route)]);
  out = put(out, pools_[core::index(record.pool)]);
  if (record.backend) {
    out = put(out, backends_[core::index(record.pool)][core::index(*record.backend)]);
  }
  out = put_field(out, ",\"status\":", record.status);
  out = put_field(out, ",\"bytes_in\":", end.bytes_in);
  out = put_field(out, ",\"bytes_out\":", end.bytes_out);
  out = put_millis(out, ",\"duration_ms\":", end.ended - record.arrived);
  if (record.answered != core::kNever) {
    out = put_millis(out, ",\"upstream_ms\":", record.answered - record.arrived);
  }
  if (has(record.flags, Flag::queued)) out = put_millis(out, ",\"queue_ms\":", record.queued);
  out = put_field(out, ",\"attempts\":", record.attempts);
  out = put(out, has(record.flags, Flag::hedged) ? ",\"hedged\":true" : ",\"hedged\":false");
  out = put_flags(out, record);
  out = put_field(out, ",\"decision_seq\":", record.number);
  if (record.failure) {
    out = put(put(out, ",\"error\":\""), core::to_text(*record.failure));
    *out++ = '"';
  }
  return put(out, "}\n");
}

char* AccessLog::put_time(char* out, core::Duration wall) {
  out = put(out, "{\"time\":\"");
  const std::int64_t millis = std::chrono::duration_cast<std::chrono::milliseconds>(wall).count();
  const std::int64_t second = millis / 1000;
  if (second != second_) {
    second_ = second;
    const auto time = static_cast<std::time_t>(second);
    std::tm parts{};
    ::gmtime_r(&time, &parts);
    std::strftime(second_text_.data(), second_text_.size(), "%Y-%m-%dT%H:%M:%S", &parts);
  }
  out = put(out, {second_text_.data(), second_text_.size() - 1});
  const auto rest = static_cast<unsigned>(millis % 1000);
  *out++ = '.';
  *out++ = static_cast<char>('0' + rest / 100);
  *out++ = static_cast<char>('0' + rest / 10 % 10);
  *out++ = static_cast<char>('0' + rest % 10);
  *out++ = 'Z';
  return out;
}

}  // namespace evenkeel::proxy
