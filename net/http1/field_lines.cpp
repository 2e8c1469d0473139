// SPDX-License-Identifier: Apache-2.0
#include "field_lines.h"

#include <algorithm>

#include "octets.h"

namespace evenkeel::net::http1 {
namespace {

HeadError wrong_name(std::string_view section, std::size_t begin, std::size_t end) {
  if (end == begin && end < section.size() && is(kBlank, section[end])) {
    return {400, "a field line begins with white space"};
  }
  if (end == begin && end < section.size() && section[end] == ':') {
    return {400, "a field name is empty"};
  }
  if (end < section.size() && is(kBlank, section[end])) {
    return {400, "white space follows a field name"};
  }
  if (end < section.size() && section[end] != '\r' && section[end] != '\n') {
    return {400, "a field name is not a token"};
  }
  if (end == begin && end < section.size()) return {400, "a line ends without CR and LF"};
  return {400, "a field line has no colon"};
}

HeadError wrong_value(std::string_view section, std::size_t end) {
  if (end == section.size()) return {400, "the head is cut short"};
  if (section[end] == '\r' || section[end] == '\n') return {400, "a line ends without CR and LF"};
  return {400, "a field value has a control byte"};
}

bool is_crlf(std::string_view text, std::size_t at) {
  return at + 1 < text.size() && text[at] == '\r' && text[at + 1] == '\n';
}

}  // namespace

std::optional<HeadError> scan_field_lines(std::string_view section, std::size_t max_fields,
                                          Fields& out) {
  const std::size_t most = std::min(max_fields, Fields::kCapacity);
  out.clear();
  std::size_t at = 0;
  while (!is_crlf(section, at)) {
    if (at == section.size()) return HeadError{400, "the head is cut short"};
    const std::size_t colon = skip(kToken, section, at);
    if (colon == at || colon == section.size() || section[colon] != ':') {
      return wrong_name(section, at, colon);
    }
    const std::size_t begin = skip(kBlank, section, colon + 1);
    const std::size_t end = skip(kValue, section, begin);
    if (!is_crlf(section, end)) return wrong_value(section, end);
    std::size_t last = end;
    while (last > begin && is(kBlank, section[last - 1])) --last;
    if (out.size() == most) return HeadError{431, "the head has too many fields"};
    const std::string_view name = section.substr(at, colon - at);
    out.add(name, section.substr(begin, last - begin), field_id(name));
    at = end + 2;
  }
  if (at + 2 != section.size()) return HeadError{400, "bytes follow the end of the head"};
  return std::nullopt;
}

}  // namespace evenkeel::net::http1
