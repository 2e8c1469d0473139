// SPDX-License-Identifier: Apache-2.0
//
// Values that say which requests are meant.
#include <algorithm>
#include <string_view>
#include <utility>

#include "address.h"
#include "evenkeel/core/route/path_pattern.h"
#include "field_types.h"

namespace evenkeel::core {
namespace {

using Wrong = std::optional<std::string>;

constexpr std::size_t kMaxFieldName = 128;
constexpr std::size_t kMaxFieldValue = 1024;
constexpr const char* kTokenPattern = "^[!#$%&'*+.^_`|~0-9A-Za-z-]{0,128}$";

// RFC 9110 §5.6.2: what the names of headers and cookies are made of.
bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
  });
}

std::string to_lower(std::string text) {
  for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return text;
}

Scalar token(std::string& value, const std::string& type, bool lower) {
  const auto take = [&value, type, lower](const std::string& text) -> Wrong {
    if (text.size() > kMaxFieldName || !(text.empty() || is_token(text))) {
      return "a " + type + " such as X-Client-Id";
    }
    value = lower ? to_lower(text) : text;
    return std::nullopt;
  };
  return special(type, "\"type\": \"string\", \"pattern\": \"" + std::string(kTokenPattern) + "\"",
                 take, [&value] { return value; });
}

// One {name: value} of a match; the names must differ.
Wrong add_match(std::vector<FieldMatch>& values, std::string name, const DocumentNode& node) {
  const bool is_text = node.kind == DocumentNode::Kind::scalar;
  if (!is_text || node.scalar.size() > kMaxFieldValue) {
    return "expected text of at most " + std::to_string(kMaxFieldValue) +
           " bytes (\"\": any value), found " + describe(node);
  }
  const auto same = [&name](const FieldMatch& other) { return other.name == name; };
  if (std::any_of(values.begin(), values.end(), same)) return "is given twice";
  values.push_back({std::move(name), node.scalar});
  return std::nullopt;
}

ScalarMap matches(std::vector<FieldMatch>& values, std::string type) {
  ScalarMap map;
  map.type = std::move(type);
  map.schema = R"("type": ["string", "number", "boolean"])";
  map.max_items = kMaxMatchFields;
  map.clear = [&values] { values.clear(); };
  map.write = [&values] {
    std::vector<std::pair<std::string, std::string>> entries;
    entries.reserve(values.size());
    for (const FieldMatch& match : values) entries.emplace_back(match.name, yaml_text(match.value));
    return entries;
  };
  return map;
}

Wrong add_region(std::vector<RegionRange>& values, const std::string& region,
                 const DocumentNode& node) {
  std::string name;
  DocumentNode key;
  key.kind = DocumentNode::Kind::scalar;
  key.scalar = region;
  if (auto wrong = core::name(name).read(key)) return wrong;
  if (node.kind != DocumentNode::Kind::sequence || node.items.empty()) {
    return "expected a list of address ranges, found " + describe(node);
  }
  if (values.size() + node.items.size() > kMaxRegionRanges) {
    return "expected at most " + std::to_string(kMaxRegionRanges) + " ranges in all regions";
  }
  for (const DocumentNode& item : node.items) {
    const bool is_text = item.kind == DocumentNode::Kind::scalar;
    auto range = parse_address_range(is_text ? item.scalar : "");
    if (!range) return "expected " + range.error() + ", found " + describe(item);
    const auto same = [&range](const RegionRange& other) { return other.range == *range; };
    const auto first = std::find_if(values.begin(), values.end(), same);
    if (first != values.end()) {
      return "the range " + to_text(*range) + " is already that of " + first->region;
    }
    values.push_back({*range, region});
  }
  return std::nullopt;
}

}  // namespace

ScalarList match_hosts(std::vector<std::string>& values) {
  return list<std::string>(
      values,
      [](std::string& value) {
        const auto take = [&value](const std::string& text) -> Wrong {
          const auto host = parse_match_host(text);
          if (!host) return host.error();
          value = *host;
          return std::nullopt;
        };
        const std::string pattern = R"(^(\\*\\.)?[^ :/*]+$|^\\[.*\\]$)";
        return special("host", "\"type\": \"string\", \"pattern\": \"" + pattern + "\"", take,
                       [&value] { return value; });
      },
      0, kMaxMatchHosts);
}

Scalar path_regex(std::string& value) {
  const auto take = [&value](const std::string& text) -> Wrong {
    if (!text.empty()) {
      const auto pattern = PathPattern::compile(text);
      if (!pattern) return "a regular expression that matches a whole path: " + pattern.error();
    }
    value = text;
    return std::nullopt;
  };
  return special("regular expression",
                 "\"type\": \"string\", \"maxLength\": " + std::to_string(kMaxPatternBytes), take,
                 [&value] { return value; });
}

Scalar field_name(std::string& value) { return token(value, "header or cookie name", false); }

Scalar header_name(std::string& value) { return token(value, "header name", true); }

ScalarMap header_matches(std::vector<FieldMatch>& values) {
  ScalarMap map = matches(values, "header names to values");
  map.add = [&values](const std::string& key, const DocumentNode& node) -> Wrong {
    if (key.size() > kMaxFieldName || !is_token(key)) return "is not the name of a header";
    return add_match(values, to_lower(key), node);
  };
  return map;
}

ScalarMap query_matches(std::vector<FieldMatch>& values) {
  ScalarMap map = matches(values, "parameter names to values");
  map.add = [&values](const std::string& key, const DocumentNode& node) -> Wrong {
    if (key.empty() || key.size() > kMaxFieldName) return "is not the name of a parameter";
    return add_match(values, key, node);
  };
  return map;
}

ScalarList address_ranges(std::vector<AddressRange>& values) {
  return list<AddressRange>(
      values,
      [](AddressRange& value) {
        const auto take = [&value](const std::string& text) -> Wrong {
          const auto range = parse_address_range(text);
          if (!range) return range.error();
          value = *range;
          return std::nullopt;
        };
        return special("address range", R"("type": "string", "pattern": "^[0-9A-Fa-f.:/]+$")", take,
                       [&value] { return to_text(value); });
      },
      0, kMaxMatchClients);
}

ScalarList region_names(std::vector<std::string>& values) {
  return list<std::string>(
      values, [](std::string& value) { return name(value); }, 0, kMaxRegions);
}

ScalarMap region_ranges(std::vector<RegionRange>& values) {
  ScalarMap map;
  map.type = "region names to lists of address ranges";
  map.schema = R"("type": "array", "minItems": 1, "items": {"type": "string"})";
  map.max_items = kMaxRegions;
  map.clear = [&values] { values.clear(); };
  map.add = [&values](const std::string& key, const DocumentNode& node) {
    return add_region(values, key, node);
  };
  map.write = [&values] {
    std::vector<std::pair<std::string, std::string>> entries;
    for (const RegionRange& value : values) {
      const std::string range = "\"" + to_text(value.range) + "\"";
      const auto same = [&value](const auto& entry) { return entry.first == value.region; };
      const auto found = std::find_if(entries.begin(), entries.end(), same);
      if (found == entries.end()) {
        entries.emplace_back(value.region, "[" + range + "]");
      } else {
        found->second.insert(found->second.size() - 1, ", " + range);
      }
    }
    return entries;
  };
  return map;
}

}  // namespace evenkeel::core
