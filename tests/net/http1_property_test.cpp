// SPDX-License-Identifier: Apache-2.0
// Properties of foreign bytes: what is accepted can be read in one way only, survives being written
// anew, and is split into fields exactly as a second, independent parser splits it.
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/basic_parser.hpp>
#include <utility>

#include "evenkeel/net/http1/writer.h"
#include "http1_cases.h"

namespace evenkeel::net::http1::testing {
namespace {

const HeadLimits kLimits;
using Lines = std::vector<std::pair<std::string, std::string>>;

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
  }
  return result;
}

// --- a reader that knows no grammar, to judge the one that does --------------------------------

// How often a careless reader could take a line of the head for this field: any case, blanks and
// control bytes around the name ignored, any of CR and LF as the end of a line.
int possible_fields(const std::string& head, const std::string& name) {
  int count = 0;
  std::size_t begin = 0;
  while (begin < head.size()) {
    const std::size_t end = std::min(head.find_first_of("\r\n", begin), head.size());
    const std::string line = head.substr(begin, end - begin);
    std::string before_colon;
    for (const char c : line.substr(0, line.find(':'))) {
      if (static_cast<unsigned char>(c) > ' ') before_colon += c;
    }
    if (line.find(':') != std::string::npos && lower(before_colon) == name) ++count;
    begin = end + 1;
  }
  return count;
}

void assert_unambiguous(const std::string& head, BodyFraming framing, bool is_request) {
  const int codings = possible_fields(head, "transfer-encoding");
  const int lengths = possible_fields(head, "content-length");
  RC_ASSERT(codings <= 1);
  RC_ASSERT(codings == 0 || lengths == 0);
  if (is_request) {
    RC_ASSERT((framing == BodyFraming::chunked) == (codings == 1));
    RC_ASSERT((framing == BodyFraming::length) == (lengths > 0));
  }
  RC_ASSERT(head.find('\0') == std::string::npos);
  for (std::size_t i = 0; i < head.size(); ++i) {
    if (head[i] == '\n') RC_ASSERT(i > 0 && head[i - 1] == '\r');
    if (head[i] == '\r') RC_ASSERT(i + 1 < head.size() && head[i + 1] == '\n');
    if (head[i] == '\n' && i + 1 < head.size())
      RC_ASSERT(head[i + 1] != ' ' && head[i + 1] != '\t');
  }
}

// --- a second parser ---------------------------------------------------------------------------

class BeastFields final : public boost::beast::http::basic_parser<true> {
 public:
  using string_view = boost::beast::string_view;
  using error_code = boost::beast::error_code;

  // The fields Beast sees in everything after the start line; nothing when it refuses them.
  static std::optional<Lines> split(std::string_view section) {
    constexpr std::string_view kStartLine = "GET / HTTP/1.1\r\n";
    BeastFields parser;
    parser.header_limit(0xffffffffU);
    parser.body_limit(boost::none);
    error_code error;
    parser.put(boost::asio::buffer(kStartLine.data(), kStartLine.size()), error);
    parser.put(boost::asio::buffer(section.data(), section.size()), error);
    if (error || !parser.is_header_done()) return std::nullopt;
    return parser.lines_;
  }

 private:
  void on_request_impl(boost::beast::http::verb, string_view, string_view, int,
                       error_code&) override {}
  void on_response_impl(int, string_view, int, error_code&) override {}
  void on_field_impl(boost::beast::http::field, string_view name, string_view value,
                     error_code&) override {
    lines_.emplace_back(std::string(name.data(), name.size()),
                        std::string(value.data(), value.size()));
  }
  void on_header_impl(error_code&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) override {}
  std::size_t on_body_impl(string_view, error_code&) override { return 0; }
  void on_chunk_header_impl(std::uint64_t, string_view, error_code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, string_view, error_code&) override { return 0; }
  void on_finish_impl(error_code&) override {}

  Lines lines_;
};

Lines lines_of(const Fields& fields) {
  Lines lines;
  for (const Field& field : fields) {
    lines.emplace_back(std::string(field.name), std::string(field.value));
  }
  return lines;
}

void assert_split_like_beast(const std::string& head, const Fields& fields) {
  const std::size_t first = head.find_first_not_of("\r\n");
  const auto beast = BeastFields::split(std::string_view(head).substr(head.find('\n', first) + 1));
  RC_LOG() << head;
  // Beast judges the value of Proxy-Connection like that of Connection; here nobody reads it.
  if (!beast && fields.has(FieldId::proxy_connection)) return;
  RC_ASSERT(beast.has_value());
  RC_ASSERT(*beast == lines_of(fields));
}

// --- generators --------------------------------------------------------------------------------

