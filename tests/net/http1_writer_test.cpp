// SPDX-License-Identifier: Apache-2.0
// Heads going out, compared as text.
#include <gtest/gtest.h>

#include <array>
#include <string>

#include "evenkeel/net/http1/writer.h"

namespace evenkeel::net::http1 {
namespace {

const HeadLimits kLimits;

Forwarding plain() {
  Forwarding how;
  how.client_address = "192.0.2.7";
  how.scheme = "http";
  how.request_id = "id-1";
  how.default_host = "backend:9001";
  return how;
}

std::string forwarded(const std::string& bytes, const Forwarding& how = plain()) {
  static RequestHead head;
  const auto error = parse_request_head(bytes, kLimits, head);
  if (error) return error->cause;
  std::array<char, 8192> out{};
  return {out.data(), write_request_head(head, how, out)};
}

std::string delivered(const std::string& bytes, ResponsePlan plan,
                      core::Method method = core::Method::get) {
  static ResponseHead head;
  const auto error = parse_response_head(bytes, kLimits, method, head);
  if (error) return error->cause;
  plan.framing = client_framing(head, plan.client_minor_version);
  plan.length = head.length;
  plan.request_was_head = method == core::Method::head;
  std::array<char, 8192> out{};
  return {out.data(), write_response_head(head, plan, out)};
}

// What this proxy adds to every request from plain().
const std::string kOurs =
    "Via: 1.1 evenkeel\r\nX-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Proto: http\r\n"
    "X-Forwarded-Host: a\r\nX-Request-ID: id-1\r\n";

TEST(Http1RequestWriter, KeepsTargetAndEndToEndFieldsInOrder) {
  EXPECT_EQ(forwarded("GET //x/../%7e?q HTTP/1.1\r\nAccept: */*\r\nHost: a\r\ncookie: 1\r\n"
                      "Cookie:  2 \r\n\r\n"),
            "GET //x/../%7e?q HTTP/1.1\r\nAccept: */*\r\nHost: a\r\ncookie: 1\r\nCookie: 2\r\n" +
                kOurs + "\r\n");
}

TEST(Http1RequestWriter, StripsWhatEndsHereAndWhatConnectionNominates) {
  EXPECT_EQ(forwarded("GET / HTTP/1.1\r\nHost: a\r\nX-Secret: 1\r\nConnection: x-secret, host\r\n"
                      "Keep-Alive: 5\r\nProxy-Connection: keep-alive\r\nTE: trailers\r\n"
                      "Trailer: X-Sum\r\nUpgrade: h2c\r\nX-Open: 2\r\n\r\n"),
            "GET / HTTP/1.1\r\nHost: a\r\nX-Open: 2\r\n" + kOurs + "\r\n");
}

TEST(Http1RequestWriter, WritesFramingAnew) {
  const std::string before = "POST / HTTP/1.1\r\nHost: a\r\n";
  EXPECT_EQ(forwarded(before + "Content-Length: 03, 3\r\nContent-Length: 3\r\n\r\n"),
            before + kOurs + "Content-Length: 3\r\n\r\n");
  EXPECT_EQ(forwarded(before + "transfer-encoding: CHUNKED\r\n\r\n"),
            before + kOurs + "Transfer-Encoding: chunked\r\n\r\n");
  EXPECT_EQ(forwarded(before + "Content-Length: 0\r\n\r\n"),
            before + kOurs + "Content-Length: 0\r\n\r\n");
}

TEST(Http1RequestWriter, JoinsTheListsOfProxiesBefore) {
  EXPECT_EQ(forwarded("GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 10.0.0.1\r\n"
                      "Via: 1.1 front\r\nX-Forwarded-For: 10.0.0.2\r\n\r\n"),
            "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 10.0.0.1\r\n"
            "Via: 1.1 front, 1.1 evenkeel\r\nX-Forwarded-For: 10.0.0.2, 192.0.2.7\r\n"
            "X-Forwarded-Proto: http\r\nX-Forwarded-Host: a\r\nX-Request-ID: id-1\r\n\r\n");
}

TEST(Http1RequestWriter, DoesNotTrustSchemeOrIdButKeepsTheOriginalHost) {
  EXPECT_EQ(forwarded("GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-Proto: https\r\n"
                      "X-Request-ID: forged\r\nX-Forwarded-Host: shop.example\r\n\r\n"),
            "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-Host: shop.example\r\nVia: 1.1 evenkeel\r\n"
            "X-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Proto: http\r\nX-Request-ID: id-1\r\n\r\n");
}

TEST(Http1RequestWriter, PassesTheClientsIdWhenGivenNone) {
  Forwarding how = plain();
  how.request_id = {};
  EXPECT_NE(forwarded("GET / HTTP/1.1\r\nHost: a\r\nx-request-id: theirs\r\n\r\n", how)
                .find("x-request-id: theirs\r\n"),
            std::string::npos);
}

TEST(Http1RequestWriter, TurnsAbsoluteTargetsIntoPathAndHost) {
  EXPECT_EQ(forwarded("GET http://a?q HTTP/1.1\r\nHost: b\r\n\r\n"),
            "GET /?q HTTP/1.1\r\nHost: a\r\n" + kOurs + "\r\n");
  EXPECT_EQ(forwarded("GET https://a HTTP/1.1\r\nHost: b\r\n\r\n"),
            "GET / HTTP/1.1\r\nHost: a\r\n" + kOurs + "\r\n");
}

TEST(Http1RequestWriter, GivesHttp10RequestsAHost) {
  EXPECT_EQ(forwarded("GET / HTTP/1.0\r\n\r\n"),
            "GET / HTTP/1.1\r\nHost: backend:9001\r\nVia: 1.0 evenkeel\r\n"
            "X-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Proto: http\r\nX-Request-ID: id-1\r\n\r\n");
}

TEST(Http1RequestWriter, ForwardsExpectationsOfHttp11Only) {
  const std::string fields = "Host: a\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\n";
  EXPECT_NE(forwarded("POST / HTTP/1.1\r\n" + fields).find("Expect"), std::string::npos);
  EXPECT_EQ(forwarded("POST / HTTP/1.0\r\n" + fields).find("Expect"), std::string::npos);
}

TEST(Http1RequestWriter, CountsMaxForwardsDown) {
  EXPECT_NE(forwarded("TRACE / HTTP/1.1\r\nHost: a\r\nMax-Forwards: 10\r\n\r\n")
                .find("Max-Forwards: 9\r\n"),
            std::string::npos);
  EXPECT_NE(forwarded("GET / HTTP/1.1\r\nHost: a\r\nMax-Forwards: 10\r\n\r\n")
                .find("Max-Forwards: 10\r\n"),
            std::string::npos);
}

TEST(Http1RequestWriter, PassesAnUpgradeOnOnlyWhenTold) {
  const std::string bytes =
      "GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, upgrade\r\nUpgrade: websocket\r\n\r\n";
  EXPECT_EQ(forwarded(bytes), "GET / HTTP/1.1\r\nHost: a\r\n" + kOurs + "\r\n");
  Forwarding how = plain();
  how.upgrade = true;
  EXPECT_EQ(forwarded(bytes, how), "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n" + kOurs +
                                       "Connection: upgrade\r\n\r\n");
}

TEST(Http1Writers, AnswerZeroUnlessEverythingFits) {
  RequestHead request;
  ASSERT_FALSE(parse_request_head(
      "GET / HTTP/1.1\r\nHost: a\r\nVia: x\r\nContent-Length: 1\r\n\r\n", kLimits, request));
  ResponseHead response;
  ASSERT_FALSE(parse_response_head("HTTP/1.1 200 OK\r\nX: y\r\nContent-Length: 1\r\n\r\n", kLimits,
                                   core::Method::get, response));
  ResponsePlan plan;
  plan.framing = BodyFraming::length;
  plan.length = 1;
  std::array<char, 512> out{};
  const auto expect_all_or_nothing = [&out](auto write) {
    const std::size_t whole = write(std::span<char>(out));
    ASSERT_GT(whole, 0U);
    for (std::size_t size = 0; size < whole; ++size) {
      EXPECT_EQ(write(std::span<char>(out).first(size)), 0U) << size;
    }
    EXPECT_EQ(write(std::span<char>(out).first(whole)), whole);
  };
  expect_all_or_nothing(
      [&](std::span<char> to) { return write_request_head(request, plain(), to); });
  expect_all_or_nothing(
      [&](std::span<char> to) { return write_response_head(response, plan, to); });
  expect_all_or_nothing(
      [&](std::span<char> to) { return write_error_response(503, "no backend", {}, to); });
}

TEST(Http1ResponseWriter, KeepsStatusReasonAndEndToEndFields) {
  EXPECT_EQ(
      delivered("HTTP/1.1 418 I'm a \xe9 pot\r\nSet-Cookie: 1\r\nX-Gone: 1\r\nContent-Length: "
                "2\r\nset-cookie: 2\r\nConnection: x-gone\r\nKeep-Alive: timeout=5\r\n\r\n",
                {}),
      "HTTP/1.1 418 I'm a \xe9 pot\r\nSet-Cookie: 1\r\nset-cookie: 2\r\nVia: 1.1 evenkeel\r\n"
      "Content-Length: 2\r\n\r\n");
}

TEST(Http1ResponseWriter, AddsDateWhenTheBackendSentNone) {
  ResponsePlan plan;
  plan.date = "Sun, 22 Nov 2026 01:44:51 GMT";
  EXPECT_EQ(delivered("HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", plan),
            "HTTP/1.1 200 \r\nVia: 1.1 evenkeel\r\nContent-Length: 0\r\n"
            "Date: Sun, 22 Nov 2026 01:44:51 GMT\r\n\r\n");
  EXPECT_EQ(delivered("HTTP/1.1 200 OK\r\nDate: x\r\nContent-Length: 0\r\n\r\n", plan),
            "HTTP/1.1 200 OK\r\nDate: x\r\nVia: 1.1 evenkeel\r\nContent-Length: 0\r\n\r\n");
}

TEST(Http1ResponseWriter, JoinsTheViaOfABackendThatIsAProxy) {
  EXPECT_EQ(delivered("HTTP/1.0 200 OK\r\nVia: 1.1 b\r\nContent-Length: 0\r\n\r\n", {}),
            "HTTP/1.1 200 OK\r\nVia: 1.1 b, 1.0 evenkeel\r\nContent-Length: 0\r\n\r\n");
}

TEST(Http1ResponseWriter, SaysWhetherTheConnectionStays) {
  const std::string bytes = "HTTP/1.1 200 OK\r\nVia: x\r\nContent-Length: 0\r\n\r\n";
  const auto connection = [&bytes](unsigned minor_version, bool keep_alive) {
    ResponsePlan plan;
    plan.client_minor_version = minor_version;
    plan.keep_alive = keep_alive;
    const std::string text = delivered(bytes, plan);
    const std::size_t at = text.find("Connection: ");
    return at == std::string::npos ? "" : text.substr(at, text.find('\r', at) - at);
  };
  EXPECT_EQ(connection(1, true), "");
  EXPECT_EQ(connection(1, false), "Connection: close");
  EXPECT_EQ(connection(0, true), "Connection: keep-alive");
  EXPECT_EQ(connection(0, false), "Connection: close");
}

TEST(Http1ResponseWriter, ChunksWhatEndedWithTheBackendsConnection) {
  const std::string until_close = "HTTP/1.1 200 OK\r\n\r\n";
  const std::string chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  const std::string expected =
      "HTTP/1.1 200 OK\r\nVia: 1.1 evenkeel\r\nTransfer-Encoding: chunked\r\n\r\n";
  EXPECT_EQ(delivered(until_close, {}), expected);
  EXPECT_EQ(delivered(chunked, {}), expected);
}

TEST(Http1ResponseWriter, GivesHttp10ClientsNoChunks) {
  ResponsePlan plan;
  plan.client_minor_version = 0;
  plan.keep_alive = false;
  EXPECT_EQ(delivered("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", plan),
            "HTTP/1.1 200 OK\r\nVia: 1.1 evenkeel\r\nConnection: close\r\n\r\n");
}

TEST(Http1ResponseWriter, ClaimsALengthWithoutBodyOnlyForHeadAndNotModified) {
  const std::string via = "Via: 1.1 evenkeel\r\n";
  EXPECT_EQ(delivered("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", {}, core::Method::head),
            "HTTP/1.1 200 OK\r\n" + via + "Content-Length: 5\r\n\r\n");
  EXPECT_EQ(delivered("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", {}),
            "HTTP/1.1 304 Not Modified\r\n" + via + "Content-Length: 5\r\n\r\n");
  EXPECT_EQ(delivered("HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", {}),
            "HTTP/1.1 204 No Content\r\n" + via + "\r\n");
  EXPECT_EQ(
      delivered("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", {}, core::Method::head),
      "HTTP/1.1 200 OK\r\n" + via + "\r\n");
}

TEST(Http1ResponseWriter, LeavesInterimResponsesAsTheyAre) {
  ResponsePlan plan;
  plan.date = "x";
  plan.keep_alive = false;
  EXPECT_EQ(delivered("HTTP/1.1 103 Early Hints\r\nLink: </x>\r\nContent-Length: 3\r\n\r\n", plan),
            "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\nVia: 1.1 evenkeel\r\n\r\n");
  EXPECT_EQ(delivered("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\n"
                      "Upgrade: websocket\r\n\r\n",
                      plan),
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nVia: 1.1 evenkeel\r\n"
            "Connection: upgrade\r\n\r\n");
}

TEST(Http1ErrorResponse, NamesItsCauseInAShortBody) {
  std::array<char, 512> out{};
  ErrorPlan plan;
  plan.retry_after_seconds = 3;
  plan.date = "D";
  plan.request_id = "id-1";
  const std::string head =
      "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain; charset=utf-8\r\n"
      "Content-Length: 37\r\nRetry-After: 3\r\nDate: D\r\nX-Request-ID: id-1\r\n"
      "Connection: close\r\n\r\n";
  const std::string body = "503 Service Unavailable: all back up\n";
  ASSERT_EQ(body.size(), 37U);
  const auto text = [&](const ErrorPlan& how) {
    return std::string(out.data(), write_error_response(503, "all back up", how, out));
  };
  EXPECT_EQ(text(plan), head + body);
  plan.head_request = true;
  EXPECT_EQ(text(plan), head);
}

TEST(Http1ErrorResponse, KeepsTheConnectionWhenTold) {
  std::array<char, 512> out{};
  ErrorPlan plan;
  plan.keep_alive = true;
  plan.minor_version = 0;
  const std::string text(out.data(), write_error_response(404, "no route", plan, out));
  EXPECT_NE(text.find("Connection: keep-alive\r\n"), std::string::npos);
  EXPECT_EQ(reason_phrase(431), "Request Header Fields Too Large");
  EXPECT_EQ(reason_phrase(799), "Unknown");
}

}  // namespace
}  // namespace evenkeel::net::http1
