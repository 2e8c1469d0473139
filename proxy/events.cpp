// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/proxy/events.h"

#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <chrono>

#include "evenkeel/proxy/json_text.h"

namespace evenkeel::proxy {
namespace {

spdlog::level::level_enum to_spdlog(core::LogLevel level) {
  switch (level) {
    case core::LogLevel::debug:
      return spdlog::level::debug;
    case core::LogLevel::info:
      return spdlog::level::info;
    case core::LogLevel::warn:
      return spdlog::level::warn;
    case core::LogLevel::error:
      return spdlog::level::err;
  }
  return spdlog::level::info;
}

std::string join(std::string_view event, Events::Fields fields) {
  std::string line = "\"event\":" + json_quoted(event);
  for (const auto& [name, value] : fields) {
    line += ",\"" + std::string(name) + "\":" + json_quoted(value);
  }
  return line;
}

struct Names {
  std::string_view event;
  std::string_view from;
  std::string_view to;
};

Names names_of(const core::Transition& transition) {
  switch (transition.kind) {
    case core::TransitionKind::health:
      return {"backend_state", core::to_text(static_cast<core::HealthState>(transition.from)),
              core::to_text(static_cast<core::HealthState>(transition.to))};
    case core::TransitionKind::ejection:
      return transition.to != 0 ? Names{"ejected", "in", "out"} : Names{"unejected", "out", "in"};
    case core::TransitionKind::breaker:
      return {"breaker_state", core::to_text(static_cast<core::BreakerState>(transition.from)),
              core::to_text(static_cast<core::BreakerState>(transition.to))};
    case core::TransitionKind::admin:
      return {"admin_state", core::to_text(static_cast<core::AdminState>(transition.from)),
              core::to_text(static_cast<core::AdminState>(transition.to))};
    case core::TransitionKind::panic:
      return transition.to != 0 ? Names{"panic", "off", "on"} : Names{"panic", "on", "off"};
  }
  return {};
}

// Changes for the worse are warnings.
bool worse(const core::Transition& transition) {
  switch (transition.kind) {
    case core::TransitionKind::health:
      return static_cast<core::HealthState>(transition.to) == core::HealthState::unhealthy;
    case core::TransitionKind::ejection:
      return transition.to != 0;
    case core::TransitionKind::breaker:
      return static_cast<core::BreakerState>(transition.to) == core::BreakerState::open;
    case core::TransitionKind::admin:
      return false;  // meant
    case core::TransitionKind::panic:
      return transition.to != 0;
  }
  return false;
}

}  // namespace

Events::Events(core::LogLevel level)
    : logger_(std::make_unique<spdlog::logger>("events",
                                               std::make_shared<spdlog::sinks::stderr_sink_st>())) {
  logger_->set_level(to_spdlog(level));
  logger_->set_formatter(std::make_unique<spdlog::pattern_formatter>(
      R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l",%v})", spdlog::pattern_time_type::utc));
  logger_->flush_on(spdlog::level::debug);
}

Events::~Events() = default;

void Events::info(std::string_view event, Fields fields) { logger_->info(join(event, fields)); }
void Events::warn(std::string_view event, Fields fields) { logger_->warn(join(event, fields)); }
void Events::error(std::string_view event, Fields fields) { logger_->error(join(event, fields)); }

void Events::transition(const core::Config& config, const core::Transition& transition) {
  logger_->log(worse(transition) ? spdlog::level::warn : spdlog::level::info,
               transition_fields(config, transition));
}

std::string transition_fields(const core::Config& config, const core::Transition& transition) {
  const core::PoolPolicy& pool = config.pools[core::index(transition.backend.pool)];
  const Names names = names_of(transition);
  std::string line =
      "\"event\":" + json_quoted(names.event) + ",\"pool\":" + json_quoted(pool.name);
  if (transition.kind != core::TransitionKind::panic) {  // which is a pool's
    line +=
        ",\"backend\":" + json_quoted(pool.backends[core::index(transition.backend.backend)].id);
  }
  line += ",\"from\":" + json_quoted(names.from) + ",\"to\":" + json_quoted(names.to) +
          ",\"reason\":" + json_quoted(core::to_text(transition.reason)) +
          ",\"evidence\":" + std::to_string(transition.evidence);
  if (transition.until != core::kNever) {
    using std::chrono::milliseconds;
    const auto lasts =
        std::chrono::duration_cast<milliseconds>(transition.until - transition.at).count();
    line += ",\"for_ms\":" + std::to_string(lasts);
  }
  return line;
}

}  // namespace evenkeel::proxy
