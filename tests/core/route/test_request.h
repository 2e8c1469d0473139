// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "evenkeel/core/config/loader.h"
#include "evenkeel/core/route/router.h"

// Requests for tests of routes.
namespace evenkeel::core {

// Headers by lower-case name, and how often one was asked for.
class TestHeaders final : public HeaderSource {
 public:
  TestHeaders() = default;
  TestHeaders(std::initializer_list<std::pair<const std::string, std::string>> fields)
      : fields_(fields) {}

  [[nodiscard]] std::optional<std::string_view> find(std::string_view name) const override {
    ++lookups;
    const auto found = fields_.find(std::string(name));
    if (found == fields_.end()) return std::nullopt;
    return found->second;
  }

  mutable int lookups = 0;

 private:
  std::map<std::string, std::string> fields_;
};

inline Address ipv4(std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d) {
  return {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, a, b, c, d};
}

inline RequestView get(const HeaderSource& headers, std::string_view path = "/",
                       const Address& client = ipv4(192, 0, 2, 1)) {
  return {Method::get, "a.example", path, {}, client, false, headers};
}

// The pools a and b, which hash by what is given, and these routes and regions.
inline Config routes_of(const std::string& lines, const std::string& balance = "{}") {
  const std::string text = "pools: [{name: a, backends: [{url: http://a}], balance: " + balance +
                           "}, {name: b, backends: [{url: http://b}]}]\n" + lines;
  auto config = load_config_text(text, "f", {false});
  EXPECT_TRUE(config) << to_text(config.error());
  return config ? *config : Config{};
}

// The index of the route it takes, or -1.
inline int route_of(const Router& router, const RequestView& request) {
  const auto found = router.classify(request, 0, 0);
  return found ? static_cast<int>(index(found->route)) : -1;
}

}  // namespace evenkeel::core
