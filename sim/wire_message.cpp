// SPDX-License-Identifier: Apache-2.0
#include "wire_message.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

#include "evenkeel/core/random.h"

namespace evenkeel::sim {

namespace {

constexpr std::size_t kMaxHead = 64 * 1024;
constexpr std::size_t kMaxLine = 64;

std::array<char, 8> pattern(std::uint64_t request, BodyOf of) {
  const std::uint64_t word = core::mix(request * 2 + static_cast<unsigned>(of) + 1);
  std::array<char, 8> bytes;
  for (unsigned i = 0; i < 8; ++i) bytes[i] = static_cast<char>(word >> (8 * i));
  return bytes;
}

void append_number(std::string& out, std::uint64_t n, int base = 10) {
  std::array<char, 24> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), n, base);
  out.append(digits.data(), end.ptr);
}

bool read_number(std::string_view text, std::uint64_t& n, int base = 10) {
  const auto end = std::from_chars(text.data(), text.data() + text.size(), n, base);
  return end.ec == std::errc{} && end.ptr == text.data() + text.size() && !text.empty();
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool same(std::string_view text, std::string_view lower_case) {
  return text.size() == lower_case.size() &&
         std::equal(text.begin(), text.end(), lower_case.begin(),
                    [](char a, char b) { return lower(a) == b; });
}

void append_field(std::string& out, std::string_view name, std::uint64_t value) {
  out.append(name);
  out += ": ";
  append_number(out, value);
  out += "\r\n";
}

}  // namespace

// ---- writing -----------------------------------------------------------------------------------

void append_body(std::string& out, std::uint64_t request, BodyOf of, std::uint64_t from,
                 std::uint64_t size) {
  const std::array<char, 8> bytes = pattern(request, of);
  const std::size_t begin = out.size();
  out.resize(begin + size);
  char* to = out.data() + begin;
  std::uint64_t i = 0;
  for (; i < size && (from + i) % 8 != 0; ++i) to[i] = bytes[(from + i) % 8];
  for (; i + 8 <= size; i += 8) std::memcpy(to + i, bytes.data(), 8);
  for (; i < size; ++i) to[i] = bytes[(from + i) % 8];
}

void append_request(std::string& out, core::Method method, std::uint64_t request,
                    std::uint64_t body) {
  out.append(method == core::Method::other ? "QUERY" : core::to_text(method));
  out += ' ';
  out.append(kSimPath);
  out += " HTTP/1.1\r\nHost: ";
  out.append(kSimHost);
  out += "\r\n";
  append_field(out, kRequestField, request);
  if (carries_body(method)) append_field(out, "Content-Length", body);
  out += "\r\n";
  if (carries_body(method)) append_body(out, request, BodyOf::request, 0, body);
}

void append_response(std::string& out, core::Method method, std::uint64_t request,
                     std::uint64_t body) {
  out += "HTTP/1.1 200 OK\r\n";
  append_field(out, kRequestField, request);
  const bool chunked = request % 8 == 7 && body > 0 && method != core::Method::head;
  if (!chunked) {
    append_field(out, "Content-Length", body);
    out += "\r\n";
    if (method != core::Method::head) append_body(out, request, BodyOf::response, 0, body);
    return;
  }
  out += "Transfer-Encoding: chunked\r\n\r\n";
  const std::uint64_t first = body > 1 ? body / 3 + 1 : body;
  for (std::uint64_t from = 0; from < body;) {
    const std::uint64_t size = from == 0 ? first : body - from;
    append_number(out, size, 16);
    out += "\r\n";
    append_body(out, request, BodyOf::response, from, size);
    out += "\r\n";
    from += size;
  }
  out += "0\r\n\r\n";
}

void append_shed_response(std::string& out) {
  static_assert(kShedRetryAfter == std::chrono::seconds(1));
  out += "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n";
}

void append_health_response(std::string& out) {
  out += "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
}

// ---- reading -----------------------------------------------------------------------------------

MessageReader::Status MessageReader::bad(const char* why) {
  fault_ = why;
  return Status::bad;
}

void MessageReader::next(bool answers_head) {
  state_ = State::head;
  answers_head_ = answers_head;
  has_request_ = has_length_ = chunked_ = retry_after_ = close_ = false;
  status_ = 0;
  request_ = length_ = remaining_ = body_ = 0;
  head_.clear();
}

