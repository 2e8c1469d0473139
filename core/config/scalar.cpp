// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/config/scalar.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <system_error>

#include "evenkeel/core/config/reader.h"
#include "evenkeel/core/config/units.h"
#include "utf8.h"

namespace evenkeel::core {
namespace {

using Wrong = std::optional<std::string>;

std::string expected(const std::string& what, const DocumentNode& node) {
  return "expected " + what + ", found " + describe(node);
}

bool is_scalar(const DocumentNode& node) { return node.kind == DocumentNode::Kind::scalar; }
bool is_plain(const DocumentNode& node) { return is_scalar(node) && !node.quoted; }

// For values that YAML tells from text: `max_attempts: "3"` is a text.
std::string expected_unquoted(const std::string& what, const DocumentNode& node) {
  return expected(what, node) +
         (is_scalar(node) && node.quoted ? " in quotes: leave them out" : "");
}

template <typename T>
std::optional<T> parse_all(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

template <typename T>
Scalar integer_of(T& value, std::uint64_t min, std::uint64_t max) {
  const std::string one = std::to_string(min);
  const std::string range = min == max ? one : one + " to " + std::to_string(max);
  const std::string what = min == max ? one : "a whole number from " + range;
  return {"integer", range,
          "\"type\": \"integer\", \"minimum\": " + std::to_string(min) +
              ", \"maximum\": " + std::to_string(max),
          [&value, min, max, what](const DocumentNode& node) -> Wrong {
            const auto parsed =
                is_plain(node) ? parse_all<std::uint64_t>(node.scalar) : std::nullopt;
            if (!parsed || *parsed < min || *parsed > max) return expected_unquoted(what, node);
            value = static_cast<T>(*parsed);
            return std::nullopt;
          },
          [&value] { return std::to_string(value); }};
}

std::string to_text(double value) {
  std::array<char, 64> buffer{};
  const auto result = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
  return {buffer.data(), result.ptr};
}

std::string join(const std::vector<std::string>& words, const std::string& between) {
  std::string joined;
  for (const std::string& word : words) joined += (joined.empty() ? "" : between) + word;
  return joined;
}

// Digits with at most three decimals; nothing for everything else.
std::optional<std::uint32_t> parse_thousandths(std::string_view text) {
  const std::size_t point = std::min(text.find('.'), text.size());
  const auto whole = parse_all<std::uint32_t>(text.substr(0, point));
  if (!whole || *whole > std::numeric_limits<std::uint32_t>::max() / 1000 - 1) return std::nullopt;
  if (point == text.size()) return *whole * 1000;
  std::string digits(text.substr(point + 1));
  if (digits.empty() || digits.size() > 3) return std::nullopt;
  digits.resize(3, '0');
  const auto part = parse_all<std::uint32_t>(digits);
  if (!part) return std::nullopt;
  return *whole * 1000 + *part;
}

std::string to_text(Decimal value) {
  std::string text = std::to_string(value.thousandths / 1000);
  if (value.thousandths % 1000 == 0) return text;
  const std::string part = std::to_string(1000 + value.thousandths % 1000);
  text += "." + part.substr(1);
  return text.substr(0, text.find_last_not_of('0') + 1);
}

}  // namespace

std::string yaml_text(const std::string& value) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '/' || c == '_';
  };
  const auto harmless = [plain](char c) {
    return plain(c) || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == ':';
  };
  const bool word = !value.empty() && plain(value.front()) &&
                    std::all_of(value.begin(), value.end(), harmless) && value.back() != ':';
  const bool reserved = value == "null" || value == "Null" || value == "NULL";
  if (word && !reserved) return value;
  std::string quoted = "\"";
  for (const char c : value) {
    if (c == '"' || c == '\\') quoted += '\\';
    if (c == '\n') {
      quoted += "\\n";
    } else if (c == '\t') {
      quoted += "\\t";
    } else if (c == '\r') {
      quoted += "\\r";
    } else {
      quoted += c;
    }
  }
  return quoted + "\"";
}

