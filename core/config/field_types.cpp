// SPDX-License-Identifier: Apache-2.0
#include "field_types.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

#include "address.h"
#include "evenkeel/core/config/reader.h"
#include "utf8.h"

namespace evenkeel::core {
namespace {

using Wrong = std::optional<std::string>;

// A Scalar of a parser that answers with the value or with what it expected.
template <typename T, typename Parse, typename Write>
Scalar parsed(std::string type, std::string schema, T& value, Parse parse, Write write) {
  return special(
      std::move(type), std::move(schema),
      [&value, parse](const std::string& text) -> Wrong {
        auto result = parse(text);
        if (!result) return result.error();
        value = *std::move(result);
        return std::nullopt;
      },
      [&value, write] { return write(value); });
}

std::optional<std::uint16_t> parse_status(std::string_view text) {
  std::uint16_t status = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), status);
  const bool whole = error == std::errc{} && end == text.data() + text.size();
  if (!whole || text.size() != 3 || status < 100 || status > 599) return std::nullopt;
  return status;
}

Result<StatusRange, std::string> parse_status_range(const std::string& text) {
  const std::size_t dash = text.find('-');
  const auto first = parse_status(text.substr(0, dash));
  const auto last = dash == std::string::npos ? first : parse_status(text.substr(dash + 1));
  if (!first || !last || *first > *last) {
    return Unexpected{std::string("a status code or range from 100 to 599 such as 200-399")};
  }
  return StatusRange{*first, *last};
}

std::string write_status_range(StatusRange range) {
  const std::string first = std::to_string(range.first);
  return range.first == range.last ? first : first + "-" + std::to_string(range.last);
}

Result<std::string, std::string> parse_path(const std::string& text) {
  const bool printable =
      std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7F; });
  if (text.empty() || text.front() != '/' || text.size() > 1024 || !printable ||
      text.find_first_of("?#") != std::string::npos) {
    return Unexpected{std::string("a path that begins with /, without spaces, query or fragment")};
  }
  return text;
}

struct Condition {
  std::string_view word;
  bool RetryConditions::*member;
};
constexpr std::array<Condition, 3> kConditions = {{
    {"connect_failure", &RetryConditions::connect_failure},
    {"reset_before_head", &RetryConditions::reset_before_head},
    {"attempt_timeout", &RetryConditions::attempt_timeout},
}};

Wrong add_condition(RetryConditions& value, const DocumentNode& node) {
  std::vector<std::string> words;
  const bool is_text = node.kind == DocumentNode::Kind::scalar;
  for (const Condition& condition : kConditions) {
    if (is_text && node.scalar == condition.word) {
      value.*condition.member = true;
      return std::nullopt;
    }
    words.emplace_back(condition.word);
  }
  const auto status = is_text ? parse_status(node.scalar) : std::nullopt;
  if (status && *status >= 400) {
    const auto found = std::find(value.statuses.begin(), value.statuses.end(), *status);
    if (found == value.statuses.end()) value.statuses.push_back(*status);
    return std::nullopt;
  }
  const std::string near = is_text ? closest(node.scalar, words) : "";
  return "expected connect_failure, reset_before_head, attempt_timeout or a status code from 400 "
         "to 599, found " +
         describe(node) + (near.empty() ? "" : "; did you mean \"" + near + "\"?");
}

}  // namespace

Scalar listen_address(Endpoint& value) {
  return parsed("address", R"("type": "string", "pattern": ":[0-9]+$")", value,
                parse_listen_address, [](const Endpoint& endpoint) { return to_text(endpoint); });
}

Scalar backend_url(Endpoint& value) {
  return parsed("URL", R"("type": "string", "pattern": "^http://[^/?#]+/?$")", value,
                parse_backend_url,
                [](const Endpoint& endpoint) { return "http://" + to_text(endpoint); });
}