MessageReader::Status MessageReader::feed(std::string_view& bytes) {
  while (state_ != State::over) {
    switch (state_) {
      case State::head: {
        // Nearly always a whole head arrives at once and need not be copied.
        std::string_view head = bytes;
        if (!head_.empty()) {
          head_.append(bytes);
          head = head_;
        }
        const std::size_t end = head.find("\r\n\r\n");
        if (end == std::string_view::npos) {
          if (head.size() > kMaxHead) return bad("the head does not end");
          if (head_.empty()) head_.assign(bytes);
          bytes = {};
          return Status::more;
        }
        bytes.remove_prefix(end + 4 - (head.size() - bytes.size()));
        if (!read_head(head.substr(0, end + 2))) return Status::bad;
        head_.clear();
        begin_body();
        break;
      }
      case State::length:
      case State::chunk_data: {
        if (bytes.empty()) return Status::more;
        const std::size_t n = std::min<std::uint64_t>(remaining_, bytes.size());
        if (!check_body(bytes.substr(0, n))) return bad("a byte of the body is not its own");
        bytes.remove_prefix(n);
        remaining_ -= n;
        if (remaining_ == 0) state_ = state_ == State::length ? State::over : State::chunk_end;
        break;
      }
      case State::chunk_size:
      case State::chunk_end:
      case State::trailer: {
        const Status line = take_line(bytes);
        if (line != Status::complete) return line;
        if (state_ == State::chunk_size) {
          if (!read_number(head_, remaining_, 16)) return bad("bad chunk size");
          state_ = remaining_ == 0 ? State::trailer : State::chunk_data;
        } else {
          if (!head_.empty()) return bad("bytes after a chunk");
          state_ = state_ == State::trailer ? State::over : State::chunk_size;
        }
        head_.clear();
        break;
      }
      case State::over:
        break;
    }
  }
  return Status::complete;
}

MessageReader::Status MessageReader::take_line(std::string_view& bytes) {
  while (!bytes.empty()) {
    const char c = bytes.front();
    bytes.remove_prefix(1);
    head_ += c;
    if (c != '\n') {
      if (head_.size() > kMaxLine) return bad("a chunk's framing does not end");
      continue;
    }
    if (head_.size() < 2 || head_[head_.size() - 2] != '\r') return bad("a bare line feed");
    head_.resize(head_.size() - 2);
    return Status::complete;
  }
  return Status::more;
}

bool MessageReader::read_head(std::string_view head) {
  const std::size_t first_end = head.find("\r\n");
  if (!read_start_line(head.substr(0, first_end))) return false;
  head.remove_prefix(first_end + 2);
  while (!head.empty()) {
    const std::size_t end = head.find("\r\n");
    const std::string_view line = head.substr(0, end);
    head.remove_prefix(end + 2);
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos || colon == 0) {
      fault_ = "a field without a name";
      return false;
    }
    std::string_view value = line.substr(colon + 1);
    while (!value.empty() && value.front() == ' ') value.remove_prefix(1);
    if (!read_field(line.substr(0, colon), value)) return false;
  }
  if (has_length_ && chunked_) {
    fault_ = "both Content-Length and Transfer-Encoding";
    return false;
  }
  return true;
}

bool MessageReader::read_start_line(std::string_view line) {
  if (side_ == BodyOf::request) {
    const std::size_t method_end = line.find(' ');
    const std::size_t target_end = line.rfind(' ');
    if (method_end == std::string_view::npos || target_end <= method_end + 1 ||
        line.substr(target_end) != " HTTP/1.1") {
      fault_ = "bad request line";
      return false;
    }
    method_ = core::method_from(line.substr(0, method_end));
    target_.assign(line.substr(method_end + 1, target_end - method_end - 1));
    return true;
  }
  std::uint64_t status = 0;
  if (line.size() < 13 || line.substr(0, 9) != "HTTP/1.1 " || line[12] != ' ' ||
      !read_number(line.substr(9, 3), status) || status < 200) {
    fault_ = "bad status line";
    return false;
  }
  status_ = static_cast<std::uint16_t>(status);
  return true;
}

bool MessageReader::read_field(std::string_view name, std::string_view value) {
  if (same(name, "content-length")) {
    const bool first = !has_length_;
    has_length_ = true;
    if (first && read_number(value, length_)) return true;
    fault_ = "bad Content-Length";
    return false;
  }
  if (same(name, "transfer-encoding")) {
    const bool first = !chunked_;
    chunked_ = true;
    if (first && same(value, "chunked")) return true;
    fault_ = "bad Transfer-Encoding";
    return false;
  }
  if (same(name, kRequestField)) {
    const bool first = !has_request_;
    has_request_ = true;
    if (first && read_number(value, request_)) return true;
    fault_ = "bad request number";
    return false;
  }
  if (same(name, "retry-after")) retry_after_ = true;
  if (same(name, "connection") && same(value, "close")) close_ = true;
  return true;
}

void MessageReader::begin_body() {
  const bool none = answers_head_ || status_ == 204 || status_ == 304;
  if (!none && chunked_) {
    state_ = State::chunk_size;
  } else if (!none && has_length_ && length_ > 0) {
    remaining_ = length_;
    state_ = State::length;
  } else {
    // A response without either would end with the connection: nobody here sends that.
    state_ = State::over;
  }
}

// Only messages of known requests have a body of ours; a proxy's own answers are in its words.
bool MessageReader::check_body(std::string_view bytes) {
  const std::uint64_t from = body_;
  body_ += bytes.size();
  if (!has_request_) return true;
  const std::array<char, 8> expected = pattern(request_, side_);
  std::size_t i = 0;
  for (; i < bytes.size() && (from + i) % 8 != 0; ++i) {
    if (bytes[i] != expected[(from + i) % 8]) return false;
  }
  for (; i + 8 <= bytes.size(); i += 8) {
    if (std::memcmp(bytes.data() + i, expected.data(), 8) != 0) return false;
  }
  for (; i < bytes.size(); ++i) {
    if (bytes[i] != expected[(from + i) % 8]) return false;
  }
  return true;
}

}  // namespace evenkeel::sim
