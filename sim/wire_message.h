// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "evenkeel/core/method.h"
#include "evenkeel/core/time.h"

// HTTP/1.1 as the simulated clients and origins speak it. Written apart from net/http1 on purpose:
// what checks the proxy must not share its mistakes. It accepts what a strict peer would and
// nothing else.
namespace evenkeel::sim {

// Which request a message belongs to travels in this field, end to end.
inline constexpr std::string_view kRequestField = "x-sim-request";

// What every simulated client asks for, and where from.
inline constexpr std::string_view kSimHost = "sim";
inline constexpr std::string_view kSimPath = "/";
inline constexpr std::string_view kSimClient = "192.0.2.1";

// What a backend that sheds load asks for.
inline constexpr core::Duration kShedRetryAfter = std::chrono::seconds(1);

// Requests of the other methods have no body here.
[[nodiscard]] constexpr bool carries_body(core::Method method) {
  return method != core::Method::get && method != core::Method::head &&
         method != core::Method::trace;
}

// Bodies are a pattern of eight bytes, different for every request and for both directions, so that
// no byte can be taken for another request's.
enum class BodyOf : std::uint8_t { request, response };
void append_body(std::string& out, std::uint64_t request, BodyOf of, std::uint64_t from,
                 std::uint64_t size);

void append_request(std::string& out, core::Method method, std::uint64_t request,
                    std::uint64_t body);
// Every eighth response is chunked, in two chunks if there is enough to cut.
void append_response(std::string& out, core::Method method, std::uint64_t request,
                     std::uint64_t body);
// 503 with Retry-After: load shed on purpose.
void append_shed_response(std::string& out);
void append_health_response(std::string& out);

// Reads one message after another off a stream of bytes, however they were cut.
class MessageReader {
 public:
  // Whose messages it reads: what bodies must look like.
  explicit MessageReader(BodyOf side) : side_(side) {}

  enum class Status : std::uint8_t { more, complete, bad };
  // Takes bytes off the front of `bytes`. After `complete` the fields below describe the message,
  // until next(). After `bad`, fault() says why, and the reader is of no more use.
  [[nodiscard]] Status feed(std::string_view& bytes);
  // Forgets the message read. `answers_head`: the next one is the answer to HEAD and has no body.
  void next(bool answers_head);

  [[nodiscard]] bool begun() const { return state_ != State::head || !head_.empty(); }
  [[nodiscard]] const char* fault() const { return fault_; }

  // Requests.
  [[nodiscard]] core::Method method() const { return method_; }
  [[nodiscard]] const std::string& target() const { return target_; }
  // Responses.
  [[nodiscard]] std::uint16_t status() const { return status_; }
  [[nodiscard]] bool has_retry_after() const { return retry_after_; }
  // Both.
  [[nodiscard]] bool has_request() const { return has_request_; }
  [[nodiscard]] std::uint64_t request() const { return request_; }
  [[nodiscard]] bool closes() const { return close_; }
  [[nodiscard]] std::uint64_t body_size() const { return body_; }

 private:
  enum class State : std::uint8_t {
    head,
    length,
    chunk_size,
    chunk_data,
    chunk_end,
    trailer,
    over
  };

  Status bad(const char* why);
  bool read_head(std::string_view head);
  bool read_start_line(std::string_view line);
  bool read_field(std::string_view name, std::string_view value);
  void begin_body();
  // One line of chunk framing, without its end, into head_.
  Status take_line(std::string_view& bytes);
  [[nodiscard]] bool check_body(std::string_view bytes);

  BodyOf side_;
  State state_ = State::head;
  bool answers_head_ = false;
  bool has_request_ = false;
  bool has_length_ = false;
  bool chunked_ = false;
  bool retry_after_ = false;
  bool close_ = false;
  std::uint16_t status_ = 0;
  core::Method method_{};
  std::uint64_t request_ = 0;
  std::uint64_t length_ = 0;     // Content-Length
  std::uint64_t remaining_ = 0;  // of the body, or of the chunk
  std::uint64_t body_ = 0;       // payload bytes so far
  std::string head_;             // or the framing line being read
  std::string target_;
  const char* fault_ = "";
};

}  // namespace evenkeel::sim