// Changes a few bytes of a message: replaces, inserts, deletes, doubles, or splices in another one.
std::string mutated(std::string bytes, const std::vector<std::string>& others) {
  const int changes = *rc::gen::inRange(1, 5);
  for (int i = 0; i < changes && !bytes.empty(); ++i) {
    const auto at = *rc::gen::inRange<std::size_t>(0, bytes.size());
    const auto length = *rc::gen::inRange<std::size_t>(0, 24);
    const auto piece = *rc::gen::element<std::string>(
        "\r", "\n", "\r\n", " ", "\t", ":", ",", std::string(1, '\0'), "\x7f", "\x80", "\v", ";",
        "0", "\r\n ", "chunked", "Content-Length: 3\r\n", "Transfer-Encoding: chunked\r\n",
        "Transfer-Encoding", "Content-Length", "Host: b\r\n", "HTTP/1.0");
    switch (*rc::gen::inRange(0, 5)) {
      case 0:
        bytes.replace(at, 1, piece);
        break;
      case 1:
        bytes.insert(at, piece);
        break;
      case 2:
        bytes.erase(at, length);
        break;
      case 3:
        bytes.insert(at, bytes.substr(at, length));
        break;
      default: {
        const std::string& other = others[*rc::gen::inRange<std::size_t>(0, others.size())];
        bytes = bytes.substr(0, at) + other.substr(std::min(at, other.size()));
        break;
      }
    }
  }
  return bytes;
}

template <typename Cases>
std::vector<std::string> short_bytes(const Cases& cases) {
  std::vector<std::string> all;
  for (const auto& one : cases) {
    if (one.bytes.size() < 400) all.push_back(one.bytes);
  }
  return all;
}

std::string one_of(const std::vector<std::string>& all) {
  return all[*rc::gen::inRange<std::size_t>(0, all.size())];
}

// Field lines in which end-to-end fields, hop-by-hop ones and nominated ones are mixed.
std::string random_fields() {
  std::string text;
  const int count = *rc::gen::inRange(0, 12);
  for (int i = 0; i < count; ++i) {
    const auto name = *rc::gen::element<std::string>(
        "Cookie", "cookie", "Accept", "X-A", "X-B", "x-a", "Via", "X-Forwarded-For", "TE",
        "Keep-Alive", "X-Request-ID", "X-Forwarded-Proto", "Proxy-Connection", "Date", "Trailer");
    const auto value =
        *rc::gen::element<std::string>("", "1", "a, b", "caf\xe9", "x\ty", "\"q;\\\"\"");
    text += name + *rc::gen::element<std::string>(":", ": ", ":\t ") + value +
            *rc::gen::element<std::string>("", " ", "\t") + "\r\n";
  }
  text += *rc::gen::element<std::string>("", "Connection: close\r\n", "Connection: X-A, host\r\n",
                                         "connection: x-b\r\nConnection: content-length\r\n");
  return text;
}

// The fields that no proxy may touch.
Lines untouched(const Fields& fields) {
  Lines lines;
  for (const Field& field : fields) {
    if (field.id == FieldId::other && !field.hop_by_hop) {
      lines.emplace_back(std::string(field.name), std::string(field.value));
    }
  }
  return lines;
}

bool has_hop_by_hop(const Fields& fields) {
  return std::any_of(fields.begin(), fields.end(), [](const Field& f) { return f.hop_by_hop; });
}

// --- properties --------------------------------------------------------------------------------

RC_GTEST_PROP(Http1RequestProperty, WritingAndParsingAgainKeepsWhatIsEndToEnd, ()) {
  static RequestHead head;
  static RequestHead again;
  const auto framing = *rc::gen::element<std::string>(
      "", "Content-Length: 0\r\n", "Content-Length: 17, 17\r\n", "Transfer-Encoding: Chunked\r\n");
  const auto line =
      *rc::gen::element<std::string>("GET /x?y", "PURGE http://b/x", "OPTIONS *", "PUT http://b?q");
  const std::string bytes =
      line + " HTTP/1.1\r\nHost: a:1\r\n" + random_fields() + framing + "\r\n";
  RC_ASSERT(!parse_request_head(bytes, kLimits, head));

  Forwarding how;
  how.client_address = "192.0.2.7";
  how.scheme = "https";
  how.request_id = "id";
  std::array<char, 4096> out{};
  const std::size_t size = write_request_head(head, how, out);
  RC_ASSERT(size > 0U);
  RC_ASSERT(!parse_request_head({out.data(), size}, kLimits, again));
  RC_ASSERT(untouched(again.fields) == untouched(head.fields));
  RC_ASSERT(!has_hop_by_hop(again.fields));
  RC_ASSERT(again.framing == head.framing);
  RC_ASSERT(again.length == head.length);
  RC_ASSERT(again.host == head.host);
  RC_ASSERT(again.method_text == head.method_text);
  RC_ASSERT(again.target == (head.target_lacks_slash ? "/" : "") + std::string(head.target));
}

