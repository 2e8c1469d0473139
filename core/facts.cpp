// SPDX-License-Identifier: Apache-2.0
#include "evenkeel/core/facts.h"

#include "evenkeel/core/check.h"

namespace evenkeel::core {
namespace {

std::string text_of(RequestId request) { return "r" + std::to_string(request.slot); }

std::string text_of(AttemptId attempt) {
  return text_of(attempt.request) + " a" + std::to_string(attempt.number);
}

std::string text_of(BackendRef backend) {
  return std::to_string(index(backend.pool)) + "/" + std::to_string(index(backend.backend));
}

std::string text_of(CheckId check) {
  return text_of(check.backend) + " #" + std::to_string(check.number);
}

std::string join(std::string_view verb, std::string_view object) {
  std::string text(verb);
  text += ' ';
  text += object;
  return text;
}

struct ActionText {
  std::string operator()(const StartAttempt& action) const {
    std::string text = join("start", text_of(action.attempt)) + " on " + text_of(action.backend);
    if (action.fresh_connection) text += " fresh";
    return text;
  }
  std::string operator()(const CancelAttempt& action) const {
    return join(join("cancel", text_of(action.attempt)), to_text(action.reason));
  }
  std::string operator()(const SendResponse& action) const {
    return join("send", text_of(action.attempt));
  }
  std::string operator()(const RejectRequest& action) const {
    const std::string who = text_of(action.request) + " " + std::to_string(action.status);
    return join(join("reject", who), to_text(action.cause));
  }
  std::string operator()(const AbortResponse& action) const {
    return join(join("abort", text_of(action.request)), to_text(action.failure));
  }
  std::string operator()(const LookUpSession& action) const {
    return join("look up session of", text_of(action.request)) + " in " +
           std::to_string(index(action.pool));
  }
  std::string operator()(const StoreSession& action) const {
    return join("store session on", text_of(BackendRef{action.pool, action.backend}));
  }
  std::string operator()(const IssueSession& action) const {
    return join(action.is_signed ? "issue signed session to" : "issue session to",
                text_of(action.request)) +
           " on " + std::to_string(index(action.backend));
  }
  std::string operator()(const MirrorRequest& action) const {
    return join("mirror", text_of(action.request)) + " to " + text_of(action.backend);
  }
  std::string operator()(const StartCheck& action) const {
    return join("check", text_of(action.check));
  }
  std::string operator()(const CancelCheck& action) const {
    return join("cancel check", text_of(action.check));
  }
};

// Transition::from and Transition::to in words.
std::string_view state_text(TransitionKind kind, std::uint8_t state) {
  switch (kind) {
    case TransitionKind::health:
      return to_text(static_cast<HealthState>(state));
    case TransitionKind::breaker:
      return to_text(static_cast<BreakerState>(state));
    case TransitionKind::ejection:
      return state == 0 ? "in" : "out";
    case TransitionKind::admin:
      return to_text(static_cast<AdminState>(state));
    case TransitionKind::panic:
      return state == 0 ? "off" : "on";
  }
  EVENKEEL_CHECK(!"a transition of a known kind");
}

}  // namespace

std::string_view to_text(AttemptFailure failure) {
  switch (failure) {
    case AttemptFailure::connect_refused:
      return "connect_refused";
    case AttemptFailure::connect_timeout:
      return "connect_timeout";
    case AttemptFailure::stale_connection:
      return "stale_connection";
    case AttemptFailure::reset_before_head:
      return "reset_before_head";
    case AttemptFailure::bad_response:
      return "bad_response";
    case AttemptFailure::attempt_timeout:
      return "attempt_timeout";
    case AttemptFailure::reset_in_body:
      return "reset_in_body";
    case AttemptFailure::local:
      return "local";
  }
  EVENKEEL_CHECK(!"a known attempt failure");
}

std::string_view to_text(CheckOutcome outcome) {
  switch (outcome) {
    case CheckOutcome::passed:
      return "passed";
    case CheckOutcome::refused:
      return "refused";
    case CheckOutcome::reset:
      return "reset";
    case CheckOutcome::bad_status:
      return "bad_status";
    case CheckOutcome::bad_answer:
      return "bad_answer";
    case CheckOutcome::timeout:
      return "timeout";
    case CheckOutcome::local:
      return "local";
  }
  EVENKEEL_CHECK(!"a known check outcome");
}

std::string_view to_text(CancelReason reason) {
  switch (reason) {
    case CancelReason::retried:
      return "retried";
    case CancelReason::hedge_lost:
      return "hedge_lost";
    case CancelReason::timed_out:
      return "timed_out";
    case CancelReason::client_gone:
      return "client_gone";
  }
  EVENKEEL_CHECK(!"a known cancel reason");
}

std::string_view to_text(RejectCause cause) {
  switch (cause) {
    case RejectCause::no_healthy_backend:
      return "no_healthy_backend";
    case RejectCause::overflow:
      return "overflow";
    case RejectCause::connect_failure:
      return "connect_failure";
    case RejectCause::upstream_reset:
      return "upstream_reset";
    case RejectCause::bad_response:
      return "bad_response";
    case RejectCause::upstream_timeout:
      return "upstream_timeout";
    case RejectCause::request_timeout:
      return "request_timeout";
    case RejectCause::local_failure:
      return "local_failure";
    case RejectCause::rate_limited:
      return "rate_limited";
    case RejectCause::shed:
      return "shed";
    case RejectCause::queue_full:
      return "queue_full";
    case RejectCause::queue_timeout:
      return "queue_timeout";
    case RejectCause::session_lost:
      return "session_lost";
  }
  EVENKEEL_CHECK(!"a known reject cause");
}

std::uint16_t status_of(RejectCause cause) {
  switch (cause) {
    case RejectCause::rate_limited:
      return 429;
    case RejectCause::connect_failure:
    case RejectCause::upstream_reset:
    case RejectCause::bad_response:
      return 502;
    case RejectCause::no_healthy_backend:
    case RejectCause::overflow:
    case RejectCause::local_failure:
    case RejectCause::shed:
    case RejectCause::queue_full:
    case RejectCause::queue_timeout:
    case RejectCause::session_lost:
      return 503;
    case RejectCause::upstream_timeout:
    case RejectCause::request_timeout:
      return 504;
  }
  EVENKEEL_CHECK(!"a known reject cause");
}

RejectCause cause_of(AttemptFailure failure) {
  switch (failure) {
    case AttemptFailure::connect_refused:
    case AttemptFailure::connect_timeout:
      return RejectCause::connect_failure;
    case AttemptFailure::stale_connection:
    case AttemptFailure::reset_before_head:
    case AttemptFailure::reset_in_body:
      return RejectCause::upstream_reset;
    case AttemptFailure::bad_response:
      return RejectCause::bad_response;
    case AttemptFailure::attempt_timeout:
      return RejectCause::upstream_timeout;
    case AttemptFailure::local:
      return RejectCause::local_failure;
  }
  EVENKEEL_CHECK(!"a known attempt failure");
}

std::string_view to_text(HealthState state) {
  switch (state) {
    case HealthState::unchecked:
      return "unchecked";
    case HealthState::healthy:
      return "healthy";
    case HealthState::unhealthy:
      return "unhealthy";
  }
  EVENKEEL_CHECK(!"a known health state");
}

std::string_view to_text(BreakerState state) {
  switch (state) {
    case BreakerState::closed:
      return "closed";
    case BreakerState::open:
      return "open";
    case BreakerState::half_open:
      return "half_open";
  }
  EVENKEEL_CHECK(!"a known breaker state");
}

std::string_view to_text(Standing standing) {
  switch (standing) {
    case Standing::down:
      return "down";
    case Standing::draining:
      return "draining";
    case Standing::unchecked:
      return "unchecked";
    case Standing::unhealthy:
      return "unhealthy";
    case Standing::ejected:
      return "ejected";
    case Standing::breaker_open:
      return "breaker_open";
    case Standing::eligible:
      return "eligible";
  }
  EVENKEEL_CHECK(!"a known standing");
}

std::string_view to_text(AdminState state) {
  switch (state) {
    case AdminState::ready:
      return "ready";
    case AdminState::drain:
      return "drain";
    case AdminState::maintenance:
      return "maintenance";
  }
  EVENKEEL_CHECK(!"a known admin state");
}

std::string_view to_text(TransitionKind kind) {
  switch (kind) {
    case TransitionKind::health:
      return "health";
    case TransitionKind::ejection:
      return "ejection";
    case TransitionKind::breaker:
      return "breaker";
    case TransitionKind::admin:
      return "admin";
    case TransitionKind::panic:
      return "panic";
  }
  EVENKEEL_CHECK(!"a transition of a known kind");
}

std::string_view to_text(TransitionReason reason) {
  switch (reason) {
    case TransitionReason::checks_passed:
      return "checks_passed";
    case TransitionReason::checks_failed:
      return "checks_failed";
    case TransitionReason::never_checked:
      return "never_checked";
    case TransitionReason::consecutive_failures:
      return "consecutive_failures";
    case TransitionReason::ejection_over:
      return "ejection_over";
    case TransitionReason::failure_count:
      return "failure_count";
    case TransitionReason::failure_rate:
      return "failure_rate";
    case TransitionReason::open_duration_over:
      return "open_duration_over";
    case TransitionReason::probes_succeeded:
      return "probes_succeeded";
    case TransitionReason::probe_failed:
      return "probe_failed";
    case TransitionReason::gateway_failures:
      return "gateway_failures";
    case TransitionReason::success_rate:
      return "success_rate";
    case TransitionReason::failure_percentage:
      return "failure_percentage";
    case TransitionReason::latency:
      return "latency";
    case TransitionReason::check_passed:
      return "check_passed";
    case TransitionReason::slow_call_rate:
      return "slow_call_rate";
    case TransitionReason::forced:
      return "forced";
    case TransitionReason::requested:
      return "requested";
    case TransitionReason::few_healthy:
      return "few_healthy";
    case TransitionReason::enough_healthy:
      return "enough_healthy";
  }
  EVENKEEL_CHECK(!"a known transition reason");
}

std::string to_text(const Action& action) { return std::visit(ActionText{}, action); }

std::string to_text(const Transition& transition) {
  std::string text = join(to_text(transition.kind), text_of(transition.backend));
  text += ' ';
  text += state_text(transition.kind, transition.from);
  text += '>';
  text += state_text(transition.kind, transition.to);
  text += ' ';
  text += to_text(transition.reason);
  text += ' ';
  text += std::to_string(transition.evidence);
  return text;
}

}  // namespace evenkeel::core
