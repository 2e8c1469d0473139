// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "evenkeel/core/facts.h"
#include "evenkeel/core/policies.h"

namespace spdlog {
class logger;
}

namespace evenkeel::proxy {

// Operational events as JSON lines on standard error: start, stop, and every change of a verdict on
// a backend. Rare; requests go to the access log.
class Events {
 public:
  explicit Events(core::LogLevel level);
  ~Events();
  Events(const Events&) = delete;
  Events& operator=(const Events&) = delete;

  // Values are texts; names must be plain words.
  using Fields = std::initializer_list<std::pair<std::string_view, std::string_view>>;
  void info(std::string_view event, Fields fields = {});
  void warn(std::string_view event, Fields fields = {});
  void error(std::string_view event, Fields fields = {});
  // backend_state, breaker_state, admin_state, ejected, unejected or panic, with from, to, reason
  // and evidence.
  void transition(const core::Config& config, const core::Transition& transition);

 private:
  std::unique_ptr<spdlog::logger> logger_;
};

// {"from":…}: the inside of a transition's line, without the surrounding braces.
[[nodiscard]] std::string transition_fields(const core::Config& config,
                                            const core::Transition& transition);

}  // namespace evenkeel::proxy