RC_GTEST_PROP(Http1ResponseProperty, WritingAndParsingAgainKeepsWhatIsEndToEnd, ()) {
  static ResponseHead head;
  static ResponseHead again;
  const auto framing = *rc::gen::element<std::string>("", "Content-Length: 17\r\n",
                                                      "Transfer-Encoding: chunked\r\n");
  const auto line =
      *rc::gen::element<std::string>("200 OK", "204", "304 Not Modified", "503 caf\xe9");
  const auto method = *rc::gen::element(core::Method::get, core::Method::head);
  const std::string bytes = "HTTP/1.1 " + line + "\r\n" + random_fields() + framing + "\r\n";
  RC_ASSERT(!parse_response_head(bytes, kLimits, method, head));

  ResponsePlan plan;
  plan.framing = client_framing(head, 1);
  plan.length = head.length;
  plan.request_was_head = method == core::Method::head;
  plan.date = "now";
  std::array<char, 4096> out{};
  const std::size_t size = write_response_head(head, plan, out);
  RC_ASSERT(size > 0U);
  RC_ASSERT(!parse_response_head({out.data(), size}, kLimits, method, again));
  RC_ASSERT(untouched(again.fields) == untouched(head.fields));
  RC_ASSERT(!has_hop_by_hop(again.fields));
  RC_ASSERT(again.status == head.status);
  RC_ASSERT(again.reason == head.reason);
  RC_ASSERT(again.framing == plan.framing);
  RC_ASSERT(again.fields.has(FieldId::date));
}

TEST(Http1RequestProperty, WhatIsAcceptedIsUnambiguousWhateverTheBytes) {
  const std::vector<std::string> seeds = short_bytes(request_cases());
  int accepted = 0;
  EXPECT_TRUE(rc::check("mutated requests", [&] {
    for (int i = 0; i < 50; ++i) {
      static RequestHead head;
      const std::string bytes = mutated(one_of(seeds), seeds);
      const std::size_t end = find_head_end(bytes, 0);
      if (end == kHeadIncomplete) {
        (void)early_error(bytes, kLimits);
        continue;
      }
      const std::string text = bytes.substr(0, end);
      if (parse_request_head(text, kLimits, head)) continue;
      ++accepted;
      RC_ASSERT(!early_error(text.substr(0, text.size() / 2), kLimits));
      RC_ASSERT(head.minor_version == 0 || possible_fields(text, "host") == 1);
      assert_unambiguous(text, head.framing, true);
      assert_split_like_beast(text, head.fields);
      std::array<char, 4096> out{};
      const std::size_t size = write_request_head(head, {}, out);
      RC_ASSERT(size > 0U);
      static RequestHead again;
      const auto error = parse_request_head({out.data(), size}, kLimits, again);
      // Only an HTTP/1.0 request without any host to name cannot be written as HTTP/1.1.
      RC_ASSERT(!error || head.host.empty());
      if (!error) {
        RC_ASSERT(again.framing == head.framing);
        RC_ASSERT(again.length == head.length);
        RC_ASSERT(!has_hop_by_hop(again.fields));
      }
    }
  }));
  EXPECT_GT(accepted, 40) << "the mutations leave enough requests alive to say something";
}

TEST(Http1ResponseProperty, WhatIsAcceptedIsUnambiguousWhateverTheBytes) {
  const std::vector<std::string> seeds = short_bytes(response_cases());
  int accepted = 0;
  EXPECT_TRUE(rc::check("mutated responses", [&] {
    for (int i = 0; i < 50; ++i) {
      static ResponseHead head;
      const std::string bytes = mutated(one_of(seeds), seeds);
      const std::size_t end = find_head_end(bytes, 0);
      if (end == kHeadIncomplete) {
        (void)early_response_error(bytes, kLimits);
        continue;
      }
      const std::string text = bytes.substr(0, end);
      if (parse_response_head(text, kLimits, core::Method::get, head)) continue;
      ++accepted;
      assert_unambiguous(text, head.framing, false);
      assert_split_like_beast(text, head.fields);
      std::array<char, 4096> out{};
      ResponsePlan plan;
      plan.framing = client_framing(head, 1);
      plan.length = head.length;
      RC_ASSERT(write_response_head(head, plan, out) > 0U);
    }
  }));
  EXPECT_GT(accepted, 40);
}

}  // namespace
}  // namespace evenkeel::net::http1::testing
