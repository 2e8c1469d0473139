// SPDX-License-Identifier: Apache-2.0
//
// Properties of the loader: what is written loads to the same, and whatever is done to a good file,
// the answer is a Config or errors that have a place.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <fstream>
#include <string>
#include <vector>

#include "evenkeel/core/config/fields.h"
#include "evenkeel/core/config/loader.h"
#include "evenkeel/core/config/units.h"
#include "evenkeel/core/config/validate.h"
#include "evenkeel/core/config/writer.h"

namespace evenkeel::core {
namespace {

DocumentNode plain(std::string text) {
  DocumentNode node;
  node.kind = DocumentNode::Kind::scalar;
  node.scalar = std::move(text);
  return node;
}

std::vector<std::string> split(const std::string& text, const std::string& between) {
  std::vector<std::string> parts;
  std::size_t begin = 0;
  while (true) {
    const std::size_t end = text.find(between, begin);
    parts.push_back(text.substr(begin, end - begin));
    if (end == std::string::npos) return parts;
    begin = end + between.size();
  }
}

// Texts that a field of this type and range takes: its ends and its words, from the table itself.
std::vector<std::string> samples(const std::string& type, const std::string& range) {
  if (type == "choice" || type == "method") return split(range, ", ");
  if (type == "boolean") return {"true", "false", "on", "off"};
  if (type == "address") return {"0.0.0.0:0", "[::1]:65535", "127.0.0.1:8080", "[1:2::1.2.3.4]:1"};
  if (type == "URL")
    return {"http://a", "http://10.1.2.3:65535/", "http://[::1]:1", "http://a_b.c-d:9"};
  if (type == "path") return {"/", "/a/b%20c", "/~x!$&'()*+,;=:@"};
  if (type == "name") return {"a", "A-1_b.c:d", "7", "null", "off", "[::1]:80", "true", "1e3"};
  if (type == "text")
    return {"x",    "a b", "\"quoted\" \\ 'x'", "# no comment", "täxt", "- a", "a: b", "\t",
            "null", "1"};
  if (type == "pool name") return {};  // the only one: stays
  if (type == "header name") return {"x-client", "a"};
  if (type == "header or cookie name") return {"X-Client", "sid"};
  if (type == "Redis URL") return {"", "redis://a", "redis://u:p@[::1]:1/2"};
  if (type == "regular expression") return {"", "/a[0-9]+", R"(/(x|y)/\d{1,3}/.*)"};
  if (type == "address range") return {"10.0.0.0/8", "192.0.2.1/32", "2001:db8:0:0:0:0:0:0/32"};
  if (type == "host") return {"a.example", "[::1]", "10.0.0.1"};
  if (type == "status range") return {"100", "200-399", "599"};
  if (type == "condition")
    return {"connect_failure", "reset_before_head", "attempt_timeout", "400", "599"};
  return split(range, " to ");
}

// Gives some fields other values. `pick(n)` chooses below n.
class FieldFiller final : public FieldVisitor {
 public:
  using Pick = std::function<std::size_t(std::size_t)>;
  FieldFiller(Pick pick, std::size_t one_in) : pick_(std::move(pick)), one_in_(one_in) {}

  std::size_t changed = 0;

  void scalar(const Field&, const Scalar& scalar) override {
    const auto texts = samples(scalar.type, scalar.range);
    if (texts.empty() || pick_(one_in_) != 0) return;
    const auto wrong = scalar.read(plain(texts[pick_(texts.size())]));
    ASSERT_FALSE(wrong) << *wrong;
    ++changed;
  }

  void list(const Field&, const ScalarList& list) override {
    if (pick_(one_in_) != 0) return;
    const auto texts = samples(list.type, list.range);
    list.clear();
    const std::size_t count = std::max(list.min_items, pick_(4));
    for (std::size_t i = 0; i < count; ++i) {
      const auto wrong = list.add(plain(texts[pick_(texts.size())]));
      ASSERT_FALSE(wrong) << *wrong;
    }
    ++changed;
  }

  void map(const Field& field, const ScalarMap& map) override {
    if (pick_(one_in_) != 0) return;
    map.clear();
    const std::string text = R"({k1: "", k2: "a b: c"})";
    const std::string ranges = "{k1: [10.0.0.0/8, 192.0.2.1], k2: [2001:db8::/32]}";
    const auto document = parse_document(field.key == "clients" ? ranges : text, "f");
    for (const DocumentMember& member : document->members) {
      const auto wrong = map.add(member.key, member.value);
      ASSERT_FALSE(wrong) << *wrong;
    }
    ++changed;
  }

  void section(const Field&, const Section& section) override {
    if (section.switch_off && pick_(one_in_) == 0) {
      section.switch_off();
      ++changed;
      return;
    }
    section.visit(*this);
  }

  void sections(const Field&, const SectionList& list) override {
    for (std::size_t i = 0; i < list.size(); ++i) list.visit(i, *this);
  }