Scalar redis_url(std::string& value) {
  const auto take = [&value](const std::string& text) -> Wrong {
    if (auto wrong = text.empty() ? Wrong() : find_redis_url_fault(text)) return wrong;
    value = text;
    return std::nullopt;
  };
  return special("Redis URL", R"("type": "string", "pattern": "^(redis://.+)?$")", take,
                 [&value] { return value; });
}

Scalar url_path(std::string& value) {
  return parsed("path", R"("type": "string", "pattern": "^/[^ ?#]*$", "maxLength": 1024)", value,
                parse_path, [](const std::string& path) { return path; });
}

namespace {

// The pool of that name, or what was expected.
Result<PoolIndex, std::string> find_pool(const std::string& wanted,
                                         const std::vector<PoolPolicy>& pools) {
  constexpr std::size_t kShown = 10;
  std::string known;
  for (std::size_t i = 0; i < pools.size(); ++i) {
    if (!wanted.empty() && pools[i].name == wanted) return static_cast<PoolIndex>(i);
    if (i < kShown) known += (i == 0 ? "" : ", ") + pools[i].name;
  }
  if (pools.size() > kShown) known += ", …";
  return Unexpected{"the name of a pool (there are: " + known + ")"};
}

std::string name_of(PoolIndex pool, const std::vector<PoolPolicy>& pools) {
  return index(pool) < pools.size() ? pools[index(pool)].name : std::string();
}

constexpr const char* kPoolSchema = R"("type": ["string", "integer"])";

}  // namespace

Scalar pool_by_name(PoolIndex& value, const std::vector<PoolPolicy>& pools) {
  const auto take = [&value, &pools](const std::string& wanted) -> Wrong {
    if (pools.empty()) return std::nullopt;  // reported where pools should be
    const auto found = find_pool(wanted, pools);
    if (!found) return found.error();
    value = *found;
    return std::nullopt;
  };
  return special("pool name", kPoolSchema, take,
                 [&value, &pools] { return name_of(value, pools); });
}

Scalar pool_by_name(std::optional<PoolIndex>& value, const std::vector<PoolPolicy>& pools) {
  const auto take = [&value, &pools](const std::string& wanted) -> Wrong {
    value.reset();
    if (pools.empty() || wanted.empty()) return std::nullopt;
    const auto found = find_pool(wanted, pools);
    if (!found) return found.error();
    value = *found;
    return std::nullopt;
  };
  return special("pool name", kPoolSchema, take,
                 [&value, &pools] { return value ? name_of(*value, pools) : std::string(); });
}

ScalarList status_ranges(std::vector<StatusRange>& values) {
  const std::string schema =
      R"("anyOf": [{"type": "integer", "minimum": 100, "maximum": 599}, )"
      R"({"type": "string", "pattern": "^[1-5][0-9]{2}(-[1-5][0-9]{2})?$"}])";
  return list<StatusRange>(
      values,
      [schema](StatusRange& value) {
        return parsed("status range", schema, value, parse_status_range, write_status_range);
      },
      1);
}

ScalarList retry_conditions(RetryConditions& value) {
  const std::string schema =
      R"("anyOf": [{"enum": ["connect_failure", "reset_before_head", "attempt_timeout"]}, )"
      R"({"type": "integer", "minimum": 400, "maximum": 599}, )"
      R"({"type": "string", "pattern": "^[45][0-9]{2}$"}])";
  const auto clear = [&value] { value = RetryConditions{false, false, false, {}}; };
  const auto write = [&value] {
    std::vector<std::string> words;
    for (const Condition& condition : kConditions) {
      if (value.*condition.member) words.emplace_back(condition.word);
    }
    for (const std::uint16_t status : value.statuses) words.push_back(std::to_string(status));
    return words;
  };
  return {"condition", "connect_failure, reset_before_head, attempt_timeout, 400 to 599",
          schema,      0,
          clear,       [&value](const DocumentNode& node) { return add_condition(value, node); },
          write};
}

}  // namespace evenkeel::core
