// SPDX-License-Identifier: Apache-2.0
#include "http1_cases.h"

namespace evenkeel::net::http1::testing {
namespace {

using core::Method;
using namespace std::string_literals;

std::string ok(const std::string& fields, const std::string& body = "") {
  return "HTTP/1.1 200 OK\r\n" + fields + "\r\n" + body;
}
std::string status(const std::string& line, const std::string& fields = "") {
  return line + "\r\n" + fields + "\r\n";
}

std::vector<ResponseCase> ordinary() {
  return {
      {"WithLength", Method::get, ok("Content-Length: 2\r\n", "hi"),
       "200 [OK] framing=length:2 keep"},
      {"WithLengthZero", Method::get, ok("Content-Length: 0\r\n"),
       "200 [OK] framing=length:0 keep"},
      {"Chunked", Method::get, ok("Transfer-Encoding: chunked\r\n", "2\r\nhi\r\n0\r\n\r\n"),
       "200 [OK] framing=chunked keep"},
      {"UntilClose", Method::get, ok("Content-Type: text/plain\r\n", "hi"),
       "200 [OK] framing=until-close close"},
      {"Closing", Method::get, ok("Content-Length: 2\r\nConnection: close\r\n", "hi"),
       "200 [OK] framing=length:2 close"},
      {"NoFields", Method::get, ok("", "hi"), "200 [OK] framing=until-close close"},
      {"ReasonIsKept", Method::get,
       status("HTTP/1.1 404 Nicht\tgefunden: caf\xe9", "Content-Length: 0\r\n"),
       "404 [Nicht\tgefunden: caf\xe9] framing=length:0 keep"},
      {"ReasonEmpty", Method::get, status("HTTP/1.1 200 ", "Content-Length: 0\r\n"),
       "200 [] framing=length:0 keep"},
      {"ReasonAndItsBlankMissing", Method::get, status("HTTP/1.1 200", "Content-Length: 0\r\n"),
       "200 [] framing=length:0 keep"},
      {"StatusOfNoClassPasses", Method::get, status("HTTP/1.1 999 Odd", "Content-Length: 0\r\n"),
       "999 [Odd] framing=length:0 keep"},
      {"Http10", Method::get, status("HTTP/1.0 200 OK", "Content-Length: 0\r\n"),
       "200 [OK] framing=length:0 close 1.0"},
      {"Http10KeepsAlive", Method::get,
       status("HTTP/1.0 200 OK", "Content-Length: 0\r\nConnection: keep-alive\r\n"),
       "200 [OK] framing=length:0 keep 1.0"},
      {"Http10KeepAliveWithoutLength", Method::get,
       status("HTTP/1.0 200 OK", "Connection: keep-alive\r\n"),
       "200 [OK] framing=until-close close 1.0"},
      {"LengthsEqual", Method::get, ok("Content-Length: 2, 2\r\nContent-Length: 2\r\n", "hi"),
       "200 [OK] framing=length:2 keep"},
      {"ObsTextInValue", Method::get, ok("X: \xe9\r\nContent-Length: 0\r\n"),
       "200 [OK] framing=length:0 keep"},
      {"SheddingWithSeconds", Method::get,
       status("HTTP/1.1 503 Busy", "Retry-After: 5\r\nContent-Length: 0\r\n"),
       "503 [Busy] framing=length:0 keep retry-after=5"},
      {"SheddingWithDate", Method::get,
       status("HTTP/1.1 503 Busy",
              "Retry-After: Fri, 31 Dec 1999 23:59:59 GMT\r\nContent-Length: 0\r\n"),
       "503 [Busy] framing=length:0 keep retry-after=date"},
      {"TwoHostsMeanNothing", Method::get, ok("Host: a\r\nHost: b\r\nContent-Length: 0\r\n"),
       "200 [OK] framing=length:0 keep"},
  };
}

std::vector<ResponseCase> bodiless() {
  return {
      {"HeadWithLength", Method::head, ok("Content-Length: 5\r\n"), "200 [OK] framing=none keep"},
      {"HeadChunked", Method::head, ok("Transfer-Encoding: chunked\r\n"),
       "200 [OK] framing=none keep"},
      {"HeadWithoutLength", Method::head, ok(""), "200 [OK] framing=none keep"},
      {"NoContent", Method::get, status("HTTP/1.1 204 No Content"),
       "204 [No Content] framing=none keep"},
      {"NoContentWithLength", Method::get,
       status("HTTP/1.1 204 No Content", "Content-Length: 5\r\n"),
       "204 [No Content] framing=none keep"},
      {"NoContentChunked", Method::post,
       status("HTTP/1.1 204 No Content", "Transfer-Encoding: chunked\r\n"),
       "204 [No Content] framing=none keep"},
      {"NotModifiedWithLength", Method::get,
       status("HTTP/1.1 304 Not Modified", "Content-Length: 5\r\n"),
       "304 [Not Modified] framing=none keep"},
      {"Continue", Method::post, status("HTTP/1.1 100 Continue"),
       "100 [Continue] framing=none keep"},
      {"EarlyHints", Method::get, status("HTTP/1.1 103 Early Hints", "Link: </x>\r\n"),
       "103 [Early Hints] framing=none keep"},
      {"SwitchingProtocols", Method::get,
       status("HTTP/1.1 101 Switching Protocols", "Connection: upgrade\r\nUpgrade: websocket\r\n"),
       "101 [Switching Protocols] framing=none keep switches"},
      {"ResetContentIsFramed", Method::get,
       status("HTTP/1.1 205 Reset Content", "Content-Length: 0\r\n"),
       "205 [Reset Content] framing=length:0 keep"},
  };
}

std::vector<ResponseCase> broken() {
  const std::string chunked = "2\r\nhi\r\n0\r\n\r\n";
  const std::string bad_length = "error 502: Content-Length is not a number in range";
  const std::string both = "error 502: both Content-Length and Transfer-Encoding";
  const std::string no_version = "error 502: the start line names no HTTP version";
  const std::string bad_version = "error 502: malformed HTTP version";
  const std::string bad_status = "error 502: malformed status code";
  const std::string line_end = "error 502: a line ends without CR and LF";
  return {
      {"LengthAndCoding", Method::get,
       ok("Content-Length: 2\r\nTransfer-Encoding: chunked\r\n", chunked), both},
      {"CodingAndLength", Method::get,
       ok("Transfer-Encoding: chunked\r\nContent-Length: 2\r\n", chunked), both},
      {"LengthsDiffer", Method::get, ok("Content-Length: 2\r\nContent-Length: 3\r\n", "hi"),
       "error 502: Content-Length has different values"},
      {"LengthIsNoNumber", Method::get, ok("Content-Length: two\r\n", "hi"), bad_length},
      {"LengthNegative", Method::get, ok("Content-Length: -1\r\n"), bad_length},
      {"LengthTooLarge", Method::get, ok("Content-Length: 9223372036854775808\r\n"), bad_length},
      {"CodingUnknown", Method::get, ok("Transfer-Encoding: gzip\r\n", "hi"),
       "error 502: Transfer-Encoding names an unknown coding"},
      {"CodingGzipThenChunked", Method::get, ok("Transfer-Encoding: gzip, chunked\r\n", chunked),
       "error 502: Transfer-Encoding names an unknown coding"},
      {"CodingInHttp10", Method::get,
       status("HTTP/1.0 200 OK", "Transfer-Encoding: chunked\r\n") + chunked,
       "error 502: Transfer-Encoding in HTTP/1.0"},
      {"FoldedValue", Method::get, ok("X: a\r\n b\r\nContent-Length: 0\r\n"),
       "error 502: a field line begins with white space"},
      {"BlankBeforeColon", Method::get, ok("Content-Length : 0\r\n"),
       "error 502: white space follows a field name"},
      {"NulInValue", Method::get, ok("X: \0\r\nContent-Length: 0\r\n"s),
       "error 502: a field value has a control byte"},
      {"BareLineFeeds", Method::get, "HTTP/1.1 200 OK\nContent-Length: 0\n\n", line_end},
      {"BareLineFeedInFields", Method::get, "HTTP/1.1 200 OK\r\nContent-Length: 0\n\r\n", line_end},
      {"EmptyLineFirst", Method::get, "\r\n" + ok("Content-Length: 0\r\n"), no_version},
      {"NoHttpAtAll", Method::get, "<html>hello</html>", no_version},
      {"ShoutcastStatusLine", Method::get, status("ICY 200 OK"), no_version},
      {"VersionTwo", Method::get, status("HTTP/2.0 200 OK"),
       "error 502: only HTTP/1.0 and HTTP/1.1 are spoken here"},
      {"VersionWithoutMinor", Method::get, status("HTTP/2 200 OK"), bad_version},
      {"StatusOfTwoDigits", Method::get, status("HTTP/1.1 20 OK"), bad_status},
      {"StatusOfFourDigits", Method::get, status("HTTP/1.1 2000 OK"),
       "error 502: the start line does not end after its last part"},
      {"StatusBelowHundred", Method::get, status("HTTP/1.1 099 Low"), bad_status},
      {"StatusIsNoNumber", Method::get, status("HTTP/1.1 abc OK"), bad_status},
      {"TwoBlanksBeforeStatus", Method::get, status("HTTP/1.1  200 OK"), bad_status},
      {"ControlByteInReason", Method::get, status("HTTP/1.1 200 O\x01K"),
       "error 502: the start line does not end after its last part"},
      {"ConnectionOptionIsNoToken", Method::get, ok("Connection: a b\r\nContent-Length: 0\r\n"),
       "error 502: a Connection option is not a token"},
      {"HeadTooLarge", Method::get, ok("X: " + std::string(HeadLimits{}.max_head_bytes, 'x')),
       "error 502: the head is too large"},
      {"HeadWithoutEnd", Method::get,
       "HTTP/1.1 200 OK\r\nX: " + std::string(HeadLimits{}.max_head_bytes, 'x'),
       "error 502: the head is too large"},
      {"HeadCut", Method::get, "HTTP/1.1 200 OK\r\nContent-Le", "incomplete"},
  };
}

}  // namespace

const std::vector<ResponseCase>& response_cases() {
  static const std::vector<ResponseCase> all = [] {
    std::vector<ResponseCase> cases;
    for (auto* part : {&ordinary, &bodiless, &broken}) {
      for (ResponseCase& one : part()) cases.push_back(std::move(one));
    }
    return cases;
  }();
  return all;
}

}  // namespace evenkeel::net::http1::testing