 private:
  Pick pick_;
  std::size_t one_in_;
};

Config base() {
  Config config;
  ListenerPolicy listener;
  listener.name = "web";
  listener.address = {"0.0.0.0", 8080};
  listener.certificates = {{"c", "k"}};
  config.listeners = {listener};
  PoolPolicy pool;
  pool.name = "main";
  pool.backends.resize(2);
  pool.backends[0].id = "a";
  pool.backends[0].endpoint = {"127.0.0.1", 9001};
  pool.backends[1].id = "b";
  pool.backends[1].endpoint = {"127.0.0.1", 9002};
  config.pools = {pool};
  RoutePolicy route;
  route.name = "everything";
  config.routes = {route};
  return config;
}

void expect_round_trip(const Config& config) {
  const std::string text = write_config(config);
  const auto loaded = load_config_text(text, "f");
  const auto contradictions = find_contradictions(config);
  if (contradictions.empty()) {
    ASSERT_TRUE(loaded) << to_text(loaded.error()) << text;
    EXPECT_TRUE(*loaded == config) << text;
  } else {
    ASSERT_FALSE(loaded) << contradictions[0].message;
    EXPECT_EQ(loaded.error().size(), contradictions.size()) << to_text(loaded.error());
  }
}

TEST(ConfigRoundTrip, EveryValueOfEveryFieldIsAcceptedAndWrittenBack) {
  // Changes field after field, one at a time, to each of its sample values.
  std::size_t tried = 0;
  for (std::size_t target = 0;; ++target) {
    bool reached = false;
    std::size_t choices = 1;
    for (std::size_t choice = 0; choice < choices; ++choice) {
      std::size_t field = 0;
      bool choosing = false;
      const auto pick = [&](std::size_t n) -> std::size_t {
        if (choosing) {
          choices = std::max(choices, n);
          return std::min(choice, n - 1);
        }
        choosing = field++ == target;
        reached = reached || choosing;
        return choosing ? 0 : 1;
      };
      Config config = base();
      FieldFiller filler(pick, 2);
      visit_fields(filler, config);
      expect_round_trip(config);
      tried += filler.changed;
    }
    if (!reached) break;
  }
  EXPECT_GE(tried, 400U);
}

RC_GTEST_PROP(ConfigRoundTrip, RandomConfigsLoadToThemselves, ()) {
  Config config = base();
  const auto one_in = *rc::gen::element<std::size_t>(3, 10, 40);
  FieldFiller filler([](std::size_t n) { return *rc::gen::inRange<std::size_t>(0, n); }, one_in);
  visit_fields(filler, config);
  expect_round_trip(config);
  RC_ASSERT(!::testing::Test::HasFailure());
}

// Every key with its default, without the comments: damage to those would prove little.
const std::string& full_example() {
  static const std::string kText = [] {
    std::ifstream input(std::string(EVENKEEL_SOURCE_DIR) + "/configs/full.yaml", std::ios::binary);
    std::string text;
    for (std::string line; std::getline(input, line);) {
      const std::size_t begin = line.find_first_not_of(' ');
      if (begin != std::string::npos && line[begin] != '#') text += line + "\n";
    }
    return text;
  }();
  return kText;
}

std::size_t line_begin(const std::string& text, std::size_t at) {
  const std::size_t end = at == 0 ? std::string::npos : text.rfind('\n', at - 1);
  return end == std::string::npos ? 0 : end + 1;
}

// One small damage of the kinds that people and disks do.
void damage(std::string& text) {
  static const std::vector<std::string> kPieces = {
      "\n",   ":",  ": ",  "- ", "[",  "]",          "{",     "}",   ",",    "\"",
      "'",    "#",  "&a ", "*a", "|",  ">\n",        "!!int", "---", "off",  "0",
      "-1",   "1s", "~",   "?",  "\t", "%",          "@",     "`",   "<<: ", std::string(1, '\0'),
      "\xff", "é",  "...", "\r", "  ", "99999999999"};
  const auto at = *rc::gen::inRange<std::size_t>(0, text.size() + 1);
  const auto begin = line_begin(text, at);
  const auto end = std::min(text.find('\n', begin), text.size());
  switch (*rc::gen::inRange(0, 6)) {
    case 0:
      text.insert(at, *rc::gen::elementOf(kPieces));
      break;
    case 1:
      text.erase(at, *rc::gen::inRange<std::size_t>(1, 10));
      break;
    case 2:  // a line twice
      text.insert(begin, text.substr(begin, end - begin) + "\n");
      break;
    case 3:  // a line lost
      text.erase(begin, end - begin + 1);
      break;
    case 4:  // a line indented
      text.insert(begin, "  ");
      break;
    case 5:  // the rest lost
      if (*rc::gen::inRange(0, 4) == 0) text.erase(at);
      break;
  }
}

RC_GTEST_PROP(ConfigDamage, LoadsOrSaysWhereItIsWrong, ()) {
  std::string text = full_example();
  const auto damages = *rc::gen::inRange(1, 6);
  for (int i = 0; i < damages; ++i) damage(text);
  const auto loaded = load_config_text(text, "f");
  if (loaded) {
    RC_ASSERT(find_contradictions(*loaded).empty());
    return;
  }
  RC_ASSERT(!loaded.error().empty());
  const auto lines = 1 + std::count(text.begin(), text.end(), '\n');
  for (const ConfigError& error : loaded.error()) {
    RC_ASSERT(!error.message.empty());
    if (error.message == "the file is empty") continue;
    RC_ASSERT(error.line >= 1);
    RC_ASSERT(error.column >= 1);
    RC_ASSERT(error.line <= lines + 1);
    RC_ASSERT(to_text(error).find('\n') == std::string::npos);
  }
}

RC_GTEST_PROP(ConfigDamage, ArbitraryBytesNeverConfuseIt, (const std::string& text)) {
  const auto loaded = load_config_text(text, "f");
  RC_ASSERT(!loaded);
  RC_ASSERT(!loaded.error().empty());
}

}  // namespace
}  // namespace evenkeel::core