Scalar integer(std::uint16_t& value, std::uint64_t min, std::uint64_t max) {
  return integer_of(value, min, max);
}
Scalar integer(std::uint32_t& value, std::uint64_t min, std::uint64_t max) {
  return integer_of(value, min, max);
}
Scalar integer(std::uint64_t& value, std::uint64_t min, std::uint64_t max) {
  return integer_of(value, min, max);
}

Scalar number(double& value, double min, double max) {
  const std::string range = to_text(min) + " to " + to_text(max);
  return {"number", range,
          "\"type\": \"number\", \"minimum\": " + to_text(min) + ", \"maximum\": " + to_text(max),
          [&value, min, max, range](const DocumentNode& node) -> Wrong {
            const auto parsed = is_plain(node) ? parse_all<double>(node.scalar) : std::nullopt;
            // Written so that not-a-number is outside every range.
            if (!parsed || !(*parsed >= min && *parsed <= max)) {
              return expected_unquoted("a number from " + range, node);
            }
            value = *parsed;
            return std::nullopt;
          },
          [&value] { return to_text(value); }};
}

Scalar decimal(Decimal& value, Decimal min, Decimal max) {
  const std::string range = to_text(min) + " to " + to_text(max);
  return {"number", range,
          "\"type\": \"number\", \"minimum\": " + to_text(min) + ", \"maximum\": " + to_text(max),
          [&value, min, max, range](const DocumentNode& node) -> Wrong {
            const auto parsed = is_plain(node) ? parse_thousandths(node.scalar) : std::nullopt;
            if (!parsed || *parsed < min.thousandths || *parsed > max.thousandths) {
              return expected_unquoted("a number from " + range + " with at most three decimals",
                                       node);
            }
            value.thousandths = *parsed;
            return std::nullopt;
          },
          [&value] { return to_text(value); }};
}

Scalar flag(bool& value) {
  return {"boolean", "", R"("enum": [true, false, "on", "off"])",
          [&value](const DocumentNode& node) -> Wrong {
            const bool on = is_plain(node) && (node.scalar == "true" || node.scalar == "on");
            const bool off = is_plain(node) && (node.scalar == "false" || node.scalar == "off");
            if (!on && !off) return expected_unquoted("true or false", node);
            value = on;
            return std::nullopt;
          },
          [&value] { return std::string(value ? "true" : "false"); }};
}

Scalar duration(Duration& value, Duration min, Duration max) {
  const std::string range = format_duration(min) + " to " + format_duration(max);
  const std::string what = "a duration from " + range + " such as 250ms, 10s or 1m30s";
  return {"duration", range, R"("$ref": "#/$defs/duration")",
          [&value, min, max, what](const DocumentNode& node) -> Wrong {
            const auto parsed = is_scalar(node) ? parse_duration(node.scalar) : std::nullopt;
            if (!parsed || *parsed < min || *parsed > max) return expected(what, node);
            value = *parsed;
            return std::nullopt;
          },
          [&value] { return format_duration(value); }};
}

Scalar bytes(std::uint64_t& value, std::uint64_t min, std::uint64_t max) {
  const std::string range = format_size(min) + " to " + format_size(max);
  const std::string what = "a size from " + range + " such as 64KiB, 1MiB or plain bytes";
  return {"size", range, R"("$ref": "#/$defs/size")",
          [&value, min, max, what](const DocumentNode& node) -> Wrong {
            const auto parsed = is_scalar(node) ? parse_size(node.scalar) : std::nullopt;
            if (!parsed || *parsed < min || *parsed > max) return expected(what, node);
            value = *parsed;
            return std::nullopt;
          },
          [&value] { return format_size(value); }};
}

Scalar text(std::string& value, std::size_t min_length, std::size_t max_length) {
  std::string schema = R"("type": "string")";
  if (min_length > 0) schema += ", \"minLength\": " + std::to_string(min_length);
  schema += ", \"maxLength\": " + std::to_string(max_length);
  const std::string what =
      "text of " + std::to_string(min_length) + " to " + std::to_string(max_length) + " bytes";
  return {"text", "", std::move(schema),
          [&value, min_length, max_length, what](const DocumentNode& node) -> Wrong {
            const std::size_t length = node.scalar.size();
            if (!is_scalar(node) || length < min_length || length > max_length) {
              return expected(what, node);
            }
            value = node.scalar;
            return std::nullopt;
          },
          [&value] { return yaml_text(value); }};
}

