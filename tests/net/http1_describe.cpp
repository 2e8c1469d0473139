// SPDX-License-Identifier: Apache-2.0
#include <cstdlib>

#include "http1_cases.h"

namespace evenkeel::net::http1::testing {
namespace {

std::string framing_text(BodyFraming framing, std::uint64_t length) {
  switch (framing) {
    case BodyFraming::none:
      return " framing=none";
    case BodyFraming::length:
      return " framing=length:" + std::to_string(length);
    case BodyFraming::chunked:
      return " framing=chunked";
    case BodyFraming::until_close:
      return " framing=until-close";
  }
  return "";
}

}  // namespace

unsigned RequestCase::error_status() const {
  constexpr std::string_view kError = "error ";
  if (meaning.compare(0, kError.size(), kError) != 0) return 0;
  return static_cast<unsigned>(std::strtoul(meaning.c_str() + kError.size(), nullptr, 10));
}

std::string describe(const RequestHead& head) {
  std::string text(head.method_text);
  text += head.target_lacks_slash ? " /" : " ";
  text += head.target;
  text += " host=";
  text += head.host;
  text += framing_text(head.framing, head.length);
  text += head.keep_alive ? " keep" : " close";
  if (head.minor_version == 0) text += " 1.0";
  if (head.expects_continue) text += " expects-continue";
  if (head.wants_upgrade) text += " upgrade";
  if (head.max_forwards) text += " max-forwards=" + std::to_string(*head.max_forwards);
  return text;
}

std::string describe(const ResponseHead& head) {
  std::string text = std::to_string(head.status);
  text += " [";
  text += head.reason;
  text += "]" + framing_text(head.framing, head.length);
  text += head.keep_alive ? " keep" : " close";
  if (head.minor_version == 0) text += " 1.0";
  if (head.has_retry_after) {
    text += " retry-after=";
    text += head.retry_after_seconds ? std::to_string(*head.retry_after_seconds) : "date";
  }
  if (head.switches_protocol) text += " switches";
  return text;
}

std::string describe(const HeadError& error) {
  return "error " + std::to_string(error.status) + ": " + error.cause;
}

}  // namespace evenkeel::net::http1::testing
