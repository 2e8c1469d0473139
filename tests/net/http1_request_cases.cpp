// SPDX-License-Identifier: Apache-2.0
#include "http1_cases.h"

namespace evenkeel::net::http1::testing {
namespace {

using namespace std::string_literals;  // "…"s keeps the NULs of hostile bytes

// One line of a request with the fields that make it valid.
std::string line(const std::string& request_line) { return request_line + "\r\nHost: a\r\n\r\n"; }
// A GET with these field lines besides Host.
std::string get(const std::string& fields) {
  return "GET / HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n";
}
std::string post(const std::string& fields, const std::string& body = "") {
  return "POST / HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n" + body;
}
std::string with_host(const std::string& host) {
  return "GET / HTTP/1.1\r\nHost: " + host + "\r\n\r\n";
}
std::string fields(int count) {
  std::string text;
  for (int i = 0; i < count; ++i) text += "f" + std::to_string(i) + ": v\r\n";
  return text;
}

const std::string kPlain = "GET / host=a framing=none keep";
const std::string kBadLength = "error 400: Content-Length is not a number in range";
const std::string kTwoLengths = "error 400: Content-Length has different values";
const std::string kBoth = "error 400: both Content-Length and Transfer-Encoding";
const std::string kUnknownCoding = "error 501: Transfer-Encoding names an unknown coding";
const std::string kBadCoding = "error 400: Transfer-Encoding is malformed";
const std::string kNoToken = "error 400: a field name is not a token";
const std::string kControl = "error 400: a field value has a control byte";
const std::string kLineEnd = "error 400: a line ends without CR and LF";
const std::string kFolded = "error 400: a field line begins with white space";
const std::string kBadHost = "error 400: Host is malformed";
const std::string kBadTarget = "error 400: the request target has an octet that must be encoded";
const std::string kNoMethod = "error 400: the request does not begin with a method";
const std::string kVersion = "error 505: only HTTP/1.0 and HTTP/1.1 are spoken here";
const std::string kBadVersion = "error 400: malformed HTTP version";
const std::string kNoVersion = "error 400: the start line names no HTTP version";
const std::string kEmptyLines = "error 400: too many empty lines before the request";

std::vector<RequestCase> ordinary() {
  return {
      {"Get", get(""), kPlain},
      {"TargetIsKeptByteForByte", line("GET /a//b/../%2e%2F?q=%zz&[x]|{y}\"\\ HTTP/1.1"),
       "GET /a//b/../%2e%2F?q=%zz&[x]|{y}\"\\ host=a framing=none keep"},
      {"TargetMayBeginWithTwoSlashes", line("GET //b/c HTTP/1.1"),
       "GET //b/c host=a framing=none keep"},
      {"MethodsAreCaseSensitive", line("get / HTTP/1.1"), "get / host=a framing=none keep"},
      {"ExtensionMethod", line("M-SEARCH / HTTP/1.1"), "M-SEARCH / host=a framing=none keep"},
      {"EmptyValuePasses", get("X-Empty:\r\n"), kPlain},
      {"BlankValuePasses", get("X-Empty: \t \r\n"), kPlain},
      {"ObsTextInValuePasses", get("X-Name: caf\xe9 \xff\r\n"), kPlain},
      {"TabsAreWhiteSpaceAroundValues", "GET / HTTP/1.1\r\nHost:\t a\t \r\n\r\n", kPlain},
      {"NoBlankAfterColon", "GET / HTTP/1.1\r\nHost:a\r\n\r\n", kPlain},
      {"FieldNamesIgnoreCase", "GET / HTTP/1.1\r\nhOsT: a\r\nCONNECTION: Close\r\n\r\n",
       "GET / host=a framing=none close"},
      {"OneEmptyLineBeforeTheRequest", "\r\n" + get(""), kPlain},
      {"FourEmptyLinesBeforeTheRequest", "\r\n\r\n\r\n\r\n" + get(""), kPlain},
      {"FiveEmptyLinesAreTooMany", "\r\n\r\n\r\n\r\n\r\n" + get(""), kEmptyLines},
      {"OnlyEmptyLines", "\r\n\r\n\r\n", "incomplete"},
      {"HeadWithoutEnd", "GET / HTTP/1.1\r\nHost: a\r\n", "incomplete"},
      {"PostWithLength", post("Content-Length: 3\r\n", "abc"),
       "POST / host=a framing=length:3 keep"},
      {"PostWithLengthZero", post("Content-Length: 0\r\n"), "POST / host=a framing=length:0 keep"},
      {"PostWithoutBody", post(""), "POST / host=a framing=none keep"},
      {"PostChunked", post("Transfer-Encoding: chunked\r\n", "3\r\nabc\r\n0\r\n\r\n"),
       "POST / host=a framing=chunked keep"},
      {"GetWithBodyIsFramedLikeAny", "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",
       "GET / host=a framing=length:3 keep"},
      {"DeleteWithChunkedBodyIsFramedLikeAny",
       "DELETE /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nz\r\n0\r\n\r\n",
       "DELETE /x host=a framing=chunked keep"},
      {"OptionsWithBodyIsFramedLikeAny",
       "OPTIONS /x HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nz",
       "OPTIONS /x host=a framing=length:1 keep"},
      {"ExpectContinue", post("Content-Length: 1\r\nExpect: 100-Continue\r\n", "z"),
       "POST / host=a framing=length:1 keep expects-continue"},
      {"UnknownExpectation", get("Expect: the-unexpected\r\n"),
       "error 417: Expect names an unknown expectation"},
      {"MaxForwardsOfOptions", "OPTIONS * HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\n\r\n",
       "OPTIONS * host=a framing=none keep max-forwards=0"},
      {"MaxForwardsOfTrace", "TRACE / HTTP/1.1\r\nHost: a\r\nMax-Forwards: 7\r\n\r\n",
       "TRACE / host=a framing=none keep max-forwards=7"},
      {"MaxForwardsOfGetMeansNothing", get("Max-Forwards: 0\r\n"), kPlain},
  };
}

std::vector<RequestCase> lengths_and_codings() {
  const std::string chunked = "0\r\n\r\n";
  return {
      {"LengthThenCoding", post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", chunked),
       kBoth},
      {"CodingThenLength", post("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", chunked),
       kBoth},
      {"UnknownCodingAndLength", post("Transfer-Encoding: xchunked\r\nContent-Length: 1\r\n", "z"),
       kBoth},
      {"LengthAndUnknownCoding", post("Content-Length: 1\r\nTransfer-Encoding: gzip\r\n", "z"),
       kBoth},
      {"CodingInOtherCase", post("transfer-ENCODING: CHUNKED\r\n", chunked),
       "POST / host=a framing=chunked keep"},
      {"CodingGzip", post("Transfer-Encoding: gzip\r\n"), kUnknownCoding},
      {"CodingIdentity", post("Transfer-Encoding: identity\r\n"), kUnknownCoding},
      {"CodingXchunked", post("Transfer-Encoding: xchunked\r\n"), kUnknownCoding},
      {"CodingChunkedThenGzip", post("Transfer-Encoding: chunked, gzip\r\n"), kUnknownCoding},
      {"CodingGzipThenChunked", post("Transfer-Encoding: gzip, chunked\r\n", chunked),
       kUnknownCoding},
      {"CodingChunkedTwiceInAList", post("Transfer-Encoding: chunked, chunked\r\n", chunked),
       kBadCoding},
      {"CodingChunkedOnTwoLines",
       post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", chunked),
       "error 400: Transfer-Encoding is repeated"},
      {"CodingIdentityAfterChunked",
       post("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", chunked),
       "error 400: Transfer-Encoding is repeated"},
      {"CodingWithEmptyElement", post("Transfer-Encoding: chunked,\r\n", chunked), kBadCoding},
      {"CodingEmpty", post("Transfer-Encoding:\r\n"), kBadCoding},
      {"CodingQuoted", post("Transfer-Encoding: \"chunked\"\r\n", chunked), kBadCoding},
      {"CodingWithParameter", post("Transfer-Encoding: chunked;q=1\r\n", chunked), kBadCoding},
      {"CodingAfterVerticalTab", post("Transfer-Encoding: \vchunked\r\n", chunked), kControl},
      {"CodingInHttp10",
       "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked,
       "error 400: Transfer-Encoding in HTTP/1.0"},
      {"LengthRepeatedEqually", post("Content-Length: 3\r\nContent-Length: 3\r\n", "abc"),
       "POST / host=a framing=length:3 keep"},
      {"LengthListOfEquals", post("Content-Length: 3, 3\r\n", "abc"),
       "POST / host=a framing=length:3 keep"},
      {"LengthsDiffer", post("Content-Length: 3\r\nContent-Length: 4\r\n", "abcd"), kTwoLengths},
      {"LengthListDiffers", post("Content-Length: 3, 4\r\n", "abcd"), kTwoLengths},
      {"LengthListEndsEmpty", post("Content-Length: 3,\r\n", "abc"), kBadLength},
      {"LengthEmpty", post("Content-Length:\r\n"), kBadLength},
      {"LengthSigned", post("Content-Length: +3\r\n", "abc"), kBadLength},
      {"LengthNegative", post("Content-Length: -3\r\n", "abc"), kBadLength},
      {"LengthHexadecimal", post("Content-Length: 0x3\r\n", "abc"), kBadLength},
      {"LengthWithBlankInside", post("Content-Length: 1 1\r\n", "abc"), kBadLength},
      {"LengthWithFraction", post("Content-Length: 3.0\r\n", "abc"), kBadLength},
      {"LengthOfSixtyThreeBits",
       "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 9223372036854775807\r\n\r\n",
       "PUT / host=a framing=length:9223372036854775807 keep"},
      {"LengthBeyondSixtyThreeBits", post("Content-Length: 9223372036854775808\r\n"), kBadLength},
      {"LengthBeyondSixtyFourBits", post("Content-Length: 18446744073709551619\r\n"), kBadLength},
      {"LengthWithLeadingZeros", post("Content-Length: 0003\r\n", "abc"),
       "POST / host=a framing=length:3 keep"},
  };
}

std::vector<RequestCase> forbidden_octets() {
  return {
      {"FoldedValue", get("X: a\r\n b\r\n"), kFolded},
      {"FoldedEmptyValue", get("X:\r\n\tb\r\n"), kFolded},
      {"FoldedCoding", post("Transfer-Encoding:\r\n chunked\r\n"), kFolded},
      {"FirstFieldIndented", "GET / HTTP/1.1\r\n Host: a\r\n\r\n", kFolded},
      {"BlankBeforeColon", get("X : a\r\n"), "error 400: white space follows a field name"},
      {"TabBeforeColon", post("Content-Length\t: 3\r\n"),
       "error 400: white space follows a field name"},
      {"EmptyName", get(": a\r\n"), "error 400: a field name is empty"},
      {"NameWithParenthesis", get("X(y): a\r\n"), kNoToken},
      {"NameWithObsText", get("caf\xe9: a\r\n"), kNoToken},
      {"NameWithNul", get("X\0y: a\r\n"s), kNoToken},
      {"LineWithoutColon", get("novalue\r\n"), "error 400: a field line has no colon"},
      {"NulInValue", get("X: a\0b\r\n"s), kControl},
      {"DeleteInValue", get("X: a\x7f\r\n"), kControl},
      {"EscapeInValue", get("X: \x1b[31m\r\n"), kControl},
      {"CarriageReturnInValue", get("X: a\rb\r\n"), kLineEnd},
      {"CarriageReturnBeforeLineEnd", get("X: a\r\r\n"), kLineEnd},
      {"BareLineFeedEndsField", "GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n", kLineEnd},
      {"BareLineFeedHidesRequest", "GET / HTTP/1.1\r\nHost: a\n\nGET /admin HTTP/1.1\r\n\r\n",
       kLineEnd},
      {"BareLineFeedAsEmptyLine", "GET / HTTP/1.1\r\nHost: a\r\n\n", kLineEnd},
      {"BareLineFeedEndsRequestLine", "GET / HTTP/1.1\nHost: a\r\n\r\n", kLineEnd},
      {"CarriageReturnEndsRequestLine", "GET / HTTP/1.1\rHost: a\r\n\r\n", kLineEnd},
      {"ObsTextInTarget", line("GET /caf\xc3\xa9 HTTP/1.1"), kBadTarget},
      {"ControlByteInTarget", line("GET /a\x01 HTTP/1.1"), kBadTarget},
      {"TabInTarget", line("GET /a\tb HTTP/1.1"), kBadTarget},
      {"FragmentInTarget", line("GET /public#/../admin HTTP/1.1"), kBadTarget},
      {"BlankInTarget", line("GET /a b HTTP/1.1"), kNoVersion},
      {"TwoBlanksBeforeTarget", line("GET  / HTTP/1.1"),
       "error 400: the request line has no target"},
      {"TwoBlanksBeforeVersion", line("GET /  HTTP/1.1"), kNoVersion},
      {"TabAfterMethod", line("GET\t/ HTTP/1.1"), kNoMethod},
      {"BlankBeforeMethod", line(" GET / HTTP/1.1"), kNoMethod},
      {"BlankAfterVersion", line("GET / HTTP/1.1 "),
       "error 400: the start line does not end after its last part"},
      {"MethodIsNoToken", line("G(E)T / HTTP/1.1"), kNoMethod},
  };
}

std::vector<RequestCase> hosts_and_targets() {
  return {
      {"HostMissing", "GET / HTTP/1.1\r\nX: a\r\n\r\n", "error 400: Host is missing"},
      {"NoFieldsAtAll", "GET / HTTP/1.1\r\n\r\n", "error 400: Host is missing"},
      {"HostTwice", get("Host: b\r\n"), "error 400: Host is repeated"},
      {"HostTwiceEqually", get("host: a\r\n"), "error 400: Host is repeated"},
      {"HostEmpty", with_host(""), kBadHost},
      {"HostWithPort", with_host("a.example:8080"), "GET / host=a.example:8080 framing=none keep"},
      {"HostWithEmptyPort", with_host("a:"), "GET / host=a: framing=none keep"},
      {"HostWithUnderscore", with_host("my_service"), "GET / host=my_service framing=none keep"},
      {"HostPercentEncoded", with_host("a%2Db"), "GET / host=a%2Db framing=none keep"},
      {"HostIpv4", with_host("192.0.2.1:80"), "GET / host=192.0.2.1:80 framing=none keep"},
      {"HostIpv6", with_host("[2001:db8::1]:80"), "GET / host=[2001:db8::1]:80 framing=none keep"},
      {"HostIpv6Unspecified", with_host("[::]"), "GET / host=[::] framing=none keep"},
      {"HostIpv6WithIpv4", with_host("[::ffff:192.0.2.1]"),
       "GET / host=[::ffff:192.0.2.1] framing=none keep"},
      {"HostIpv6Full", with_host("[1:2:3:4:5:6:7:8]"),
       "GET / host=[1:2:3:4:5:6:7:8] framing=none keep"},
      {"HostIpv6TooLong", with_host("[1:2:3:4:5:6:7:8:9]"), kBadHost},
      {"HostIpv6TooShort", with_host("[1:2:3]"), kBadHost},
      {"HostIpv6ShortenedTwice", with_host("[1::2::3]"), kBadHost},
      {"HostIpv6SingleColonFirst", with_host("[:1:2]"), kBadHost},
      {"HostIpv6WithZone", with_host("[fe80::1%25eth0]"), kBadHost},
      {"HostIpv6Open", with_host("[::1"), kBadHost},
      {"HostIpv6Bare", with_host("::1"), kBadHost},
      {"HostPortIsNoNumber", with_host("a:80a"), kBadHost},
      {"HostPortOutOfRange", with_host("a:65536"), kBadHost},
      {"HostPortOfSixDigits", with_host("a:000080"), kBadHost},
      {"HostPortSigned", with_host("a:+80"), kBadHost},
      {"HostWithTwoPorts", with_host("a:80:81"), kBadHost},
      {"HostWithPath", with_host("a/b"), kBadHost},
      {"HostWithUser", with_host("user@a"), kBadHost},
      {"HostWithBlank", with_host("a b"), kBadHost},
      {"HostIsAList", with_host("a, b"), kBadHost},
      {"HostBadPercentEncoding", with_host("a%2"), kBadHost},
      {"HostWithObsText", with_host("caf\xe9"), kBadHost},
      {"AbsoluteTargetReplacesHost", "GET http://b.example:81/x?y HTTP/1.1\r\nHost: a\r\n\r\n",
       "GET /x?y host=b.example:81 framing=none keep"},
      {"AbsoluteTargetSchemeIgnoresCase", line("GET HTTPS://b/ HTTP/1.1"),
       "GET / host=b framing=none keep"},
      {"AbsoluteTargetWithoutPath", line("GET http://b HTTP/1.1"),
       "GET / host=b framing=none keep"},
      {"AbsoluteTargetWithQueryOnly", line("GET http://b?q=/ HTTP/1.1"),
       "GET /?q=/ host=b framing=none keep"},
      {"AbsoluteTargetOfOptionsWithoutPath", line("OPTIONS http://b:80 HTTP/1.1"),
       "OPTIONS * host=b:80 framing=none keep"},
      {"AbsoluteTargetStillNeedsHost", "GET http://b/ HTTP/1.1\r\n\r\n",
       "error 400: Host is missing"},
      {"AbsoluteTargetWithEmptyHost", "GET http://b/ HTTP/1.1\r\nHost:\r\n\r\n",
       "GET / host=b framing=none keep"},
      {"AbsoluteTargetWithBadHost", "GET http://b/ HTTP/1.1\r\nHost: a/b\r\n\r\n", kBadHost},
      {"AbsoluteTargetWithUser", line("GET http://user@b/ HTTP/1.1"),
       "error 400: the target's authority is malformed"},
      {"AbsoluteTargetWithoutAuthority", line("GET http:///x HTTP/1.1"),
       "error 400: the target's authority is malformed"},
      {"AbsoluteTargetOfOtherScheme", line("GET ftp://b/ HTTP/1.1"),
       "error 400: the target is neither a path nor an http URI"},
      {"AsteriskOfOptions", line("OPTIONS * HTTP/1.1"), "OPTIONS * host=a framing=none keep"},
      {"AsteriskOfGet", line("GET * HTTP/1.1"), "error 400: the target * is for OPTIONS only"},
      {"AuthorityAsTarget", line("GET a:80 HTTP/1.1"),
       "error 400: the target is neither a path nor an http URI"},
      {"RelativeTarget", line("GET index.html HTTP/1.1"),
       "error 400: the target is neither a path nor an http URI"},
      {"Connect", "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n",
       "error 501: CONNECT is not offered here"},
  };
}

std::vector<RequestCase> versions() {
  const std::string get10 = "GET / HTTP/1.0\r\n";
  return {
      {"Http10", get10 + "\r\n", "GET / host= framing=none close 1.0"},
      {"Http10WithHost", get10 + "Host: a\r\n\r\n", "GET / host=a framing=none close 1.0"},
      {"Http10WithBadHost", get10 + "Host: a b\r\n\r\n", kBadHost},
      {"Http10KeepsAliveWhenAsked", get10 + "Connection: Keep-Alive\r\n\r\n",
       "GET / host= framing=none keep 1.0"},
      {"Http10CloseWins", get10 + "Connection: keep-alive, close\r\n\r\n",
       "GET / host= framing=none close 1.0"},
      {"Http10ExpectationMeansNothing", get10 + "Expect: 100-continue\r\n\r\n",
       "GET / host= framing=none close 1.0"},
      {"Http12CountsAsHttp11", line("GET / HTTP/1.2"), kPlain},
      {"Http19CountsAsHttp11", line("GET / HTTP/1.9"), kPlain},
      {"Http20", line("GET / HTTP/2.0"), kVersion},
      {"Http20Preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", kVersion},
      {"Http09WithVersion", line("GET / HTTP/0.9"), kVersion},
      {"Http09", "GET /\r\n", "error 505: the request line names no HTTP version"},
      {"Http30", line("GET / HTTP/3.0"), kVersion},
      {"MinorVersionOfTwoDigits", line("GET / HTTP/1.10"),
       "error 400: the start line does not end after its last part"},
      {"MajorVersionOfTwoDigits", line("GET / HTTP/11.1"), kBadVersion},
      {"VersionWithoutDot", line("GET / HTTP/11"), kBadVersion},
      {"VersionInLowerCase", line("GET / http/1.1"), kNoVersion},
      {"VersionOfAnotherProtocol", line("GET / RTSP/1.0"), kNoVersion},
      {"TlsClientHello", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"s,
       "error 400: this port speaks no TLS"},
      {"SshBanner", "SSH-2.0-OpenSSH_9.2\r\n", kNoMethod},
      {"ProxyProtocolSignature", "\r\n\r\n\0\r\nQUIT\n"s, kNoMethod},
      {"BinaryNoise", "\x80\x2e\x01\x00\x02"s, kNoMethod},
  };
}

std::vector<RequestCase> connections() {
  return {
      {"Close", get("Connection: close\r\n"), "GET / host=a framing=none close"},
      {"CloseAmongOthers", get("Connection: x-a, CLOSE ,, x-b\r\n"),
       "GET / host=a framing=none close"},
      {"CloseOnSecondLine", get("Connection: keep-alive\r\nConnection: close\r\n"),
       "GET / host=a framing=none close"},
      {"ConnectionEmpty", get("Connection:\r\n"), kPlain},
      {"ConnectionOptionIsNoToken", get("Connection: close;q=1\r\n"),
       "error 400: a Connection option is not a token"},
      {"ConnectionHasTooManyOptions",
       get("Connection: a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a\r\n"),
       "error 400: Connection has too many options"},
      {"ProxyConnectionMeansNothing", get("Proxy-Connection: close\r\n"), kPlain},
      {"UpgradeToWebSocket", get("Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n"),
       "GET / host=a framing=none keep upgrade"},
      {"UpgradeWithoutConnection", get("Upgrade: websocket\r\n"), kPlain},
      {"UpgradeWithoutProtocol", get("Connection: upgrade\r\nUpgrade:\r\n"), kPlain},
      {"UpgradeInHttp10",
       "GET / HTTP/1.0\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
       "GET / host=a framing=none close 1.0"},
      {"UpgradeToH2cIsIgnored",
       get("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"),
       kPlain},
      {"UpgradeToH2cAmongOthersIsIgnored",
       get("Connection: upgrade\r\nUpgrade: websocket, H2C\r\n"), kPlain},
      {"UpgradeWithChunksIsIgnored",
       post("Connection: upgrade\r\nUpgrade: x\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
       "POST / host=a framing=chunked keep"},
      {"UpgradeWithBodyIsIgnored",
       post("Connection: upgrade\r\nUpgrade: x\r\nContent-Length: 1\r\n", "z"),
       "POST / host=a framing=length:1 keep"},
  };
}

std::vector<RequestCase> limits() {
  const HeadLimits limit;
  const std::string longest(limit.max_target_bytes - 1, 'x');
  const std::string large(limit.max_head_bytes, 'x');
  const std::string too_long = "error 414: the request target is too long";
  const std::string too_large = "error 431: the head is too large";
  return {
      {"LongestTarget", line("GET /" + longest + " HTTP/1.1"),
       "GET /" + longest + " host=a framing=none keep"},
      {"TargetTooLong", line("GET /" + longest + "x HTTP/1.1"), too_long},
      {"TargetWithoutEnd", "GET /" + large, too_long},
      {"MethodTooLong", line(std::string(65, 'M') + " / HTTP/1.1"),
       "error 501: the method is too long"},
      {"MethodWithoutEnd", std::string(65, 'M'), "error 501: the method is too long"},
      {"MostFields", "GET / HTTP/1.1\r\nHost: a\r\n" + fields(99) + "\r\n", kPlain},
      {"TooManyFields", "GET / HTTP/1.1\r\nHost: a\r\n" + fields(100) + "\r\n",
       "error 431: the head has too many fields"},
      {"LargeHead", get("X: " + large.substr(4096) + "\r\n"), kPlain},
      {"TooLargeHead", get("X: " + large + "\r\n"), too_large},
      {"HeadTooLargeWithoutEnd", "GET / HTTP/1.1\r\nX: " + large, too_large},
  };
}

}  // namespace

const std::vector<RequestCase>& request_cases() {
  static const std::vector<RequestCase> all = [] {
    std::vector<RequestCase> cases;
    for (auto* part : {&ordinary, &lengths_and_codings, &forbidden_octets, &hosts_and_targets,
                       &versions, &connections, &limits}) {
      for (RequestCase& one : part()) cases.push_back(std::move(one));
    }
    return cases;
  }();
  return all;
}

}  // namespace evenkeel::net::http1::testing