namespace {

Scalar name_of(std::string& value, std::size_t min_length, std::size_t max_length) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("-_.:[]").find(c) != std::string_view::npos;
  };
  const std::string length = std::to_string(min_length) + " to " + std::to_string(max_length);
  const std::string what = "a name of " + length + " letters, digits and -_.:[]";
  return {"name", "",
          R"("type": ["string", "integer"], "pattern": "^[A-Za-z0-9_.:\\[\\]-]{)" +
              std::to_string(min_length) + "," + std::to_string(max_length) + "}$\"",
          [&value, allowed, min_length, max_length, what](const DocumentNode& node) -> Wrong {
            const std::string& given = node.scalar;
            if (!is_scalar(node) || given.size() < min_length || given.size() > max_length ||
                !std::all_of(given.begin(), given.end(), allowed)) {
              return expected(what, node);
            }
            value = given;
            return std::nullopt;
          },
          [&value] { return yaml_text(value); }};
}

}  // namespace

Scalar name(std::string& value, std::size_t max_length) { return name_of(value, 1, max_length); }

Scalar optional_name(std::string& value, std::size_t max_length) {
  return name_of(value, 0, max_length);
}

Scalar special(std::string type, std::string schema,
               std::function<std::optional<std::string>(const std::string&)> take,
               std::function<std::string()> write) {
  auto read = [type, take = std::move(take)](const DocumentNode& node) -> Wrong {
    if (!is_scalar(node)) return expected("a " + type, node);
    const auto what = take(node.scalar);
    if (what) return expected(*what, node);
    return std::nullopt;
  };
  return {std::move(type), "", std::move(schema), std::move(read),
          [write = std::move(write)] { return yaml_text(write()); }};
}

Scalar constant(std::string word) {
  return choice_of(
      {std::move(word)}, [](std::size_t) {}, []() -> std::size_t { return 0; });
}

Scalar choice_of(std::vector<std::string> words, std::function<void(std::size_t)> set,
                 std::function<std::size_t()> get) {
  const std::string range = join(words, ", ");
  const std::string what = words.size() == 1 ? words.front() : "one of " + range;
  auto read = [words, what, set = std::move(set)](const DocumentNode& node) -> Wrong {
    const auto found = std::find(words.begin(), words.end(), node.scalar);
    if (is_scalar(node) && found != words.end()) {
      set(static_cast<std::size_t>(found - words.begin()));
      return std::nullopt;
    }
    std::string wrong = expected(what, node);
    const std::string near = is_scalar(node) ? closest(node.scalar, words) : "";
    if (!near.empty() && words.size() > 1) wrong += "; did you mean \"" + near + "\"?";
    return wrong;
  };
  auto write = [words, get = std::move(get)] { return words[get()]; };
  std::string schema = "\"enum\": [\"" + join(words, "\", \"") + "\"]";
  return {"choice", range, std::move(schema), std::move(read), std::move(write)};
}

ScalarList methods(MethodSet& value) {
  constexpr auto kLast = static_cast<unsigned>(Method::other);
  std::vector<std::string> words;
  for (unsigned i = 0; i < kLast; ++i) {
    words.emplace_back(to_text(static_cast<Method>(i)));
  }
  const auto set = [&value](std::size_t i) { value.add(static_cast<Method>(i)); };
  const Scalar one = choice_of(words, set, []() -> std::size_t { return 0; });
  return {"method",
          one.range,
          one.schema,
          0,
          [&value] { value = MethodSet{}; },
          one.read,
          [&value] {
            std::vector<std::string> texts;
            for (unsigned i = 0; i < kLast; ++i) {
              const auto method = static_cast<Method>(i);
              if (value.contains(method)) texts.emplace_back(to_text(method));
            }
            return texts;
          }};
}

}  // namespace evenkeel::core
